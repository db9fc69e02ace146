// SPDX-License-Identifier: Apache-2.0
#include "model/text.h"

#include "base/utf8.h"

#include <ctype.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

bool text_is_web_url(struct str text)
{
    size_t at = str_starts(text, STR("https://")) ? 8 : str_starts(text, STR("http://")) ? 7 : 0;
    if (at == 0 || at >= text.n || text.p[at] == '/' || text.p[at] == '?' || text.p[at] == '#')
        return false;
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= 32 || text.p[i] == 127 || strchr("\"<>\\^`{|}", text.p[i]))
            return false;
    return true;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] & 0x80)
            return false;
    return true;
}

static struct str lower_ascii(struct arena *arena, struct str s)
{
    char *copy = arena_cstr(arena, s);
    for (size_t i = 0; i < s.n; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + 32);
    return (struct str){copy, s.n};
}

// UTF-8 → normalised UTF-16 → UTF-8. `drop_marks` leaves non-spacing marks out (after a decomposing normaliser).
static struct str normalise(struct arena *arena, struct str s, const UNormalizer2 *form, bool drop_marks)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t n = 0, room = (int32_t)s.n * 18 + 16;
    UChar *wide = arena_alloc(arena, (s.n + 1) * sizeof *wide);
    UChar *folded = arena_alloc(arena, (size_t)room * sizeof *folded);
    u_strFromUTF8(wide, (int32_t)s.n + 1, &n, s.p, (int32_t)s.n, &status);
    n = unorm2_normalize(form, wide, n, folded, room, &status);
    if (U_FAILURE(status))
        return lower_ascii(arena, s);
    char *out = arena_alloc(arena, (size_t)n * 3 + 1);
    size_t used = 0;
    for (int32_t i = 0; i < n;) {
        UChar32 rune;
        U16_NEXT(folded, i, n, rune);
        if (!drop_marks || u_charType(rune) != U_NON_SPACING_MARK)
            used += utf8_encode((uint32_t)u_foldCase(rune, U_FOLD_CASE_DEFAULT), out + used);
    }
    out[used] = 0;
    return (struct str){out, used};
}

struct str text_fold_plain(struct arena *arena, struct str text)
{
    UErrorCode status = U_ZERO_ERROR;
    return is_ascii(text) ? lower_ascii(arena, text) : normalise(arena, text, unorm2_getNFKDInstance(&status), true);
}

struct str text_fold_case(struct arena *arena, struct str text)
{
    UErrorCode status = U_ZERO_ERROR;
    return is_ascii(text) ? lower_ascii(arena, text)
                          : normalise(arena, text, unorm2_getNFKCCasefoldInstance(&status), false);
}

struct str text_like_pattern(struct arena *arena, struct str text)
{
    struct str fold = text.p ? text_fold_case(arena, text) : text;
    if (!text.p)
        return STR_NULL;
    char *out = arena_alloc(arena, 2 * fold.n + 3);
    size_t n = 0;
    out[n++] = '%';
    for (size_t i = 0; i < fold.n; i++) {
        if (memchr("%_!", fold.p[i], 3))
            out[n++] = '!';
        out[n++] = fold.p[i];
    }
    out[n++] = '%';
    out[n] = 0;
    return (struct str){out, n};
}

bool text_is_language(struct str text)
{
    struct str rest = text;
    bool first = true;
    while (rest.p) {
        struct str part = str_split(&rest, '-');
        if (part.n < (first ? 2u : 1u) || part.n > (first ? 3u : 8u))
            return false;
        for (size_t i = 0; i < part.n; i++)
            if (!isascii(part.p[i]) || !(first ? isalpha((unsigned char)part.p[i]) : isalnum((unsigned char)part.p[i])))
                return false;
        first = false;
    }
    return true;
}

size_t text_slug(struct str name, char glue, char *out, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str plain = text_fold_plain(arena, name);
    size_t n = 0;
    for (size_t i = 0; i < plain.n && n < size - 1; i++) {
        bool word = (plain.p[i] >= 'a' && plain.p[i] <= 'z') || (plain.p[i] >= '0' && plain.p[i] <= '9');
        if (word)
            out[n++] = plain.p[i];
        else if (n && out[n - 1] != glue)
            out[n++] = glue;
    }
    while (n && out[n - 1] == glue)
        n--;
    out[n] = 0;
    return n;
}
