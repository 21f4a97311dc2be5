// How many instructions a piece of code takes: the same on every machine of a kind, however busy it is. A program runs
// its cases with run_counted_cases(); tests/support/count_instructions.py runs the program under callgrind.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <string>

#include <valgrind/callgrind.h>

namespace tokenward::support {

struct CountedCase {
    std::string name;
    std::size_t limit;           ///< instructions, OpenSSL's not counted
    std::function<void()> body;
    std::function<void()> prepare = [] {};  ///< what isn't to be counted
};

/// One of the program's checks failed: nothing it counts is worth anything then.
[[noreturn]] inline void give_up(const std::string &why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(1);
}

inline int run_counted_cases(std::span<const CountedCase> cases) {
    for (const CountedCase &one : cases) {
        one.prepare();
        CALLGRIND_ZERO_STATS;
        CALLGRIND_TOGGLE_COLLECT;
        one.body();
        CALLGRIND_TOGGLE_COLLECT;
        CALLGRIND_DUMP_STATS_AT(one.name.c_str());
        std::printf("%zu %s\n", one.limit, one.name.c_str());
    }
    return 0;
}

}  // namespace tokenward::support
