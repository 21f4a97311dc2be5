// metrics_file: the metrics for node_exporter's textfile collector, where a broker has no HTTP endpoint.
#pragma once

#include "base/log.hpp"
#include "base/result.hpp"

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

    /// All that can fail of a change of the path. What is written, and where, stays. Fails with RESOURCE_LIMIT.
    Result<void> prepare(const std::string &path);
    /// The prepared path counts. An empty one ends the writing, a new one is written to at once.
    void commit() noexcept;
    /// Writes a last time and joins the thread. May be called again.
    void stop() noexcept;
    void abandon_in_forked_child() noexcept;

  private:
    struct State;
    static void run(State &state) noexcept;

    std::unique_ptr<State> state_;
    std::shared_ptr<const std::string> prepared_;
};

}  // namespace tokenward::session
