// Any bytes as credentials of any kind: a token that begins like one, or a reason.
#include "bounded.hpp"
#include "credentials/credentials.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

bool lies_within(std::string_view part, std::string_view whole) {
    return part.empty() ||
           (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace tokenward;
    using credentials::Kind;
    constexpr fuzz::Limit limit{4096, 16, 4000, 100};
    if (size == 0) return 0;
    // The first byte picks the kind and token_in_username, the rest is what the client sent.
    const auto kind = static_cast<Kind>(1 + data[0] % 5);
    const bool in_username = (data[0] & 0x80) != 0;
    const std::string_view bytes(reinterpret_cast<const char *>(data) + 1, size - 1);
    const std::size_t middle = bytes.size() / 2;
    credentials::Credentials sent{kind, bytes, {}, {}};
    if (kind == Kind::username_password) {
        sent = {kind, {}, bytes.substr(0, middle), bytes.substr(middle)};
    }

    std::string storage;
    constexpr std::size_t max_token_bytes = 512;
    tokenward::Result<credentials::SentToken> result = credentials::SentToken();
    fuzz::bounded("credentials", limit, size,
                  [&] { result = credentials::extract_token(sent, in_username, max_token_bytes, storage); });
    // A string grows to twice what it needs.
    if (storage.capacity() > 2 * (max_token_bytes + 1 + credentials::max_name_bytes)) std::abort();
    if (!result) {
        const bool may_be_a_password =
            kind == Kind::sasl_plain || kind == Kind::username_password || kind == Kind::http_authorization;
        const bool is_password = result.error().reason == Reason::NOT_A_TOKEN;
        if (is_password && !may_be_a_password) std::abort();
        if (!is_password && result.error().detail.empty()) std::abort();
        constexpr std::size_t longest_message = 511;
        if (result.error().detail.size() > longest_message) std::abort();
        return 0;
    }
    // With a Bearer kind one that lost a segment passes, too.
    if (!credentials::looks_like_a_token(std::string(result->token) + ".")) std::abort();
    const bool is_password = kind == Kind::sasl_plain || kind == Kind::username_password;
    if (is_password && !credentials::looks_like_a_token(result->token)) std::abort();
    for (const std::string_view part : {result->token, result->username, result->authzid}) {
        if (!lies_within(part, bytes) && !lies_within(part, storage)) std::abort();
    }
    return 0;
}
