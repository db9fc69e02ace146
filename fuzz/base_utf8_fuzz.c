// SPDX-License-Identifier: Apache-2.0
// UTF-8: the whole-text check, the incremental one at any split, and the walk over code points agree with each other.
#include "fuzz.h"

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 4096)
        return 0;
    struct str s = {(const char *)data + 1, size - 1};
    size_t step = data[0] % 7 + 1;
    bool valid = utf8_valid(s);

    struct utf8_state state = {0};
    bool fed = true;
    for (size_t at = 0; at < s.n && fed; at += step)
        fed = utf8_feed(&state, s.p + at, s.n - at < step ? s.n - at : step);
    if ((fed && utf8_finish(&state)) != valid)
        __builtin_trap();

    size_t pos = 0, count = 0;
    while (pos < s.n) {
        size_t before = pos;
        uint32_t rune = utf8_next(s, &pos);
        char out[4];
        if (pos <= before || pos > s.n)
            __builtin_trap();
        if (valid && (utf8_encode(rune, out) != pos - before || memcmp(out, s.p + before, pos - before) != 0))
            __builtin_trap();
        count++;
    }
    if (valid && (utf8_count(s) != count || utf8_offset(s, count) != s.n || utf8_whole(s) != s.n))
        __builtin_trap();
    struct str trimmed = utf8_trim(s);
    if (trimmed.n > s.n)
        __builtin_trap();
    return 0;
}
