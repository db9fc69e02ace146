// SPDX-License-Identifier: Apache-2.0
// Each sentence of the passages is worth the idf of the question's terms in it. Sentences are taken one by one: the one
// that adds the most terms not quoted yet, then such that hold at least half of what the best one holds. One that holds
// the kind of thing asked for goes before others that are worth a little more; it needs as much as they to be taken. A
// question or a heading in a passage is not an answer: its terms count for the sentence behind it.
//
// Where the meaning of the sentences is known they are ordered by its cosine with that of the question, and words and
// kind only decide among about equal ones: a word in common says little beside it.
#include "engine/quote.h"

#include "base/utf8.h"
#include "engine/answer_kind.h"
#include "engine/money.h"
#include "engine/script.h"
#include "engine/sentence.h"
#include "engine/texts.h"

#include <math.h>

#define SENTENCES_MAX 600 // that are looked at, over all passages
#define TERMS_MAX 64
#define BY_KIND 1.5 // at most 2, so that the first taken never lowers what others need
#define NOT_LOOKED_AT (-2)
#define HEADING_MAX 120 // characters; a longer line without a mark is a text of its own

// Of cosines of meaning; chosen on the development questions (docs/quality.md).
#define BY_WORDS 0.05 // for all of the question's words
#define OF_KIND 0.03
#define FOLLOWS_MAY_LACK 0.12
#define SAME_MAY_LACK 0.07
#define OTHERS_MAY_LACK 0.06
static const struct {
    double looks, answers; // what it is worth to be of the first, second, third passage
} of_passage[QUOTE_MAX_PASSAGES] = {{0.3, 0.03}, {0.1, 0.01}, {0, 0}};

struct candidate {
    size_t passage;
    struct str text;
    uint64_t terms; // which of the question's terms stand in it, or in the question or heading before it
    bool asks;      // a question or heading
    bool of_kind;   // holds what was asked for
    bool chosen;
    float near; // cosine of its meaning with the question; NOT_LOOKED_AT
};

struct quote {
    struct arena *arena;
    const struct search_match *terms;
    size_t n_terms;
    double all;     // what all terms are worth
    unsigned kinds; // enum answer_kind
    const struct quote_passage *passages;
    struct candidate *at;
    size_t n;
    size_t characters;
    size_t *weighed; // the sentences that quote_texts gave, as indexes
    size_t n_weighed;
    bool by_meaning;
};

static uint64_t terms_in(struct arena *arena, const struct quote *quote, struct str text)
{
    struct terms found = analyse(arena, text, 4000);
    uint64_t set = 0;
    for (size_t i = 0; i < found.n; i++)
        for (size_t t = 0; t < quote->n_terms; t++)
            if (str_eq(found.at[i].text, quote->terms[t].term))
                set |= (uint64_t)1 << t;
    return set;
}

static double worth(const struct quote *quote, uint64_t set)
{
    double sum = 0;
    for (size_t t = 0; t < quote->n_terms; t++)
        if (set >> t & 1)
            sum += (double)quote->terms[t].idf;
    return sum;
}

// A line that ends in a question mark, or a short one without any mark before another line.
static bool asks(struct str text, struct str sentence)
{
    uint32_t last = script_last(sentence);
    if (last == '?' || last == 0xFF1F || last == 0x61F)
        return true;
    size_t end = (size_t)(sentence.p + sentence.n - text.p);
    bool line = end < text.n && memchr("\r\n", text.p[end], 2) && text.p[end] != 0;
    bool list = sentence.n && strchr("-*|>", sentence.p[0]);
    size_t close;
    return line && !list && sentence_end(sentence, 0, true, &close) == 0 && utf8_count(sentence) <= HEADING_MAX;
}

