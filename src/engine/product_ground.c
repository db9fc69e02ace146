// SPDX-License-Identifier: Apache-2.0
#include "engine/product_ground.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "engine/money.h"
#include "engine/script.h"
#include "model/text.h"

#include <unicode/uchar.h>

// NFKC makes at most 18 characters of one.
enum { FOLDED_MOST = 18 * 4 * (PIECE_CHARS + 1), PRICES_MOST = PIECE_CHARS };

struct product_ground {
    struct arena *arena;
    const struct product_piece *piece;
    struct str text;
    size_t *starts; // of the piece's lines in it
    int64_t prices[PRICES_MOST];
    size_t n_prices;
};

// White space becomes one blank; marks of emphasis vanish.
static void add_folded(struct arena *arena, struct buf *out, struct str text)
{
    struct str folded = text_fold_case(arena, text);
    bool gap = false;
    for (size_t pos = 0; pos < folded.n;) {
        uint32_t rune = utf8_next(folded, &pos);
        if (u_isUWhiteSpace((UChar32)rune)) {
            gap = true;
        } else if (rune != '*' && rune != '`') {
            if (gap && out->n && out->p[out->n - 1] != ' ')
                buf_addc(out, ' ');
            gap = false;
            buf_add_rune(out, rune);
        }
    }
}

struct product_ground *product_ground_new(struct arena *arena, const struct product_piece *piece)
{
    struct product_ground *ground = ARENA_NEW(arena, struct product_ground);
    AUTO_BUF struct buf out = BUF_INIT(FOLDED_MOST);
    ground->arena = arena;
    ground->piece = piece;
    ground->starts = arena_calloc(arena, piece->n + 1, sizeof *ground->starts);
    for (size_t i = 0; i < piece->n; i++) {
        struct money_amount amount;
        if (out.n && out.p[out.n - 1] != ' ')
            buf_addc(&out, ' ');
        ground->starts[i] = out.n;
        add_folded(arena, &out, piece->lines[i].text);
        for (size_t pos = 0; ground->n_prices < PRICES_MOST && money_next(piece->lines[i].text, &pos, &amount);)
            if (!amount.unit || amount.marked)
                ground->prices[ground->n_prices++] = amount.value;
    }
    ground->text = arena_str(arena, buf_str(&out));
    return ground;
}

static bool joins(uint32_t rune)
{
    return u_isalnum((UChar32)rune) && !script_is_unspaced(rune);
}

// Is there no border of words at this place?
static bool inside_word(struct str text, size_t at)
{
    size_t next = at;
    if (at == 0 || at >= text.n)
        return false;
    return joins(script_last((struct str){text.p, at})) && joins(utf8_next(text, &next));
}

static int64_t line_at(const struct product_ground *ground, size_t at)
{
    size_t i = ground->piece->n;
    while (i > 1 && ground->starts[i - 1] > at)
        i--;
    return i ? ground->piece->lines[i - 1].line : 0;
}

bool product_ground_has(const struct product_ground *ground, struct str text, int64_t *ret_line)
{
    AUTO_BUF struct buf folded = BUF_INIT(FOLDED_MOST);
    if (text.n > FOLDED_MOST / 18)
        return false;
    add_folded(ground->arena, &folded, text);
    struct str needle = utf8_trim(buf_str(&folded));
    for (size_t from = 0; needle.n;) {
        ptrdiff_t found = str_find((struct str){ground->text.p + from, ground->text.n - from}, needle);
        if (found < 0)
            return false;
        size_t at = from + (size_t)found;
        if (!inside_word(ground->text, at) && !inside_word(ground->text, at + needle.n)) {
            if (ret_line)
                *ret_line = line_at(ground, at);
            return true;
        }
        from = at + 1;
    }
    return false;
}

bool product_ground_has_price(const struct product_ground *ground, int64_t price)
{
    for (size_t i = 0; i < ground->n_prices; i++)
        if (ground->prices[i] == price)
            return true;
    return false;
}
