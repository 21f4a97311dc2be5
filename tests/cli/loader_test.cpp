// The two loaders of hosts: tokenward.hpp, and plugin/common/library.h for hosts in C.
#include "library.h"
#include "tokenward.hpp"

#include <cstdlib>
#include <string>

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace tokenward::host {
namespace {

std::string path_of(const char *variable) {
    const char *path = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return path == nullptr ? std::string("run me with meson test: no ") + variable : path;
}

bool is_loaded(const std::string &path) {
    void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (handle != nullptr) dlclose(handle);
    return handle != nullptr;
}

TEST(Loaders, SayTheSameAboutALibraryThatDoesNotFit) {
    struct Row {
        std::string path;
        const char *part_of_message;
    };
    const Row rows[] = {
        {"/nowhere/libtokenward.so.1", "can't load /nowhere/libtokenward.so.1: "},
        {path_of("TOKENWARD_STUB_OTHER"), " isn't libtokenward: it lacks tokenward_abi_version"},
        {path_of("TOKENWARD_STUB_MAJOR"), " has interface version 2.0, this program needs 1.0"},
        {path_of("TOKENWARD_STUB_PARTIAL"), " lacks the function tokenward_create"},
    };
    for (const Row &row : rows) {
        Library library;
        const std::string said = library.open(row.path);
        EXPECT_NE(said.find(row.part_of_message), std::string::npos) << said;
        EXPECT_FALSE(library) << row.path;
        loaded_library table{};
        char error[1024] = "";
        EXPECT_EQ(load_library(&table, row.path.c_str(), error, sizeof error), 0) << row.path;
        EXPECT_EQ(table.handle, nullptr) << row.path;
        EXPECT_EQ(error, said);
        EXPECT_FALSE(is_loaded(row.path)) << row.path;
    }
}

TEST(Loaders, FindTheSameFunctions) {
    const std::string path = path_of("TOKENWARD_LIBRARY");
    Library library;
    ASSERT_EQ(library.open(path), "");
    loaded_library table{};
    char error[1024] = "";
    ASSERT_EQ(load_library(&table, path.c_str(), error, sizeof error), 1) << error;
#define EXPECT_SAME(name) EXPECT_EQ(library->name, table.name);
    TOKENWARD_FUNCTIONS_1_0(EXPECT_SAME)
#undef EXPECT_SAME
    EXPECT_EQ(library->abi_version(), TOKENWARD_ABI_VERSION);
    unload_library(&table);
}

TEST(Loaders, ALibraryThatFailsToOpenGivesUpTheOneBefore) {
    Library library;
    ASSERT_EQ(library.open(path_of("TOKENWARD_LIBRARY")), "");
    EXPECT_NE(library.open("/nowhere.so"), "");
    EXPECT_FALSE(library);
}

TEST(Loaders, TheLibraryStaysWhileABackendNeedsIt) {
    const std::string path = path_of("TOKENWARD_LIBRARY");
    {
        Backend backend;
        {
            Library library;
            ASSERT_EQ(library.open(path), "");
            tokenward_options options = TOKENWARD_OPTIONS_INIT;
            options.config_json = borrow(R"({"issuer":"https://127.0.0.1:1/","audience":"broker"})");
            options.log_mode = TOKENWARD_LOG_TO_QUEUE;
            Error error;
            ASSERT_EQ(backend.create(library, &options, error), TOKENWARD_OK) << error.message;
        }
        std::string status;
        Error error;
        EXPECT_EQ(backend.status(status, error), TOKENWARD_OK) << error.message;
        EXPECT_NE(status.find("https://127.0.0.1:1/"), std::string::npos) << status;
        EXPECT_GE(backend.log_fd(), 0);
        EXPECT_TRUE(is_loaded(path));
    }
    EXPECT_FALSE(is_loaded(path));
}

}  // namespace
}  // namespace tokenward::host
