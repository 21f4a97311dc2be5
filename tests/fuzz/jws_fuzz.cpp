// A compact JWS up to its header; the input is both a whole token and the text of a header.
#include "base/base64.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "bounded.hpp"
#include "fuzz_check.hpp"
#include "jose/jws.hpp"
#include "jose/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

constexpr tokenward::fuzz::Limit limit{65536, 64, 4000, 200};

void check_header(std::string_view encoded) {
    static tokenward::JsonDocument document;
    auto header = decltype(tokenward::jose::Header::decode(encoded, document))();
    tokenward::fuzz::bounded("header", limit, encoded.size(),
                             [&] { header = tokenward::jose::Header::decode(encoded, document); });
    if (!header) {
        FUZZ_CHECK(!header.error().detail.empty());
        return;
    }
    FUZZ_CHECK(static_cast<std::size_t>(header->algorithm) < tokenward::jose::algorithm_count);
    FUZZ_CHECK(!header->kid || (header->kid->size() <= 256 && tokenward::is_utf8(*header->kid)));
    FUZZ_CHECK(!header->typ || tokenward::is_utf8(*header->typ));
}

/// What is said of a token that is refused already.
void check_texts(std::string_view input) {
    using namespace tokenward::jose;
    constexpr std::size_t longest_message = 511;
    static tokenward::JsonDocument document;
    std::string encryption;
    tokenward::fuzz::bounded("encryption", limit, input.size(),
                             [&] { encryption = describe_encryption(input, document); });
    FUZZ_CHECK(encryption.size() <= longest_message);
    tokenward::Failure failure;
    tokenward::fuzz::bounded("malformed", limit, input.size(), [&] {
        failure = malformed_segment(input, Segment::payload);
        failure = malformed_signature(input, input.size());
    });
    FUZZ_CHECK(!failure.detail.empty() && failure.detail.size() <= longest_message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace tokenward::jose;
    const std::string_view input(reinterpret_cast<const char *>(data), size);
    auto jws = CompactJws::split({});
    tokenward::fuzz::bounded("segments", limit, size, [&] { jws = CompactJws::split(input); });
    if (jws) {
        FUZZ_CHECK(std::string(jws->signing_input) + '.' + std::string(jws->signature) == input);
        FUZZ_CHECK(std::string(jws->header) + '.' + std::string(jws->payload) == jws->signing_input);
        check_header(jws->header);
    }
    check_header(tokenward::base64url_encode(input));
    check_texts(input);
    check_texts(tokenward::base64url_encode(input));
    return 0;
}
