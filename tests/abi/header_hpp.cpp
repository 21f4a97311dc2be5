// Compiled as C++17 with -Wpedantic -Werror, the whole header and every template in it.
#include "tokenward.hpp"

int main() {
    return 0;
}
