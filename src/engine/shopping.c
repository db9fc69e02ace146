// SPDX-License-Identifier: Apache-2.0
// One walk over the message's tokens. At each place the longest phrase whose amount is really there wins, else the
// longest phrase without an amount. What was understood becomes spans of bytes, and the terms of analysis that touch a
// span are taken out or marked: so Thai and Japanese, where terms and phrases are cut differently, need no rule of
// their own.
#include "engine/shopping.h"

#include "base/utf8.h"
#include "engine/money.h"
#include "engine/negation.h"
#include "engine/shopping_words.h"

#include <pthread.h>

#define MESSAGE_MAX 8192
#define TOKENS_MAX 2000
#define AMOUNTS_MAX 64
#define SPANS_MAX 256
#define FILLERS_MAX 3
#define COUNT_MAX (100 * MONEY_ONE)
#define HOURS_MAX (24 * MONEY_ONE)

struct span {
    size_t start, end;
    bool cue;
};

struct reading {
    struct str text;
    struct tokens tokens;
    struct money_amount amounts[AMOUNTS_MAX]; // measures too
    bool used[AMOUNTS_MAX];
    size_t n_amounts;
    struct span spans[SPANS_MAX];
    size_t n_spans;
    struct shopping *out;
    bool cheapest, dearest;
};

static struct phrases *words;

static void make_words(void)
{
    words = phrases_new(SHOPPING_ROWS, SHOPPING_ROW_COUNT);
}

static void add_span(struct reading *r, size_t start, size_t end, bool cue)
{
    if (r->n_spans < SPANS_MAX)
        r->spans[r->n_spans++] = (struct span){start, end, cue};
}

static void at_most(struct reading *r, int64_t amount)
{
    if (amount < r->out->price_max)
        r->out->price_max = amount;
}

static void at_least(struct reading *r, int64_t amount)
{
    if (amount > r->out->price_min)
        r->out->price_min = amount;
}