static void add_passage(struct arena *arena, struct quote *quote, size_t passage)
{
    struct str text = quote->passages[passage].text, sentence;
    uint64_t asked = terms_in(arena, quote, quote->passages[passage].title);
    size_t first = quote->n;
    for (size_t pos = 0; quote->n < SENTENCES_MAX && sentence_next(text, &pos, &sentence);) {
        struct candidate *c = &quote->at[quote->n++];
        *c = (struct candidate){
            .passage = passage,
            .text = sentence,
            .terms = terms_in(arena, quote, sentence),
            .asks = asks(text, sentence),
            .of_kind = quote->kinds && answer_kind_held(sentence, quote->kinds),
        };
        if (c->asks) {
            asked |= c->terms;
        } else {
            c->terms |= asked;
            asked = 0;
        }
    }
    // A passage of nothing but questions is quoted as it is.
    bool any = false;
    for (size_t i = first; i < quote->n; i++)
        any |= !quote->at[i].asks;
    for (size_t i = first; i < quote->n && !any; i++)
        quote->at[i].asks = false;
}

static bool repeats(const struct quote *quote, struct str text)
{
    for (size_t i = 0; i < quote->n; i++)
        if (quote->at[i].chosen && str_eq(quote->at[i].text, text))
            return true;
    return false;
}

static bool fits(const struct quote *quote, const struct candidate *c)
{
    return !c->chosen && !c->asks && quote->characters + utf8_count(c->text) <= QUOTE_MAX_CHARACTERS &&
           !repeats(quote, c->text);
}

static void choose(struct quote *quote, struct candidate *c)
{
    c->chosen = true;
    quote->characters += utf8_count(c->text);
}

// The fitting sentence whose terms outside `seen` are worth the most; of equals the one whose terms are worth the most,
// then the first. NULL when none is worth anything.
static struct candidate *best(const struct quote *quote, uint64_t seen, double at_least)
{
    struct candidate *found = NULL;
    double most = 0, most_all = 0;
    for (size_t i = 0; i < quote->n; i++) {
        struct candidate *c = &quote->at[i];
        double fresh = worth(quote, c->terms & ~seen), all = worth(quote, c->terms);
        if (fresh <= 0 || all < at_least || !fits(quote, c))
            continue;
        double as = fresh * (c->of_kind ? BY_KIND : 1);
        if (!found || as > most || (as >= most && all > most_all)) {
            found = c;
            most = as;
            most_all = all;
        }
    }
    return found;
}

// A sentence that alone is too long is quoted from its beginning, to a word's end.
static void choose_part(struct quote *quote)
{
    struct candidate *c = NULL;
    double most = -1;
    for (size_t i = 0; i < quote->n; i++)
        if (!quote->at[i].asks && worth(quote, quote->at[i].terms) > most) {
            c = &quote->at[i];
            most = worth(quote, c->terms);
        }
    if (!c)
        return;
    size_t end = utf8_offset(c->text, QUOTE_MAX_CHARACTERS), cut = end;
    while (cut > end / 2 && c->text.p[cut - 1] != ' ')
        cut--;
    c->text = utf8_trim((struct str){c->text.p, cut > end / 2 ? cut : end});
    choose(quote, c);
}

static double most_worth(const struct quote *quote)
{
    double most = 0;
    for (size_t i = 0; i < quote->n; i++)
        if (fits(quote, &quote->at[i]))
            most = fmax(most, worth(quote, quote->at[i].terms));
    return most;
}

static void choose_by_terms(struct quote *quote, size_t most)
{
    struct candidate *first = best(quote, 0, 0);
    if (!first)
        return;
    double floor = most_worth(quote) / 2;
    choose(quote, first);
    uint64_t seen = first->terms;
    for (size_t n = 1; n < most; n++) {
        struct candidate *next = best(quote, seen, 0);
        if (!next)
            next = best(quote, 0, floor);
        // A new term that weighs little is no reason for another sentence.
        if (!next || (worth(quote, next->terms) < floor && worth(quote, next->terms & ~seen) < floor / 2))
            return;
        choose(quote, next);
        seen |= next->terms;
    }
}

