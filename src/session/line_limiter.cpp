#include "session/line_limiter.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace tokenward::session {
namespace {

/// "10.0.0.9" of "10.0.0.9:1234", "[::1]" of "[::1]:1234"; a bare IPv6 address stays.
std::string_view without_port(std::string_view peer) noexcept {
    const std::size_t colon = peer.rfind(':');
    if (colon == std::string_view::npos) return peer;
    const std::string_view host = peer.substr(0, colon);
    const bool is_ipv6 = host.find(':') != std::string_view::npos;
    return is_ipv6 && !host.ends_with(']') ? peer : host;
}

std::string_view own_name(const Context &context) noexcept {
    return context.client_id.empty() ? context.connection_name : context.client_id;
}

}  // namespace

void NoisiestClient::count(const Context &context) noexcept {
    std::string_view name = without_port(context.peer);
    if (name.empty()) name = own_name(context);
    if (name.empty()) return;
    name = name.substr(0, std::tuple_size_v<decltype(Counter::name)>);
    auto found = std::ranges::find_if(counters_, [name](const Counter &counter) {
        return std::string_view(counter.name.data(), counter.size) == name;
    });
    if (found == counters_.end()) {
        found = std::ranges::min_element(counters_, {}, &Counter::lines);
        found->size = name.copy(found->name.data(), name.size());
    }
    ++found->lines;
}

void NoisiestClient::tell_and_reset(LeftOut &left_out) {
    const auto most = std::ranges::max_element(counters_, {}, &Counter::lines);
    left_out.noisiest.assign(most->name.data(), most->size);
    left_out.of_noisiest = most->lines;
    counters_.fill({});
}

std::optional<LeftOut> LineLimiter::next(std::int64_t monotonic_ms, const Context &context) {
    const std::lock_guard lock(mutex_);
    const std::int64_t second = monotonic_ms / 1000;
    if (second_ != second) {
        second_ = second;
        lines_ = 0;
    }
    if (lines_ >= lines_per_second) {
        ++left_out_;
        noisiest_.count(context);
        return std::nullopt;
    }
    LeftOut left_out;
    if (left_out_ != 0) noisiest_.tell_and_reset(left_out);
    left_out.lines = std::exchange(left_out_, 0);
    ++lines_;
    return left_out;
}

void LineLimiter::leave_out(const Context &context) noexcept {
    const std::lock_guard lock(mutex_);
    ++left_out_;
    noisiest_.count(context);
}

bool ClientLimits::allow(const Context &context, std::int64_t monotonic_ms) noexcept {
    const std::string_view peer = without_port(context.peer);
    const std::string_view name = own_name(context);
    if (peer.empty() && name.empty()) return true;
    const std::hash<std::string_view> hash;
    const std::uint64_t client = hash(peer) * 31 + hash(name);
    const std::int64_t second = monotonic_ms / 1000;
    const std::lock_guard lock(mutex_);
    Slot &slot = slots_[client % slots_.size()];
    if (slot.client != client || slot.second != second) slot = {client, second, 0};
    if (slot.lines >= lines_per_second) return false;
    ++slot.lines;
    return true;
}

}  // namespace tokenward::session
