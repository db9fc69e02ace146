// SPDX-License-Identifier: Apache-2.0
#include "engine/vector_text.h"

#include "base/utf8.h"
#include "engine/sentence.h"

// Weights of characters stand for parts of tokens: four ASCII characters, two Thai or one and a third Chinese ones. A
// vector of about a hundred tokens tells single facts better than one of many (docs/quality.md); where that would be
// too many windows they are larger, up to 480 tokens, which leave room for a heading in the 512 that the model sees.
enum { TEXT_MOST = 200000, WINDOW_LEAST = 4 * 105, WINDOW_MOST = 4 * 480 };

struct str vector_text_of_product(struct arena *arena, const struct product *p)
{
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MOST);
    buf_addf(&text, STR_FMT ". " STR_FMT ". " STR_FMT, STR_ARG(p->name), STR_ARG(p->category), STR_ARG(p->description));
    for (size_t i = 0; i < p->features.n; i++)
        buf_addf(&text, " " STR_FMT ".", STR_ARG(p->features.at[i]));
    return arena_str(arena, buf_str(&text));
}

struct str vector_text_of_passage(struct arena *arena, const struct knowledge_document *d, struct str passage)
{
    return arena_strf(arena, STR_FMT "\n" STR_FMT, STR_ARG(d->title), STR_ARG(passage));
}

static size_t weight_of(uint32_t rune)
{
    return rune < 0x80 ? 1 : rune < 0x1000 ? 2 : 3;
}

// Of the windows of a text. One is cut to no less than its half, so that twice as many are enough.
static size_t window_weight(struct str text)
{
    size_t all = 0;
    if (text.n <= WINDOW_LEAST)
        return WINDOW_LEAST;
    for (size_t pos = 0; pos < text.n;)
        all += weight_of(utf8_next(text, &pos));
    all /= VECTOR_WINDOWS_MOST / 2;
    return all < WINDOW_LEAST ? WINDOW_LEAST : all > WINDOW_MOST ? WINDOW_MOST : all;
}

// Bytes of the first window of `rest`; all, where it fits.
static size_t window_end(struct str rest, size_t most)
{
    size_t weight = 0, end = 0;
    while (end < rest.n) {
        size_t next = end;
        weight += weight_of(utf8_next(rest, &next));
        if (weight > most)
            return end;
        end = next;
    }
    return end;
}

bool vector_text_is_long(struct str text)
{
    return text.n > WINDOW_LEAST && window_end(text, window_weight(text)) < text.n;
}

// The end of the last sentence in the second half, else of the last word there, else the window's.
static size_t cut(struct str window)
{
    size_t best = 0, next, close;
    for (size_t end = 0; (next = sentence_end(window, end, false, &close)) && close > end; end = close)
        best = close > window.n / 2 ? close : best;
    for (size_t i = window.n; !best && i > window.n / 2; i--)
        if (window.p[i - 1] == ' ' || window.p[i - 1] == '\n')
            best = i;
    return best ? best : window.n;
}

bool vector_window_next(struct arena *arena, struct str head, struct str text, size_t *pos, struct str *ret)
{
    struct str rest = {text.p + *pos, text.n - *pos};
    if (rest.n == 0)
        return false;
    size_t end = window_end(rest, window_weight(text));
    end = end < rest.n ? cut((struct str){rest.p, end}) : end;
    struct str piece = {rest.p, end};
    *ret = *pos ? arena_strf(arena, STR_FMT "\n" STR_FMT, STR_ARG(head), STR_ARG(piece)) : piece;
    *pos += end;
    return true;
}

void vector_text_hash(struct str model, struct str text, char ret[CRYPTO_HEX_SIZE])
{
    AUTO_ARENA struct arena *arena = arena_new(model.n + text.n + 64);
    crypto_sha256_hex(arena_strf(arena, STR_FMT "\n" STR_FMT, STR_ARG(model), STR_ARG(text)), ret);
}
