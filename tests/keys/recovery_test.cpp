// The time from "the provider is well" to the first yes for a key that it published during its fault.
// Prints the table of src/keys/README.md.
#include "recovery_faults.hpp"

#include <array>
#include <atomic>
#include <barrier>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace tokenward::recovery {
namespace {

/// What the design promises at default settings.
constexpr double promised_s = 10;
/// Where the promise is broken, the table says by how much.
constexpr double give_up_s = 90;
constexpr std::uint32_t startup_wait_ms = 60'000;

struct Plan {
    bool warm = false;    ///< the library had keys before the fault
    bool asking = false;  ///< clients ask during the fault; else only from its end on
};
constexpr Plan plans[] = {{true, true}, {true, false}, {false, true}, {false, false}};

struct Seen {
    bool planned = true;
    double first_yes_s = give_up_s;
    long final_noes = 0;     ///< to valid tokens
    long old_key_lost = 0;   ///< warm: anything but yes to a token of a key that is there
    std::string first_no{};  ///< what the first of them said
};

/// Two clients that ask every 100 ms, each with a token of the old key and one of the new. The first has the
/// same old token all the time, which the library may remember; the second has a fresh one each time.
class Clients {
  public:
    Clients(const Provider &provider, const Broker &broker, bool old_key_is_there)
        : provider_(provider), broker_(broker), old_is_there_(old_key_is_there) {}
    ~Clients() {
        stop_ = true;
        for (std::thread &thread : threads_) thread.join();
    }
    Clients(const Clients &) = delete;
    Clients &operator=(const Clients &) = delete;

    void start() {
        if (!threads_.empty()) return;
        threads_.emplace_back([this, old_token = provider_.old_token()] { run([=] { return old_token; }); });
        threads_.emplace_back([this] { run([this] { return provider_.old_token(); }); });
    }
    /// From here on a yes for the new key counts.
    void provider_is_well() {
        const std::lock_guard lock(mutex_);
        well_ = now();
    }
    bool had_yes() const {
        const std::lock_guard lock(mutex_);
        return first_yes_s_.has_value();
    }
    Seen seen() const {
        const std::lock_guard lock(mutex_);
        Seen out = seen_;
        out.first_yes_s = first_yes_s_.value_or(give_up_s);
        return out;
    }

  private:
    void run(const std::function<std::string()> &old_token) {
        while (!stop_) {
            std::optional<Moment> well;
            {
                const std::lock_guard lock(mutex_);
                well = well_;
            }
            const Answer old_answer = broker_.ask(old_token());
            if (old_answer.final_no() || (old_is_there_ && !old_answer.yes())) record(old_answer);
            const Answer new_answer = broker_.ask(provider_.new_token());
            if (new_answer.final_no()) record(new_answer);
            if (new_answer.yes() && well) {
                const std::lock_guard lock(mutex_);
                if (!first_yes_s_) first_yes_s_ = seconds_since(*well);
            }
            std::this_thread::sleep_for(Milliseconds(100));
        }
    }
    void record(const Answer &answer) {
        const std::lock_guard lock(mutex_);
        ++(answer.final_no() ? seen_.final_noes : seen_.old_key_lost);
        if (seen_.first_no.empty()) seen_.first_no = answer.reason;
    }

