// A thousand brokers and one provider for an hour, on a simulated clock: the real state machine, a model of the
// provider and of the connection. The table stands in src/keys/README.md.
#include "keys/schedule.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t second = 1'000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr int brokers = 1'000;
constexpr std::int64_t fetch_takes = 50;
/// How long a provider keeps an idle connection: nginx's default is 75 s, Apache's 5 s, Envoy's an hour.
constexpr std::int64_t provider_keeps_connection = 60 * second;

struct Row {
    const char *name;
    std::optional<std::int64_t> lifetime_s;
    bool rotations;  ///< without overlap, after 10, 30 and 50 minutes
    bool outage;     ///< from minute 29:30 on, for a minute: the second rotation is in its middle
};

struct Load {
    std::array<int, hour / second> requests{};
    std::array<int, hour / second> handshakes{};
    std::int64_t refused = 0;       ///< logins of a valid token, for good
    std::int64_t longest_wait = 0;  ///< from a login with a new key to its yes, outside of the outage
};

std::uint64_t published(const Row &row, std::int64_t now) {
    if (!row.rotations) return 0;
    return (now >= 10 * minute ? 1U : 0U) + (now >= 30 * minute ? 1U : 0U) + (now >= 50 * minute ? 1U : 0U);
}

bool is_down(const Row &row, std::int64_t now) {
    return row.outage && now >= 30 * minute - 30 * second && now < 30 * minute + 30 * second;
}

/// One broker: a client logs in each second with a token of the newest key.
class Broker {
  public:
    Broker(const Row &row, Load &load, std::mt19937_64 &generator)
        : row_(row),
          load_(load),
          schedule_({}, [&generator] { return std::uniform_real_distribution<double>(0.0, 1.0)(generator); }) {}

    void live(std::int64_t from) {
        schedule_.start(from);
        std::int64_t login = from;
        while (std::min(login, schedule_.next_fetch_at()) < hour) {
            if (schedule_.next_fetch_at() <= login) {
                fetch(schedule_.next_fetch_at());
            } else {
                log_in(login);
                login += second;
            }
        }
    }

  private:
    void log_in(std::int64_t now) {
        const std::uint64_t newest = published(row_, now);
        if (any_ && version_ == newest) {
            waiting_since_.reset();
            return;
        }
        if (!waiting_since_) {
            waiting_since_ = now;
            first_asked_ = schedule_.fetches_begun();
        }
        if (!any_) {
            schedule_.demand(now);
        } else if (schedule_.unknown_key(first_asked_, now).answer == Schedule::Answer::refuse) {
            ++load_.refused;
        }
    }

    void fetch(std::int64_t now) {
        schedule_.began(now);
        const bool demanded = schedule_.is_demanded();
        const bool good = !is_down(row_, now);
        const bool changed = good && (!any_ || version_ != published(row_, now));
        // The keys; discovery before the first ones, and where the keys bear no fruit.
        const int requests = !any_ || !good || (demanded && !changed) ? 2 : 1;
        count(now, requests, demanded);
        if (good) {
            any_ = true;
            version_ = published(row_, now);
            schedule_.fetched(now + fetch_takes, row_.lifetime_s, true);
            if (waiting_since_) {
                if (!row_.outage)
                    load_.longest_wait = std::max(load_.longest_wait, now + fetch_takes - *waiting_since_);
                waiting_since_.reset();
            }
        } else {
            schedule_.failed(now + fetch_takes, std::nullopt);
        }
    }

    void count(std::int64_t now, int requests, bool demanded) {
        const auto at = static_cast<std::size_t>(now / second);
        load_.requests[at] += requests;
        const bool open = connection_kept_at_ && now - *connection_kept_at_ < provider_keeps_connection;
        if (!open) ++load_.handshakes[at];
        connection_kept_at_.reset();
        if (!is_down(row_, now) && (demanded || schedule_.keeps_connection())) connection_kept_at_ = now;
    }

    const Row &row_;
    Load &load_;
    Schedule schedule_;
    bool any_ = false;
    std::uint64_t version_ = 0;
    std::optional<std::int64_t> waiting_since_;
    std::uint64_t first_asked_ = 0;
    std::optional<std::int64_t> connection_kept_at_;
};

Load simulate(const Row &row) {
    std::mt19937_64 generator(42);  // NOLINT: the same run every time
    Load load;
    for (int i = 0; i < brokers; ++i) Broker(row, load, generator).live(minute * i / brokers);
    return load;
}

/// The first minute is the start of the brokers.
template <std::size_t size>
std::pair<double, int> mean_and_peak(const std::array<int, size> &per_second) {
    std::int64_t sum = 0;
    int peak = 0;
    for (std::size_t i = 60; i < size; ++i) {
        sum += per_second[i];
        peak = std::max(peak, per_second[i]);
    }
    return {static_cast<double>(sum) / static_cast<double>(size - 60), peak};
}

class ThousandBrokers : public testing::TestWithParam<Row> {};

TEST_P(ThousandBrokers, DoNotOverrunTheProvider) {
    const Row &row = GetParam();
    const Load load = simulate(row);
    const auto [requests, request_peak] = mean_and_peak(load.requests);
    const auto [handshakes, handshake_peak] = mean_and_peak(load.handshakes);
    std::printf("| %s | %.1f / %d | %.1f / %d | %.1f s |\n", row.name, requests, request_peak, handshakes,
                handshake_peak, static_cast<double>(load.longest_wait) / 1000);
    EXPECT_EQ(load.refused, 0);
    // A rotation without overlap is news for each broker at the next login: within a second, here.
    // In an outage the budget's burst adds to that.
    EXPECT_LE(request_peak, row.outage ? 4 * brokers : row.rotations ? brokers : brokers / 4);
    // max-age = 15 is the provider's own wish: one request per 10.5 s and broker at the most.
    const double wished = row.lifetime_s == 15 ? brokers / 10.5 : brokers / 2520.0;
    // Three rotations, one request a broker; an outage of a minute with 20 fetches of two requests.
    const double rest = (row.rotations ? 3.0 * brokers : 0) + (row.outage ? 40.0 * brokers : 0);
    EXPECT_LE(requests, wished + rest / 3540);
    if (row.lifetime_s == 15 && !row.rotations && !row.outage) {
        EXPECT_LT(handshakes, 0.1) << "over kept connections";
    }
    EXPECT_LE(load.longest_wait, 2 * second);
}

INSTANTIATE_TEST_SUITE_P(Rows, ThousandBrokers,
                         testing::Values(Row{"max-age=3600", 3600, false, false},
                                         Row{"max-age=15", 15, false, false}, Row{"no-cache", 0, false, false},
                                         Row{"max-age=3600, three rotations", 3600, true, false},
                                         Row{"max-age=15, three rotations", 15, true, false},
                                         Row{"no-cache, three rotations", 0, true, false},
                                         Row{"max-age=3600, three rotations, an outage", 3600, true, true},
                                         Row{"max-age=15, three rotations, an outage", 15, true, true},
                                         Row{"no-cache, three rotations, an outage", 0, true, true}),
                         [](const auto &info) { return "row_" + std::to_string(info.index); });

}  // namespace
}  // namespace tokenward::keys
