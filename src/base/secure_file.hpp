// Files that decide who gets in: read only if nobody else can have written them.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace tokenward {

/// What to do where the path's last part is a symbolic link.
enum class Links : bool { follow, refuse };

/// The whole content of a configuration, key or CA file. Symbolic links are followed unless refused; what they
/// lead to must be a regular file of root or of the effective user, without write permission for group or
/// others. That is checked on the opened file, so it can't be swapped in between. The folders above it are not
/// looked at. Never blocks on a FIFO or device. Fails: CONFIG_UNREADABLE (also if larger than `max_bytes`),
/// CONFIG_INSECURE_FILE; the detail begins with the quoted path, the hint is a command or empty.
///
/// With `root_notes` root reads for the broker's user, to check a configuration: the file may belong to anybody. What
/// isn't said by that is noted: whose it is, or that root alone may read it.
Result<std::string> read_trusted_file(const std::string &path, std::size_t max_bytes,
                                      Links links = Links::follow,
                                      std::vector<std::string> *root_notes = nullptr);

/// Why no file of that path can be written: its folder isn't there, isn't one, or this process may not write into it.
/// Empty: none of these.
std::string folder_problem(const std::string &path);

}  // namespace tokenward
