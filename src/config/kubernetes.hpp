// What a pod of Kubernetes finds in its files about the issuer of its cluster's tokens.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tokenward::config {

struct SectionDraft;

inline constexpr std::string_view service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Sets what is unset: `issuer` from the pod's own token, `jwks_uri` to the cluster's API server, and, if the keys
/// come from there, `ca_file` and `jwks_token_file` to the files in `folder`. The token's signature isn't checked:
/// its file is as trusted as the configuration; read_trusted_file() gets `root_notes`. Fails outside of a pod, if
/// something is unset.
Result<void> complete_from_pod(SectionDraft &draft, const std::string &folder,
                               std::vector<std::string> *root_notes);

}  // namespace tokenward::config
