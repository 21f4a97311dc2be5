// base64url: each text that decodes is the one encoding of its bytes.
#include "base/base64.hpp"
#include "bounded.hpp"
#include "fuzz_check.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace tokenward;
    constexpr fuzz::Limit limit{1024, 4, 1000, 60};
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const std::size_t room = base64url_decoded_size(size);
    const auto out = std::make_unique<char[]>(room);
    std::optional<std::size_t> decoded;
    std::string encoded;
    fuzz::bounded("base64url", limit, size, [&] {
        if (const auto result = base64url_decode(text, out.get())) decoded = *result;
        encoded = base64url_encode(text);
    });
    if (decoded) {
        FUZZ_CHECK(*decoded <= room);
        FUZZ_CHECK(base64url_encode({out.get(), *decoded}) == text);
    }
    const auto back = std::make_unique<char[]>(base64url_decoded_size(encoded.size()));
    const auto again = base64url_decode(encoded, back.get());
    FUZZ_CHECK(again && std::string_view(back.get(), *again) == text);
    return 0;
}
