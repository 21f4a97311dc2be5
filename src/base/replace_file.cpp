#include "base/replace_file.hpp"

#include "base/descriptor.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward {
namespace {

/// Removes the temporary file unless it became the real one.
class Temporary {
  public:
    explicit Temporary(const std::string &path) : name_(path.begin(), path.end()) {
        constexpr std::string_view suffix = ".XXXXXX";
        name_.insert(name_.end(), suffix.begin(), suffix.end());
        name_.push_back('\0');
        const int opened = ::mkostemp(name_.data(), O_CLOEXEC);  // 0600
        fd_ = above_standard(opened);
        if (opened >= 0 && fd_ < 0) ::unlink(name_.data());
    }
    ~Temporary() {
        if (fd_ < 0) return;
        ::close(fd_);
        if (!kept_) ::unlink(name_.data());
    }
    Temporary(const Temporary &) = delete;
    Temporary &operator=(const Temporary &) = delete;

    int fd() const noexcept { return fd_; }
    bool rename_to(const std::string &path) noexcept {
        kept_ = ::rename(name_.data(), path.c_str()) == 0;
        return kept_;
    }

  private:
    std::vector<char> name_;
    int fd_ = -1;
    bool kept_ = false;
};

bool write_all(int fd, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

/// The rename itself must survive a power cut too. Not every file system can; the file is whole anyway.
void sync_folder(const std::string &path) {
    const std::size_t slash = path.find_last_of('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    const int opened = above_standard(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened < 0) return;
    ::fsync(opened);
    ::close(opened);
}

std::string because(const char *what) {
    return what + std::error_code(errno, std::generic_category()).message();
}

}  // namespace

std::string replace_file(const std::string &path, std::string_view text, unsigned mode) {
    Temporary temporary(path);
    if (temporary.fd() < 0) return because("no temporary file beside it: ");
    if (!write_all(temporary.fd(), text) || ::fchmod(temporary.fd(), mode) != 0 ||
        ::fsync(temporary.fd()) != 0) {
        return because("it can't be written: ");
    }
    if (!temporary.rename_to(path)) return because("it can't be replaced: ");
    sync_folder(path);
    return {};
}

}  // namespace tokenward
