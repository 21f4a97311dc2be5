// metrics_file: the metrics for node_exporter's textfile collector, where a broker has no HTTP endpoint.
#pragma once

#include "base/log.hpp"

#include <functional>
#include <memory>
#include <string>

namespace tokenward::session {

/// Writes on a thread of its own ("tokenward-stats"), which starts with the first path. Not thread-safe.
class MetricsFile {
  public:
    /// Prometheus asks node_exporter every 15 s or less often.
    static constexpr int period_s = 15;

    /// `text` is called on the thread; not after stop() has returned.
    MetricsFile(Logger &logger, std::function<std::string()> text);
    ~MetricsFile();
    MetricsFile(const MetricsFile &) = delete;
    MetricsFile &operator=(const MetricsFile &) = delete;

    /// An empty path ends the writing. A new path is written to at once.
    void set_path(const std::string &path);
    /// Writes a last time and joins the thread. May be called again.
    void stop() noexcept;
    void abandon_in_forked_child() noexcept;

  private:
    struct State;
    static void run(State &state) noexcept;

    std::unique_ptr<State> state_;
};

}  // namespace tokenward::session
