// SPDX-License-Identifier: Apache-2.0
// Each sentence of the passages is worth the idf of the question's terms in it. Sentences are taken one by one: the one
// that adds the most terms not quoted yet, then such that hold at least half of what the best one holds. One that holds
// the kind of thing asked for goes before others that are worth a little more; it needs as much as they to be taken. A
// question or a heading in a passage is not an answer: its terms count for the sentence behind it.
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
#define BY_KIND 1.5     // at most 2, so that the first taken never lowers what others need
#define HEADING_MAX 120 // characters; a longer line without a mark is a text of its own

struct candidate {
    size_t passage;
    struct str text;
    uint64_t terms; // which of the question's terms stand in it, or in the question or heading before it
    bool asks;      // a question or heading
    bool of_kind;   // holds what was asked for
    bool chosen;
};

struct choice {
    const struct search_match *terms;
    size_t n_terms;
    unsigned kinds; // enum answer_kind
    const struct quote_passage *passages;
    struct candidate *at;
    size_t n;
    size_t characters;
};

static uint64_t terms_in(struct arena *arena, const struct choice *choice, struct str text)
{
    struct terms found = analyse(arena, text, 4000);
    uint64_t set = 0;
    for (size_t i = 0; i < found.n; i++)
        for (size_t t = 0; t < choice->n_terms; t++)
            if (str_eq(found.at[i].text, choice->terms[t].term))
                set |= (uint64_t)1 << t;
    return set;
}