// Nothing in common with the question, word for word: of the best passage what holds the kind asked for, and its
// beginning.
static void choose_beginning(struct quote *quote)
{
    size_t taken = 0;
    for (size_t i = 0; i < quote->n && quote->at[i].passage == 0 && taken < 2; i++)
        if (quote->at[i].of_kind && fits(quote, &quote->at[i])) {
            choose(quote, &quote->at[i]);
            taken++;
        }
    bool begun = false;
    for (size_t i = 0; i < quote->n && quote->at[i].passage == 0 && taken < 2; i++) {
        if (fits(quote, &quote->at[i])) {
            choose(quote, &quote->at[i]);
            taken++;
            begun = true;
        } else if (begun && !quote->at[i].chosen) {
            return;
        }
    }
}

// Documents in order of their best passage, within a document by ordinal and place.
static bool stands_before(const struct quote *quote, const struct quote_sentence *a, const struct quote_sentence *b)
{
    const struct quote_passage *pa = &quote->passages[a->passage], *pb = &quote->passages[b->passage];
    if (!str_eq(pa->doc, pb->doc))
        return a->passage < b->passage;
    if (pa->ordinal != pb->ordinal)
        return pa->ordinal < pb->ordinal;
    return a->text.p < b->text.p;
}

static size_t collect(const struct quote *quote, struct quote_sentence ret[QUOTE_MAX_SENTENCES])
{
    size_t n = 0;
    for (size_t i = 0; i < quote->n && n < QUOTE_MAX_SENTENCES; i++)
        if (quote->at[i].chosen)
            ret[n++] = (struct quote_sentence){quote->at[i].passage, quote->at[i].text};
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && stands_before(quote, &ret[k], &ret[k - 1]); k--) {
            struct quote_sentence other = ret[k];
            ret[k] = ret[k - 1];
            ret[k - 1] = other;
        }
    return n;
}

struct quote *quote_read(struct arena *arena, struct str question, const struct search_match *terms, size_t n_terms,
                         const struct quote_passage *passages, size_t n)
{
    struct quote *quote = ARENA_NEW(arena, struct quote);
    *quote = (struct quote){
        .arena = arena, .terms = terms, .n_terms = n_terms < TERMS_MAX ? n_terms : TERMS_MAX, .passages = passages};
    quote->all = worth(quote, ~(uint64_t)0);
    quote->kinds = question.n ? answer_kind_asked(question) : 0;
    quote->at = arena_calloc(arena, SENTENCES_MAX, sizeof *quote->at);
    for (size_t i = 0; i < n && i < QUOTE_MAX_PASSAGES; i++)
        add_passage(arena, quote, i);
    return quote;
}

static double share(const struct quote *quote, const struct candidate *c)
{
    return quote->all > 0 ? worth(quote, c->terms) / quote->all : 0;
}

// Which sentence to look at first: one with the question's words, of the best passages.
static double promise(const struct quote *quote, const struct candidate *c)
{
    return share(quote, c) + of_passage[c->passage].looks;
}

size_t quote_texts(struct quote *quote, struct str *ret, size_t most)
{
    quote->weighed = arena_calloc(quote->arena, most + 1, sizeof *quote->weighed);
    bool *looked = arena_calloc(quote->arena, quote->n + 1, sizeof *looked);
    while (quote->n_weighed < most) {
        size_t best = quote->n;
        for (size_t i = 0; i < quote->n; i++)
            if (!looked[i] && fits(quote, &quote->at[i]) &&
                (best == quote->n || promise(quote, &quote->at[i]) > promise(quote, &quote->at[best])))
                best = i;
        if (best == quote->n)
            break;
        looked[best] = true;
        const struct candidate *c = &quote->at[best];
        ret[quote->n_weighed] = arena_strf(quote->arena, STR_FMT "\n" STR_FMT,
                                           STR_ARG(quote->passages[c->passage].title), STR_ARG(c->text));
        quote->weighed[quote->n_weighed++] = best;
    }
    return quote->n_weighed > 1 ? quote->n_weighed : 0;
}

void quote_weigh(struct quote *quote, const float *cosines)
{
    quote->by_meaning = true;
    for (size_t i = 0; i < quote->n; i++)
        quote->at[i].near = NOT_LOOKED_AT;
    for (size_t i = 0; i < quote->n_weighed; i++)
        quote->at[quote->weighed[i]].near = cosines[i];
}

