// How often one call allocates. Counts every malloc of the process, OpenSSL's too; prints JSON.
#include "openssl_rows.hpp"
#include "world.hpp"

#include <cstddef>
#include <cstdio>
#include <functional>

namespace {

bool counting = false;
std::size_t calls = 0;
std::size_t bytes = 0;

void count(std::size_t size) noexcept {
    if (!counting) return;
    ++calls;
    bytes += size;
}

}  // namespace

// The C library takes these for its own, in every object of the process.
extern "C" {
void *__libc_malloc(std::size_t size);
void *__libc_calloc(std::size_t number, std::size_t size);
void *__libc_realloc(void *memory, std::size_t size);

void *malloc(std::size_t size) {
    count(size);
    return __libc_malloc(size);
}
void *calloc(std::size_t number, std::size_t size) {
    count(number * size);
    return __libc_calloc(number, size);
}
void *realloc(void *memory, std::size_t size) {
    count(size);
    return __libc_realloc(memory, size);
}
}

namespace {

using namespace tokenward;
using namespace tokenward::bench;

bool first = true;

/// Runs `call` until all that is kept is there, then counts.
void report(const char *name, const std::function<bool()> &call) {
    constexpr std::size_t rounds = 100;
    for (std::size_t i = 0; i < rounds; ++i) {
        if (!call()) {
            std::fprintf(stderr, "%s: wrong answer\n", name);
            std::exit(1);
        }
    }
    calls = bytes = 0;
    counting = true;
    for (std::size_t i = 0; i < rounds; ++i) static_cast<void>(call());
    counting = false;
    std::printf("%s\n  {\"name\": \"%s\", \"allocations\": %.2f, \"bytes\": %.0f}", first ? "" : ",", name,
                static_cast<double>(calls) / rounds, static_cast<double>(bytes) / rounds);
    first = false;
}

bool let_in(const Backend &backend, const tokenward_credentials &credentials) {
    tokenward_session *session = nullptr;
    if (backend.authenticate(credentials, &session) != TOKENWARD_OK) return false;
    backend.library().session_release(session);
    return true;
}

}  // namespace

int main() {
    std::printf("[");
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
        const Sample &sample = World::get().sample(i);
        KeptContexts contexts(sample);
        const auto credentials = support::bearer(sample.token);
        const std::string suffix = "/" + sample.algorithm;
        report(("new context" + suffix).c_str(), [&] { return verify_with_new_context(sample); });
        report(("kept contexts" + suffix).c_str(), [&] { return contexts.verify(); });
        report(("cold" + suffix).c_str(), [&] { return let_in(cold_backend(), credentials); });
    }
    const std::string &token = World::get().sample(0).token;
    const auto credentials = support::bearer(token);
    report("warm", [&] { return let_in(warm_backend(), credentials); });
    tokenward_session *session = warm_backend().session(token);
    const auto allowed = support::request(TOKENWARD_READ, "/", "orders.eu.10.x");
    const auto denied = support::request(TOKENWARD_READ, "/", "nothing");
    const auto authorize = World::get().library().authorize;
    report("authorize, denied", [&] { return authorize(session, &denied) == TOKENWARD_DENIED; });
    report("authorize, allowed", [&] { return authorize(session, &allowed) == TOKENWARD_ALLOWED; });
    World::get().library().session_release(session);
    auto password = support::cleared<tokenward_credentials>();
    password.kind = TOKENWARD_USERNAME_PASSWORD;
    password.username = support::text("alice");
    password.password = support::text("correct horse battery staple");
    report("not a token", [&] {
        tokenward_session *none = nullptr;
        return cold_backend().authenticate(password, &none) == TOKENWARD_NOT_A_TOKEN;
    });
    std::printf("\n]\n");
    return 0;
}
