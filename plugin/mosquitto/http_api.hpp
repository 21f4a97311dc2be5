// The HTTP API of Mosquitto 2.1 (listeners with protocol http_api). The broker asks about its requests on threads of its
// own, beside the broker's thread, with a client that it makes up for each request.
#pragma once

#include "options.hpp"
#include "tokenward.hpp"

#include <mutex>
#include <unordered_map>

struct mosquitto_evt_acl_check;
struct mosquitto_evt_basic_auth;

namespace tokenward::mosquitto_plugin {

/// Thread-safe. Writes nothing to the broker's log: the library's queue has its lines.
class HttpApi {
  public:
    /// Both outlive the object.
    HttpApi(const Options &options, const host::Backend &backend) : options_(options), backend_(backend) {}

    int on_basic_auth(const mosquitto_evt_basic_auth &event);
    /// The topic is the path of the address, "/api/v1/version".
    int on_acl_check(const mosquitto_evt_acl_check &event);

  private:
    host::Session take(const void *client);

    const Options &options_;
    const host::Backend &backend_;
    std::mutex mutex_;
    std::unordered_map<const void *, host::Session> sessions_;  ///< between the two questions of a request
};

}  // namespace tokenward::mosquitto_plugin
