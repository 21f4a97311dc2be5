#include "session/configuration_input.hpp"

#include "base/issuer.hpp"
#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "config/load.hpp"
#include "jose/algorithm.hpp"
#include "jose/crypto.hpp"
#include "keys/section_cache.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace tokenward::session {
namespace {

/// Removes the algorithms that OpenSSL doesn't offer here. Fails if a section has none left.
Result<void> drop_unavailable(config::Settings &settings, const jose::AlgorithmSet &available) {
    for (config::Section &section : settings.sections) {
        for (std::size_t i = 0; i < jose::algorithm_count; ++i) {
            const auto algorithm = static_cast<jose::Algorithm>(i);
            if (!section.tokens.algorithms.contains(algorithm) || available.contains(algorithm)) continue;
            section.tokens.algorithms.remove(algorithm);
            settings.warnings.push_back(
                fmt::format("[{}] algorithms: OpenSSL offers no {} here; it is left out", section.name,
                            jose::algorithm_name(algorithm)));
        }
        if (section.tokens.algorithms.empty()) {
            return fail(Reason::CRYPTO_UNAVAILABLE,
                        fmt::format("[{}] none of algorithms is available", section.name));
        }
    }
    return {};
}

void append(std::vector<std::string> &to, std::vector<std::string> &&lines) {
    to.insert(to.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
}

/// Sections that share an issuer are one provider, and name the same files.
Result<void> read_files(ConfigurationInput &input, keys::FileNotes &notes) {
    for (const config::Section &section : input.settings.sections) {
        const auto earlier = std::find_if(
            input.sections.begin(), input.sections.end(),
            [&](const keys::SectionInput &other) { return same_issuer(other.issuer, section.issuer); });
        if (earlier != input.sections.end()) {
            keys::SectionInput same = *earlier;
            input.sections.push_back(std::move(same));
            continue;
        }
        auto read = keys::read_section_input(section, notes);
        if (!read) return pass_on(std::move(read));
        input.sections.push_back(*std::move(read));
    }
    return {};
}

Result<void> read_asked(ConfigurationInput &input, bool for_root) {
    for (std::size_t i = 0; i < input.sections.size(); ++i) {
        const config::Section &section = input.settings.sections[i];
        input.asked.emplace_back();
        input.exchanges.emplace_back();
        if (section.client_credentials.is_used())
            input.exchanges.back() = introspection::client_credentials_input(section, input.sections[i].ca_pem);
        if (!section.introspection.is_used()) continue;
        auto read = introspection::read_introspection_input(section, input.sections[i].ca_pem,
                                                            for_root ? &input.settings.notes : nullptr);
        if (!read) return pass_on(std::move(read));
        input.asked.back() = *std::move(read);
    }
    return {};
}

Result<void> read_denied(ConfigurationInput &input, bool for_root) {
    config::Settings &settings = input.settings;
    if (settings.denied_file.empty()) return {};
    constexpr std::size_t max_bytes = std::size_t{16} * 1024 * 1024;
    auto content =
        read_trusted_file(settings.denied_file, max_bytes, Links::follow, for_root ? &settings.notes : nullptr);
    if (!content) {
        if (::access(settings.denied_file.c_str(), F_OK) != 0)
            content.error().hint = command_with("install -m 644 /dev/null FILE", settings.denied_file);
        const auto origin = settings.origins.find("denied_file");
        content.error().detail.insert(
            0, (origin == settings.origins.end() ? std::string() : origin->second) + "denied_file ");
        return pass_on(std::move(content));
    }
    std::vector<denials::SectionName> names;
    for (const config::Section &section : settings.sections)
        names.push_back({config::section_title(section.name), section.issuer, section.tokens.issuer_aliases});
    auto denied = denials::DeniedList::parse(*content, settings.denied_file, std::move(names));
    if (!denied) return pass_on(std::move(denied));
    input.denied = *std::move(denied);
    return {};
}

/// The file of an option can't be written.
void warn_of_folder(const config::Origins &origins, std::string_view option, const std::string &path,
                    std::vector<std::string> &warnings) {
    const std::string problem = path.empty() ? std::string() : folder_problem(path);
    const auto origin = origins.find(option);
    if (problem.empty() || origin == origins.end()) return;
    warnings.push_back(
        fmt::format("{}{} = {}: it can't be written: {}", origin->second, option, quote(path, 255), problem));
}

}  // namespace

Result<ConfigurationInput> read_configuration(std::span<const std::string> files, std::string_view json,
                                              bool for_root) {
    const auto available = jose::available_algorithms();
    if (!available) return tl::unexpected(available.error());
    auto settings = config::load(files, json, std::string(config::service_account_folder), for_root);
    if (!settings) return pass_on(std::move(settings));
    ConfigurationInput input;
    input.settings = *std::move(settings);
    if (auto some = drop_unavailable(input.settings, *available); !some) return pass_on(std::move(some));

    keys::FileNotes notes;
    notes.for_root = for_root ? &input.settings.notes : nullptr;
    if (auto read = read_files(input, notes); !read) return pass_on(std::move(read));
    if (auto read = read_asked(input, for_root); !read) return pass_on(std::move(read));
    if (auto read = read_denied(input, for_root); !read) return pass_on(std::move(read));
    append(input.settings.warnings, std::move(notes.warnings));
    input.debug = std::move(notes.debug);
    return input;
}

void warn_of_written_files(ConfigurationInput &input, const Clock &clock) {
    config::Settings &settings = input.settings;
    for (std::size_t i = 0; i < input.sections.size(); ++i) {
        const keys::SectionInput &section = input.sections[i];
        if (section.source.only_file()) continue;
        std::string problem = keys::cache_file_problem(section, clock, &settings.notes);
        const auto &said = settings.warnings;  // sections of one provider have one file
        if (!problem.empty() && std::find(said.begin(), said.end(), problem) == said.end())
            settings.warnings.push_back(std::move(problem));
        warn_of_folder(settings.sections[i].origins, "jwks_cache_file", section.source.jwks_cache_file,
                       settings.warnings);
    }
    warn_of_folder(settings.origins, "metrics_file", settings.metrics_file, settings.warnings);
}

}  // namespace tokenward::session
