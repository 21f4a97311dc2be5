#include "credentials/mistake.hpp"

#include "base/text.hpp"
#include "credentials/credentials.hpp"
#include "credentials/scheme.hpp"

#include <algorithm>
#include <optional>

namespace tokenward::credentials {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t max_looked_at = std::size_t{64} * 1024;
constexpr std::string_view white_space = " \t\r\n";

/// Opaque tokens that show whose they are.
struct KnownBeginning {
    std::string_view beginning;
    std::string_view what;
    std::string_view hint;
};
constexpr std::string_view github_hint = "send the job's ID token (permissions: id-token: write)";
constexpr std::string_view gitlab_hint = "send a token of the job's id_tokens";
constexpr KnownBeginning known_beginnings[] = {
    {"ory_at_", "an opaque token of Ory Hydra",
     "set strategies.access_token: jwt in Hydra's configuration, or opaque_tokens = true and "
     "opaque_token_prefix = ory_at_"},
    {"ya29.", "an opaque token of Google",
     "send an ID token: gcloud auth print-identity-token --audiences=AUDIENCE"},
    {"ghp_", "a token of GitHub", github_hint},
    {"gho_", "a token of GitHub", github_hint},
    {"ghu_", "a token of GitHub", github_hint},
    {"ghs_", "a token of GitHub", github_hint},
    {"ghr_", "a token of GitHub", github_hint},
    {"github_pat_", "a token of GitHub", github_hint},
    {"glpat-", "a token of GitLab", gitlab_hint},
    {"glcbt-", "a token of GitLab", gitlab_hint},
};

std::string_view name_of(SentAs sent_as) noexcept {
    return sent_as == SentAs::password ? "the password" : "the token";
}

template <class... Part>
std::string join(const Part &...parts) {
    std::string text;
    (text.append(parts), ...);
    return text;
}

bool named(Failure &failure, std::string detail, std::string_view hint) {
    failure.detail = std::move(detail);
    failure.hint = hint;
    return true;
}

std::string_view without_white_space_in_front(std::string_view text) noexcept {
    return text.substr(std::min(text.find_first_not_of(white_space), text.size()));
}

/// A token ("ey") or JSON whose characters are two bytes long, with or without a byte order mark.
bool is_utf16(std::string_view text) noexcept {
    if (text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv)) text.remove_prefix(2);
    return text.starts_with("e\0y\0"sv) || text.starts_with("\0e\0y"sv) || text.starts_with("{\0"sv) ||
           text.starts_with("\0{"sv);
}

/// The value of the first member "error", if it can be an error code. Nothing is parsed: what stands here is no
/// token, and it may be broken or cut.
std::optional<std::string_view> error_code(std::string_view json) noexcept {
    constexpr std::string_view name = "\"error\"";
    constexpr std::size_t max_code = 64;
    const std::size_t at = json.find(name);
    if (at == std::string_view::npos) return std::nullopt;
    json = without_white_space_in_front(json.substr(at + name.size()));
    if (!json.starts_with(':')) return std::nullopt;
    json = without_white_space_in_front(json.substr(1));
    if (!json.starts_with('"')) return std::nullopt;
    json.remove_prefix(1);
    const std::size_t end = json.substr(0, max_code + 1).find('"');
    if (end == 0 || end == std::string_view::npos) return std::nullopt;
    const std::string_view code = json.substr(0, end);
    const auto is_of_code = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return std::ranges::all_of(code, is_of_code) ? std::optional(code) : std::nullopt;
}

bool name_json(std::string_view json, SentAs sent_as, Failure &failure) {
    const std::string_view name = name_of(sent_as);
    if (json.find("\"access_token\"") != std::string_view::npos) {
        return named(failure, join("the whole answer of the token endpoint (JSON) was sent as ", name),
                     "send the value of access_token alone: jq -r .access_token");
    }
    const auto code = error_code(json);
    if (!code && sent_as == SentAs::password) return false;
    std::string detail = join("a JSON answer without access_token was sent as ", name);
    if (code) detail += "; its error is " + quote(*code);
    return named(failure, std::move(detail), {});
}

