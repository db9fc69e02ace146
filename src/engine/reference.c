// SPDX-License-Identifier: Apache-2.0
// The English method of 003-platform 12.4: walk the words once for ordinals, times and pronouns; a text in which
// nothing was found and that is too short to stand alone is an ellipsis. What is sure enough is put into the text; what
// is not is only listed, or only added for retrieval.
#include "engine/reference.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "engine/reference_find.h"
#include "engine/reference_time.h"
#include "engine/script.h"

#include <math.h>

#define TEXT_TOKENS 1000
#define TEXT_MAX 65536
#define LISTED 0.6
#define REPLACED 0.75
#define ELLIPSIS_WORDS 6

struct resolving {
    struct arena *arena;
    const struct reference_input *in;
    struct find_text text;
    struct find_candidate candidates[FIND_CANDIDATES_MAX * 2];
    size_t n_candidates;
    struct reference *at;
    struct str *replacements; // one for each reference that is replaced
    size_t n;
};

static double rounded(double confidence)
{
    return round(confidence * 100) / 100;
}

static size_t byte_start(const struct resolving *r, size_t token)
{
    return r->text.tokens.at[token].start;
}

static size_t byte_end(const struct resolving *r, size_t token)
{
    return r->text.tokens.at[token].end;
}

static bool begins_with_article(struct str value)
{
    struct str rest = value, first = str_split(&rest, ' ');
    return word_among(first, "the a an");
}

// The words that stand for an entity: with "the" before product and item names, with 's where it possesses.
static struct str words_for(struct resolving *r, const struct find_candidate *c, bool possessive, bool capital)
{
    bool article = word_among(c->type, "product item") && !begins_with_article(c->value);
    return arena_strf(r->arena, "%s" STR_FMT "%s", article ? (capital ? "The " : "the ") : "", STR_ARG(c->value),
                      possessive ? "'s" : "");
}

static struct reference *add(struct resolving *r, const char *type, size_t start, size_t end, struct str resolved,
                             double confidence)
{
    if (r->n == REFERENCE_MAX)
        return NULL;
    struct reference *ref = &r->at[r->n++];
    struct str text = r->in->text;
    *ref = (struct reference){
        .type = type,
        .text = {text.p + start, end - start},
        .start = utf8_count((struct str){text.p, start}),
        .end = utf8_count((struct str){text.p, end}),
        .resolved = resolved,
        .confidence = rounded(confidence),
    };
    return ref;
}

static void add_entity(struct resolving *r, const char *type, size_t first, size_t n, const struct find_candidate *c,
                       double confidence, bool possessive)
{
    size_t start = byte_start(r, first), end = byte_end(r, first + n - 1);
    if (rounded(confidence) < LISTED)
        return;
    struct reference *ref = add(r, type, start, end, c->value, confidence);
    if (!ref)
        return;
    ref->entity_type = c->type;
    ref->entity_id = c->id;
    ref->replaced = ref->confidence >= REPLACED;
    char begin = r->in->text.p[start];
    r->replacements[r->n - 1] = words_for(r, c, possessive, begin >= 'A' && begin <= 'Z');
}

// Does token i begin an entity that the text itself names? Returns the first token behind it.
static size_t behind_entity(const struct resolving *r, size_t i)
{
    size_t behind = i;
    for (size_t k = 0; k < r->in->in_text.n; k++) {
        const struct reference_entity *e = &r->in->in_text.at[k];
        while (behind < r->text.tokens.n && byte_start(r, behind) >= e->start && byte_end(r, behind) <= e->end)
            behind++;
    }
    return behind;
}

static size_t walk_ordinal(struct resolving *r, size_t i)
{
    size_t n;
    int number = find_ordinal(&r->text, i, &n);
    if (number == 0)
        return 0;
    struct find_candidate *options;
    size_t count = find_options(r->arena, r->in, &options);
    if (count < 2 || number > (int)count)
        return 0;
    add_entity(r, "ordinal", i, n, &options[number < 0 ? count - 1 : (size_t)number - 1], 0.9, false);
    return n;
}

static size_t walk_time(struct resolving *r, size_t i)
{
    struct reference_day today = {r->in->year, r->in->month, r->in->day};
    struct str when = STR_NULL;
    if (today.year == 0)
        return 0;
    size_t n = reference_time_at(r->arena, r->in->text, r->text.tokens, i, today, &when);
    if (n)
        add(r, "time", byte_start(r, i), byte_end(r, i + n - 1), when, 0.9);
    return n;
}

static size_t walk_pronoun(struct resolving *r, size_t i)
{
    struct find find;
    if (!find_at(&r->text, i, &find) || i + find.n > r->text.tokens.n)
        return 0;
    size_t n = find_left(r->in, byte_start(r, i), r->candidates, r->n_candidates);
    double confidence = 0;
    const struct find_candidate *best = find_best(r->candidates, n, &find, &confidence);
    if (!best)
        return 0;
    add_entity(r, find.demonstrative ? "demonstrative" : "pronoun", i, find.n, best, confidence, find.possessive);
    return find.n;
}

