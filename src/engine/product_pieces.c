// SPDX-License-Identifier: Apache-2.0
#include "engine/product_pieces.h"

#include "base/utf8.h"
#include "base/vec.h"

#include <stdlib.h>

struct product_pieces {
    struct arena *arena;
    VEC(struct product_line) lines;
    VEC(struct product_piece) pieces;
    size_t chars;
    bool cut, any;
};

struct product_pieces *product_pieces_new(void)
{
    struct product_pieces *pieces = mem_zalloc(sizeof *pieces);
    pieces->arena = arena_new(0);
    return pieces;
}

void product_pieces_free(struct product_pieces *pieces)
{
    if (!pieces)
        return;
    vec_done(&pieces->lines);
    vec_done(&pieces->pieces);
    arena_free(pieces->arena);
    free(pieces);
}

static size_t chars_of(struct str line) // with its end
{
    return utf8_count(line) + 1;
}

// The most of a line that one piece holds.
static struct str first_part(struct str line)
{
    struct str part = {line.p, utf8_offset(line, PIECE_CHARS - 1)};
    if (part.n == line.n)
        return part;
    for (size_t n = part.n; n > part.n / 2; n--)
        if (line.p[n - 1] == ' ')
            return (struct str){line.p, n};
    return part;
}

static void add_line(struct product_pieces *p, struct str line, int64_t number)
{
    line = utf8_trim(line);
    bool after_gap = !p->lines.n || !p->lines.at[p->lines.n - 1].text.n;
    if (!line.n && after_gap)
        return;
    do {
        struct str part = first_part(line);
        size_t chars = chars_of(part);
        if (p->chars + chars > PIECES_CHARS_MOST) {
            p->cut |= line.n > 0;
            return;
        }
        p->chars += chars;
        p->any |= part.n > 0;
        vec_push(&p->lines, arena_str(p->arena, part), number);
        line = (struct str){line.p + part.n, line.n - part.n};
    } while (line.n);
}

void product_pieces_add(struct product_pieces *pieces, struct str text, int64_t line)
{
    for (struct str rest = text; rest.p && !pieces->cut;)
        add_line(pieces, str_split(&rest, '\n'), line);
}

bool product_pieces_cut(const struct product_pieces *pieces)
{
    return pieces->cut;
}

bool product_pieces_any(const struct product_pieces *pieces)
{
    return pieces->any;
}

// How many of the lines from there on make the next piece.
static size_t next_piece(const struct product_pieces *p, size_t from)
{
    size_t chars = 0, n = 0, gap = 0;
    for (; from + n < p->lines.n; n++) {
        const struct product_line *line = &p->lines.at[from + n];
        chars += chars_of(line->text);
        if (chars > PIECE_CHARS)
            return gap ? gap : n;
        if (!line->text.n && chars > PIECE_CHARS / 4 * 3)
            gap = n + 1;
    }
    return n;
}

size_t product_pieces_take(struct product_pieces *pieces, const struct product_piece **ret)
{
    pieces->pieces.n = 0;
    for (size_t at = 0; pieces->any && at < pieces->lines.n;) {
        size_t n = next_piece(pieces, at);
        vec_push(&pieces->pieces, pieces->lines.at + at, n);
        at += n;
    }
    *ret = pieces->pieces.at;
    return pieces->pieces.n;
}
