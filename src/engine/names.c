// SPDX-License-Identifier: Apache-2.0
// Every form of a name (whole, without its maker, last word) is a key of a map: its folded tokens, each behind a blank.
// Another map says how long the forms are that begin with a token; look-up tries from that length downwards. A short
// form counts only when no other name ends the same way.
#include "engine/names.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "engine/tokens.h"

#include <stdlib.h>
#include <unicode/uchar.h>

#define NAME_TOKENS 32
#define TEXT_TOKENS 20000
#define KEY_MAX 8192

struct form {
    size_t index;
    bool whole;
};

struct longest {
    size_t tokens;
};

struct ending { // how many names end with these tokens
    size_t names;
};

struct names {
    struct arena *arena;
    struct map *forms, *longest; // key → struct form; first token → struct longest
    VEC(struct tokens) names;
    unsigned flags;
};

struct names *names_new(unsigned flags)
{
    struct names *names = mem_zalloc(sizeof *names);
    names->arena = arena_new(0);
    names->forms = map_new();
    names->longest = map_new();
    names->flags = flags;
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    map_free(names->forms);
    map_free(names->longest);
    vec_done(&names->names);
    arena_free(names->arena);
    free(names);
}

void names_free_slot(struct names **names)
{
    names_free(*names);
}

void names_add(struct names *names, struct str name)
{
    struct str copy = arena_str(names->arena, name);
    struct tokens tokens = tokens_make(names->arena, copy, NAME_TOKENS);
    vec_reserve(&names->names, 1);
    names->names.at[names->names.n++] = tokens;
}

size_t names_count(const struct names *names)
{
    return names->names.n;
}

static struct tokens from_token(struct tokens tokens, size_t from)
{
    return (struct tokens){tokens.at + from, tokens.n - from};
}

static void key_add(struct buf *key, struct str token)
{
    buf_addc(key, ' ');
    buf_adds(key, token);
}

static void key_make(struct buf *key, struct tokens tokens)
{
    buf_clear(key);
    for (size_t i = 0; i < tokens.n; i++)
        key_add(key, tokens.at[i].text);
}

static void add_form(struct names *names, struct tokens tokens, size_t index, bool whole)
{
    // One character of an unspaced script stands in too many texts to be a name.
    if (tokens.n == 0 || (tokens.n == 1 && utf8_count(tokens.at[0].text) < 2))
        return;
    AUTO_BUF struct buf key = BUF_INIT(KEY_MAX);
    key_make(&key, tokens);
    if (map_get(names->forms, buf_str(&key)))
        return; // of equals the one added first
    struct form *form = ARENA_NEW(names->arena, struct form);
    *form = (struct form){index, whole};
    map_set(names->forms, buf_str(&key), form);
    struct longest *longest = map_get(names->longest, tokens.at[0].text);
    if (!longest) {
        longest = ARENA_NEW(names->arena, struct longest);
        map_set(names->longest, tokens.at[0].text, longest);
    }
    if (longest->tokens < tokens.n)
        longest->tokens = tokens.n;
}

static bool holds(struct str text, bool digit)
{
    for (size_t pos = 0; pos < text.n;) {
        uint32_t rune = utf8_next(text, &pos);
        if (digit ? u_isdigit((UChar32)rune) : u_isalpha((UChar32)rune))
            return true;
    }
    return false;
}

// Where the short form that ends a name begins; 0 = it has none. A bare number ("Slate 14") needs the word before it.
static size_t last_word(struct tokens tokens)
{
    if (tokens.n < 2 || !holds(tokens.at[tokens.n - 1].text, true))
        return 0;
    if (holds(tokens.at[tokens.n - 1].text, false))
        return tokens.n - 1;
    return tokens.n > 2 ? tokens.n - 2 : 0;
}

static void count_endings(struct names *names, struct arena *arena, struct map *endings)
{
    AUTO_BUF struct buf key = BUF_INIT(KEY_MAX);
    for (size_t i = 0; i < names->names.n; i++) {
        struct tokens tokens = names->names.at[i];
        for (size_t from = 0; from < tokens.n; from++) {
            key_make(&key, from_token(tokens, from));
            struct ending *ending = map_get(endings, buf_str(&key));
            if (!ending) {
                ending = ARENA_NEW(arena, struct ending);
                map_set(endings, buf_str(&key), ending);
            }
            ending->names++;
        }
    }
}

static bool ends_alone(struct map *endings, struct tokens tokens)
{
    AUTO_BUF struct buf key = BUF_INIT(KEY_MAX);
    key_make(&key, tokens);
    struct ending *ending = map_get(endings, buf_str(&key));
    return ending && ending->names == 1;
}

void names_ready(struct names *names)
{
    for (size_t i = 0; i < names->names.n; i++)
        add_form(names, names->names.at[i], i, true);
    if (!names->flags)
        return;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct map *endings = map_new();
    count_endings(names, arena, endings);
    for (size_t i = 0; i < names->names.n; i++) {
        struct tokens tokens = names->names.at[i];
        size_t from = last_word(tokens);
        bool spaced = tokens.n && utf8_count(tokens.at[0].text) > 1;
        if (names->flags & NAMES_LAST_WORD && from && ends_alone(endings, from_token(tokens, from)))
            add_form(names, from_token(tokens, from), i, false);
        if (names->flags & NAMES_NO_MAKER && tokens.n > 2 && spaced && ends_alone(endings, from_token(tokens, 1)))
            add_form(names, from_token(tokens, 1), i, false);
    }
    map_free(endings);
}

// The longest form that begins at token `from`; *ret_n = its tokens.
static const struct form *form_at(const struct names *names, struct str text, struct tokens tokens, size_t from,
                                  struct buf *key, size_t *ret_n)
{
    const struct longest *longest = map_get(names->longest, tokens.at[from].text);
    size_t ends[NAME_TOKENS], n = 0;
    buf_clear(key);
    while (longest && n < longest->tokens && from + n < tokens.n) {
        if (n > 0 && !tokens_adjoin(text, tokens, from + n))
            break;
        key_add(key, tokens.at[from + n].text);
        ends[n++] = key->n;
    }
    for (; n > 0; n--) {
        const struct form *form = map_get(names->forms, (struct str){key->p, ends[n - 1]});
        if (form) {
            *ret_n = n;
            return form;
        }
    }
    return NULL;
}

size_t names_find(const struct names *names, struct arena *arena, struct str text, size_t max, struct names_hit **ret)
{
    struct tokens tokens = tokens_make(arena, text, TEXT_TOKENS);
    VEC(struct names_hit) hits = {0};
    AUTO_BUF struct buf key = BUF_INIT(KEY_MAX);
    for (size_t i = 0; i < tokens.n && hits.n < max;) {
        size_t n;
        const struct form *form = form_at(names, text, tokens, i, &key, &n);
        if (!form) {
            i++;
            continue;
        }
        vec_push(&hits, form->index, tokens.at[i].start, tokens.at[i + n - 1].end, form->whole);
        i += n;
    }
    size_t n = hits.n;
    *ret = arena_calloc(arena, n + 1, sizeof **ret);
    if (n)
        memcpy(*ret, hits.at, n * sizeof **ret);
    vec_done(&hits);
    return n;
}
