#include "keys/cache_file.hpp"

#include "base/issuer.hpp"
#include "base/json.hpp"
#include "base/json_writer.hpp"
#include "base/replace_file.hpp"
#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "config/url.hpp"

#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>

namespace tokenward::keys {
namespace {

constexpr std::size_t largest_file = std::size_t{3} << 20;
constexpr std::size_t longest_path_shown = 256;

tl::unexpected<Failure> refuse(const std::string &path, std::string_view what) {
    return fail(Reason::KEYS_UNAVAILABLE,
                fmt::format("jwks_cache_file {}: {}", quote(path, longest_path_shown), what));
}

std::string to_json(const CachedKeys &keys) {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.member("tokenward_cache", 1);
    json.member("section", keys.section);
    json.member("issuer", keys.issuer);
    json.member("jwks_uri", keys.jwks_uri);
    json.member("discovered", keys.discovered);
    json.member("fetched_at", keys.fetched_at);
    json.name("jwks");
    json.raw(without_byte_order_mark(keys.jwks));
    json.end_object();
    text += '\n';
    return text;
}

}  // namespace

Result<CachedKeys> parse_cache(std::string_view text, const CacheExpectation &expected) {
    constexpr Reason reason = Reason::KEYS_UNAVAILABLE;
    JsonDocument document;
    const Result<JsonValue> root = document.parse(text, reason);
    if (!root) return fail(reason, "it isn't strict JSON: " + root.error().detail);

    const auto text_of = [&root](std::string_view name) -> std::optional<std::string> {
        const std::optional<JsonValue> member = root->find(name);
        if (!member || !member->is_string()) return std::nullopt;
        return std::string(member->text());
    };
    const std::optional<JsonValue> version = root->find("tokenward_cache");
    const std::optional<std::string> issuer = text_of("issuer");
    const std::optional<std::string> uri = text_of("jwks_uri");
    const std::optional<JsonValue> discovered = root->find("discovered");
    const std::optional<JsonValue> fetched_at = root->find("fetched_at");
    const std::optional<JsonValue> jwks = root->find("jwks");
    if (!version || version->floor_int64() != 1 || !issuer || !uri || !discovered ||
        !discovered->is_boolean() || !fetched_at || !fetched_at->floor_int64() || !jwks || !jwks->is_object()) {
        return fail(reason, "it isn't a cache file of this library");
    }

    CachedKeys keys;
    keys.section = text_of("section").value_or("");
    keys.issuer = *issuer;
    keys.jwks_uri = *uri;
    keys.discovered = discovered->boolean();
    keys.fetched_at = *fetched_at->floor_int64();
    if (!same_issuer(keys.issuer, expected.issuer)) {
        return fail(reason, fmt::format("it is of another issuer, {}", quote(keys.issuer)));
    }
    const bool same_uri = keys.discovered ? expected.jwks_uri.empty() && config::is_https_url(keys.jwks_uri)
                                          : keys.jwks_uri == expected.jwks_uri;
    if (!same_uri) return fail(reason, fmt::format("it is of another jwks_uri, {}", quote(keys.jwks_uri)));
    if (keys.fetched_at > expected.now) return fail(reason, "it is from the future");
    if (keys.fetched_at < expected.now - expected.max_stale_s) {
        return fail(reason, fmt::format("it is older than jwks_max_stale ({} s)", expected.max_stale_s));
    }
    jwks->append_to(keys.jwks);
    return keys;
}

Result<std::optional<CachedKeys>> read_cache_file(const std::string &path, const CacheExpectation &expected,
                                                  std::vector<std::string> *root_notes) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 && errno == ENOENT) return std::optional<CachedKeys>{};
    const Result<std::string> text = read_trusted_file(path, largest_file, Links::refuse, root_notes);
    if (!text) return fail(Reason::KEYS_UNAVAILABLE, "jwks_cache_file " + text.error().detail);
    Result<CachedKeys> keys = parse_cache(*text, expected);
    if (!keys) return refuse(path, keys.error().detail);
    return std::optional<CachedKeys>(std::move(*keys));
}

Result<void> write_cache_file(const std::string &path, const CachedKeys &keys) {
    const std::string problem = replace_file(path, to_json(keys), 0600);
    if (!problem.empty()) return refuse(path, problem);
    return {};
}

}  // namespace tokenward::keys
