// Where a provider is asked, and how a client says there who it is.
#pragma once

#include "base/result.hpp"
#include "introspection/provider_input.hpp"
#include "keys/discovery.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tokenward::introspection {

struct Endpoint {
    std::string url;
    std::vector<std::string> auth_methods;  ///< empty: the provider doesn't say
};

/// introspection_endpoint or token_endpoint of a discovery document (RFC 8414 section 2). It must be on the provider's own
/// host: a client's secret goes there. Fails with INTROSPECTION_FAILED and a hint.
Result<Endpoint> read_endpoint(std::string_view json, const keys::ProviderNames &provider, Purpose purpose);

}  // namespace tokenward::introspection
