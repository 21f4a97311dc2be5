/* Today's header keeps the layout of 1.0: every member where it was, every constant as it was. Compiled with
 * -Wpadded -Werror: a new field would else begin in the garbage of an old host. */
#include "tokenward.h"

#define ASSERT_NAMED(name, condition) typedef char name[(condition) ? 1 : -1]
#define ASSERT_LINE_2(line, condition) ASSERT_NAMED(assertion_##line, condition)
#define ASSERT_LINE(line, condition) ASSERT_LINE_2(line, condition)

#define TOKENWARD_MEMBER(type, member, offset, size) \
    ASSERT_LINE(__LINE__, offsetof(type, member) == (offset) && sizeof(((type *)0)->member) == (size));
#define TOKENWARD_STRUCT(type, size) ASSERT_LINE(__LINE__, sizeof(type) >= (size));
#define TOKENWARD_CONSTANT(name, value) ASSERT_LINE(__LINE__, name == (value));
#include "layout.def"
#undef TOKENWARD_MEMBER
#undef TOKENWARD_STRUCT
#undef TOKENWARD_CONSTANT

ASSERT_NAMED(options_1_0, TOKENWARD_OPTIONS_SIZE_1_0 == 72);
ASSERT_NAMED(credentials_1_0, TOKENWARD_CREDENTIALS_SIZE_1_0 == 64);
ASSERT_NAMED(context_1_0, TOKENWARD_CONTEXT_SIZE_1_0 == 112);
ASSERT_NAMED(request_1_0, TOKENWARD_REQUEST_SIZE_1_0 == 64);
ASSERT_NAMED(error_1_0, TOKENWARD_ERROR_SIZE_1_0 == 1040);
/* tokenward_string stands in arrays: it never grows. */
ASSERT_NAMED(string_never_grows, sizeof(tokenward_string) == 16);

int main(void) {
    return 0;
}
