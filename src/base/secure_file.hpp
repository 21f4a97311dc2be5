// Files that decide who gets in: read only if nobody else can have written them.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>

namespace tokenward {

/// What to do where the path's last part is a symbolic link.
enum class Links : bool { follow, refuse };

/// The whole content of a configuration, key or CA file. Symbolic links are followed unless refused; what they
/// lead to must be a regular file of root or of the effective user, without write permission for group or
/// others. That is checked on the opened file, so it can't be swapped in between. The folders above it are not
/// looked at. Never blocks on a FIFO or device. Fails: CONFIG_UNREADABLE (also if larger than `max_bytes`),
/// CONFIG_INSECURE_FILE; the detail begins with the quoted path.
Result<std::string> read_trusted_file(const std::string &path, std::size_t max_bytes,
                                      Links links = Links::follow);

}  // namespace tokenward
