// SPDX-License-Identifier: Apache-2.0
// Any bytes through the analyser: terms lie in the text and in order, are valid UTF-8 and bounded, and the index sees
// the same ones as a query. What the analyser made is analysed again without trouble.
#include "fuzz.h"

#include "base/utf8.h"
#include "search/fold.h"
#include "search/scan.h"

static void check(struct str text, const struct terms *terms)
{
    uint32_t position = 0;
    for (size_t i = 0; i < terms->n; i++) {
        const struct term *t = &terms->at[i];
        if (t->text.n == 0 || t->text.n > FOLD_MAX || t->start >= t->end || t->end > text.n || !utf8_valid(t->text))
            __builtin_trap();
        if (!(t->flags & TERM_CODE) && t->position < position)
            __builtin_trap();
        position = t->flags & TERM_CODE ? position : t->position;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 32 << 10)
        return 0;
    struct str text = {(const char *)data, size};
    struct arena *arena = arena_new(0);
    struct terms query = analyse(arena, text, 0), index = analyse_for_index(arena, text);
    check(text, &query);
    if (query.n != index.n)
        __builtin_trap();
    for (size_t i = 0; i < query.n; i++)
        if (!str_eq(query.at[i].text, index.at[i].text) || query.at[i].start != index.at[i].start)
            __builtin_trap();
    for (size_t i = 0; i < query.n && i < 50; i++) {
        struct terms again = analyse(arena, query.at[i].text, 0);
        check(query.at[i].text, &again);
    }
    if (analyse(arena, text, 3).n > 3 || !analyse_language(text))
        __builtin_trap();
    (void)fold_text(arena, text, size & 1);
    (void)analyse_fold(arena, text);
    arena_free(arena);
    return 0;
}
