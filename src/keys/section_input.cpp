#include "keys/section_input.hpp"

#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "keys/bearer_file.hpp"
#include "keys/ca_file.hpp"
#include "keys/key_file.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::size_t largest_key_file = std::size_t{1} << 20;
constexpr std::size_t largest_ca_file = std::size_t{8} << 20;  // the system's bundles have some 200 KB
constexpr std::size_t max_path_shown = 255;

/// One option of a section that names a file.
class NamedFile {
  public:
    NamedFile(const config::Section &section, std::string_view option, const std::string &path)
        : option_(option), path_(path) {
        const auto at = section.origins.find(option);
        if (at != section.origins.end()) origin_ = at->second;
    }

    Result<std::string> read(std::size_t max_bytes, const FileNotes &notes) const {
        Result<std::string> content = read_trusted_file(path_, max_bytes, Links::follow, notes.for_root);
        if (content) return content;
        Failure failure = std::move(content).error();
        failure.detail = fmt::format("{}{} = {}", origin_, option_, failure.detail);
        return tl::unexpected(std::move(failure));
    }
    /// `problem` is of the file's content.
    tl::unexpected<Failure> refuse(const Failure &problem) const {
        return fail(problem.reason, say(problem.detail), command_with(problem.hint, path_));
    }
    std::string say(std::string_view what) const {
        return fmt::format("{}{} = {}: {}", origin_, option_, quote(path_, max_path_shown), what);
    }

  private:
    std::string origin_;
    std::string_view option_;
    const std::string &path_;
};

Result<jose::KeySet> read_key_file(const NamedFile &file, FileNotes &notes) {
    const Result<std::string> content = file.read(largest_key_file, notes);
    if (!content) return tl::unexpected(content.error());
    jose::KeySet::Notes of_keys;
    Result<jose::KeySet> keys = parse_key_file(*content, of_keys);
    if (!keys) return file.refuse(keys.error());
    for (const std::string &note : of_keys.warnings) notes.warnings.push_back(file.say(note));
    for (const std::string &note : of_keys.debug) notes.debug.push_back(file.say(note));
    return keys;
}

Result<std::string> read_ca_file(const NamedFile &file, const FileNotes &notes) {
    Result<std::string> content = file.read(largest_ca_file, notes);
    if (!content) return content;
    if (const auto checked = check_ca_file(*content); !checked) return file.refuse(checked.error());
    return content;
}

Result<void> check_token_file(const NamedFile &file, const FileNotes &notes) {
    const Result<std::string> content = file.read(largest_bearer_file, notes);
    if (!content) return tl::unexpected(content.error());
    if (const auto token = parse_bearer_file(*content); !token) return file.refuse(token.error());
    return {};
}

}  // namespace

Result<SectionInput> read_section_input(const config::Section &section, FileNotes &notes) {
    const config::KeySource &source = section.keys;
    SectionInput input{section.name, section.issuer, section.tokens.issuer_aliases,
                       source,       nullptr,        std::nullopt};
    if (!source.jwks_file.empty()) {
        Result<jose::KeySet> keys = read_key_file({section, "jwks_file", source.jwks_file}, notes);
        if (!keys) return pass_on(std::move(keys));
        input.file_keys = std::move(*keys);
    }
    const bool fetches = !source.only_file();
    const bool asks = section.introspection.is_used() || section.client_credentials.is_used();
    if ((fetches || asks) && !source.ca_file.empty()) {
        Result<std::string> pem = read_ca_file({section, "ca_file", source.ca_file}, notes);
        if (!pem) return pass_on(std::move(pem));
        input.ca_pem = std::make_shared<const std::string>(std::move(*pem));
    }
    if (fetches && !source.jwks_token_file.empty()) {
        auto checked = check_token_file({section, "jwks_token_file", source.jwks_token_file}, notes);
        if (!checked) return pass_on(std::move(checked));
    }
    return input;
}

}  // namespace tokenward::keys
