// abi/reasons.def is the one source of the reasons; what hosts and documents say must agree with it.
#include "tokenward.h"

#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace {

struct Reason {
    std::int32_t code;
    std::string name;
    std::string meaning;
    std::string hint;
};

const Reason reasons[] = {
#define TOKENWARD_REASON(code, name, meaning, hint) {code, #name, meaning, hint},
#include "reasons.def"
#undef TOKENWARD_REASON
};

}  // namespace

TEST(Reasons, CodesAndNamesAreUniqueAndTheTextsFitAnError) {
    std::set<std::int32_t> codes;
    std::set<std::string> names;
    for (const Reason &reason : reasons) {
        EXPECT_TRUE(codes.insert(reason.code).second) << reason.code;
        EXPECT_TRUE(names.insert(reason.name).second) << reason.name;
        EXPECT_FALSE(reason.meaning.empty()) << reason.name;
        EXPECT_LT(reason.hint.size(), sizeof(tokenward_error::hint)) << reason.name;
        for (const char c : reason.meaning + reason.hint) {
            EXPECT_TRUE(c >= 0x20 && c < 0x7F) << reason.name << ": texts are printable ASCII";
        }
    }
}

TEST(Reasons, TheTroubleshootingTableHasEachOne) {
    std::ifstream file(TROUBLESHOOTING);
    std::stringstream text;
    text << file.rdbuf();
    for (const Reason &reason : reasons) {
        if (reason.code == 0) continue;
        const std::string cell = "| `" + reason.name + "` (" + std::to_string(reason.code) + ") |";
        EXPECT_NE(text.str().find(cell), std::string::npos) << "no row begins with " << cell;
    }
}
