// SPDX-License-Identifier: Apache-2.0
// JSON as it comes from clients and models. What parses is valid and bounded, and what is written again parses to the
// same text: writing is stable.
#include "fuzz.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 64 << 10)
        return 0;
    struct arena *arena = arena_new(0);
    yyjson_val *root = NULL;
    size_t offset = 0;
    if (json_parse(arena, (struct str){(const char *)data, size}, 0, &root, &offset) == 0) {
        struct str once = json_write_val(arena, root), twice = STR_NULL;
        if (!utf8_valid(once) || json_parse(arena, once, 0, &root, NULL) != 0)
            __builtin_trap();
        twice = json_write_val(arena, root);
        if (!str_eq(once, twice))
            __builtin_trap();
    } else if (offset > size) {
        __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
