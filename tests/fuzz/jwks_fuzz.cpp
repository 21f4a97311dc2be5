// Key sets: whatever is read from one can be asked, and verifies no noise.
#include "bounded.hpp"
#include "fuzz_check.hpp"
#include "jose/jwk.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <openssl/err.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace tokenward::jose;
    constexpr tokenward::fuzz::Limit limit{65536, 256, 20'000, 1000};
    KeySet::Notes notes;
    auto set = decltype(KeySet::parse({}, notes))();
    tokenward::fuzz::bounded("key set", limit, size, [&] {
        set = KeySet::parse({reinterpret_cast<const char *>(data), size}, notes);
    });
    FUZZ_CHECK(ERR_peek_error() == 0);
    if (!set) {
        FUZZ_CHECK(!set.error().detail.empty());
        return 0;
    }
    FUZZ_CHECK(set->same_keys(*set));
    for (const auto &key : set->keys()) {
        FUZZ_CHECK(set->contains(*key));
        bool fits = false;
        for (std::size_t i = 0; i < algorithm_count; ++i) {
            const auto algorithm = static_cast<Algorithm>(i);
            fits = fits || key->fits(algorithm);
            const auto selected = set->select(algorithm, key->kid(), "");
            if (selected) FUZZ_CHECK((*selected)->fits(algorithm) && (*selected)->kid() == key->kid());
            for (const std::size_t length : {64U, 96U, 132U, 256U}) {
                FUZZ_CHECK(!key->verify(algorithm, "e30.e30", std::string(length, '\x55')));
            }
        }
        FUZZ_CHECK(fits);
    }
    FUZZ_CHECK(ERR_peek_error() == 0);
    return 0;
}
