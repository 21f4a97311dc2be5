// The library for hosts in C++: handles that release themselves, and texts of any length as std::string.
#pragma once

#include "library.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tokenward::common {

/// The text as a tokenward_string, borrowed. (NULL, 0) for a string_view that was never set.
[[nodiscard]] inline tokenward_string borrow(std::string_view text) {
    return {text.data(), text.size()};
}

[[nodiscard]] inline std::string_view view(tokenward_string text) {
    return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}

/// A struct of tokenward.h, all zero but for struct_size.
template <class Struct>
[[nodiscard]] Struct sized() {
    Struct value{};
    value.struct_size = sizeof(Struct);
    return value;
}

/// Calls fill(buffer, size, &length) until the whole text fits. The library sizes texts as snprintf does.
/// Returns fill's last result; text is the whole text if that is TOKENWARD_OK.
template <class Fill>
[[nodiscard]] std::int32_t read_text(std::string &text, Fill fill) {
    text.resize(4096);
    for (;;) {
        std::size_t length = 0;
        const std::int32_t result = fill(text.data(), text.size(), &length);
        if (result != TOKENWARD_OK) {
            text.clear();
            return result;
        }
        if (length < text.size()) {
            text.resize(length);
            return result;
        }
        text.resize(length + 1024);  // the text may grow between two calls
    }
}

/// The loaded library. Outlives every Backend and Session made with it.
class Library {
  public:
    Library() = default;
    ~Library() { unload_library(&table_); }
    Library(const Library &) = delete;
    Library &operator=(const Library &) = delete;

    /// An empty path: by soname. Returns an empty string, or what went wrong.
    [[nodiscard]] std::string open(const std::string &path) {
        char error[1024] = "";
        if (load_library(&table_, path.empty() ? nullptr : path.c_str(), error, sizeof error) != 0) return {};
        return error;
    }

    const loaded_library *operator->() const { return &table_; }
    const loaded_library &operator*() const { return table_; }

  private:
    loaded_library table_{};
};

/// A session that releases itself. Shared, since a client's state can outlive its connection.
using Session = std::shared_ptr<tokenward_session>;

[[nodiscard]] inline Session own(const Library &library, tokenward_session *session) {
    return session == nullptr ? Session() : Session(session, library->session_release);
}

struct BackendDeleter {
    void (*destroy)(tokenward_backend *) = nullptr;
    void operator()(tokenward_backend *backend) const { destroy(backend); }
};
using Backend = std::unique_ptr<tokenward_backend, BackendDeleter>;

[[nodiscard]] inline Backend own(const Library &library, tokenward_backend *backend) {
    return Backend(backend, BackendDeleter{library->destroy});
}

}  // namespace tokenward::common
