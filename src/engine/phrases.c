// SPDX-License-Identifier: Apache-2.0
#include "engine/phrases.h"

#include "base/map.h"

#include <stdlib.h>

struct phrase {
    struct tokens tokens;
    struct str text;
    unsigned kind;
    struct phrase *next; // same first token, longest first
};

struct phrases {
    struct arena *arena;
    struct map *by_first;
};

static void add(struct phrases *phrases, struct str text, unsigned kind)
{
    struct phrase *phrase = ARENA_NEW(phrases->arena, struct phrase);
    *phrase = (struct phrase){tokens_make(phrases->arena, text, 16), text, kind, NULL};
    if (phrase->tokens.n == 0)
        return;
    struct str first = phrase->tokens.at[0].text;
    struct phrase *at = map_get(phrases->by_first, first), *before = NULL;
    for (; at && at->tokens.n >= phrase->tokens.n; at = at->next)
        before = at;
    phrase->next = at;
    if (before)
        before->next = phrase;
    else
        map_set(phrases->by_first, first, phrase);
}

struct phrases *phrases_new(const struct phrase_row *rows, size_t n)
{
    struct phrases *phrases = mem_zalloc(sizeof *phrases);
    phrases->arena = arena_new(16384);
    phrases->by_first = map_new();
    for (size_t i = 0; i < n; i++) {
        struct str rest = str_from(rows[i].text);
        while (rest.p)
            add(phrases, str_trim(str_split(&rest, ',')), rows[i].kind);
    }
    return phrases;
}

void phrases_free(struct phrases *phrases)
{
    if (!phrases)
        return;
    map_free(phrases->by_first);
    arena_free(phrases->arena);
    free(phrases);
}

size_t phrases_at(const struct phrases *phrases, struct str text, struct tokens tokens, size_t from, unsigned kinds,
                  unsigned *ret_kinds)
{
    size_t longest = 0;
    unsigned found = 0;
    const struct phrase *phrase = map_get(phrases->by_first, tokens.at[from].text);
    for (; phrase && phrase->tokens.n >= longest; phrase = phrase->next)
        if (phrase->kind & kinds && tokens_match(text, tokens, from, phrase->tokens)) {
            longest = phrase->tokens.n;
            found |= phrase->kind;
        }
    if (ret_kinds)
        *ret_kinds = found;
    return longest;
}
