#include "peers.hpp"

#include <jwt/jwt.hpp>

namespace tokenward::bench {
namespace {

/// Signature, exp and iss. It takes the key as PEM, each time.
class CppJwt final : public PeerVerifier {
  public:
    explicit CppJwt(const Sample &sample) : sample_(sample) {}
    bool verify() override {
        namespace params = jwt::params;
        std::error_code error;
        const auto object = jwt::decode(sample_.token, params::algorithms({sample_.algorithm}), error,
                                        params::secret(sample_.pem), params::verify(true),
                                        params::issuer("https://id.example.com/realms/main"));
        return !error;
    }

  private:
    const Sample &sample_;
};

}  // namespace

std::unique_ptr<PeerVerifier> make_cpp_jwt(const Sample &sample) {
    return std::make_unique<CppJwt>(sample);
}

}  // namespace tokenward::bench
