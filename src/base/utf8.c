// SPDX-License-Identifier: Apache-2.0
// The validator follows the table of well-formed sequences (Unicode 15, table 3-7).
#include "base/utf8.h"

// Sets what must follow a lead byte; false: not a lead byte.
static bool lead(struct utf8_state *state, uint8_t byte)
{
    state->lower = 0x80;
    state->upper = 0xBF;
    if (byte < 0x80)
        state->need = 0;
    else if (byte >= 0xC2 && byte <= 0xDF)
        state->need = 1;
    else if (byte >= 0xE0 && byte <= 0xEF) {
        state->need = 2;
        state->lower = byte == 0xE0 ? 0xA0 : 0x80;
        state->upper = byte == 0xED ? 0x9F : 0xBF;
    } else if (byte >= 0xF0 && byte <= 0xF4) {
        state->need = 3;
        state->lower = byte == 0xF0 ? 0x90 : 0x80;
        state->upper = byte == 0xF4 ? 0x8F : 0xBF;
    } else
        return false;
    return true;
}

// Bytes at the front that are ASCII, in whole steps of eight.
static size_t ascii_run(const uint8_t *p, size_t n)
{
    size_t i = 0;
    for (uint64_t eight; n - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, p + i, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    return i;
}

bool utf8_feed(struct utf8_state *state, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        if (state->need == 0) {
            i += ascii_run(p + i, n - i);
            if (i == n)
                break;
            if (!lead(state, p[i]))
                return false;
            continue;
        }
        if (p[i] < state->lower || p[i] > state->upper)
            return false;
        state->need--;
        state->lower = 0x80;
        state->upper = 0xBF;
    }
    return true;
}

bool utf8_finish(const struct utf8_state *state)
{
    return state->need == 0;
}

bool utf8_valid(struct str s)
{
    struct utf8_state state = {0};
    return utf8_feed(&state, s.p, s.n) && utf8_finish(&state);
}

size_t utf8_count(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.n; i++)
        count += ((uint8_t)s.p[i] & 0xC0) != 0x80;
    return count;
}

uint32_t utf8_next(struct str s, size_t *pos)
{
    const uint8_t *p = (const uint8_t *)s.p + *pos;
    size_t left = s.n - *pos;
    struct utf8_state state = {0};
    uint8_t first = p[0];
    (*pos)++;
    if (first < 0x80)
        return first;
    if (!lead(&state, first) || state.need >= left)
        return 0xFFFD;
    size_t more = state.need;
    if (!utf8_feed(&state, p + 1, more))
        return 0xFFFD;
    uint32_t rune = first & (0x3Fu >> more);
    for (size_t i = 1; i <= more; i++)
        rune = rune << 6 | (p[i] & 0x3F);
    *pos += more;
    return rune;
}

size_t utf8_offset(struct str s, size_t code_points)
{
    size_t i = 0;
    while (i < s.n && code_points) {
        i++;
        while (i < s.n && ((uint8_t)s.p[i] & 0xC0) == 0x80)
            i++;
        code_points--;
    }
    return i;
}

size_t utf8_encode(uint32_t rune, char out[4])
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        out[0] = (char)(0xC0 | rune >> 6);
        out[1] = (char)(0x80 | (rune & 0x3F));
        return 2;
    }
    if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF))
        rune = 0xFFFD;
    if (rune < 0x10000) {
        out[0] = (char)(0xE0 | rune >> 12);
        out[1] = (char)(0x80 | (rune >> 6 & 0x3F));
        out[2] = (char)(0x80 | (rune & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | rune >> 18);
    out[1] = (char)(0x80 | (rune >> 12 & 0x3F));
    out[2] = (char)(0x80 | (rune >> 6 & 0x3F));
    out[3] = (char)(0x80 | (rune & 0x3F));
    return 4;
}

// White_Space of the Unicode character database.
static bool is_space(uint32_t r)
{
    return r == ' ' || (r >= 9 && r <= 13) || r == 0x85 || r == 0xA0 || r == 0x1680 || (r >= 0x2000 && r <= 0x200A) ||
           r == 0x2028 || r == 0x2029 || r == 0x202F || r == 0x205F || r == 0x3000;
}

struct str utf8_trim(struct str s)
{
    size_t pos = 0;
    while (pos < s.n) {
        size_t next = pos;
        if (!is_space(utf8_next(s, &next)))
            break;
        pos = next;
    }
    if (pos)
        s = (struct str){s.p + pos, s.n - pos};
    while (s.n) {
        size_t start = s.n - 1;
        while (start > 0 && ((uint8_t)s.p[start] & 0xC0) == 0x80)
            start--;
        size_t at = start;
        if (!is_space(utf8_next(s, &at)) || at < s.n) // what is left of it is malformed, and no space
            break;
        s.n = start;
    }
    return s;
}

size_t utf8_whole(struct str s)
{
    size_t back = 1;
    while (back <= 3 && back <= s.n) {
        uint8_t byte = (uint8_t)s.p[s.n - back];
        if ((byte & 0xC0) == 0x80) {
            back++;
            continue;
        }
        struct utf8_state state;
        bool partial = byte >= 0x80 && lead(&state, byte) && state.need >= back;
        return partial ? s.n - back : s.n;
    }
    return s.n;
}