static void walk(struct resolving *r)
{
    for (size_t i = 0; i < r->text.tokens.n;) {
        size_t behind = behind_entity(r, i), n = 0;
        if (behind > i) {
            i = behind;
            continue;
        }
        // "the X2": the article of an entity is no reference.
        if (behind_entity(r, i + 1) == i + 1 || i + 1 == r->text.tokens.n) {
            n = walk_ordinal(r, i);
            n = n ? n : walk_time(r, i);
            n = n ? n : walk_pronoun(r, i);
        }
        i += n ? n : 1;
    }
}

static struct str replaced(struct resolving *r)
{
    AUTO_BUF struct buf out = BUF_INIT(TEXT_MAX);
    struct str text = r->in->text;
    size_t at = 0;
    bool any = false;
    for (size_t i = 0; i < r->n; i++) {
        if (!r->at[i].replaced)
            continue;
        size_t start = (size_t)(r->at[i].text.p - text.p);
        buf_add(&out, text.p + at, start - at);
        buf_adds(&out, r->replacements[i]);
        at = start + r->at[i].text.n;
        any = true;
    }
    buf_add(&out, text.p + at, text.n - at);
    return any && !out.overflow ? arena_str(r->arena, buf_str(&out)) : text;
}

static bool has_verb(const struct resolving *r)
{
    static const char verbs[] = "is are was were am be do does did can could will would should shall may might must "
                                "has have had cost costs work "
                                "works fit fits need needs want wants like likes show tell give get buy order send "
                                "sell ship help find make recommend "
                                "compare explain weigh weighs include includes come comes look looks say says know "
                                "think see use uses try cancel "
                                "return pay see let i you we he she it they s re ll don doesn isn aren won can't";
    for (size_t i = 0; i < r->text.tokens.n; i++)
        if (word_among(find_word(&r->text, i), verbs))
            return true;
    return false;
}

// Tokens of "what about", "how about", "and", "also", "or" at the beginning.
static size_t starter(const struct resolving *r)
{
    if (word_among(find_word(&r->text, 0), "what how") && word_among(find_word(&r->text, 1), "about"))
        return 2;
    size_t n = word_among(find_word(&r->text, 0), "and also or");
    if (n && word_among(find_word(&r->text, 1), "what how") && word_among(find_word(&r->text, 2), "about"))
        n = 3;
    return n;
}

// A greeting or thanks asks nothing.
static bool is_social(const struct resolving *r)
{
    static const char words[] = "hello hi hey thanks thank you so very much ok okay yes no bye goodbye great good "
                                "morning evening afternoon cool sorry "
                                "please welcome there halo terima kasih olá oi obrigado obrigada bom boa dia tarde "
                                "noite hola gracias danke hallo "
                                "bonjour merci";
    for (size_t i = 0; i < r->text.tokens.n; i++)
        if (!word_among(find_word(&r->text, i), words))
            return false;
    return true;
}

static bool is_ellipsis(const struct resolving *r)
{
    size_t n = r->text.tokens.n;
    if (n == 0 || n > ELLIPSIS_WORDS || is_social(r))
        return false;
    return starter(r) || word_among(find_word(&r->text, 0), "why in") || !has_verb(r);
}

static bool names_of_type(const struct reference_list *list, struct str type, const struct reference_entity **ret)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        if (str_eq_nocase(list->at[i].type, type)) {
            *ret = &list->at[i];
            n++;
        }
    return n == 1;
}

static void add_ellipsis(struct resolving *r, struct str value, struct str type, struct str id, double confidence,
                         bool replaces)
{
    struct reference *ref = add(r, "ellipsis", 0, r->in->text.n, value, confidence);
    if (!ref)
        return;
    ref->entity_type = type;
    ref->entity_id = id;
    ref->replaced = replaces;
}

// "What about the X3?": the previous question with its entity exchanged.
static bool exchange(struct resolving *r, struct str *ret)
{
    const struct reference_input *in = r->in;
    const struct reference_entity *old = NULL, *new = in->in_text.n == 1 ? &in->in_text.at[0] : NULL;
    if (!new || in->n_turns == 0 || !names_of_type(&in->turns[0].in_user, new->type, &old))
        return false;
    struct str user = in->turns[0].user;
    if (old->end <= old->start || old->end > user.n)
        return false;
    *ret = arena_strf(r->arena, STR_FMT STR_FMT STR_FMT, (int)old->start, user.p, STR_ARG(new->value),
                      (int)(user.n - old->end), user.p + old->end);
    add_ellipsis(r, new->value, new->type, new->id, 0.8, true);
    return true;
}

