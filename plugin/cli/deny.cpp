// tokenward deny, tokenward allow: edit denied_file.
#include "commands.hpp"
#include "denied_lines.hpp"
#include "json.hpp"
#include "json_writer.hpp"
#include "output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace tokenward::cli {
namespace {

constexpr const char *how_to_reload =
    "It holds once each broker whose configuration names this file has read it again:\n"
    "  Mosquitto  systemctl reload mosquitto\n"
    "  RabbitMQ   rabbitmqctl eval 'tokenward:reload().'    on each node\n"
    "  LavinMQ    systemctl reload lavinmq";

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) (void)::close(fd_);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  private:
    int fd_;
};

ExitCode failed(const std::string &what, const std::string &hint = {}) {
    (void)std::fprintf(stderr, "tokenward: %s\n", for_terminal(what).c_str());
    if (!hint.empty()) (void)std::fprintf(stderr, "  hint: %s\n", for_terminal(hint).c_str());
    return exit_usage;
}

std::string system_error(const std::string &what, const std::string &path) {
    return what + " " + path + ": " + std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): one thread
}

/// The file, replaced as a whole: a broker that reads meanwhile sees the old one or the new one.
class DeniedFile {
  public:
    /// On false, problem() says why. A file that isn't there is empty.
    bool open(const std::string &path) {
        const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), std::free);
        path_ = real ? real.get() : path;
        const std::size_t slash = path_.rfind('/');
        folder_ = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
        folder_fd_ = std::make_unique<Descriptor>(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!folder_fd_->is_open()) return fail("can't open the folder", folder_);
        if (!lock()) return false;
        const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
        if (!file.is_open()) return errno == ENOENT || fail("can't open", path_);
        if (::fstat(file.get(), &status_) != 0) return fail("can't look at", path_);
        if (!S_ISREG(status_.st_mode)) {
            problem_ = path_ + " isn't a regular file";
            return false;
        }
        // The new file would be without it: closed to the broker, or open to a group.
        if (::fgetxattr(file.get(), "system.posix_acl_access", nullptr, 0) > 0) {
            problem_ =
                path_ + " has an access list (setfacl): edit it by hand, or take the list away with setfacl -b";
            return false;
        }
        exists_ = true;
        char buffer[65536];
        ssize_t got = 0;
        while ((got = ::read(file.get(), buffer, sizeof buffer)) > 0)
            content_.append(buffer, static_cast<std::size_t>(got));
        if (got < 0) return fail("can't read", path_);
        if (content_.empty() || content_.ends_with('\n')) return true;
        problem_ =
            path_ +
            ": the last line has no end: it may be half written. End it with a line break, if it is whole";
        return false;
    }

    bool replace(const std::string &content) {
        std::string name = path_ + ".XXXXXX";
        const Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
        if (!file.is_open()) return fail("can't write into the folder", folder_);
        const bool written = write_all(file.get(), content) && keep_owner(file.get()) &&
                             ::fsync(file.get()) == 0 && ::rename(name.c_str(), path_.c_str()) == 0;
        if (!written) {
            const bool ignored = fail("can't replace", path_);
            (void)::unlink(name.c_str());
            return ignored;
        }
        (void)::fsync(folder_fd_->get());
        return true;
    }

    [[nodiscard]] const std::string &path() const { return path_; }
    [[nodiscard]] const std::string &content() const { return content_; }
    [[nodiscard]] const std::string &problem() const { return problem_; }

  private:
    /// Two at a time would lose a line. Whoever may read the folder can hold the lock, so the wait has an end.
    bool lock() {
        for (int tries = 0; ::flock(folder_fd_->get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
            if (errno != EWOULDBLOCK) return fail("can't lock the folder", folder_);
            if (tries == 50) {
                problem_ = "somebody has locked " + folder_ + " for 5 s (flock): see who with fuser " + folder_;
                return false;
            }
            ::usleep(100'000);
        }
        return true;
    }
    bool fail(const char *what, const std::string &path) {
        problem_ = system_error(what, path);
        return false;
    }
    static bool write_all(int fd, std::string_view rest) {
        while (!rest.empty()) {
            const ssize_t done = ::write(fd, rest.data(), rest.size());
            if (done < 0 && errno != EINTR) return false;
            if (done > 0) rest.remove_prefix(static_cast<std::size_t>(done));
        }
        return true;
    }
    /// The broker's user must be able to read it.
    bool keep_owner(int fd) const {
        if (!exists_) return ::fchmod(fd, 0644) == 0;
        struct stat now {};
        if (::fstat(fd, &now) != 0) return false;
        const bool same = now.st_uid == status_.st_uid && now.st_gid == status_.st_gid;
        if (!same && ::fchown(fd, status_.st_uid, status_.st_gid) != 0) return false;
        return ::fchmod(fd, status_.st_mode & 07777U) == 0;
    }

    std::string path_;
    std::string folder_;
    std::unique_ptr<Descriptor> folder_fd_;
    struct stat status_ {};
    bool exists_ = false;
    std::string content_;
    std::string problem_;
};

/// "[oauth]" or "[oauth.NAME]"; empty: above any header.
std::string header_of(const std::string &section) {
    if (section.empty()) return {};
    return section == "oauth" ? "[oauth]" : "[oauth." + section + "]";
}

bool is_section(const std::string &name) {
    return name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-';
           });
}

