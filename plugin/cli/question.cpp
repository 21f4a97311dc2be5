#include "question.hpp"

#include "names.hpp"
#include "tokenward.hpp"

#include <vector>

namespace tokenward::cli {
namespace {

std::string quoted(std::string_view text) {
    return common::quoted(text, 200);
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t slash = text.find('/');
        parts.push_back(text.substr(0, slash));
        if (slash == std::string_view::npos) return parts;
        text.remove_prefix(slash + 1);
    }
}

std::string broken_escape(std::string_view text) {
    return quoted(text) + " has a broken escape: write %25 for a percent sign";
}

}  // namespace

std::variant<Question, std::string> parse_question(std::int32_t operation, std::string_view text) {
    const auto parts = split(text);
    if (parts.size() < 2 || parts.size() > 3) {
        return quoted(text) +
               " must be VHOST/RESOURCE or VHOST/RESOURCE/KEY; write %2F for a slash in a name "
               "(the vhost named / is %2F)";
    }
    if (text.find('*') != std::string_view::npos)
        return quoted(text) +
               " has a wildcard, but a question is about one name: write %2A for a star in a name";
    Question question;
    question.operation = operation;
    std::string *const names[] = {&question.vhost, &question.resource,
                                  parts.size() == 3 ? &question.routing_key.emplace() : nullptr};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        auto name = common::percent_decode(parts[i], common::Plus::space);
        if (!name) return broken_escape(text);
        *names[i] = std::move(*name);
    }
    return question;
}

std::variant<Question, std::string> parse_mqtt_filter(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos || slash + 1 == text.size())
        return quoted(text) + " must be VHOST/FILTER, as %2F/sensors/+/temperature";
    auto vhost = common::percent_decode(text.substr(0, slash), common::Plus::space);
    auto filter = common::percent_decode(text.substr(slash + 1), common::Plus::literal);
    if (!vhost || !filter) return broken_escape(text);
    if (text.substr(0, slash).find('*') != std::string_view::npos)
        return quoted(text) + " has a wildcard in the vhost: write %2A for a star in a name";
    const auto bare = common::without_share(*filter);
    if (!bare) return quoted(text) + " isn't a shared subscription: $share/GROUP/FILTER";
    Question question;
    question.operation = TOKENWARD_READ;
    question.flags = TOKENWARD_MQTT_FILTER;
    question.vhost = std::move(*vhost);
    question.resource = std::string(*bare);
    return question;
}

std::string Question::name() const {
    if ((flags & TOKENWARD_MQTT_FILTER) != 0)
        return common::percent_encode(vhost) + "/" + common::percent_encode_filter(resource);
    std::string text = common::percent_encode(vhost) + "/" + common::percent_encode(resource);
    if (routing_key) text += "/" + common::percent_encode(*routing_key);
    return text;
}

std::string Question::spelling() const {
    if ((flags & TOKENWARD_MQTT_FILTER) != 0) return "mqtt-filter:" + name();
    return (operation == TOKENWARD_CONFIGURE ? "configure:"
            : operation == TOKENWARD_READ    ? "read:"
                                             : "write:") +
           name();
}

tokenward_request Question::request() const {
    tokenward_request request = TOKENWARD_REQUEST_INIT;
    request.operation = operation;
    request.flags = flags;
    request.vhost = host::borrow(vhost);
    request.resource = host::borrow(resource);
    if (routing_key) {
        request.flags |= TOKENWARD_ROUTING_KEY;
        request.routing_key = host::borrow(*routing_key);
    }
    return request;
}

}  // namespace tokenward::cli
