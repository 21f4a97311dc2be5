// Limits the plugin's own line about clients whose password isn't a token. Every other line that clients can
// cause is the library's, and limited there.
#pragma once

#include <cstdint>
#include <utility>

namespace tokenward::mosquitto_plugin {

/// Allows a number of lines in each second and counts the others.
class LineLimiter {
  public:
    explicit LineLimiter(unsigned per_second) : per_second_(per_second) {}

    struct Answer {
        bool write;
        std::uint64_t left_out_before;  ///< lines held back since the last one that was written
    };

    Answer ask(std::int64_t second) {
        if (second != second_) {
            second_ = second;
            written_ = 0;
        }
        if (written_ >= per_second_) {
            ++left_out_;
            return {false, 0};
        }
        ++written_;
        return {true, std::exchange(left_out_, 0)};
    }

  private:
    const unsigned per_second_;
    std::int64_t second_ = -1;
    unsigned written_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace tokenward::mosquitto_plugin
