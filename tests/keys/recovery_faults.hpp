// A provider and each of the faults that the recovery table is about.
#pragma once

#include "recovery_world.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tokenward::recovery {

struct Row;

/// Discovery at one host, and the keys there or at another one.
class Provider {
  public:
    explicit Provider(const Row &row);

    /// The fault begins, and the keys rotate. The old keys stay published.
    void fall_ill();
    void get_well();

    const TestIssuer &issuer() const noexcept { return discovery_; }
    const std::string &ca_file() const noexcept { return ca_file_; }
    /// Of the key from before the rotation. Thread-safe.
    std::string old_token() const;
    /// Of the key that signs now. Thread-safe.
    std::string new_token() const;
    std::size_t key_requests() { return keys().requests(Endpoint::jwks); }

    // ---- what a row does ----
    TestIssuer &discovery() noexcept { return discovery_; }
    TestIssuer &keys() noexcept { return other_host_ ? *other_host_ : discovery_; }
    /// The keys move for good; the address they had does that from now on.
    void move_keys(Fault old_address, int number = 0);
    /// Until get_well().
    void show(const std::function<void(TestIssuer::Documents &)> &change);

  private:
    void rotate();

    const Row &row_;
    TestIssuer discovery_;
    std::unique_ptr<TestIssuer> other_host_;
    std::string ca_file_;
    mutable std::mutex rotation_;
    bool rotated_ = false;
    TestIssuer::Documents well_;
    Fault old_address_ = Fault::none;
    int old_address_number_ = 0;
};

struct Row {
    std::string fault;
    std::string where;
    std::function<void(Provider &)> begin;
    bool two_hosts = false;
    bool once = false;           ///< the fault ends with the first answer
    bool at_the_end = false;     ///< no outage: fault and rotation are what the clients recover from
    bool has_cold_start = true;  ///< a library that starts in the fault differs from one that is there before
};

std::vector<Row> all_rows();

}  // namespace tokenward::recovery
