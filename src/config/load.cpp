#include "config/load.hpp"

#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "config/apply.hpp"
#include "config/check.hpp"
#include "config/entry.hpp"
#include "config/options.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tokenward::config {
namespace {

constexpr std::size_t max_sections = 64;

/// Options of the host. People often look for them in the configuration.
constexpr std::string_view host_options[] = {"max_wait_ms", "startup_wait", "startup_wait_ms"};

tl::unexpected<Failure> unknown_key(const Entry &entry) {
    const auto unknown = [&](std::string_view what, std::string hint) {
        return fail(Reason::CONFIG_UNKNOWN_KEY, fmt::format("{}{}: {}", entry.where, quote(entry.key), what),
                    std::move(hint));
    };
    if (std::find(std::begin(host_options), std::end(host_options), entry.key) != std::end(host_options))
        return unknown("is set by the broker's adapter, not here", {});
    std::vector<std::string_view> names;
    for (const Option &option : options()) names.push_back(option.name);
    const std::string_view near = nearest(std::string_view(entry.key).substr(0, entry.key.find('.')), names);
    return unknown("there is no such option", near.empty() ? std::string() : fmt::format("write {}", near));
}

class Builder {
  public:
    Result<void> add(const std::vector<Entry> &entries) {
        for (const Entry &entry : entries) {
            if (auto added = add(entry); !added) return added;
        }
        return {};
    }

    Result<Settings> finish(const std::string &pod_folder, std::vector<std::string> *root_notes) && {
        // Beside [oauth.NAME], [oauth] may hold only options for the whole backend. Then it is no issuer.
        std::erase_if(drafts_, [&](const SectionDraft &draft) {
            return draft.section.name == "oauth" && draft.origins.empty() && drafts_.size() > 1;
        });
        if (drafts_.empty()) {
            return fail(Reason::CONFIG_MISSING_KEY,
                        "there is no section [oauth]: it holds at least the issuer");
        }
        if (auto checked = check_and_complete(drafts_, pod_folder, settings_.warnings, root_notes); !checked) {
            return pass_on(std::move(checked));
        }
        for (SectionDraft &draft : drafts_) {
            draft.section.origins = std::move(draft.origins);
            settings_.sections.push_back(std::move(draft.section));
        }
        return std::move(settings_);
    }

  private:
    Result<void> add(const Entry &entry) {
        auto draft = draft_of(entry);
        if (!draft) return pass_on(std::move(draft));
        if (entry.key.empty()) return {};

        const Option *option = find_option(entry.key);
        if (option == nullptr) return unknown_key(entry);
        if (option->scope() != Scope::section && entry.section != "oauth") {
            return fail(Reason::CONFIG_UNKNOWN_KEY,
                        fmt::format("{}{}: is for the whole backend and stands in [oauth] only", entry.where,
                                    option->name));
        }
        if (auto applied = apply(*option, entry, (*draft)->section, settings_); !applied) return applied;
        if (option->scope() == Scope::section) (*draft)->origins[option->name] = entry.where;
        if (option->scope() == Scope::backend) settings_.origins[option->name] = entry.where;
        return {};
    }

    Result<SectionDraft *> draft_of(const Entry &entry) {
        const std::string name =
            entry.section == "oauth" ? "oauth" : entry.section.substr(entry.section.find('.') + 1);
        for (SectionDraft &draft : drafts_) {
            if (draft.section.name == name) return &draft;
        }
        if (drafts_.size() == max_sections) {
            return fail(Reason::CONFIG_INVALID_VALUE,
                        fmt::format("{}more than {} issuers", entry.where, max_sections));
        }
        SectionDraft &draft = drafts_.emplace_back();
        draft.section.name = name;
        draft.where = entry.where;
        return &draft;
    }

    Settings settings_;
    std::vector<SectionDraft> drafts_;
};

}  // namespace

Result<Settings> load(std::span<const std::string> files, std::string_view json, const std::string &pod_folder,
                      bool for_root) {
    const std::string fallback(default_path);
    if (files.empty() && json.empty()) files = {&fallback, 1};

    Builder builder;
    std::vector<std::string> notes;
    std::vector<std::string> *root_notes = for_root ? &notes : nullptr;
    for (const std::string &file : files) {
        const auto content = read_trusted_file(file, max_config_bytes, Links::follow, root_notes);
        if (!content) return tl::unexpected<Failure>(content.error());
        const auto entries = parse_ini(*content, file);
        if (!entries) return tl::unexpected<Failure>(entries.error());
        if (auto added = builder.add(*entries); !added) return pass_on(std::move(added));
    }
    if (!json.empty()) {
        const auto entries = parse_json(json);
        if (!entries) return tl::unexpected<Failure>(entries.error());
        if (auto added = builder.add(*entries); !added) return pass_on(std::move(added));
    }
    auto settings = std::move(builder).finish(pod_folder, root_notes);
    if (settings) settings->notes = std::move(notes);
    return settings;
}

}  // namespace tokenward::config
