// SPDX-License-Identifier: Apache-2.0
// What may stand in for a query word that no passage holds: the parts of a code written in one piece, a code without
// its marks, or a word that differs by one letter (left out, put in, another one, two exchanged: Damerau 1964). The
// whole vocabulary is walked, which costs a few nanoseconds a term; only unknown words pay for it.
#include "search/query.h"

#include "base/utf8.h"

// With another letter in it a short word is too often a word of its own: "stuff" is no "staff".
enum { LEAST_LETTERS = 4, LEAST_SPACED = 5, LEAST_ANOTHER = 6, MOST_LETTERS = 40, PARTS_MOST = 4 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Runs of letters and of digits, 0 when there is no more than one, too many, or anything else.
static size_t code_parts(struct str text, struct str ret[PARTS_MOST])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        bool digit = is_digit(text.p[i]);
        if (!digit && (text.p[i] < 'a' || text.p[i] > 'z'))
            return 0;
        if (i > 0 && digit == is_digit(text.p[i - 1])) {
            ret[n - 1].n++;
            continue;
        }
        if (n == PARTS_MOST)
            return 0;
        ret[n++] = (struct str){text.p + i, 1};
    }
    return n > 1 ? n : 0;
}

static size_t runes_of(struct str text, uint32_t ret[MOST_LETTERS])
{
    size_t n = 0;
    for (size_t pos = 0; pos < text.n;) {
        if (n == MOST_LETTERS)
            return 0;
        ret[n++] = utf8_next(text, &pos);
    }
    return n;
}

// Do the two differ by one letter? What both begin and end with is passed over.
static bool one_letter_off(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    size_t head = 0, tail = 0;
    while (head < n && head < m && a[head] == b[head])
        head++;
    while (tail < n - head && tail < m - head && a[n - 1 - tail] == b[m - 1 - tail])
        tail++;
    size_t x = n - head - tail, y = m - head - tail;
    if (x == 1 && y == 1)
        return n >= LEAST_ANOTHER || a[0] >= 0x250;
    return (x <= 1 && y <= 1 && x + y > 0) || (x == 2 && y == 2 && a[head] == b[head + 1] && a[head + 1] == b[head]);
}

static bool may_be_misspelt(struct str text, const uint32_t *letters, size_t n)
{
    for (size_t i = 0; i < text.n; i++)
        if (is_digit(text.p[i]))
            return false;
    return n >= (letters[0] < 0x250 ? LEAST_SPACED : LEAST_LETTERS);
}

// The most frequent term that is one letter off and begins with the same one.
static struct str nearest_word(const struct query *q, struct str text)
{
    uint32_t letters[MOST_LETTERS], other[MOST_LETTERS], most = 0;
    size_t n = runes_of(text, letters), first = 0;
    struct str best = STR_NULL;
    if (n == 0 || !may_be_misspelt(text, letters, n))
        return best;
    (void)utf8_next(text, &first);
    for (size_t p = 0; p < q->reader->n_parts; p++) {
        const struct segment *s = q->reader->parts[p].segment;
        for (uint32_t i = 0; i < s->n_entries; i++) {
            const struct entry *entry = &s->entries[i];
            struct str term = {s->text + entry->text, entry->text_n};
            if (entry->df <= most || term.n + 4 < text.n || term.n > text.n + 4 || term.n < first ||
                memcmp(term.p, text.p, first) != 0)
                continue;
            size_t m = runes_of(term, other);
            if (m >= LEAST_LETTERS && one_letter_off(letters, n, other, m) && entry_df(&q->reader->parts[p], entry)) {
                best = term;
                most = entry->df;
            }
        }
    }
    return best;
}

size_t lenient_terms(struct query *q, const struct term *term, struct str ret[LENIENT_MOST])
{
    if (term->flags & TERM_CODE) {
        char *squeezed = scratch_alloc(q->scratch, term->text.n + 1);
        size_t n = 0;
        for (size_t i = 0; i < term->text.n; i++)
            if (!strchr("-./", term->text.p[i]))
                squeezed[n++] = term->text.p[i];
        ret[0] = (struct str){squeezed, n};
        return 1;
    }
    if (term->flags & TERM_CJK)
        return 0;
    size_t n = code_parts(term->text, ret);
    if (n == 0 && (ret[0] = nearest_word(q, term->text)).p)
        n = 1;
    return n;
}
