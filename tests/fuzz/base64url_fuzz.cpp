// base64url: each text that decodes is the one encoding of its bytes.
#include "base/base64.hpp"
#include "fuzz_check.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace tokenward;
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const std::size_t room = base64url_decoded_size(size);
    const auto out = std::make_unique<char[]>(room);
    if (const auto decoded = base64url_decode(text, out.get())) {
        FUZZ_CHECK(*decoded <= room);
        FUZZ_CHECK(base64url_encode({out.get(), *decoded}) == text);
    }
    const std::string encoded = base64url_encode(text);
    const auto back = std::make_unique<char[]>(base64url_decoded_size(encoded.size()));
    const auto decoded = base64url_decode(encoded, back.get());
    FUZZ_CHECK(decoded && std::string_view(back.get(), *decoded) == text);
    return 0;
}
