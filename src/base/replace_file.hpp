// A file that readers see whole: the old one or the new one, also after a power cut.
#pragma once

#include <string>
#include <string_view>

namespace tokenward {

/// Writes `text` to a temporary file beside `path` (mode 0600 until it is complete, then `mode`), syncs it and
/// renames it over `path`. Empty on success, else what failed, for a log line. Removes the temporary file.
std::string replace_file(const std::string &path, std::string_view text, unsigned mode);

}  // namespace tokenward