/// What stands in front of a token.
bool name_front(std::string_view text, SentAs sent_as, Failure &failure) {
    const std::string_view name = name_of(sent_as);
    const auto is_meant = [&](std::string_view behind) {
        return sent_as == SentAs::token || looks_like_a_token(behind);
    };
    if (const auto behind = without_byte_order_mark(text); behind.size() != text.size() && is_meant(behind)) {
        return named(failure, join("a byte order mark (EF BB BF) stands in front of ", name),
                     "save the file without a byte order mark");
    }
    if (const auto behind = without_white_space_in_front(text);
        behind.size() != text.size() && is_meant(behind)) {
        return named(failure, join("white space stands in front of ", name), "send the token without it");
    }
    if (const auto behind = after_scheme(text, "bearer"); behind && is_meant(*behind)) {
        return named(failure, join(name, " has the word Bearer in front"), "send what stands behind it");
    }
    const bool quoted = text.starts_with('"') || text.starts_with('\'');
    if (quoted && is_meant(text.substr(1))) {
        return named(failure, join(name, " stands in quotation marks"), "send it without them: jq -r");
    }
    return false;
}

/// A token whose dots are missing or encoded: it begins with an encoded {".
bool name_missing_dots(std::string_view text, SentAs sent_as, Failure &failure) {
    if (!text.starts_with("eyJ")) return false;
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) {
        const std::size_t at = std::min(text.find("%2E"), text.find("%2e"));
        if (at == std::string_view::npos) return false;
        return named(failure,
                     join(name_of(sent_as), " is percent-encoded (%2E at byte ", std::to_string(at), ")"),
                     "send it decoded");
    }
    if (text.find('.', dot + 1) != std::string_view::npos) return false;
    return named(failure, join(name_of(sent_as), " has 2 segments, a token has 3: its signature is missing"),
                 {});
}

bool name_known_beginning(std::string_view text, SentAs sent_as, Failure &failure) {
    for (const KnownBeginning &known : known_beginnings) {
        if (!text.starts_with(known.beginning)) continue;
        return named(failure, join(name_of(sent_as), " begins with ", known.beginning, ": ", known.what),
                     known.hint);
    }
    return false;
}

}  // namespace

bool name_mistake(std::string_view text, SentAs sent_as, Failure &failure) {
    text = text.substr(0, max_looked_at);
    if (is_utf16(text)) {
        return named(failure, join(name_of(sent_as), " is UTF-16 text"), "write the file as ASCII or UTF-8");
    }
    const std::string_view core = without_white_space_in_front(without_byte_order_mark(text));
    if (core.starts_with('{')) return name_json(core, sent_as, failure);
    return name_front(text, sent_as, failure) || name_missing_dots(text, sent_as, failure) ||
           name_known_beginning(text, sent_as, failure);
}

bool name_mistake(std::string_view username, std::string_view password, Failure &failure) {
    if (looks_like_a_token(username)) {
        return named(failure,
                     join("the token stands in the username, and ",
                          password.empty() ? "there is no password" : "the password isn't one"),
                     token_may_be_username);
    }
    if (password.empty()) return named(failure, "the client sent no password", send_token_as_password);
    return name_mistake(password, SentAs::password, failure);
}

void name_opaque(std::size_t size, Failure &failure) {
    named(failure,
          join(std::to_string(size),
               " bytes that are no JSON Web Token (eyJ..., with two dots): the provider issued an opaque "
               "token, or something else was sent"),
          "ask the provider for JWT access tokens, or set opaque_tokens = true");
}

std::string hint_for_size(std::size_t token_bytes) {
    constexpr std::size_t step = 4096;
    constexpr std::size_t most = std::size_t{1} << 20;  // of the option
    if (token_bytes > most) return {};
    return "max_token_bytes = " + std::to_string((token_bytes + step - 1) / step * step);
}

}  // namespace tokenward::credentials
