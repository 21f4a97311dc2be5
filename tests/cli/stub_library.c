/* Libraries that the loader must turn down. */
#include "tokenward.h"

#if defined(STUB_MAJOR)
uint32_t tokenward_abi_version(void) {
    return 0x00020000u;
}
#elif defined(STUB_PARTIAL)
uint32_t tokenward_abi_version(void) {
    return TOKENWARD_ABI_VERSION;
}
#else
const char *tokenward_version(void) {
    return "1.0.0";
}
#endif
