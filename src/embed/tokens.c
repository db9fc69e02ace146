// SPDX-License-Identifier: Apache-2.0
// Code points go through the file's map; runs of spaces become one U+2581, which also stands at the begin. Pieces have
// that character only in front, so that each word between two of them is segmented alone: Viterbi's best way (Kudo
// 2018, "Subword Regularization") over the pieces' scores, a character of no piece costing ten more than the worst.
// Scores are carried from word to word as single precision, in one sum over the window: where two ways are equally good
// the rounding of that sum decides, and other programs round it so. A word that is too long is cut where its best way
// has a border, a piece's length before the end.
//
// Pieces are found by a hash of their bytes in an open table of {14 bits of the hash, 18 bits of id}; a second table
// says how long pieces get that begin with the same two characters, which ends most searches early.
#include "embed/tokens.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { SLOTS = 1 << 19, REACHES = 1 << 16, ID_BITS = 18, SPACE = 0x20, MARK = 0x2581, LONGEST_CHARS = 255 };
#define ID_MASK ((1u << ID_BITS) - 1)
#define NO_PIECE UINT32_MAX
#define UNREACHED (-1e30f)

struct pieces {
    const struct weights *weights;
    uint32_t slots[SLOTS]; // 0: empty; id + 1 in the low bits
    uint8_t reach[REACHES];
};

static uint64_t hash_add(uint64_t hash, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)p[i]) * 0x100000001B3u;
    return hash;
}

#define HASH_START 0xCBF29CE484222325u

