/* Compiled with -std=c99 -Wpedantic -Werror: the header alone must be clean C. */
#include "tokenward.h"

int main(void) {
    return TOKENWARD_OK;
}
