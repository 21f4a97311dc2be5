#include "introspection/provider_input.hpp"

#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "base/wipe.hpp"
#include "keys/discovery.hpp"

#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace tokenward::introspection {
namespace {

constexpr std::string_view option = "introspection_client_secret_file";

/// Whoever knows the secret may ask as this client: nobody else on the machine may read it.
Result<void> check_readers(const std::string &path) {
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0 || (file.st_mode & S_IRWXO) == 0) return {};
    return fail(Reason::CONFIG_INSECURE_FILE,
                fmt::format("{}: everybody on this machine may read it (mode {:04o})", quote(path, 255),
                            file.st_mode & 07777U),
                command_with("chmod o= FILE", path));
}

}  // namespace

bool ProviderInput::same_as(const ProviderInput &other) const noexcept {
    const bool same_ca = ca_pem == other.ca_pem || (ca_pem && other.ca_pem && *ca_pem == *other.ca_pem);
    const bool same_client =
        client == other.client || (client && other.client && client->same_as(*other.client));
    return purpose == other.purpose && section == other.section && issuer == other.issuer &&
           issuer_aliases == other.issuer_aliases && discovery_uri == other.discovery_uri &&
           endpoint_uri == other.endpoint_uri && rate == other.rate && ttl_s == other.ttl_s && same_client &&
           auth_method == other.auth_method && scope == other.scope && audience == other.audience && same_ca &&
           proxy == other.proxy && timeout_ms == other.timeout_ms;
}

namespace {

ProviderInput input_of(const config::Section &section, Purpose purpose, const std::string &endpoint_uri,
                       std::shared_ptr<const std::string> ca_pem) {
    ProviderInput input;
    input.purpose = purpose;
    input.section = config::section_title(section.name);
    input.issuer = section.issuer;
    input.issuer_aliases = section.tokens.issuer_aliases;
    input.endpoint_uri = endpoint_uri;
    if (endpoint_uri.empty())
        input.discovery_uri = section.keys.discovery_uri.empty() ? keys::discovery_url(section.issuer)
                                                                 : section.keys.discovery_uri;
    input.ca_pem = std::move(ca_pem);
    input.proxy = section.keys.proxy;
    input.timeout_ms = section.keys.jwks_timeout_s * 1000;
    return input;
}

}  // namespace

Result<ProviderInput> read_introspection_input(const config::Section &section,
                                               std::shared_ptr<const std::string> ca_pem,
                                               std::vector<std::string> *root_notes) {
    const config::Introspection &options = section.introspection;
    const std::string &path = options.client_secret_file;
    const auto at = section.origins.find(option);
    const auto refuse = [&](Failure &&failure) {
        failure.detail.insert(0, fmt::format("{}{} = ", at == section.origins.end() ? "" : at->second, option));
        return tl::unexpected(std::move(failure));
    };
    Result<std::string> content = read_trusted_file(path, largest_secret_file, Links::follow, root_notes);
    if (!content) return refuse(std::move(content).error());
    const WipedAtEnd wiped(*content);
    if (auto closed = check_readers(path); !closed) return refuse(std::move(closed).error());
    auto client = Client::read(options.client_id, *content);
    if (!client) {
        client.error().detail.insert(0, quote(path, 255) + ": ");
        client.error().hint = command_with(client.error().hint, path);
        return refuse(std::move(client).error());
    }
    ProviderInput input =
        input_of(section, Purpose::introspection, options.introspection_uri, std::move(ca_pem));
    input.rate = options.rate;
    input.ttl_s = options.ttl_s;
    input.auth_method = options.auth_method;
    input.client = *std::move(client);
    return input;
}

ProviderInput client_credentials_input(const config::Section &section,
                                       std::shared_ptr<const std::string> ca_pem) {
    const config::ClientCredentials &options = section.client_credentials;
    ProviderInput input = input_of(section, Purpose::client_credentials, options.token_uri, std::move(ca_pem));
    input.auth_method = options.auth_method;
    input.scope = options.scope;
    input.audience = options.audience;
    return input;
}

}  // namespace tokenward::introspection
