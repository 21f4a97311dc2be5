// While memory is short: whichever allocation fails, in the thread of a login or in the one that asks the provider, it costs
// a try. Nobody gets in by it, and a later try does: nothing that was asked stays asked for good.
#include "asking_test.hpp"
#include "introspection/introspector.hpp"
#include "keys/failing_malloc.hpp"
#include "keys/fakes.hpp"
#include "keys/fetcher.hpp"
#include "keys/http_client.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::introspection {
namespace {

using keys::AllocationsCount;
using keys::Allocator;
using support::JsonObject;
using support::TestIssuer;

constexpr std::chrono::seconds patience{20};

std::string content_of(const std::string &path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Knows whether a request runs.
class CountingTransport final : public keys::Transport {
  public:
    explicit CountingTransport(Wakeup &wakeup) : client_(wakeup) {}
    void start(Id id, keys::HttpRequest request) override {
        client_.start(id, std::move(request));
        ++running;
    }
    void cancel(Id id) noexcept override { client_.cancel(id); }
    std::vector<Completed> wait(std::int64_t timeout_ms) override {
        auto completed = client_.wait(timeout_ms);
        running -= completed.size();
        return completed;
    }
    std::size_t running = 0;

  private:
    keys::HttpClient client_;
};

/// The thread that asks in the test's hands, against a provider over the network. The clock moves only while no request runs:
/// what is lost never ends.
class World {
  public:
    World(TestIssuer &issuer, Purpose purpose, Allocator failing) {
        ProviderInput input;
        input.purpose = purpose;
        input.section = "[oauth]";
        input.issuer = issuer.issuer();
        input.discovery_uri = issuer.issuer() + "/.well-known/openid-configuration";
        input.ca_pem = std::make_shared<const std::string>(content_of(issuer.ca_file()));
        input.rate = 1000;
        input.timeout_ms = failing == Allocator::openssls ? 5000 : 30'000;
        if (purpose == Purpose::introspection) input.client = *Client::read("broker", "s3cr:et");
        auto owned = std::make_unique<Introspector>(clock_, log_.logger, keys::Proxy{}, [] {});
        introspector_ = owned.get();
        fetcher_.carry(std::move(owned));
        provider_ = introspector_->provider(std::move(input));
        introspector_->commit({provider_});
    }

    /// Asks and works until there is an answer.
    void expect_answer(const std::string &name) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        for (;;) {
            const std::optional<Inquiry> inquiry = ask(name);
            if (inquiry && inquiry->answer && inquiry->answer->kind != Answer::Kind::failed) {
                EXPECT_EQ(inquiry->answer->kind, Answer::Kind::active) << inquiry->answer->problem;
                EXPECT_NE(inquiry->answer->content, "");
                return;
            }
            if (std::chrono::steady_clock::now() > deadline) {
                ADD_FAILURE() << name << " is lost: " << (inquiry ? inquiry->why : "") << "; "
                              << transport_->running << " requests run\n"
                              << log_.text().substr(0, 4000);
                return;
            }
            round();
            if (transport_->running == 0) clock_.advance_ms(250);
        }
    }

  private:
    std::optional<Inquiry> ask(const std::string &name) {
        const bool is_client = provider_->input().purpose == Purpose::client_credentials;
        const Question question = is_client ? Question{"its-secret-0123456789", name} : Question{name, {}};
        jose::Sha256 sha256;
        const auto digest = is_client ? provider_->fingerprint(question) : sha256(name);
        try {
            const AllocationsCount count;
            return provider_->ask(*digest, question, 0);
        } catch (const std::exception &) {
            return std::nullopt;
        }
    }
    /// As Fetcher::run() does.
    void round() {
        try {
            const AllocationsCount count;
            fetcher_.round({}, 5);
        } catch (const std::exception &) {
        }
    }

    keys::ManualClock clock_;
    keys::LogCapture log_;
    std::shared_ptr<keys::KeyWaiters> waiters_ = std::make_shared<keys::KeyWaiters>();
    CountingTransport *transport_ = new CountingTransport(waiters_->fetcher);  ///< the fetcher's
    keys::Fetcher fetcher_{clock_, log_.logger, keys::Proxy{}, std::unique_ptr<keys::Transport>(transport_)};
    Introspector *introspector_ = nullptr;
    std::shared_ptr<Provider> provider_;
};

class AskingMemory : public testing::TestWithParam<Purpose> {
  protected:
    AskingMemory() {
        keys::initialise_curl();
        for (int i = 0; i < 20; ++i) {
            issuer().set_active(name_of(i), JsonObject().string("sub", "alice"));
            issuer().set_client(name_of(i), "its-secret-0123456789", {});
        }
    }
    static std::string name_of(int i) { return "a-token-or-client-number-" + std::to_string(i); }

