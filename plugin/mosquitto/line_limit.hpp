// Lines that clients can cause are limited, so that none of them fills the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tokenward::mosquitto_plugin {

/// Not thread-safe.
class LineLimit {
  public:
    static constexpr std::size_t per_second = 10;

    /// now: seconds. True if a line may be written; then suffix tells how many were left out before it.
    bool allows(std::int64_t now, std::string &suffix) {
        if (now != second_) {
            second_ = now;
            written_ = 0;
        }
        if (written_ >= per_second) {
            ++left_out_;
            return false;
        }
        ++written_;
        suffix.clear();
        if (left_out_ != 0) suffix = " [" + std::to_string(left_out_) + " more lines like this were left out]";
        left_out_ = 0;
        return true;
    }

  private:
    std::int64_t second_ = 0;
    std::size_t written_ = 0;
    std::size_t left_out_ = 0;
};

}  // namespace tokenward::mosquitto_plugin