static size_t token_at(const struct reading *r, size_t byte) // first token that begins at or behind `byte`
{
    size_t low = 0, high = r->tokens.n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->tokens.at[middle].start < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Only white space and marks that may stand between a phrase and its amount?
static bool only_marks(struct str gap, const char *marks)
{
    for (size_t i = 0; i < gap.n; i++)
        if (gap.p[i] == 0 || !strchr(marks, gap.p[i]))
            return false;
    return true;
}

// Nothing but at most `most` filler words between two places?
static bool only_fillers(const struct reading *r, size_t from, size_t to, size_t most)
{
    size_t i = token_at(r, from), at = from, fillers = 0;
    while (i < r->tokens.n && r->tokens.at[i].start < to) {
        size_t n = phrases_at(words, r->text, r->tokens, i, SHOP_FILLER, NULL);
        if (n == 0 || ++fillers > most ||
            !only_marks((struct str){r->text.p + at, r->tokens.at[i].start - at}, " \t:=~*\"'("))
            return false;
        i += n;
        at = r->tokens.at[i - 1].end;
    }
    return at <= to && only_marks((struct str){r->text.p + at, to - at}, " \t:=~*\"'(");
}

// The first unused amount behind `from`, with nothing but fillers before it; -1 = none.
static int amount_after(const struct reading *r, size_t from)
{
    for (size_t i = 0; i < r->n_amounts; i++)
        if (r->amounts[i].start >= from)
            return !r->used[i] && only_fillers(r, from, r->amounts[i].start, FILLERS_MAX) ? (int)i : -1;
    return -1;
}

static int amount_before(const struct reading *r, size_t to)
{
    for (size_t i = r->n_amounts; i-- > 0;)
        if (r->amounts[i].end <= to)
            return !r->used[i] && only_fillers(r, r->amounts[i].end, to, 0) ? (int)i : -1;
    return -1;
}

// Are two neighbouring amounts joined by one of `kinds` or, where a range may have one, a dash?
static bool joined(const struct reading *r, size_t a, unsigned kinds)
{
    if (a + 1 >= r->n_amounts || r->used[a] || r->used[a + 1])
        return false;
    size_t from = r->amounts[a].end, to = r->amounts[a + 1].start, i = token_at(r, from);
    if (from > to)
        return false;
    if (i >= r->tokens.n || r->tokens.at[i].start >= to) {
        struct str gap = utf8_trim((struct str){r->text.p + from, to - from});
        static const char *const dashes[] = {"-", "–", "—", "~", "〜", "～", "..", "−"};
        for (size_t k = 0; k < sizeof dashes / sizeof *dashes; k++)
            if (str_eq(gap, str_from(dashes[k])))
                return true;
        return false;
    }
    size_t n = phrases_at(words, r->text, r->tokens, i, kinds, NULL);
    return n > 0 && only_marks((struct str){r->text.p + from, r->tokens.at[i].start - from}, " \t") &&
           only_fillers(r, r->tokens.at[i + n - 1].end, to, 1);
}

// "2 sleepers": a small bare number before a word in the plural counts things.
static bool counts_things(const struct reading *r, size_t a)
{
    const struct money_amount *amount = &r->amounts[a];
    size_t i = token_at(r, amount->end);
    if (amount->marked || amount->factor > 1 || amount->value > COUNT_MAX || i >= r->tokens.n)
        return false;
    const struct token *next = &r->tokens.at[i];
    struct str gap = {r->text.p + amount->end, next->start - amount->end};
    struct str word = {r->text.p + next->start, next->end - next->start};
    return str_eq(gap, STR(" ")) && word.n > 3 && word.p[word.n - 1] == 's' && !strchr("sui", word.p[word.n - 2]) &&
           !phrases_at(words, r->text, r->tokens, i, ~0u, NULL);
}

// "16 GB", "2 sleepers", or the first of "13 to 15 inch".
static bool is_measure(const struct reading *r, size_t a)
{
    return r->amounts[a].unit || counts_things(r, a) ||
           (joined(r, a, SHOP_AND | SHOP_TO) && (r->amounts[a + 1].unit || counts_things(r, a + 1)));
}

static void take_range(struct reading *r, size_t a)
{
    struct money_amount *low = &r->amounts[a], *high = &r->amounts[a + 1];
    // "1 to 2 juta": the multiplier belongs to both.
    if (low->factor == 1 && high->factor > 1 && low->number <= high->number && low->number <= MONEY_MAX / high->factor)
        low->value = low->number * high->factor;
    bool ordered = low->value <= high->value;
    at_least(r, ordered ? low->value : high->value);
    at_most(r, ordered ? high->value : low->value);
    r->used[a] = r->used[a + 1] = true;
    r->out->has_price_words = true;
}

// "from 9 to 17": bare numbers up to 24 are rather opening hours.
static bool may_be_hours(const struct reading *r, size_t a)
{
    const struct money_amount *low = &r->amounts[a], *high = &r->amounts[a + 1];
    return !low->marked && !high->marked && high->factor == 1 && low->value <= HOURS_MAX && high->value <= HOURS_MAX;
}

static size_t phrase_end(const struct reading *r, size_t i, size_t n)
{
    return r->tokens.at[i + n - 1].end;
}

// A phrase with its amount at token i; returns the byte behind it, or 0.
static size_t take_priced(struct reading *r, size_t i)
{
    static const unsigned kinds[] = {SHOP_BETWEEN, SHOP_FROM, SHOP_MAX, SHOP_MIN, SHOP_MAX_AFTER, SHOP_MIN_AFTER};
    unsigned best = 0;
    size_t best_n = 0;
    int best_amount = -1;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t n = phrases_at(words, r->text, r->tokens, i, kinds[k], NULL);
        if (n <= best_n)
            continue;
        bool after = kinds[k] == SHOP_MAX_AFTER || kinds[k] == SHOP_MIN_AFTER;
        int amount = after ? amount_before(r, r->tokens.at[i].start) : amount_after(r, phrase_end(r, i, n));
        bool range = kinds[k] == SHOP_BETWEEN || kinds[k] == SHOP_FROM;
        unsigned links = kinds[k] == SHOP_BETWEEN ? SHOP_AND | SHOP_TO : SHOP_TO;
        if (amount < 0 || (range && !joined(r, (size_t)amount, links)) ||
            (kinds[k] == SHOP_FROM && may_be_hours(r, (size_t)amount)))
            continue;
        best = kinds[k], best_n = n, best_amount = amount;
    }
    if (best == 0)
        return 0;
    size_t a = (size_t)best_amount, start = r->tokens.at[i].start, end = phrase_end(r, i, best_n);
    if (is_measure(r, a)) {
        add_span(r, start, end, false);
        return end;
    }
    int64_t value = r->amounts[a].value;
    switch (best) {
    case SHOP_BETWEEN:
    case SHOP_FROM:
        take_range(r, a);
        end = r->amounts[a + 1].end;
        break;
    case SHOP_MAX:
    case SHOP_MAX_AFTER:
        at_most(r, value);
        break;
    default:
        at_least(r, value);
    }
    r->used[a] = r->out->has_price_words = true;
    if (r->amounts[a].end > end)
        end = r->amounts[a].end;
    add_span(r, r->amounts[a].start < start ? r->amounts[a].start : start, end, false);
    return end;
}

// A phrase without amount at token i; returns the byte behind it, or 0.
static size_t take_word(struct reading *r, size_t i)
{
    unsigned kinds;
    size_t n = phrases_at(words, r->text, r->tokens, i, SHOP_CHEAPEST | SHOP_DEAREST | SHOP_GENERAL | SHOP_CUE, &kinds);
    if (n == 0)
        return 0;
    size_t end = phrase_end(r, i, n);
    if (kinds & (SHOP_CHEAPEST | SHOP_DEAREST)) {
        r->out->has_price_words = true;
        r->cheapest |= kinds & SHOP_CHEAPEST;
        r->dearest |= kinds & SHOP_DEAREST;
    } else if (kinds & SHOP_GENERAL) {
        r->out->has_general_word = true;
    } else {
        r->out->has_cue_words = true;
    }
    add_span(r, r->tokens.at[i].start, end, kinds == SHOP_CUE);
    return end;
}