// How well a sentence seems to answer, in cosines.
static double answers(const struct quote *quote, const struct candidate *c)
{
    return (double)c->near + BY_WORDS * share(quote, c) + (c->of_kind ? OF_KIND : 0) + of_passage[c->passage].answers;
}

// How much less than the best one another sentence may answer to be quoted too. What follows the best one is often the
// other half of the answer.
static double may_lack(const struct candidate *best, const struct candidate *c)
{
    if (c == best + 1 && c->passage == best->passage)
        return FOLLOWS_MAY_LACK;
    return c->passage == best->passage ? SAME_MAY_LACK : OTHERS_MAY_LACK;
}

static void choose_by_meaning(struct quote *quote)
{
    const struct candidate *best = NULL;
    for (size_t k = 0; k < QUOTE_MAX_SENTENCES; k++) {
        struct candidate *next = NULL;
        for (size_t i = 0; i < quote->n; i++) {
            struct candidate *c = &quote->at[i];
            bool near = c->near >= -1 && (!best || answers(quote, c) >= answers(quote, best) - may_lack(best, c));
            if (near && fits(quote, c) && (!next || answers(quote, c) > answers(quote, next)))
                next = c;
        }
        if (!next)
            return;
        best = best ? best : next;
        choose(quote, next);
    }
}

size_t quote_take(struct quote *quote, struct quote_sentence ret[QUOTE_MAX_SENTENCES])
{
    if (quote->by_meaning)
        choose_by_meaning(quote);
    else
        choose_by_terms(quote, QUOTE_MAX_SENTENCES);
    if (quote->characters == 0)
        choose_beginning(quote);
    size_t found = collect(quote, ret);
    if (found == 0) {
        choose_part(quote);
        found = collect(quote, ret);
    }
    return found;
}

size_t quote_choose(struct arena *arena, struct str question, const struct search_match *terms, size_t n_terms,
                    const struct quote_passage *passages, size_t n, struct quote_sentence ret[QUOTE_MAX_SENTENCES])
{
    return quote_take(quote_read(arena, question, terms, n_terms, passages, n), ret);
}

struct str quote_before(struct arena *arena, const struct quote_sentence *sentences, size_t i, const char *language)
{
    if (i == 0)
        return arena_strf(arena, STR_FMT "\n", STR_ARG(text_fixed(TEXT_LEAD_IN, language)));
    if (sentences[i].passage != sentences[i - 1].passage)
        return STR("\n");
    return script_is_cjk(utf8_next(sentences[i].text, &(size_t){0})) ? STR("") : STR(" ");
}

struct str quote_text(struct arena *arena, const struct quote_sentence *sentences, size_t n, const char *language)
{
    AUTO_BUF struct buf out = BUF_INIT(4 * QUOTE_MAX_CHARACTERS + 1024);
    for (size_t i = 0; i < n; i++) {
        buf_adds(&out, quote_before(arena, sentences, i, language));
        buf_adds(&out, sentences[i].text);
    }
    return arena_str(arena, buf_str(&out));
}

struct str quote_product(struct arena *arena, struct str name, int64_t price, struct str currency, bool available,
                         struct str description, const char *language)
{
    AUTO_BUF struct buf out = BUF_INIT(16384);
    buf_addf(&out, STR_FMT ": ", STR_ARG(name));
    money_write(&out, price, currency);
    buf_addf(&out, ", " STR_FMT ".", STR_ARG(text_fixed(available ? TEXT_IN_STOCK : TEXT_OUT_OF_STOCK, language)));
    struct str sentence;
    size_t pos = 0;
    if (sentence_next(description, &pos, &sentence)) {
        if (utf8_count(sentence) > QUOTE_MAX_CHARACTERS)
            sentence.n = utf8_offset(sentence, QUOTE_MAX_CHARACTERS);
        buf_addf(&out, " " STR_FMT, STR_ARG(sentence));
    }
    return arena_str(arena, buf_str(&out));
}