    const Provider &provider_;
    const Broker &broker_;
    const bool old_is_there_;
    std::atomic<bool> stop_{false};
    mutable std::mutex mutex_;
    std::optional<Moment> well_;
    std::optional<double> first_yes_s_;
    Seen seen_;
    std::vector<std::thread> threads_;
};

struct Settings {
    double outage_s = 0;
    std::string more = {};    ///< of the configuration
    bool cold_starts = true;  ///< also try a library that starts in the fault
};

/// One fault. `together` lets all outages begin at the same time.
Seen fall_ill_and_recover(const Row &row, Plan plan, const Settings &settings, std::barrier<> &together) {
    Provider provider(row);
    std::unique_ptr<Broker> broker;
    const auto start_broker = [&](std::uint32_t wait_ms) {
        broker = std::make_unique<Broker>(provider.issuer(), provider.ca_file(), wait_ms,
                                          Broker::short_timeout() + settings.more);
    };
    if (plan.warm) {
        start_broker(startup_wait_ms);
        EXPECT_TRUE(broker->ask(provider.old_token()).yes()) << row.fault;
    }
    together.arrive_and_wait();

    const std::size_t answers = provider.key_requests();
    provider.fall_ill();
    if (!plan.warm) start_broker(0);
    const bool stays = plan.warm && settings.more.empty();
    Clients clients(provider, *broker, stays);
    if (plan.asking) clients.start();
    if (row.once) {
        wait_until([&] { return provider.key_requests() > answers; }, settings.outage_s);
    } else {
        std::this_thread::sleep_for(std::chrono::duration<double>(settings.outage_s));
    }

    provider.get_well();
    clients.provider_is_well();
    clients.start();
    wait_until([&] { return clients.had_yes(); }, give_up_s);
    return clients.seen();
}

using RowSeen = std::array<Seen, std::size(plans)>;

std::vector<RowSeen> run(const std::vector<Row> &rows, const Settings &settings) {
    std::vector<RowSeen> seen(rows.size());
    std::ptrdiff_t count = 0;
    const auto is_planned = [&](const Row &row, const Plan &plan) {
        return plan.warm || (settings.cold_starts && row.has_cold_start);
    };
    for (const Row &row : rows) {
        for (const Plan &plan : plans) count += is_planned(row, plan) ? 1 : 0;
    }
    std::barrier<> together(count);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < std::size(plans); ++j) {
            Seen &out = seen[i][j];
            out.planned = is_planned(rows[i], plans[j]);
            if (!out.planned) continue;
            threads.emplace_back([&, &row = rows[i], &plan = plans[j], &out = out] {
                out = fall_ill_and_recover(row, plan, settings, together);
            });
        }
    }
    for (std::thread &thread : threads) thread.join();
    return seen;
}

std::string cell(const Seen &seen) {
    if (!seen.planned) return "";
    char text[64];
    const bool never = seen.first_yes_s >= give_up_s;
    std::snprintf(text, sizeof text, "%s%.1f", never ? "more than " : "", seen.first_yes_s);
    std::string out = text;
    if (seen.final_noes > 0) out += ", " + std::to_string(seen.final_noes) + " refused";
    if (seen.old_key_lost > 0) out += ", " + std::to_string(seen.old_key_lost) + " lost";
    return out;
}

void print(const std::vector<Row> &rows, const std::vector<RowSeen> &seen) {
    std::printf(
        "\n| fault | at | keys were there, clients ask | nobody asks | started in the fault, clients ask | "
        "nobody asks |\n|---|---|---|---|---|---|\n");
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::printf("| %s | %s |", rows[i].fault.c_str(), rows[i].where.c_str());
        for (const Seen &each : seen[i]) std::printf(" %s |", cell(each).c_str());
        std::printf("\n");
    }
    std::printf("\n");
}

void expect_recovery(const std::vector<Row> &rows, const std::vector<RowSeen> &seen) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < std::size(plans); ++j) {
            const Seen &each = seen[i][j];
            if (!each.planned) continue;
            SCOPED_TRACE(rows[i].fault + " at " + rows[i].where + (plans[j].warm ? ", warm" : ", cold") +
                         (plans[j].asking ? ", asked" : ", not asked"));
            EXPECT_LE(each.first_yes_s, promised_s);
            EXPECT_EQ(each.final_noes, 0) << each.first_no;
            EXPECT_EQ(each.old_key_lost, 0) << each.first_no;
        }
    }
}

/// Each case has a provider and a library of its own, with a dozen descriptors.
void allow_many_descriptors() {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(Recovery, EveryFaultIsOverTenSecondsAfterTheProviderIsWellAndNoValidTokenIsRefused) {
    allow_many_descriptors();
    const std::vector<Row> rows = all_rows();
    ASSERT_GE(rows.size(), 30U);
    make_keys(2);
    const Settings settings{at_defaults() ? 60.0 : 8.0};
    const std::vector<RowSeen> seen = run(rows, settings);
    std::printf(
        "Seconds from \"the provider is well\" to the first yes for a new key; outages of %.0f s, %s:\n",
        settings.outage_s, at_defaults() ? "default settings" : "jwks_timeout = 1");
    print(rows, seen);
    expect_recovery(rows, seen);
}

// The keys are older than jwks_max_stale before the provider is well.
TEST(Recovery, KeysThatWereTooOldComeBack) {
    allow_many_descriptors();
    std::vector<Row> rows = all_rows();
    std::erase_if(rows, [](const Row &row) { return row.once || row.at_the_end; });
    const std::vector<RowSeen> seen = run(rows, {90, R"(, "jwks_max_stale": 60)", false});
    std::printf("The same with jwks_max_stale = 60 and outages of 90 s:\n");
    print(rows, seen);
    expect_recovery(rows, seen);
}

}  // namespace
}  // namespace tokenward::recovery
