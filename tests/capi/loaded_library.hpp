// The library as any broker uses it: through dlopen and the header.
#pragma once

#include "tokenward.h"

#include <cstdint>
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
#define TOKENWARD_LOAD(name) load(name, "tokenward_" #name);
        TOKENWARD_FUNCTIONS_1_0(TOKENWARD_LOAD)
#undef TOKENWARD_LOAD
    }
    ~LoadedLibrary() {
        if (handle_ != nullptr) dlclose(handle_);
    }
    LoadedLibrary(const LoadedLibrary &) = delete;
    LoadedLibrary &operator=(const LoadedLibrary &) = delete;

#define TOKENWARD_MEMBER(name) decltype(&tokenward_##name) name;
    TOKENWARD_FUNCTIONS_1_0(TOKENWARD_MEMBER)
#undef TOKENWARD_MEMBER

  private:
    void *handle_;
};

inline tokenward_string text(std::string_view s) {
    return {s.data(), s.size()};
}
/// What a getter of a borrowed string gives.
template <class Getter>
std::string lent(Getter getter, const tokenward_session *session) {
    const char *data = nullptr;
    std::size_t size = 0;
    return getter(session, &data, &size) == TOKENWARD_OK ? std::string(data, size) : "";
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

inline tokenward_request request(std::int32_t operation, std::string_view vhost, std::string_view resource,
                                 std::string_view routing_key) {
    auto keyed = request(operation, vhost, resource);
    keyed.flags = TOKENWARD_ROUTING_KEY;
    keyed.routing_key = text(routing_key);
    return keyed;
}

/// Options that read one file and send log lines to `log`.
inline tokenward_options options_with_log(const tokenward_string &file, tokenward_log_callback log,
                                          void *user = nullptr) {
    auto options = cleared<tokenward_options>();
    options.config_files = &file;
    options.config_file_count = 1;
    options.log_mode = TOKENWARD_LOG_TO_CALLBACK;
    options.log = log;
    options.log_user = user;
    return options;
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
