// SPDX-License-Identifier: Apache-2.0
// Finding is by neighbouring words, not by grammar: what cannot be told apart is left alone, because an unresolved word
// costs a little retrieval and a wrongly resolved one changes the question.
#include "engine/reference_find.h"

#include "base/utf8.h"
#include "engine/script.h"

#include <math.h>

static const char AUXILIARIES[] =
    "is are was were be been am do does did can could will would should shall may might must "
    "has have had isn aren wasn don doesn didn won can't";
static const char BEFORE_OBJECT[] =
    "about of with for on in at to from than like and or but by as into without buy order get "
    "take want return see use have need recommend compare what how why when where which if "
    "because so not";
static const char AFTER_SUBJECT[] =
    "is are was were will would can could does do did has have had cost costs work works come "
    "comes include includes fit fits need needs look looks mean means ship ships weigh weighs "
    "last lasts support supports run runs make makes help helps in on with for at to from by "
    "as and or too also still really now again available s";

struct str find_word(const struct find_text *t, size_t i)
{
    if (i >= t->tokens.n)
        return STR("");
    const struct token *token = &t->tokens.at[i];
    return (struct str){t->text.p + token->start, token->end - token->start};
}

static bool is(const struct find_text *t, size_t i, const char *list)
{
    return i < t->tokens.n && word_among(find_word(t, i), list);
}

static bool is_before(const struct find_text *t, size_t i, size_t back, const char *list)
{
    return i >= back && is(t, i - back, list);
}

// Does a mark (not just space or an apostrophe) or the end follow token i?
static bool ends_phrase(const struct find_text *t, size_t i)
{
    if (i + 1 >= t->tokens.n)
        return true;
    size_t from = t->tokens.at[i].end, to = t->tokens.at[i + 1].start;
    for (size_t k = from; k < to; k++)
        if (strchr(".,;:!?()\"", t->text.p[k]))
            return true;
    return false;
}

static bool begins_phrase(const struct find_text *t, size_t i)
{
    return i == 0 || ends_phrase(t, i - 1);
}

// "it" that stands for nothing.
static bool is_expletive(const struct find_text *t, size_t i)
{
    static const char weather[] = "raining rainy snowing snowy sunny windy cloudy foggy stormy freezing";
    static const char times[] =
        "late early noon midnight time monday tuesday wednesday thursday friday saturday sunday";
    if (is(t, i + 1, "seems seem appears appear takes take depends depend happens turns") ||
        is_before(t, i, 1, "make makes made making"))
        return true;
    if (is_before(t, i, 1, "s") && is_before(t, i, 2, "that"))
        return true;
    size_t rest = i + 1;
    bool copula = is_before(t, i, 1, "is was isn wasn will would");
    if (is(t, rest, "will would could might may must can") && is(t, rest + 1, "be"))
        copula = true, rest += 2;
    else if (is(t, rest, "is was s isn wasn be"))
        copula = true, rest++;
    if (!copula)
        return false;
    if (is(t, rest, "t not"))
        rest++;
    if (is(t, rest, weather) || is(t, rest, times) || is(t, rest + 1, "clock am pm"))
        return true;
    for (size_t k = rest + 1; k <= rest + 2 && k < t->tokens.n && !ends_phrase(t, k - 1); k++)
        if (is(t, k, "to that if"))
            return true;
    return false;
}

// this, that, these, those: alone, before "one(s)", or before a noun.
static bool demonstrative(const struct find_text *t, size_t i, struct find *ret)
{
    bool many = is(t, i, "these those");
    ret->demonstrative = true;
    ret->class = many ? FIND_MANY : FIND_THING;
    if (!ends_phrase(t, i) && is(t, i + 1, "one ones")) {
        ret->n = 2;
        ret->class = many ? FIND_MANY : FIND_ANY_THING;
        return true;
    }
    static const char remarks[] =
        "it all great fine ok okay good nice right correct wrong true what why how enough perfect";
    if (is(t, i, "that") && is(t, i + 1, "s is was") && is(t, i + 2, remarks))
        return false;
    bool after_auxiliary = is_before(t, i, 1, AUXILIARIES);
    bool may_begin = begins_phrase(t, i) || after_auxiliary || is_before(t, i, 1, BEFORE_OBJECT);
    if (ends_phrase(t, i))
        return may_begin || !is(t, i, "that");
    if (may_begin && is(t, i + 1, AFTER_SUBJECT))
        return true;
    // "Is that waterproof?": what ends the phrase is said of it.
    if (after_auxiliary && ends_phrase(t, i + 1) && !many) {
        ret->noun = find_word(t, i + 1);
        return true;
    }
    ret->n = 2;
    ret->class = FIND_NOUN;
    ret->noun = find_word(t, i + 1);
    return true;
}

