// A host that exports its own OpenSSL functions, as Node.js does. Our calls would go to them.
//
// capturing_host MODULE plain|deepbind|major4. Only a build with OWN_OPENSSL exports them.
#include <cstdio>
#include <cstring>
#include <string>

#include <dlfcn.h>

#ifdef OWN_OPENSSL
namespace {
unsigned long version = 0x30000000UL;
}
extern "C" __attribute__((visibility("default"))) unsigned long OpenSSL_version_num() {
    return version;
}
/// The worst that could happen: it finds every signature good.
extern "C" __attribute__((visibility("default"))) int EVP_PKEY_verify() {
    return 1;
}
#endif

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const std::string mode = argv[2];
    const int deep = mode == "deepbind" ? RTLD_DEEPBIND : 0;
#ifdef OWN_OPENSSL
    if (mode == "major4") version = 0x40000000UL;
    const std::string expected = mode == "deepbind" ? ""
                                 : mode == "major4" ? "CRYPTO_CAPTURED: built for OpenSSL 3, bound to "
                                                    : "CRYPTO_CAPTURED: OpenSSL_version_num is bound to ";
#else
    const std::string expected;
#endif
    void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | deep);
    if (module == nullptr) {
        std::printf("the module can't be loaded\n");
        return 2;
    }
    const auto probe = reinterpret_cast<void (*)(char *, std::size_t)>(dlsym(module, "probe_capture"));
    if (probe == nullptr) return 2;
    char text[1024];
    probe(text, sizeof text);
    std::printf("%s: \"%s\"\n", mode.c_str(), text);
    const bool as_expected =
        expected.empty() ? text[0] == '\0' : std::strncmp(text, expected.c_str(), expected.size()) == 0;
    dlclose(module);
    return as_expected ? 0 : 1;
}
