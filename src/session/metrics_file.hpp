// metrics_file: the metrics for node_exporter's textfile collector, where a broker has no HTTP endpoint.
#pragma once

#include "base/log.hpp"

#include <functional>
#include <memory>
#include <string>

namespace tokenward::session {

/// Its thread ("tokenward-stats") exists only while a path is set. Not thread-safe but for the thread itself.
class MetricsFile {
  public:
    /// node_exporter is asked every 15 s or more seldom.
    static constexpr int period_s = 15;

    /// `text` is called on the thread, never after stop() has returned.
    MetricsFile(Logger &logger, std::function<std::string()> text);
    ~MetricsFile();
    MetricsFile(const MetricsFile &) = delete;
    MetricsFile &operator=(const MetricsFile &) = delete;

    /// Empty: stop writing. Another path: write there at once.
    void set_path(const std::string &path);
    /// Writes a last time, joins. Idempotent.
    void stop() noexcept;
    void abandon_in_forked_child() noexcept;

  private:
    struct State;
    static void run(State &state) noexcept;

    std::unique_ptr<State> state_;
};

}  // namespace tokenward::session
