// A certificate authority that lives as long as a test.
#pragma once

#include <memory>
#include <string>

namespace tokenward::support {

struct ServerCertificate {
    std::string certificate_pem;
    std::string key_pem;
};

/// Makes its own P-256 key and root certificate. Copies share them.
class TestCa {
  public:
    enum class Kind {
        good,        ///< for localhost, 127.0.0.1 and ::1; valid for a day
        expired,     ///< the same, ended an hour ago
        wrong_host,  ///< for wrong.example only
    };

    TestCa();

    const std::string &root_pem() const noexcept;
    ServerCertificate issue(Kind kind = Kind::good) const;

    /// Writes ca.pem, server.pem and server.key, readable by all: a broker may run as another user.
    /// Throws std::runtime_error.
    void write(const std::string &directory) const;

  private:
    struct Impl;
    std::shared_ptr<const Impl> impl_;
};

/// Writes a file by way of a temporary one, so that a reader sees all of it or nothing. Throws
/// std::runtime_error.
void write_file(const std::string &path, const std::string &text);

}  // namespace tokenward::support
