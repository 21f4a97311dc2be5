// plugin_opt_client_id: which client identifiers a username may have.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace tokenward::mosquitto_plugin {

/// Text with {username} in it, and perhaps a * at the end. The username is percent-encoded, so that it holds no slash:
/// followed by a slash, no name is the beginning of another's.
class ClientIdPattern {
  public:
    /// The pattern, or what is wrong with it.
    [[nodiscard]] static std::variant<ClientIdPattern, std::string> parse(std::string_view text);

    [[nodiscard]] bool matches(std::string_view client_id, std::string_view username) const;

    /// The pattern with the username in it, for messages.
    [[nodiscard]] std::string of(std::string_view username) const;

  private:
    std::string before_;  ///< {username}
    std::string after_;   ///< it, without the *
    bool any_end_ = false;
};

}  // namespace tokenward::mosquitto_plugin