static double worth(const struct choice *choice, uint64_t set)
{
    double sum = 0;
    for (size_t t = 0; t < choice->n_terms; t++)
        if (set >> t & 1)
            sum += (double)choice->terms[t].idf;
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

static void add_passage(struct arena *arena, struct choice *choice, size_t passage)
{
    struct str text = choice->passages[passage].text, sentence;
    uint64_t asked = terms_in(arena, choice, choice->passages[passage].title);
    size_t first = choice->n;
    for (size_t pos = 0; choice->n < SENTENCES_MAX && sentence_next(text, &pos, &sentence);) {
        struct candidate *c = &choice->at[choice->n++];
        *c = (struct candidate){
            .passage = passage,
            .text = sentence,
            .terms = terms_in(arena, choice, sentence),
            .asks = asks(text, sentence),
            .of_kind = choice->kinds && answer_kind_held(sentence, choice->kinds),
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
    for (size_t i = first; i < choice->n; i++)
        any |= !choice->at[i].asks;
    for (size_t i = first; i < choice->n && !any; i++)
        choice->at[i].asks = false;
}

static bool repeats(const struct choice *choice, struct str text)
{
    for (size_t i = 0; i < choice->n; i++)
        if (choice->at[i].chosen && str_eq(choice->at[i].text, text))
            return true;
    return false;
}

static bool fits(const struct choice *choice, const struct candidate *c)
{
    return !c->chosen && !c->asks && choice->characters + utf8_count(c->text) <= QUOTE_MAX_CHARACTERS &&
           !repeats(choice, c->text);
}

static void choose(struct choice *choice, struct candidate *c)
{
    c->chosen = true;
    choice->characters += utf8_count(c->text);
}

// The fitting sentence whose terms outside `seen` are worth the most; of equals the one whose terms are worth the most,
// then the first. NULL when none is worth anything.
static struct candidate *best(const struct choice *choice, uint64_t seen, double at_least)
{
    struct candidate *found = NULL;
    double most = 0, most_all = 0;
    for (size_t i = 0; i < choice->n; i++) {
        struct candidate *c = &choice->at[i];
        double fresh = worth(choice, c->terms & ~seen), all = worth(choice, c->terms);
        if (fresh <= 0 || all < at_least || !fits(choice, c))
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
static void choose_part(struct choice *choice)
{
    struct candidate *c = NULL;
    double most = -1;
    for (size_t i = 0; i < choice->n; i++)
        if (!choice->at[i].asks && worth(choice, choice->at[i].terms) > most) {
            c = &choice->at[i];
            most = worth(choice, c->terms);
        }
    if (!c)
        return;
    size_t end = utf8_offset(c->text, QUOTE_MAX_CHARACTERS), cut = end;
    while (cut > end / 2 && c->text.p[cut - 1] != ' ')
        cut--;
    c->text = utf8_trim((struct str){c->text.p, cut > end / 2 ? cut : end});
    choose(choice, c);
}

static double most_worth(const struct choice *choice)
{
    double most = 0;
    for (size_t i = 0; i < choice->n; i++)
        if (fits(choice, &choice->at[i]))
            most = fmax(most, worth(choice, choice->at[i].terms));
    return most;
}

static void choose_by_terms(struct choice *choice, size_t most)
{
    struct candidate *first = best(choice, 0, 0);
    if (!first)
        return;
    double floor = most_worth(choice) / 2;
    choose(choice, first);
    uint64_t seen = first->terms;
    for (size_t n = 1; n < most; n++) {
        struct candidate *next = best(choice, seen, 0);
        if (!next)
            next = best(choice, 0, floor);
        // A new term that weighs little is no reason for another sentence.
        if (!next || (worth(choice, next->terms) < floor && worth(choice, next->terms & ~seen) < floor / 2))
            return;
        choose(choice, next);
        seen |= next->terms;
    }
}

// Nothing in common with the question, word for word: of the best passage what holds the kind asked for, and its
// beginning.
static void choose_beginning(struct choice *choice)
{
    size_t taken = 0;
    for (size_t i = 0; i < choice->n && choice->at[i].passage == 0 && taken < 2; i++)
        if (choice->at[i].of_kind && fits(choice, &choice->at[i])) {
            choose(choice, &choice->at[i]);
            taken++;
        }
    bool begun = false;
    for (size_t i = 0; i < choice->n && choice->at[i].passage == 0 && taken < 2; i++) {
        if (fits(choice, &choice->at[i])) {
            choose(choice, &choice->at[i]);
            taken++;
            begun = true;
        } else if (begun && !choice->at[i].chosen) {
            return;
        }
    }
}

// Documents in order of their best passage, within a document by ordinal and place.
static bool stands_before(const struct choice *choice, const struct quote_sentence *a, const struct quote_sentence *b)
{
    const struct quote_passage *pa = &choice->passages[a->passage], *pb = &choice->passages[b->passage];
    if (!str_eq(pa->doc, pb->doc))
        return a->passage < b->passage;
    if (pa->ordinal != pb->ordinal)
        return pa->ordinal < pb->ordinal;
    return a->text.p < b->text.p;
}

static size_t collect(const struct choice *choice, struct quote_sentence ret[QUOTE_MAX_SENTENCES])
{
    size_t n = 0;
    for (size_t i = 0; i < choice->n && n < QUOTE_MAX_SENTENCES; i++)
        if (choice->at[i].chosen)
            ret[n++] = (struct quote_sentence){choice->at[i].passage, choice->at[i].text};
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && stands_before(choice, &ret[k], &ret[k - 1]); k--) {
            struct quote_sentence other = ret[k];
            ret[k] = ret[k - 1];
            ret[k - 1] = other;
        }
    return n;
}

size_t quote_choose(struct arena *arena, struct str question, const struct search_match *terms, size_t n_terms,
                    const struct quote_passage *passages, size_t n, struct quote_sentence ret[QUOTE_MAX_SENTENCES])
{
    struct choice choice = {.terms = terms, .n_terms = n_terms < TERMS_MAX ? n_terms : TERMS_MAX, .passages = passages};
    choice.kinds = question.n ? answer_kind_asked(question) : 0;
    choice.at = arena_calloc(arena, SENTENCES_MAX, sizeof *choice.at);
    for (size_t i = 0; i < n && i < QUOTE_MAX_PASSAGES; i++)
        add_passage(arena, &choice, i);
    choose_by_terms(&choice, QUOTE_MAX_SENTENCES);
    if (choice.characters == 0)
        choose_beginning(&choice);
    size_t found = collect(&choice, ret);
    if (found == 0) {
        choose_part(&choice);
        found = collect(&choice, ret);
    }
    return found;
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
