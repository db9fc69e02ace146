// SPDX-License-Identifier: Apache-2.0
#include "engine/tokens.h"

#include "base/utf8.h"
#include "engine/script.h"
#include "search/analysis.h"

#include <unicode/uchar.h>

static bool is_part(uint32_t rune)
{
    if (rune < 0x80)
        return (rune | 32) - 'a' < 26 || rune - '0' < 10;
    return u_isalnum((UChar32)rune) || (U_GET_GC_MASK((UChar32)rune) & (U_GC_M_MASK | U_GC_N_MASK));
}

static bool is_mark(uint32_t rune)
{
    return rune >= 0x300 && (U_GET_GC_MASK((UChar32)rune) & U_GC_M_MASK);
}

static size_t token_end(struct str text, size_t pos)
{
    bool single = script_is_unspaced(utf8_next(text, &pos));
    while (pos < text.n) {
        size_t next = pos;
        uint32_t rune = utf8_next(text, &next);
        if (!is_mark(rune) && (single || !is_part(rune) || script_is_unspaced(rune)))
            break;
        pos = next;
    }
    return pos;
}

struct tokens tokens_make(struct arena *arena, struct str text, size_t max)
{
    struct tokens tokens = {NULL, 0};
    size_t cap = 0;
    for (size_t pos = 0; pos < text.n && tokens.n < max;) {
        size_t start = pos, end = pos;
        if (!is_part(utf8_next(text, &end))) {
            pos = end;
            continue;
        }
        pos = token_end(text, start);
        if (tokens.n == cap) {
            size_t bigger = cap ? cap * 2 : 16;
            struct token *at = arena_calloc(arena, bigger, sizeof *at);
            if (cap)
                memcpy(at, tokens.at, cap * sizeof *at);
            tokens.at = at;
            cap = bigger;
        }
        struct str folded = analyse_fold(arena, (struct str){text.p + start, pos - start});
        tokens.at[tokens.n++] = (struct token){folded, start, pos};
    }
    return tokens;
}

static bool may_stand_between(struct str gap)
{
    for (size_t pos = 0; pos < gap.n;) {
        uint32_t rune = utf8_next(gap, &pos);
        if (!u_isUWhiteSpace((UChar32)rune) && rune != '-' && rune != '\'' && rune != 0x2019 && rune != 0x30FB)
            return false;
    }
    return true;
}

bool tokens_adjoin(struct str text, struct tokens tokens, size_t i)
{
    const struct token *token = &tokens.at[i];
    return may_stand_between((struct str){text.p + token[-1].end, token->start - token[-1].end});
}

bool tokens_match(struct str text, struct tokens tokens, size_t from, struct tokens phrase)
{
    if (phrase.n == 0 || tokens.n - from < phrase.n)
        return false;
    for (size_t i = 0; i < phrase.n; i++) {
        if (!str_eq(tokens.at[from + i].text, phrase.at[i].text) || (i > 0 && !tokens_adjoin(text, tokens, from + i)))
            return false;
    }
    return true;
}
