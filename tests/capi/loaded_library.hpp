// The library as any broker uses it: through dlopen and the header.
#pragma once

#include "tokenward.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dlfcn.h>

namespace tokenward::support {

class LoadedLibrary {
  public:
    explicit LoadedLibrary(const std::string &path = TOKENWARD_LIBRARY)
        : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's is per thread
        if (handle_ == nullptr) throw std::runtime_error(dlerror());
        const auto load = [&](auto &function, const char *name) {
            void *symbol = dlsym(handle_, name);
            if (symbol == nullptr) throw std::runtime_error(std::string("missing ") + name);
            std::memcpy(&function, &symbol, sizeof symbol);
        };
#define TOKENWARD_LOAD(name) load(name, "tokenward_" #name)
        TOKENWARD_LOAD(create);
        TOKENWARD_LOAD(destroy);
        TOKENWARD_LOAD(reload);
        TOKENWARD_LOAD(authenticate);
        TOKENWARD_LOAD(authorize);
        TOKENWARD_LOAD(session_can_access_vhost);
        TOKENWARD_LOAD(session_refresh);
        TOKENWARD_LOAD(session_release);
        TOKENWARD_LOAD(session_username);
        TOKENWARD_LOAD(session_issuer);
        TOKENWARD_LOAD(session_expires_at);
        TOKENWARD_LOAD(session_tags);
        TOKENWARD_LOAD(explain);
        TOKENWARD_LOAD(inspect);
        TOKENWARD_LOAD(status);
        TOKENWARD_LOAD(metrics);
        TOKENWARD_LOAD(config_check);
        TOKENWARD_LOAD(abi_version);
        TOKENWARD_LOAD(version);
        TOKENWARD_LOAD(reason_name);
#undef TOKENWARD_LOAD
    }
    ~LoadedLibrary() {
        if (handle_ != nullptr) dlclose(handle_);
    }
    LoadedLibrary(const LoadedLibrary &) = delete;
    LoadedLibrary &operator=(const LoadedLibrary &) = delete;

    decltype(&tokenward_create) create;
    decltype(&tokenward_destroy) destroy;
    decltype(&tokenward_reload) reload;
    decltype(&tokenward_authenticate) authenticate;
    decltype(&tokenward_authorize) authorize;
    decltype(&tokenward_session_can_access_vhost) session_can_access_vhost;
    decltype(&tokenward_session_refresh) session_refresh;
    decltype(&tokenward_session_release) session_release;
    decltype(&tokenward_session_username) session_username;
    decltype(&tokenward_session_issuer) session_issuer;
    decltype(&tokenward_session_expires_at) session_expires_at;
    decltype(&tokenward_session_tags) session_tags;
    decltype(&tokenward_explain) explain;
    decltype(&tokenward_inspect) inspect;
    decltype(&tokenward_status) status;
    decltype(&tokenward_metrics) metrics;
    decltype(&tokenward_config_check) config_check;
    decltype(&tokenward_abi_version) abi_version;
    decltype(&tokenward_version) version;
    decltype(&tokenward_reason_name) reason_name;

  private:
    void *handle_;
};

inline tokenward_string text(std::string_view s) {
    return {s.data(), s.size()};
}
inline std::string owned(const tokenward_string &s) {
    return s.data == nullptr ? "" : std::string(s.data, s.size);
}

template <class T>
T cleared() {
    T value;
    std::memset(&value, 0, sizeof value);
    value.struct_size = sizeof value;
    return value;
}

inline tokenward_credentials bearer(std::string_view token) {
    auto credentials = cleared<tokenward_credentials>();
    credentials.kind = TOKENWARD_BEARER_TOKEN;
    credentials.data = text(token);
    return credentials;
}

inline tokenward_request request(std::int32_t operation, std::string_view vhost, std::string_view resource) {
    auto request = cleared<tokenward_request>();
    request.operation = operation;
    request.vhost = text(vhost);
    request.resource = text(resource);
    return request;
}

/// The whole text from a function that writes into a buffer.
template <class Call>
std::string whole(Call call) {
    std::size_t length = 0;
    if (call(nullptr, 0, &length) != TOKENWARD_OK) return "";
    std::vector<char> buffer(length + 64);
    if (call(buffer.data(), buffer.size(), &length) != TOKENWARD_OK || length >= buffer.size()) return "";
    return {buffer.data(), length};
}

}  // namespace tokenward::support
