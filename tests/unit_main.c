// SPDX-License-Identifier: Apache-2.0
// Runs every TEST() of the room it is linked with (base/test.h), as TAP.
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/test.h"

#include <stdlib.h>

extern const struct CMUnitTest __start_unit_tests[], __stop_unit_tests[];

int main(int argc, char **argv)
{
    if (crypto_init() != 0)
        return 1;
    log_setup(LOG_ERROR, false);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    size_t n = (size_t)(__stop_unit_tests - __start_unit_tests);
    // cmocka wants the array itself; its macro derives the name from the identifier.
    struct CMUnitTest *tests = mem_calloc(n, sizeof *tests);
    for (size_t i = 0; i < n; i++)
        tests[i] = __start_unit_tests[i];
    int failed = _cmocka_run_group_tests("unit", tests, n, NULL, NULL);
    free(tests);
    return failed == 0 ? 0 : 1;
}