bool find_at(const struct find_text *t, size_t i, struct find *ret)
{
    *ret = (struct find){.first = i, .n = 1, .class = FIND_THING, .noun = STR_NULL};
    if (is(t, i, "it"))
        return !is_expletive(t, i);
    if (is(t, i, "its")) {
        ret->possessive = true;
        return !ends_phrase(t, i);
    }
    if (is(t, i, "he him she his hers her")) {
        ret->class = FIND_PERSON;
        bool noun = !ends_phrase(t, i) && !is(t, i + 1, AFTER_SUBJECT) && !is(t, i + 1, "about when why how what");
        ret->possessive = is(t, i, "his hers") || (is(t, i, "her") && noun);
        return true;
    }
    if (is(t, i, "they them their theirs")) {
        ret->class = FIND_MANY;
        ret->possessive = is(t, i, "their theirs");
        return true;
    }
    if (is(t, i, "this that these those"))
        return demonstrative(t, i, ret);
    if (is(t, i, "the") && i + 1 < t->tokens.n && !ends_phrase(t, i)) {
        ret->n = 2;
        ret->demonstrative = true;
        ret->class = is(t, i + 1, "one") && ends_phrase(t, i + 1) ? FIND_ANY_THING : FIND_NOUN;
        ret->noun = find_word(t, i + 1);
        return ret->class == FIND_ANY_THING || !is(t, i + 1, "one ones");
    }
    return false;
}

int find_ordinal(const struct find_text *t, size_t i, size_t *ret_n)
{
    static const struct {
        const char *words;
        int number;
    } rows[] = {{"first 1st former", 1}, {"second 2nd", 2},  {"third 3rd", 3},         {"fourth 4th", 4},
                {"fifth 5th", 5},        {"sixth 6th", 6},   {"seventh 7th", 7},       {"eighth 8th", 8},
                {"ninth 9th", 9},        {"tenth 10th", 10}, {"last final latter", -1}};
    if (!is(t, i, "the"))
        return 0;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        if (!is(t, i + 1, rows[k].words))
            continue;
        bool named = is(t, i + 2, "one option product item choice model");
        if (!named && !is(t, i + 1, "former latter"))
            return 0;
        *ret_n = named ? 3 : 2;
        return rows[k].number;
    }
    return 0;
}

static struct str last_letters(struct str value) // last word without a digit
{
    struct str last = STR(""), rest = value;
    while (rest.p) {
        struct str word = str_split(&rest, ' ');
        bool letters = word.n > 0;
        for (size_t i = 0; i < word.n; i++)
            letters &= word.p[i] < '0' || word.p[i] > '9';
        if (letters)
            last = word;
    }
    return last;
}

static bool is_plural(struct str word)
{
    return word.n > 3 && word.p[word.n - 1] == 's' && !strchr("sui", word.p[word.n - 2]);
}

static bool is_value(struct str type) // neither thing nor person
{
    return word_among(type, "money number date email url phone code");
}

bool find_agrees(const struct find_candidate *c, const struct find *find)
{
    bool person = word_among(c->type, "person");
    if (is_value(c->type))
        return false;
    switch (find->class) {
    case FIND_PERSON:
        return person;
    case FIND_MANY:
        return c->joined || word_among(c->type, "organization organisation group") || is_plural(last_letters(c->value));
    case FIND_NOUN:
        return !c->joined && (str_eq_nocase(c->type, find->noun) || str_eq_nocase(last_letters(c->value), find->noun));
    default:
        return !person && !c->joined;
    }
}

