#include "base/secure_file.hpp"

#include "base/descriptor.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

namespace tokenward {
namespace {

/// Paths are shown in full where they aren't absurd: an operator must find the file.
constexpr std::size_t max_path_shown = 255;

class Descriptor {
  public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const noexcept { return fd_; }

  private:
    int fd_;
};

std::string error_text(int error) {
    return std::generic_category().message(error);
}

auto unreadable(const std::string &path, const std::string &what) {
    return fail(Reason::CONFIG_UNREADABLE, fmt::format("{}: {}", quote(path, max_path_shown), what));
}

/// What is to be read of a descriptor, or why not.
tl::expected<std::string, std::string> read_all(int fd, std::size_t max_bytes) {
    std::string content;
    char chunk[16384];
    for (;;) {
        const ssize_t count = ::read(fd, chunk, sizeof chunk);
        if (count < 0) {
            if (errno == EINTR) continue;
            return tl::unexpected(error_text(errno));
        }
        if (count == 0) return content;
        content.append(chunk, static_cast<std::size_t>(count));
        if (content.size() > max_bytes)
            return tl::unexpected(fmt::format("is larger than {} bytes", max_bytes));
    }
}

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '_' || c == '-' ||
               c == '.';
    });
}

/// As /etc/passwd has it, else empty. No name service is asked: it may hang.
std::string name_of(uid_t user) {
    constexpr std::size_t largest_user_list = std::size_t{1} << 20;
    const Descriptor file(above_standard(::open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)));
    if (file.get() < 0) return {};
    const auto users = read_all(file.get(), largest_user_list);
    if (!users) return {};
    const std::string wanted = std::to_string(user);
    std::string_view rest = *users;
    while (!rest.empty()) {  // NAME:PASSWORD:UID:...
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const std::size_t name_end = std::min(line.find(':'), line.size());
        const std::size_t uid_begin = line.find(':', name_end + 1);
        if (uid_begin == std::string_view::npos) continue;
        if (line.substr(uid_begin + 1, line.find(':', uid_begin + 1) - uid_begin - 1) != wanted) continue;
        const std::string_view name = line.substr(0, name_end);
        return is_plain_name(name) ? std::string(name) : std::string();
    }
    return {};
}

/// "user mosquitto (uid 113)", or "user 113".
std::string describe_user(uid_t user) {
    const std::string name = name_of(user);
    return name.empty() ? fmt::format("user {}", user) : fmt::format("user {} (uid {})", name, user);
}

std::string name_or_number(uid_t user) {
    const std::string name = name_of(user);
    return name.empty() ? std::to_string(user) : name;
}

/// What the system says; of a missing permission also who hasn't it.
std::string why_not(int error) {
    if (error != EACCES) return error_text(error);
    return fmt::format("{} for {}", error_text(error), describe_user(::geteuid()));
}

auto not_opened(const std::string &path, int error) {
    Reason reason = Reason::CONFIG_UNREADABLE;
    if (error == EMFILE || error == ENFILE) reason = Reason::RESOURCE_LIMIT;
    if (error == ENOMEM) reason = Reason::OUT_OF_MEMORY;
    std::string hint;
    if (error == EACCES)
        hint = fmt::format("let {} read the file, and enter the folders that it is in",
                           describe_user(::geteuid()));
    return fail(reason, fmt::format("{}: {}", quote(path, max_path_shown), why_not(error)), std::move(hint));
}

auto insecure(const std::string &path, const std::string &what, const std::string &hint) {
    return fail(Reason::CONFIG_INSECURE_FILE, fmt::format("{}: {}", quote(path, max_path_shown), what), hint);
}

auto of_another_user(const std::string &path, uid_t owner, uid_t self) {
    if (self != 0) {
        return insecure(path,
                        fmt::format("belongs to {}, neither to root nor to {}, who reads it",
                                    describe_user(owner), describe_user(self)),
                        command_with("chown " + name_or_number(self) + " FILE", path));
    }
    // The broker's user is to keep its file where root runs the command line tool.
    return insecure(path, fmt::format("belongs to {}, and root reads it", describe_user(owner)),
                    command_with("run this as that user: runuser -u " + name_or_number(owner) +
                                     "; if root is right: chown root FILE",
                                 path));
}

/// Only root's own groups count: others may well be the broker's.
bool only_root_may_read(const struct stat &status) {
    const bool group_may = (status.st_mode & S_IRGRP) != 0 && status.st_gid != 0;
    return status.st_uid == 0 && !group_may && (status.st_mode & S_IROTH) == 0;
}

std::string describe_group(gid_t id) {
    std::array<char, 4096> buffer{};
    struct group entry {};
    struct group *found = nullptr;
    if (::getgrgid_r(id, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::to_string(id);
    return entry.gr_name;
}

void note_for_root(const std::string &path, const struct stat &status, std::vector<std::string> &notes) {
    const std::string file = quote(path, max_path_shown);
    if (status.st_uid != 0) {
        notes.push_back(fmt::format("{} belongs to {}: good if the broker runs as that user", file,
                                    describe_user(status.st_uid)));
    } else if (only_root_may_read(status)) {
        notes.push_back(
            fmt::format("{} has mode {:04o}, and root alone may read it: good if the broker runs as root", file,
                        status.st_mode & 07777U));
    } else if ((status.st_mode & S_IROTH) == 0) {
        notes.push_back(fmt::format(
            "{} has mode {:04o}, and beside root its group alone may read it, {}: good if the broker's "
            "user is in that group",
            file, status.st_mode & 07777U, describe_group(status.st_gid)));
    }
}

}  // namespace

Result<std::string> read_trusted_file(const std::string &path, std::size_t max_bytes, Links links,
                                      std::vector<std::string> *root_notes) {
    if (path.find('\0') != std::string::npos) return unreadable(path, "a path can't hold a NUL byte");
    // O_NONBLOCK: opening a FIFO without a writer would hang; it is refused below, as no regular file.
    const int no_link = links == Links::refuse ? O_NOFOLLOW : 0;
    const Descriptor file(
        above_standard(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | no_link)));
    if (file.get() < 0 && errno == ELOOP && no_link != 0) return unreadable(path, "is a symbolic link");
    if (file.get() < 0) return not_opened(path, errno);

    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return unreadable(path, error_text(errno));
    if (S_ISDIR(status.st_mode)) return unreadable(path, "is a directory");
    if (!S_ISREG(status.st_mode)) return unreadable(path, "isn't a regular file");
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return insecure(path,
                        fmt::format("has mode {:04o}: {} may write it", status.st_mode & 07777U,
                                    (status.st_mode & S_IWOTH) != 0 ? "others" : "its group"),
                        command_with("chmod go-w FILE", path));
    }
    const uid_t self = ::geteuid();
    const bool for_another = root_notes != nullptr && self == 0;
    if (status.st_uid != 0 && status.st_uid != self && !for_another)
        return of_another_user(path, status.st_uid, self);

    auto content = read_all(file.get(), max_bytes);
    if (!content) return unreadable(path, content.error());
    if (for_another) note_for_root(path, status, *root_notes);
    return *std::move(content);
}

std::string folder_problem(const std::string &path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return "is a directory";
    const std::string folder = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    const std::string shown = quote(folder, max_path_shown);
    if (::stat(folder.c_str(), &status) != 0) return fmt::format("its folder {}: {}", shown, why_not(errno));
    if (!S_ISDIR(status.st_mode)) return fmt::format("{} is no folder", shown);
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        return fmt::format("its folder {}: {}", shown, why_not(errno));
    return {};
}

}  // namespace tokenward
