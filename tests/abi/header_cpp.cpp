// Compiled with -Wpedantic -Werror: the header alone must be clean C++ too.
#include "tokenward.h"

int main() {
    return TOKENWARD_OK;
}