/// denied_file of the configuration, which must have the section. Nothing: standard error says why.
std::optional<std::string> configured_file(const CommonOptions &common, const std::string &section) {
    Host host(common);
    if (!host.load()) return std::nullopt;
    std::string text;
    if (!host.check_config(text)) {
        report(host, common, host.error(), exit_usage);
        (void)std::fprintf(
            stderr,
            "  if it is a line of denied_file: tokenward deny or allow --file FILE edits it all the same\n");
        return std::nullopt;
    }
    const auto document = parse_object(text);
    std::string file(document ? string_of(member(member(*document, "oauth"), "denied_file"))
                              : std::string_view());
    if (file.empty()) {
        (void)failed("the configuration has no denied_file",
                     "set denied_file = /etc/tokenward/denied, or name the file with --file (RabbitMQ: "
                     "tokenward.denied_file)");
        return std::nullopt;
    }
    const std::string name = section.empty() || section == "oauth" ? "oauth" : "oauth." + section;
    if (!member(*document, name.c_str()).IsObject()) {
        (void)failed("the configuration has no section " + header_of(section));
        return std::nullopt;
    }
    return file;
}

ExitCode edit(const CommonOptions &common, const DenyOptions &options, bool denies) {
    // What was issued in this second was issued before it ends.
    const auto read = read_denial(options.words, rfc3339(std::time(nullptr) + 1));
    if (const auto *problem = std::get_if<std::string>(&read)) {
        return failed((denies ? "deny " : "allow ") + *problem);
    }
    const auto &denial = std::get<Denial>(read);
    if (!is_section(options.section)) return failed("--section takes a name of 1 to 64 of A-Z a-z 0-9 _ -");
    std::optional<std::string> path = options.file;
    if (path->empty()) path = configured_file(common, options.section);
    if (!path) return exit_usage;
    DeniedFile file;
    if (!file.open(*path)) return failed(file.problem());
    const std::string section = header_of(options.section);
    const auto changed =
        denies ? with_line(file.content(), section, denial) : without_line(file.content(), section, denial);
    if (changed && !file.replace(*changed)) return failed(file.problem());
    if (common.json) {
        say(JsonWriter()
                .text("file", file.path())
                .text("line", line_of(denial))
                .boolean("changed", changed.has_value())
                .finish());
        return changed || denies ? exit_yes : exit_no;
    }
    const std::string what = for_terminal(line_of(denial)) + " (" + for_terminal(file.path()) +
                             (section.empty() ? "" : ", " + section) + ")";
    if (!changed) {
        say((denies ? "stands there already: " : "no such line: ") + what);
        return denies ? exit_yes : exit_no;
    }
    say((denies ? "denied: " : "no longer denied: ") + what);
    say(how_to_reload);
    return exit_yes;
}

}  // namespace

ExitCode deny(const CommonOptions &common, const DenyOptions &options) {
    return edit(common, options, true);
}

ExitCode allow(const CommonOptions &common, const DenyOptions &options) {
    return edit(common, options, false);
}

}  // namespace tokenward::cli