// "And the price?" with one recent entity: "What is the price of the Aurora X2?"
static bool complete(struct resolving *r, const struct find_candidate *only, struct str *ret)
{
    size_t first = starter(r), n = r->text.tokens.n;
    bool question = str_ends(utf8_trim(r->in->text), STR("?"));
    bool article = word_among(find_word(&r->text, first), "the its their");
    if (!only || first >= n || (!first && !article && !question) || r->in->in_text.n ||
        word_among(find_word(&r->text, first), "why in how what when where who which to with without for on at") ||
        has_verb(r))
        return false;
    if (article)
        first++;
    if (first >= n)
        return false;
    struct str noun = {r->in->text.p + byte_start(r, first), byte_end(r, n - 1) - byte_start(r, first)};
    bool many = noun.n > 3 && noun.p[noun.n - 1] == 's' && noun.p[noun.n - 2] != 's';
    *ret = arena_strf(r->arena, "What %s the " STR_FMT " of " STR_FMT "?", many ? "are" : "is", STR_ARG(noun),
                      STR_ARG(words_for(r, only, false, false)));
    add_ellipsis(r, only->value, only->type, only->id, 0.8, true);
    return true;
}

// The one entity that the previous turn was about: the only one that the user named, or the only one at all.
static bool newest_entity(const struct reference_input *in, struct find_candidate *ret)
{
    const struct reference_turn *turn = in->n_turns ? &in->turns[0] : NULL;
    const struct reference_list *lists[] = {&in->named, turn ? &turn->in_user : NULL, turn ? &turn->in_answer : NULL};
    for (size_t most = 2; most <= 3; most++) {
        const struct reference_entity *found = NULL;
        bool one = true;
        for (size_t l = 0; l < most; l++)
            for (size_t i = 0; lists[l] && i < lists[l]->n; i++) {
                const struct reference_entity *e = &lists[l]->at[i];
                if (word_among(e->type, "money number date email url phone"))
                    continue;
                one = one && (!found || str_eq_nocase(found->value, e->value));
                found = e;
            }
        if (found && !one)
            return false;
        if (found) {
            *ret = (struct find_candidate){found->type, found->value, found->id, 1, false};
            return true;
        }
    }
    return false;
}

static struct str with_name(struct arena *arena, struct str text, struct str name)
{
    return arena_strf(arena, STR_FMT " (" STR_FMT ")", STR_ARG(text), STR_ARG(name));
}

static bool any_entity(const struct resolving *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->at[i].replaced)
            return true;
    return r->in->in_text.n > 0;
}

static void english(struct resolving *r, struct reference_result *ret)
{
    struct find_candidate newest = {0};
    bool has_newest = newest_entity(r->in, &newest);
    r->n_candidates = find_candidates(r->arena, r->in, r->candidates);
    walk(r);
    size_t references = 0;
    for (size_t i = 0; i < r->n; i++)
        references += strcmp(r->at[i].type, "time") != 0;
    ret->resolved = replaced(r);
    if (references == 0 && is_ellipsis(r) && !exchange(r, &ret->resolved) &&
        !complete(r, has_newest ? &newest : NULL, &ret->resolved) && r->in->in_text.n == 0) {
        if (has_newest)
            add_ellipsis(r, newest.value, newest.type, newest.id, LISTED, false);
        else if (r->in->current_topic.n)
            add_ellipsis(r, r->in->current_topic, STR("topic"), STR_NULL, LISTED, false);
    }
}

void reference_resolve(struct arena *arena, const struct reference_input *input, struct reference_result *ret)
{
    *ret = (struct reference_result){.resolved = input->text, .search = input->text};
    struct resolving *r = ARENA_NEW(arena, struct resolving);
    r->arena = arena;
    r->in = input;
    r->text = (struct find_text){input->text, tokens_make(arena, input->text, TEXT_TOKENS)};
    r->at = arena_calloc(arena, REFERENCE_MAX, sizeof *r->at);
    r->replacements = arena_calloc(arena, REFERENCE_MAX, sizeof *r->replacements);
    const char *language = input->language;
    bool is_english =
        !language || !*language || str_eq_nocase((struct str){language, strcspn(language, "-_")}, STR("en"));
    if (is_english)
        english(r, ret);
    ret->at = r->at;
    ret->n = r->n;
    ret->search = ret->resolved;
    // In every language: a message without entities after a turn with one is searched with its name.
    struct find_candidate newest;
    struct str name = STR_NULL;
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->at[i].type, "time") != 0 && !r->at[i].replaced)
            name = r->at[i].resolved;
    if (!name.n && newest_entity(input, &newest))
        name = newest.value;
    if (name.n && !any_entity(r) && r->text.tokens.n && !is_social(r))
        ret->search = with_name(arena, ret->resolved, name);
}
