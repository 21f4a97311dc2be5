#include "recovery_faults.hpp"

#include <fstream>
#include <iterator>
#include <utility>

namespace tokenward::recovery {
namespace {

using Network = TestIssuer::Network;
using Tls = TestIssuer::Tls;
using Begin = std::function<void(Provider &)>;

std::string content_of(const std::string &path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Discovery would not be needed while the keys stay where they were: so they move.
Begin discovery_sick(Fault fault, int number = 0) {
    return [=](Provider &provider) {
        provider.discovery().set_fault(Endpoint::discovery, fault, number);
        provider.move_keys(Fault::status, 404);
    };
}
Begin keys_sick(Fault fault, int number = 0) {
    return [=](Provider &provider) { provider.keys().set_fault(Endpoint::jwks, fault, number); };
}
Begin keys_refused_for(int status, const char *retry_after) {
    return [=](Provider &provider) {
        provider.show([=](auto &documents) { documents.retry_after = retry_after; });
        provider.keys().set_fault(Endpoint::jwks, Fault::status, status);
    };
}
Begin keys_are(std::string jwks) {
    return [jwks = std::move(jwks)](Provider &provider) {
        provider.show([&](auto &documents) { documents.jwks = jwks; });
    };
}
Begin discovery_host(Network network) {
    return [=](Provider &provider) {
        provider.discovery().set_network(network);
        provider.move_keys(Fault::status, 404);
    };
}
Begin discovery_host(Tls tls) {
    return [=](Provider &provider) {
        provider.discovery().set_tls(tls);
        provider.move_keys(Fault::status, 404);
    };
}
Begin key_host(Network network) {
    return [=](Provider &provider) { provider.keys().set_network(network); };
}
Begin key_host(Tls tls) {
    return [=](Provider &provider) { provider.keys().set_tls(tls); };
}

const char *const at_discovery = "discovery";
const char *const at_keys = "keys";
const char *const at_both = "both";

Row on_two_hosts(Row row) {
    row.two_hosts = true;
    return row;
}

void add_hangs(std::vector<Row> &rows) {
    const struct {
        const char *fault;
        Fault kind;
        int number;
    } answers[] = {{"no response header", Fault::stall_before_header, 0},
                   {"half of the header, then nothing", Fault::stall_in_header, 0},
                   {"half of the body, then nothing", Fault::stall_in_body, 0},
                   {"a byte of the body each second", Fault::drip, 1'000}};
    rows.push_back(on_two_hosts({"TCP connects, TLS never", at_discovery, discovery_host(Network::blackhole)}));
    rows.push_back(on_two_hosts({"TCP connects, TLS never", at_keys, key_host(Network::blackhole)}));
    rows.push_back(
        on_two_hosts({"half of the handshake, then nothing", at_discovery, discovery_host(Tls::stall)}));
    rows.push_back(on_two_hosts({"half of the handshake, then nothing", at_keys, key_host(Tls::stall)}));
    for (const auto &answer : answers) {
        rows.push_back({answer.fault, at_discovery, discovery_sick(answer.kind, answer.number)});
        rows.push_back({answer.fault, at_keys, keys_sick(answer.kind, answer.number)});
    }
}

void add_moves(std::vector<Row> &rows) {
    Row row{"keys moved, the old address answers as before", at_keys,
            [](Provider &provider) { provider.move_keys(Fault::outdated); }};
    row.at_the_end = true;
    row.has_cold_start = false;
    rows.push_back(row);
    row.fault = "keys moved, the old address answers 404";
    row.begin = [](Provider &provider) { provider.move_keys(Fault::status, 404); };
    rows.push_back(row);
    rows.push_back(
        {"keys moved, the old address answers as before, discovery 500", at_both, [](Provider &provider) {
             provider.discovery().set_fault(Endpoint::discovery, Fault::status, 500);
             provider.move_keys(Fault::outdated);
         }});
}

}  // namespace

Provider::Provider(const Row &row) : row_(row), ca_file_(discovery_.ca_file()) {
    if (row.two_hosts) {
        other_host_ = std::make_unique<TestIssuer>();
        ca_file_ = discovery_.directory() + "/both.pem";
        support::write_file(ca_file_, content_of(discovery_.ca_file()) + content_of(other_host_->ca_file()));
        well_.jwks_uri = other_host_->jwks_uri();
        discovery_.set_documents(well_);
    }
}

void Provider::rotate() {
    const std::lock_guard lock(rotation_);
    discovery_.rotate(true);
    if (other_host_) other_host_->rotate(true);
    rotated_ = true;
}

std::string Provider::old_token() const {
    const std::lock_guard lock(rotation_);
    return mint(discovery_, rotated_ ? MintRequest::Signer::previous : MintRequest::Signer::current);
}

std::string Provider::new_token() const {
    const std::lock_guard lock(rotation_);
    return mint(discovery_);
}

void Provider::fall_ill() {
    if (row_.at_the_end) return;
    row_.begin(*this);
    rotate();
}

void Provider::get_well() {
    if (row_.at_the_end) {
        row_.begin(*this);
        rotate();
    }
    discovery_.set_documents(well_);
    keys().set_fault(Endpoint::jwks, old_address_, old_address_number_);
    discovery_.set_fault(Endpoint::discovery, Fault::none);
    for (TestIssuer *host : {&discovery_, &keys()}) {
        host->set_tls(Tls::good);
        host->set_network(Network::up);
    }
}

void Provider::move_keys(Fault old_address, int number) {
    old_address_ = old_address;
    old_address_number_ = number;
    keys().set_fault(Endpoint::jwks, old_address, number);
    well_.jwks_uri = keys().moved_jwks_uri();
    discovery_.set_documents(well_);
}

void Provider::show(const std::function<void(TestIssuer::Documents &)> &change) {
    TestIssuer::Documents documents = well_;
    change(documents);
    discovery_.set_documents(documents);
}

std::vector<Row> all_rows() {
    std::vector<Row> rows = {
        {"HTTP 500", at_keys, keys_sick(Fault::status, 500)},
        {"HTTP 500", at_discovery, discovery_sick(Fault::status, 500)},
        {"HTTP 502", at_keys, keys_sick(Fault::status, 502)},
        {"HTTP 503, Retry-After: 120", at_keys, keys_refused_for(503, "120")},
        {"HTTP 429, Retry-After: 120", at_keys, keys_refused_for(429, "120")},
        {"HTTP 401", at_keys, keys_sick(Fault::status, 401)},
        {"HTTP 404", at_keys, keys_sick(Fault::status, 404)},
        {"HTTP 404", at_discovery, discovery_sick(Fault::status, 404)},
    };
    add_hangs(rows);
    for (Row row : std::vector<Row>{
             {"certificate expired", at_both, key_host(Tls::expired)},
             {"certificate of another host", at_both, key_host(Tls::wrong_host)},
             {"certificate of another CA", at_both, key_host(Tls::other_ca)},
             {"TLS 1.1 only", at_both, key_host(Tls::old_protocol)},
             {"reset in the handshake", at_both, key_host(Tls::reset)},
             {"connection refused", at_both, key_host(Network::down)},
             {"connection reset at once", at_both, key_host(Network::reset)},
             {"reset in the middle of the body", at_keys, keys_sick(Fault::reset_in_body)},
             {"garbage", at_keys, keys_sick(Fault::garbage)},
             {"garbage", at_discovery, discovery_sick(Fault::garbage)},
             {"truncated body", at_keys, keys_sick(Fault::truncate)},
             {"empty body", at_keys, keys_are("")},
             {"a set of 2 MiB", at_keys, keys_sick(Fault::huge, 2)},
             {"only keys that can't be used", at_keys, keys_are(TestIssuer::unusable_jwks())},
             {"redirect", at_keys, keys_sick(Fault::redirect, 302)},
             {"another issuer's document", at_discovery,
              [](Provider &provider) {
                  provider.move_keys(Fault::status, 404);
                  provider.show([](auto &documents) { documents.issuer = "https://other.example"; });
              }},
         }) {
        rows.push_back(std::move(row));
    }
    add_moves(rows);
    Row empty{"an empty set, once", at_keys, keys_are(R"({"keys":[]})")};
    empty.once = true;
    rows.push_back(empty);
    return rows;
}

}  // namespace tokenward::recovery