// Ranges of marked amounts without any word: "$500-$900", "500 ถึง 900 บาท".
static void take_bare_ranges(struct reading *r)
{
    for (size_t a = 0; a + 1 < r->n_amounts; a++) {
        const struct money_amount *low = &r->amounts[a], *high = &r->amounts[a + 1];
        bool money = low->marked || high->marked || low->factor > 1 || high->factor > 1;
        if (!money || is_measure(r, a) || !joined(r, a, SHOP_TO))
            continue;
        take_range(r, a);
        add_span(r, low->start, high->end, false);
    }
}

static void find_amounts(struct reading *r)
{
    struct money_amount amount;
    for (size_t pos = 0; r->n_amounts < AMOUNTS_MAX && money_next(r->text, &pos, &amount);)
        r->amounts[r->n_amounts++] = amount;
}

// A superlative of anything but the price; returns the byte behind it, or 0.
static size_t take_superlative(struct reading *r, size_t i)
{
    struct attribute_order by;
    size_t n = attribute_at(r->text, r->tokens, i, &by);
    if (n == 0)
        return 0;
    if (!r->out->by.row)
        r->out->by = by;
    add_span(r, r->tokens.at[i].start, phrase_end(r, i, n), false);
    return phrase_end(r, i, n);
}

// The words of each negation; its stop words where it has no others ("without down").
static void exclude(struct arena *arena, const struct terms *terms, const struct negation *at, size_t n,
                    struct shopping *ret)
{
    ret->excluded = arena_calloc(arena, terms->n + 1, sizeof *ret->excluded);
    for (size_t k = 0; k < n; k++) {
        size_t before = ret->n_excluded;
        for (unsigned left_out = TERM_STOP | TERM_CODE; ret->n_excluded == before; left_out = TERM_CODE) {
            for (size_t i = 0; i < terms->n; i++)
                if (!(terms->at[i].flags & left_out) &&
                    negation_covers(&at[k], 1, terms->at[i].start, terms->at[i].end))
                    ret->excluded[ret->n_excluded++] = terms->at[i].text;
            if (left_out == TERM_CODE)
                break;
        }
    }
}

// Takes terms in removed spans out and marks those in cue spans. What is negated is excluded.
static void edit_terms(struct arena *arena, struct reading *r)
{
    struct shopping *out = r->out;
    struct terms terms = analyse(arena, r->text, TOKENS_MAX);
    struct negation negations[NEGATIONS_MOST];
    size_t kept = 0, n = negation_find(r->text, negations);
    exclude(arena, &terms, negations, n, out);
    for (size_t i = 0; i < n; i++)
        add_span(r, negations[i].start, negations[i].end, false);
    for (size_t i = 0; i < terms.n; i++) {
        struct term term = terms.at[i];
        bool removed = false;
        for (size_t k = 0; k < r->n_spans; k++) {
            if (term.end <= r->spans[k].start || term.start >= r->spans[k].end)
                continue;
            if (r->spans[k].cue)
                term.flags |= TERM_CUE;
            else
                removed = true;
        }
        if (removed)
            continue;
        terms.at[kept++] = term;
        out->n_query_words += !(term.flags & (TERM_STOP | TERM_CUE));
    }
    terms.n = kept;
    out->terms = terms;
}

void shopping_read(struct arena *arena, struct str message, struct shopping *ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_words);
    *ret = (struct shopping){.price_min = INT64_MIN, .price_max = INT64_MAX};
    struct reading *r = ARENA_NEW(arena, struct reading);
    r->text = message;
    if (r->text.n > MESSAGE_MAX) {
        r->text.n = MESSAGE_MAX;
        r->text.n = utf8_whole(r->text);
    }
    r->tokens = tokens_make(arena, r->text, TOKENS_MAX);
    r->out = ret;
    find_amounts(r);
    for (size_t i = 0; i < r->tokens.n;) {
        size_t end = take_priced(r, i);
        if (end == 0)
            end = take_word(r, i);
        if (end == 0)
            end = take_superlative(r, i);
        size_t next = end ? token_at(r, end) : i + 1;
        i = next > i ? next : i + 1;
    }
    take_bare_ranges(r);
    edit_terms(arena, r);
    if (r->cheapest != r->dearest)
        ret->order = r->cheapest ? SHOPPING_CHEAPEST : SHOPPING_DEAREST;
    ret->contradiction = ret->price_min > ret->price_max;
    ret->is_shopping = ret->has_cue_words || ret->has_price_words;
    ret->whole_catalogue = ret->n_query_words == 0 && (ret->has_price_words || (ret->by.row && ret->has_general_word) ||
                                                       (ret->has_cue_words && ret->has_general_word));
}