    /// The number of allocations of a first question and its answer; each `stride`-th failed once.
    static long sweep(Allocator whose, long stride) {
        for (long n = 1;; n += stride) {
            SCOPED_TRACE(n);
            World world(issuer(), GetParam(), whose);
            keys::fail_allocation(whose, n);
            world.expect_answer(name_of(0));
            const bool failed = keys::allocation_failed();
            keys::fail_allocation(whose, 0);
            // More than run at once: none of the places is taken for good.
            if (n % 8 == 1) {
                for (int i = 0; i < 20; ++i) world.expect_answer(name_of(i));
            }
            if (!failed || HasFailure()) return n;
        }
    }

  private:
    /// One for all: making its certificates takes long.
    static TestIssuer &issuer() {
        static TestIssuer issuer([] {
            TestIssuer::Options options;
            options.host = "127.0.0.1";
            return options;
        }());
        return issuer;
    }
};

TEST_P(AskingMemory, EveryAllocationOfOursAndOfLibcurlsMayFail) {
    EXPECT_GT(sweep(Allocator::everybody_elses, 1), 50);
}

TEST_P(AskingMemory, OpensslsAllocationsMayFail) {
    EXPECT_GT(sweep(Allocator::openssls, 29), 10);
}

INSTANTIATE_TEST_SUITE_P(All, AskingMemory,
                         testing::Values(Purpose::introspection, Purpose::client_credentials),
                         [](const auto &purpose) {
                             return purpose.param == Purpose::introspection ? "introspection"
                                                                            : "client_credentials";
                         });

}  // namespace
}  // namespace tokenward::introspection

// ---- the thread of a login -----------------------------------------------------------------------------------

namespace tokenward::session {
namespace {

using credentials::Kind;

class LoginMemory : public AskingTest {
  protected:
    void SetUp() override {
        files.write("secret", "s3cr:et");
        chmod(files.path("secret").c_str(), 0640);
    }
    void begin(const std::string &more) {
        AskingTest::begin(R"({"issuer":")" + issuer.issuer() +
                          R"(","resource_server_id":"broker","ca_file":")" + issuer.ca_file() +
                          R"(","introspection_client_id":"broker","introspection_rate":1000,)" +
                          R"("introspection_client_secret_file":")" + files.path("secret") + '"' + more + "}");
    }
    /// As log_in(); nothing: an exception. Whoever gets in has alice's rights.
    bool gets_in(const credentials::Credentials &presented) {
        try {
            const keys::AllocationsCount count;
            auto result = backend->authenticate(presented, {});
            if (!result) return false;
            session = std::move(*result);
        } catch (const std::exception &) {
            return false;
        }
        EXPECT_EQ(session->username(), "alice");
        EXPECT_TRUE(may_read());
        EXPECT_EQ(session->authorize({access::Operation::write, "v", "q", {}}), Decision::denied);
        return true;
    }
    /// The number of allocations of a login whose provider must be asked; each of them failed once. `make`: credentials that
    /// weren't there before.
    void sweep(const std::function<credentials::Credentials(int)> &make) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
        int n = 1;
        for (bool failed = true; failed && !HasFailure(); ++n) {
            SCOPED_TRACE(n);
            const credentials::Credentials presented = make(n);
            keys::fail_allocation(keys::Allocator::everybody_elses, n);
            bool in = gets_in(presented);
            failed = keys::allocation_failed();
            keys::fail_allocation(keys::Allocator::everybody_elses, 0);
            while (!in && std::chrono::steady_clock::now() < deadline) {
                in = gets_in(presented);
                if (!in) std::this_thread::sleep_for(std::chrono::milliseconds(10));
            }
            EXPECT_TRUE(in) << log;
        }
        EXPECT_GT(n, 10);
    }

    Provider files;
    std::string one;  ///< what the last credentials point to
};

TEST_F(LoginMemory, OfAnOpaqueToken) {
    begin(R"(,"opaque_tokens":true)");
    sweep([this](int n) {
        one = "opaque-0123456789-" + std::to_string(n);
        issuer.set_active(one, JsonObject()
                                   .string("sub", "alice")
                                   .string("aud", "broker")
                                   .string("scope", "broker.read:v/q")
                                   .number("exp", now() + 300));
        return bearer(one);
    });
}

TEST_F(LoginMemory, OfAJsonWebTokenThatMayBeRevoked) {
    begin(R"(,"introspect":"jwt")");
    sweep([this](int n) {
        support::MintRequest request;
        request.claims.string("scope", "broker.read:v/q").string("jti", "number-" + std::to_string(n));
        one = issuer.mint(request);
        issuer.set_active(one, JsonObject().string("sub", "alice"));
        return bearer(one);
    });
}

TEST_F(LoginMemory, OfAClient) {
    begin(R"(,"opaque_tokens":true,"client_credentials_prefix":"client:")");
    sweep([this](int n) {
        support::MintRequest token;
        token.claims.string("scope", "broker.read:v/q").string("sub", "alice");
        one = "client:a-sensor-with-a-long-name-" + std::to_string(n);
        issuer.set_client(one.substr(7), "its-secret-0123456789", token);
        return credentials::Credentials{Kind::username_password, {}, one, "its-secret-0123456789"};
    });
}

}  // namespace
}  // namespace tokenward::session
