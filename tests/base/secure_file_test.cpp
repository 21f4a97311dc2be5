// Which files may decide who gets in.
#include "base/secure_file.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward {
namespace {

class SecureFile : public ::testing::Test {
  protected:
    SecureFile() {
        std::string name = ::testing::TempDir() + "secure-file-XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~SecureFile() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string &name, const std::string &content, mode_t mode) const {
        std::string path = folder_ + "/" + name;
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    static Reason reason_of(const Result<std::string> &result) {
        return result ? Reason::NONE : result.error().reason;
    }

    std::string folder_;
};

TEST_F(SecureFile, ModeDecides) {
    struct Row {
        mode_t mode;
        Reason reason;
    };
    const Row rows[] = {
        {0644, Reason::NONE},
        {0600, Reason::NONE},
        {0640, Reason::NONE},
        {0755, Reason::NONE},
        {0664, Reason::CONFIG_INSECURE_FILE},
        {0646, Reason::CONFIG_INSECURE_FILE},
        {0666, Reason::CONFIG_INSECURE_FILE},
        {0620, Reason::CONFIG_INSECURE_FILE},
    };
    for (const Row &row : rows) {
        const auto content = read_trusted_file(write("file", "content", row.mode), 100);
        EXPECT_EQ(reason_of(content), row.reason) << std::oct << row.mode;
        if (content) {
            EXPECT_EQ(*content, "content");
        }
    }
}

TEST_F(SecureFile, AHintFitsTheFault) {
    const std::string path = write("file", "content", 0000);
    const auto missing = read_trusted_file(folder_ + "/none", 100);
    ASSERT_FALSE(missing);
    EXPECT_EQ(hint_of(missing.error()), "") << "the line says it all";
    const bool is_root = ::geteuid() == 0;
    if (is_root) {
        ASSERT_EQ(::seteuid(65534), 0);
    }
    const auto denied = read_trusted_file(path, 100);
    const std::string user = std::to_string(::geteuid());
    if (is_root) {
        ASSERT_EQ(::seteuid(0), 0);
    }
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().reason, Reason::CONFIG_UNREADABLE);
    EXPECT_NE(denied.error().detail.find(": Permission denied for user "), std::string::npos)
        << denied.error().detail;
    EXPECT_NE(hint_of(denied.error()).find("(uid " + user + ") read the file, and enter the folders"),
              std::string_view::npos)
        << hint_of(denied.error());
}

TEST_F(SecureFile, SomebodyElsesFile) {
    const std::string path = write("file", "content", 0644);
    if (::geteuid() != 0) {
        // Without root a file can't be given away; one of root's is trusted all the same.
        EXPECT_EQ(reason_of(read_trusted_file("/etc/passwd", 1 << 20)), Reason::NONE);
        return;
    }
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    const auto content = read_trusted_file(path, 100);
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().reason, Reason::CONFIG_INSECURE_FILE);
    EXPECT_NE(content.error().detail.find("belongs to user nobody (uid 65534)"), std::string::npos)
        << content.error().detail;
    EXPECT_EQ(content.error().hint,
              "run this as that user: runuser -u nobody; if root is right: chown root " + path);
    // An unknown user has a number only.
    ASSERT_EQ(::chown(path.c_str(), 4'000'000'000, 0), 0);
    EXPECT_NE(read_trusted_file(path, 100).error().detail.find("belongs to user 4000000000, and root"),
              std::string::npos);
}

TEST_F(SecureFile, RootMayReadForAnotherUserAndIsToldSo) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    struct Row {
        mode_t mode;
        uid_t user;
        gid_t group;
        std::string_view note;  ///< empty: none
    };
    const Row rows[] = {
        {0600, 65534, 0, "belongs to user nobody (uid 65534): good if the broker runs as that user"},
        {0644, 65534, 0, "belongs to user nobody (uid 65534)"},
        {0600, 0, 0, "has mode 0600, and root alone may read it: good if the broker runs as root"},
        {0640, 0, 0, "has mode 0640, and root alone may read it"},
        {0640, 0, 65534, "has mode 0640, and beside root its group alone may read it, nogroup"},
        {0604, 0, 0, ""},
        {0644, 0, 0, ""},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(std::to_string(row.mode) + " " + std::to_string(row.user));
        const std::string path = write("file", "content", row.mode);
        ASSERT_EQ(::chown(path.c_str(), row.user, row.group), 0);
        std::vector<std::string> notes;
        EXPECT_EQ(read_trusted_file(path, 100, Links::follow, &notes).value_or(""), "content");
        ASSERT_EQ(notes.size(), row.note.empty() ? 0U : 1U);
        if (row.note.empty()) continue;
        EXPECT_EQ(notes[0].find("\"" + path + "\" " + std::string(row.note)), 0U) << notes[0];
    }
    // Whoever may write it decides who gets in.
    std::vector<std::string> notes;
    const auto writable = read_trusted_file(write("file", "content", 0666), 100, Links::follow, &notes);
    ASSERT_FALSE(writable);
    EXPECT_EQ(writable.error().reason, Reason::CONFIG_INSECURE_FILE);
    EXPECT_TRUE(notes.empty());
}

TEST_F(SecureFile, WhoeverElseMayWriteIsNamedWithTheCommandThatEndsIt) {
    const std::string path = write("file", "content", 0666);
    Failure failure = read_trusted_file(path, 100).error();
    EXPECT_EQ(failure.detail, "\"" + path + "\": has mode 0666: others may write it");
    EXPECT_EQ(failure.hint, "chmod go-w " + path);
    failure = read_trusted_file(write("file", "content", 0660), 100).error();
    EXPECT_EQ(failure.detail, "\"" + path + "\": has mode 0660: its group may write it");
    // No command that a shell would read in another way.
    EXPECT_EQ(read_trusted_file(write("a $(b)", "content", 0666), 100).error().hint, "");
}

TEST_F(SecureFile, WhereNoFileCanBeWritten) {
    EXPECT_EQ(folder_problem(folder_ + "/new"), "");
    EXPECT_EQ(folder_problem(write("there", "x", 0600)), "");
    EXPECT_EQ(folder_problem(folder_), "is a directory");
    EXPECT_EQ(folder_problem(folder_ + "/none/new"),
              "its folder \"" + folder_ + "/none\": No such file or directory");
    EXPECT_EQ(folder_problem(folder_ + "/there/new"), "\"" + folder_ + "/there\" is no folder");
}

TEST_F(SecureFile, LinksAreFollowed) {
    const std::string good = write("good", "content", 0644);
    const std::string bad = write("bad", "content", 0666);
    std::filesystem::create_symlink(good, folder_ + "/to-good");
    std::filesystem::create_symlink(bad, folder_ + "/to-bad");
    std::filesystem::create_symlink(folder_ + "/nowhere", folder_ + "/dangling");
    EXPECT_EQ(reason_of(read_trusted_file(folder_ + "/to-good", 100)), Reason::NONE);
    EXPECT_EQ(reason_of(read_trusted_file(folder_ + "/to-bad", 100)), Reason::CONFIG_INSECURE_FILE);
    EXPECT_EQ(reason_of(read_trusted_file(folder_ + "/dangling", 100)), Reason::CONFIG_UNREADABLE);
}

TEST_F(SecureFile, OnlyRegularFiles) {
    const std::string fifo = folder_ + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    for (const std::string &path : {fifo, folder_, std::string("/dev/zero"), std::string("")}) {
        EXPECT_EQ(reason_of(read_trusted_file(path, 100)), Reason::CONFIG_UNREADABLE) << path;
    }
    EXPECT_EQ(reason_of(read_trusted_file(write("a", "x", 0600) + std::string("\0b", 2), 100)),
              Reason::CONFIG_UNREADABLE);
}

TEST_F(SecureFile, SizeIsBounded) {
    EXPECT_EQ(reason_of(read_trusted_file(write("fits", std::string(40000, 'x'), 0600), 40000)), Reason::NONE);
    const auto too_large = read_trusted_file(write("large", std::string(40001, 'x'), 0600), 40000);
    ASSERT_FALSE(too_large);
    EXPECT_EQ(too_large.error().reason, Reason::CONFIG_UNREADABLE);
    EXPECT_NE(too_large.error().detail.find("larger than 40000 bytes"), std::string::npos);
    EXPECT_EQ(read_trusted_file(write("empty", "", 0600), 40000).value_or("x"), "");
}

TEST_F(SecureFile, MissingFileIsNamed) {
    const auto missing = read_trusted_file(folder_ + "/no\nsuch", 100);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().detail.find("no\\nsuch\": No such file"), std::string::npos)
        << missing.error().detail;
}

}  // namespace
}  // namespace tokenward