static void add_candidate(struct find_candidate *at, size_t *n, struct find_candidate new)
{
    for (size_t i = 0; i < *n; i++) {
        if (!str_eq_nocase(at[i].value, new.value))
            continue;
        // Mentioned again: it moves behind the others.
        if (at[i].score > new.score)
            new.score = at[i].score;
        if (!new.id.n)
            new.id = at[i].id;
        memmove(at + i, at + i + 1, (*n - i - 1) * sizeof *at);
        at[*n - 1] = new;
        return;
    }
    if (*n < FIND_CANDIDATES_MAX)
        at[(*n)++] = new;
}

static size_t distinct(const struct reference_list *lists[], size_t n)
{
    size_t count = 0;
    for (size_t l = 0; l < n; l++)
        for (size_t i = 0; i < lists[l]->n; i++) {
            if (is_value(lists[l]->at[i].type))
                continue;
            bool again = false;
            for (size_t k = 0; k <= l; k++)
                for (size_t m = 0; m < (k == l ? i : lists[k]->n); m++)
                    again |= str_eq_nocase(lists[k]->at[m].value, lists[l]->at[i].value);
            count += !again;
        }
    return count;
}

static bool joins(struct str gap) // 1 = and, 2 = comma
{
    gap = utf8_trim(gap);
    if (gap.n && gap.p[0] == ',')
        gap = utf8_trim((struct str){gap.p + 1, gap.n - 1});
    struct str and = STR("and");
    if (gap.n >= and.n && str_eq_nocase((struct str){gap.p, and.n}, and))
        gap = utf8_trim((struct str){gap.p + and.n, gap.n - and.n});
    else if (gap.n && gap.p[0] == '&')
        gap = utf8_trim((struct str){gap.p + 1, gap.n - 1});
    return gap.n == 0 || str_eq_nocase(gap, STR("the"));
}

static bool inside(const struct reference_entity *e, struct str text)
{
    return e->end > e->start && e->end <= text.n;
}

// "A, B and C" of one text becomes a candidate of its own.
static void add_joined(struct arena *arena, struct str text, const struct reference_list *list, double score,
                       struct find_candidate *at, size_t *n)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t last = i;
        while (last + 1 < list->n && inside(&list->at[last], text) && inside(&list->at[last + 1], text) &&
               list->at[last + 1].start >= list->at[last].end &&
               joins((struct str){text.p + list->at[last].end, list->at[last + 1].start - list->at[last].end}))
            last++;
        if (last == i)
            continue;
        struct str value = list->at[i].value;
        for (size_t k = i + 1; k <= last; k++)
            value = arena_strf(arena, STR_FMT "%s" STR_FMT, STR_ARG(value), k == last ? " and " : ", ",
                               STR_ARG(list->at[k].value));
        add_candidate(at, n, (struct find_candidate){list->at[i].type, value, STR_NULL, score, true});
        i = last;
    }
}

static double score_of(double base, bool user, bool only, bool subject)
{
    double score = base + (user ? 0.1 : 0) + (only ? 0.1 : 0) + (subject ? 0.05 : 0);
    return score > 1 ? 1 : score;
}

static bool is_subject(const struct reference_entity *e, struct str text)
{
    if (!inside(e, text))
        return false;
    struct str before = utf8_trim((struct str){text.p, e->start});
    return before.n == 0 || str_eq_nocase(before, STR("the"));
}

static void add_list(struct arena *arena, struct str text, const struct reference_list *list, double base, bool user,
                     bool only, struct find_candidate *at, size_t *n)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct reference_entity *e = &list->at[i];
        double score = score_of(base, user, only, is_subject(e, text));
        add_candidate(at, n, (struct find_candidate){e->type, e->value, e->id, score, false});
    }
    add_joined(arena, text, list, score_of(base, user, false, false), at, n);
}

