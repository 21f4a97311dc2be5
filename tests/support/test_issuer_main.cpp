// The test issuer as a program:
//
//   test_issuer --state-dir DIR                     runs until SIGTERM, SIGINT or POST /stop
//   test_issuer --state-dir DIR --certificates      only writes ca.pem, server.pem and server.key
//   test_issuer --state-dir DIR --send /rotate keep_old=false     flips a switch of the one that runs
//
// DIR then has ca.pem, server.pem and server.key (a certificate for localhost), issuer (the URL), admin
// (address:port), and pid, which is written last: once it is there, the issuer answers.
#include "support/issuer_admin.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace {

namespace support = tokenward::support;

void run(const std::string &directory) {
    // Before any thread starts, so that all inherit it: one thread waits for the signals.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    support::TestIssuer::Options options;
    options.directory = directory;
    support::TestIssuer issuer(options);
    support::IssuerAdmin admin(issuer);
    support::write_file(directory + "/issuer", issuer.issuer() + '\n');
    support::write_file(directory + "/admin", "127.0.0.1:" + std::to_string(admin.port()) + '\n');
    support::write_file(directory + "/pid", std::to_string(getpid()) + '\n');

    std::thread signal_thread([&] {
        int signal = 0;
        sigwait(&signals, &signal);
        admin.stop();
    });
    admin.wait_for_stop();
    kill(getpid(), SIGTERM);  // wakes the signal thread if POST /stop came first
    signal_thread.join();
    std::filesystem::remove(directory + "/pid");
}

std::string send(const std::string &directory, const std::vector<std::string> &words) {
    std::ifstream file(directory + "/admin");
    std::string address;
    if (!std::getline(file, address)) throw std::runtime_error("no test issuer runs in " + directory);
    std::string body;
    for (std::size_t i = 1; i < words.size(); ++i) body += words[i] + '\n';
    return support::ask_issuer_admin(address, words.front(), body);
}

}  // namespace

int main(int argc, char **argv) {
    CLI::App app("An OpenID provider for tests, with a certificate authority of its own and faults on demand");
    std::string directory;
    std::vector<std::string> words;
    bool certificates = false;
    app.add_option("--state-dir", directory, "where the certificates, addresses and the pid are written")
        ->required();
    app.add_flag("--certificates", certificates, "only write ca.pem, server.pem and server.key");
    app.add_option("--send", words,
                   "a switch of the running issuer (/rotate, /fault ...) and its name=value pairs");
    CLI11_PARSE(app, argc, argv);
    try {
        std::filesystem::create_directories(directory);
        if (certificates) {
            support::TestCa().write(directory);
        } else if (!words.empty()) {
            const std::string answer = send(directory, words);
            std::fputs(answer.c_str(), stdout);
            if (!answer.empty() && answer.back() != '\n') std::fputc('\n', stdout);
        } else {
            run(directory);
        }
    } catch (const std::exception &error) {
        std::fprintf(stderr, "test_issuer: %s\n", error.what());
        return 1;
    }
    return 0;
}