static uint64_t hash_end(uint64_t hash)
{
    hash *= 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

static size_t char_length(const char *p, size_t n)
{
    uint8_t c = (uint8_t)*p;
    size_t length = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    return length < n ? length : n;
}

static void note_reach(struct pieces *pieces, const char *p, size_t n)
{
    size_t first = char_length(p, n);
    if (first == n)
        return;
    size_t two = first + char_length(p + first, n - first);
    uint8_t *reach = &pieces->reach[hash_end(hash_add(HASH_START, p, two)) % REACHES];
    *reach = n > *reach ? (uint8_t)n : *reach;
}

struct pieces *pieces_new(const struct weights *weights)
{
    struct pieces *pieces = mem_zalloc(sizeof *pieces);
    pieces->weights = weights;
    for (uint32_t i = 0; i < weights->pieces; i++) {
        const char *p = weights->blob + weights->offsets[i];
        size_t n = weights->offsets[i + 1] - weights->offsets[i];
        if (n == 0 || i == weights->unknown)
            continue;
        uint64_t hash = hash_end(hash_add(HASH_START, p, n));
        size_t at = hash % SLOTS;
        while (pieces->slots[at])
            at = (at + 1) % SLOTS;
        pieces->slots[at] = (uint32_t)(hash >> 32) << ID_BITS | (i + 1);
        note_reach(pieces, p, n);
    }
    return pieces;
}

void pieces_free(struct pieces *pieces)
{
    free(pieces);
}

static uint32_t find(const struct pieces *pieces, uint64_t hash, const char *p, size_t n)
{
    const struct weights *w = pieces->weights;
    uint64_t mixed = hash_end(hash);
    uint32_t tag = (uint32_t)(mixed >> 32) << ID_BITS;
    for (size_t at = mixed % SLOTS; pieces->slots[at]; at = (at + 1) % SLOTS) {
        uint32_t slot = pieces->slots[at], id = (slot & ID_MASK) - 1;
        if ((slot & ~ID_MASK) == tag && w->offsets[id + 1] - w->offsets[id] == n &&
            memcmp(w->blob + w->offsets[id], p, n) == 0)
            return id;
    }
    return NO_PIECE;
}

// ---- one word

static void reach_char(struct word *word, size_t from, size_t to, float score, uint32_t piece)
{
    if (score > word->score[to]) {
        word->score[to] = score;
        word->piece[to] = piece;
        word->from[to] = (uint16_t)from;
    }
}

static void from_char(const struct pieces *pieces, struct word *word, size_t i)
{
    const struct weights *w = pieces->weights;
    const char *p = word->bytes + word->start[i];
    size_t limit = w->longest;
    uint64_t hash = HASH_START;
    for (size_t to = i + 1, done = 0; to <= word->n; to++) {
        size_t n = (size_t)(word->start[to] - word->start[i]);
        if (n > limit)
            break;
        hash = hash_add(hash, p + done, n - done);
        done = n;
        if (to == i + 2) {
            limit = pieces->reach[hash_end(hash) % REACHES];
            if (n > limit)
                break;
        }
        uint32_t id = find(pieces, hash, p, n);
        if (id != NO_PIECE)
            reach_char(word, i, to, word->score[i] + w->scores[id], id);
    }
    reach_char(word, i, i + 1, word->score[i] + (w->lowest - 10.0f), w->unknown);
}

// The best way through the word, from a score at its begin; in word->way the ends of its pieces. Returns how many.
static size_t segment(const struct pieces *pieces, struct word *word, float score)
{
    for (size_t i = 0; i <= word->n; i++)
        word->score[i] = UNREACHED;
    word->score[0] = score;
    for (size_t i = 0; i < word->n; i++)
        from_char(pieces, word, i);
    size_t n = 0, lower = 0;
    for (size_t at = word->n; at > 0; at = word->from[at])
        word->way[n++] = (uint16_t)at;
    for (size_t upper = n; lower + 1 < upper; lower++) {
        upper--;
        uint16_t swap = word->way[lower];
        word->way[lower] = word->way[upper];
        word->way[upper] = swap;
    }
    return n;
}

// ---- the text

struct reading {
    const struct weights *weights;
    const struct pieces *pieces;
    struct word *word;
    uint32_t *ids;
    size_t n, seen; // seen: bytes of the text in the ids
    float score;
    bool space; // the last character was one
    bool full;
};

// Segments what is in the word; `all` false keeps what a longer word could still change.
static void flush(struct reading *r, bool all)
{
    struct word *word = r->word;
    size_t n = segment(r->pieces, word, r->score), end = 0;
    for (size_t i = 0; i < n; i++) {
        if (!all && end > 0 && (size_t)word->way[i] + LONGEST_CHARS > word->n)
            break;
        if (r->n == TOKENS_MOST - 1) {
            r->full = true;
            return;
        }
        end = word->way[i];
        r->ids[r->n++] = word->piece[end];
        r->seen = word->source[end - 1];
    }
    r->score = word->score[end];
    size_t bytes = word->start[end];
    memmove(word->bytes, word->bytes + bytes, word->start[word->n] - bytes);
    memmove(word->source, word->source + end, (word->n - end) * sizeof *word->source);
    for (size_t i = end; i <= word->n; i++)
        word->start[i - end] = (uint16_t)(word->start[i] - bytes);
    word->n -= end;
}

static void add_char(struct reading *r, uint32_t rune, size_t source)
{
    struct word *word = r->word;
    bool space = rune == SPACE;
    if (r->full || (space && r->space))
        return;
    r->space = space;
    if (space)
        rune = MARK;
    if (word->n > 0 && rune == MARK)
        flush(r, true);
    else if (word->n == WORD_MOST)
        flush(r, false);
    if (r->full)
        return;
    size_t at = word->n ? word->start[word->n] : 0;
    word->source[word->n] = (uint32_t)source;
    word->start[word->n] = (uint16_t)at;
    word->start[++word->n] = (uint16_t)(at + utf8_encode(rune, word->bytes + at));
}

static void add_text(struct reading *r, struct str text, bool counts)
{
    const uint8_t *mapped;
    for (size_t pos = 0; pos < text.n && !r->full;) {
        uint32_t rune = utf8_next(text, &pos);
        size_t source = counts ? pos : 0;
        int n = weights_map(r->weights, rune, &mapped);
        if (n < 0)
            add_char(r, rune, source);
        for (int i = 0; i < n; i++)
            add_char(r, load_u32(mapped + 4 * i), source);
    }
}

size_t tokens_read(const struct weights *weights, const struct pieces *pieces, struct word *word, struct str prefix,
                   struct str text, uint32_t ids[TOKENS_MOST], size_t *ret_seen)
{
    struct reading r = {weights, pieces, word, ids, 0, 0, 0, false, false};
    word->n = 0;
    if (text.n > UINT32_MAX)
        text.n = UINT32_MAX;
    ids[r.n++] = weights->bos;
    add_char(&r, SPACE, 0);
    add_text(&r, prefix, false);
    add_text(&r, text, true);
    while (!r.full && word->n > 0)
        flush(&r, true);
    if (!r.full)
        r.seen = text.n;
    ids[r.n++] = weights->eos;
    *ret_seen = r.seen;
    return r.n;
}