size_t find_candidates(struct arena *arena, const struct reference_input *input, struct find_candidate *ret)
{
    static const struct reference_turn nothing;
    size_t n = 0, turns = input->n_turns < REFERENCE_TURNS ? input->n_turns : REFERENCE_TURNS;
    for (size_t back = turns ? turns : 1; back > 0; back--) {
        const struct reference_turn *turn = back <= turns ? &input->turns[back - 1] : &nothing;
        const struct reference_list *named = back == 1 ? &input->named : &nothing.in_user;
        const struct reference_list *lists[] = {named, &turn->in_user, &turn->in_answer};
        double base = pow(0.85, (double)back);
        bool only = distinct(lists, 3) == 1;
        add_list(arena, STR(""), named, base, true, only, ret, &n);
        add_list(arena, turn->user, &turn->in_user, base, true, only, ret, &n);
        add_list(arena, turn->answer, &turn->in_answer, base, false, only, ret, &n);
    }
    return n;
}

size_t find_left(const struct reference_input *input, size_t byte, struct find_candidate *at, size_t n)
{
    for (size_t i = 0; i < input->in_text.n; i++) {
        const struct reference_entity *e = &input->in_text.at[i];
        if (e->end <= byte && e->end > e->start)
            add_candidate(at, &n, (struct find_candidate){e->type, e->value, e->id, 1, false});
    }
    return n;
}

const struct find_candidate *find_best(const struct find_candidate *at, size_t n, const struct find *find,
                                       double *ret_confidence)
{
    const struct find_candidate *best = NULL, *second = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!find_agrees(&at[i], find))
            continue;
        if (!best || at[i].score >= best->score) {
            second = best;
            best = &at[i];
        } else if (!second || at[i].score >= second->score) {
            second = &at[i];
        }
    }
    if (best)
        *ret_confidence = best->score * 0.9 - (second && second->score >= best->score - 0.1 - 1e-9 ? 0.2 : 0);
    return best;
}

// Bytes of a list mark ("1. ", "2) ", "- ") at the beginning of a line.
static size_t list_mark(struct str line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] >= '0' && line.p[n] <= '9')
        n++;
    if (n > 0 && n + 1 < line.n && (line.p[n] == '.' || line.p[n] == ')') && line.p[n + 1] == ' ')
        return n + 2;
    if (n == 0 && line.n > 2 && strchr("-*", line.p[0]) && line.p[1] == ' ')
        return 2;
    return str_starts(line, STR("• ")) ? strlen("• ") : 0;
}

static size_t listed(struct str answer, struct find_candidate *ret, size_t max)
{
    size_t n = 0;
    struct str rest = answer;
    while (rest.p && n < max) {
        struct str line = str_trim(str_split(&rest, '\n'));
        size_t mark = list_mark(line);
        if (mark == 0)
            continue;
        struct str item = {line.p + mark, line.n - mark};
        size_t end = 0;
        while (end < item.n && !strchr(":;,(", item.p[end]) &&
               !(item.p[end] == ' ' && end + 1 < item.n && item.p[end + 1] == '-'))
            end++;
        item = utf8_trim((struct str){item.p, end});
        while (item.n && strchr("*_.", item.p[item.n - 1]))
            item.n--;
        while (item.n && strchr("*_", item.p[0]))
            item = (struct str){item.p + 1, item.n - 1};
        if (item.n)
            ret[n++] = (struct find_candidate){STR("option"), item, STR_NULL, 1, false};
    }
    return n;
}

size_t find_options(struct arena *arena, const struct reference_input *input, struct find_candidate **ret)
{
    *ret = arena_calloc(arena, FIND_CANDIDATES_MAX, sizeof **ret);
    for (size_t i = 0; i < input->n_turns && i < REFERENCE_TURNS; i++) {
        const struct reference_list *list = &input->turns[i].in_answer;
        size_t n = 0;
        for (size_t k = 0; k < list->n; k++) {
            const struct reference_entity *e = &list->at[k];
            bool again = is_value(e->type) || word_among(e->type, "person");
            for (size_t m = 0; m < n; m++)
                again |= str_eq_nocase((*ret)[m].value, e->value);
            if (!again && n < FIND_CANDIDATES_MAX)
                (*ret)[n++] = (struct find_candidate){e->type, e->value, e->id, 1, false};
        }
        if (n < 2)
            n = listed(input->turns[i].answer, *ret, 50);
        if (n >= 2)
            return n;
    }
    return 0;
}
