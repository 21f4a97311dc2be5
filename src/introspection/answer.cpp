#include "introspection/answer.hpp"

#include "base/json.hpp"
#include "base/text.hpp"
#include "base/wipe.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace tokenward::introspection {

/// It is a token, or says who has one, and may say more of a person.
Answer::~Answer() {
    wipe(content.data(), content.size());
}

namespace {

Result<JsonValue> parse(const std::string &body, JsonDocument &document, Reason reason, const char *hint) {
    if (body.size() > largest_answer)
        return fail(reason,
                    fmt::format("the answer has {} bytes, {} are allowed", body.size(), largest_answer));
    Result<JsonValue> root = document.parse(body, reason);
    if (!root && looks_like_html(body)) return fail(reason, "the answer is HTML, not JSON", hint);
    if (!root) return fail(reason, "the answer isn't strict JSON: " + root.error().detail);
    if (!root->is_object()) return fail(reason, "the answer isn't a JSON object");
    return root;
}

std::string_view text_of(const JsonValue &object, std::string_view name) {
    const auto value = object.find(name);
    return value && value->is_string() ? value->text() : std::string_view{};
}

/// A number, or the text of one, as Entra ID writes it. 0: neither.
std::int64_t seconds_of(const JsonValue &value) {
    constexpr std::int64_t longest_s = 86400;
    std::int64_t seconds = value.floor_int64().value_or(0);
    if (value.is_string())
        std::from_chars(value.text().data(), value.text().data() + value.text().size(), seconds);
    return std::clamp<std::int64_t>(seconds, 0, longest_s);
}

}  // namespace

Result<Answer> read_answer(std::string body) {
    constexpr Reason reason = Reason::INTROSPECTION_FAILED;
    JsonDocument document;
    const Result<JsonValue> root =
        parse(body, document, reason, "set introspection_uri to the endpoint of RFC 7662");
    if (!root) return tl::unexpected(root.error());
    const auto active = root->find("active");
    if (!active || active->type() != JsonType::boolean)
        return fail(reason, "the answer has no active that is true or false (RFC 7662 section 2.2)",
                    "set introspection_uri to the endpoint of RFC 7662; userinfo is none");
    Answer answer;
    answer.kind = active->text() == "true" ? Answer::Kind::active : Answer::Kind::inactive;
    if (answer.kind == Answer::Kind::active) answer.content = std::move(body);
    return answer;
}

Result<Answer> read_token_answer(std::string body) {
    constexpr Reason reason = Reason::CLIENT_CREDENTIALS_FAILED;
    constexpr const char *hint = "set client_credentials_uri to the provider's token endpoint";
    const WipedAtEnd wiped(body);
    JsonDocument document;
    const Result<JsonValue> root = parse(body, document, reason, hint);
    if (!root) return tl::unexpected(root.error());
    const std::string_view token = text_of(*root, "access_token");
    if (token.empty()) return fail(reason, "the answer has no access_token (RFC 6749 section 5.1)", hint);
    if (!equals_ignoring_case(text_of(*root, "token_type"), "Bearer"))
        return fail(reason, "the answer's token_type isn't Bearer (RFC 6749 section 5.1)");
    Answer answer;
    answer.kind = Answer::Kind::active;
    answer.content = token;
    if (const auto lifetime = root->find("expires_in"); lifetime) answer.lifetime_s = seconds_of(*lifetime);
    return answer;
}

std::optional<Answer> read_token_error(const std::string &body, std::string_view secret) {
    constexpr std::size_t longest_shown = 256;
    JsonDocument document;
    const Result<JsonValue> root = parse(body, document, Reason::CLIENT_CREDENTIALS_FAILED, "");
    if (!root) return std::nullopt;
    const std::string_view error = text_of(*root, "error");
    if (error.empty()) return std::nullopt;
    Answer answer;
    answer.kind = Answer::Kind::inactive;
    const auto shows_secret = [secret](std::string_view text) {
        return text.find(secret) != std::string_view::npos;
    };
    answer.problem = "the provider says " + (shows_secret(error) ? std::string("no") : quote(error, 64));
    const std::string_view more = text_of(*root, "error_description");
    if (!more.empty() && !shows_secret(more)) answer.problem += ": " + quote(more, longest_shown);
    return answer;
}

}  // namespace tokenward::introspection
