// Configuration files for one test.
#pragma once

#include "config/load.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace tokenward::config {

/// A new folder. It is removed with the object.
class ConfigFolder {
  public:
    ConfigFolder() {
        std::string name = ::testing::TempDir() + "config-XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~ConfigFolder() { std::filesystem::remove_all(folder_); }
    ConfigFolder(const ConfigFolder &) = delete;
    ConfigFolder &operator=(const ConfigFolder &) = delete;

    std::string path(const std::string &name) const { return folder_ + "/" + name; }

    std::string write(const std::string &name, std::string_view content) const {
        std::string file = path(name);
        std::ofstream(file, std::ios::binary) << content;
        EXPECT_EQ(::chmod(file.c_str(), 0644), 0);
        return file;
    }

  private:
    std::string folder_;
};

class ConfigTest : public ::testing::Test {
  protected:
    std::string path(const std::string &name) const { return folder_.path(name); }
    std::string write(const std::string &name, std::string_view content) const {
        return folder_.write(name, content);
    }
    Result<Settings> load_ini(std::string_view content, std::string_view json = {}) const {
        const std::vector<std::string> files{write("tokenward.ini", content)};
        return load(files, json);
    }

    ConfigFolder folder_;
};

/// The smallest good configuration. More options may follow.
inline constexpr std::string_view minimal =
    "[oauth]\nissuer = https://id.example.com\nresource_server_id = broker\n";

}  // namespace tokenward::config
