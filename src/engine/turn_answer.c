// SPDX-License-Identifier: Apache-2.0
// Where the answer's text comes from: a model that streams (turn_model.c), or sentences quoted from what was found; and
// how it ended.
#include "engine/turn_internal.h"

#include "engine/guard.h"
#include "engine/money.h"
#include "engine/nearness.h"
#include "engine/sentence.h"
#include "engine/texts.h"

enum { PIECE_MOST = 1 << 16, ADVICE_WORDS = 12, TRIAL_MS = 10000 }; // nobody waits for a trial answer

static const struct chat_settings *chat_of(const struct turn *turn)
{
    return &turn->input.chatbot->chat;
}

void turn_take_text(struct turn *turn, const struct buf *text, void (*append)(struct turn *turn, struct str text))
{
    if (text->n == 0)
        return;
    if (turn->input.voice)
        turn->voice_complete |= voice_feed(&turn->voice, buf_str(text));
    else
        append(turn, buf_str(text));
}

// ---- quoting -------------------------------------------------------------------------------------------------------

static void say(struct turn *turn, struct buf *spoken, struct str text)
{
    if (turn->input.voice)
        buf_adds(spoken, text);
    else
        turn_append(turn, text);
}

static void quote_products(struct turn *turn, struct buf *spoken)
{
    const struct suggestions *found = &turn->found;
    for (size_t k = 0, said = 0; k < found->n_suggested; k++)
        for (size_t i = 0; i < found->n; i++) {
            const struct product *p = &found->hits[i].product;
            if (!str_eq(p->id, found->suggested[k]))
                continue;
            struct str line = quote_product(turn->arena, p->name, p->price, chat_of(turn)->currency, p->availability,
                                            p->description, turn->language);
            struct str measures = attribute_asked(turn->arena, turn->input.message, p);
            if (measures.n)
                line = arena_strf(turn->arena, STR_FMT " " STR_FMT ".", STR_ARG(line), STR_ARG(measures));
            say(turn, spoken, said++ ? arena_strf(turn->arena, "\n%s", line.p) : line);
            turn->quoted_products = true;
        }
}

static void quote_passages(struct turn *turn, struct buf *spoken)
{
    struct quote_sentence sentences[QUOTE_MAX_SENTENCES];
    float near[NEARNESS_MOST];
    if (turn->n_weighed &&
        nearness_of(turn->engine->with.catalogues, turn->search_text, turn->weighed, turn->n_weighed, near))
        quote_weigh(turn->quote, near);
    size_t chosen = quote_take(turn->quote, sentences);
    turn->quoted_docs = arena_calloc(turn->arena, chosen + 1, sizeof *turn->quoted_docs);
    turn->outcome.quoted = arena_calloc(turn->arena, chosen + 1, sizeof *turn->outcome.quoted);
    for (size_t i = 0; i < chosen; i++) {
        struct str before = quote_before(turn->arena, sentences, i, turn->language);
        bool gap = i == 0 && turn->quoted_products;
        say(turn, spoken,
            arena_strf(turn->arena, "%s" STR_FMT STR_FMT, gap ? "\n\n" : "", STR_ARG(before),
                       STR_ARG(sentences[i].text)));
        turn->quoted_docs[turn->n_quoted++] = turn->passages[sentences[i].passage].document_id;
        turn->outcome.quoted[turn->outcome.n_quoted++] = sentences[i].text;
    }
}

// A spoken answer is one sentence: a product's line, where there is one.
static bool products_are_enough(const struct turn *turn)
{
    return turn->input.voice || turn->found.alone;
}

// false: there is nothing to quote
static bool quote(struct turn *turn)
{
    AUTO_BUF struct buf spoken = BUF_INIT(PIECE_MOST);
    quote_products(turn, &spoken);
    if (!turn->quoted_products || !products_are_enough(turn))
        quote_passages(turn, &spoken);
    if (!turn->quoted_products && !turn->n_quoted)
        return false;
    if (turn->input.voice) {
        struct str rest = buf_str(&spoken);
        struct str lead = text_fixed(TEXT_LEAD_IN, turn->language);
        if (str_starts(rest, lead))
            rest = str_trim((struct str){rest.p + lead.n, rest.n - lead.n});
        turn_append(turn, voice_sentence(turn->arena, str_split(&rest, '\n'), false));
    }
    return true;
}

static void will_quote(struct turn *turn, int or_else)
{
    turn->outcome.mode = "quoted";
    turn->quotes = or_else;
}

// Why these products, without a model: the words that were found.
static void advise(struct turn *turn)
{
    AUTO_BUF struct buf words = BUF_INIT(PIECE_MOST), text = BUF_INIT(PIECE_MOST);
    const struct suggestions *found = &turn->found;
    turn->outcome.mode = "quoted";
    for (size_t i = 0; i < found->n_terms && i < ADVICE_WORDS; i++)
        buf_addf(&words, "%s" STR_FMT, i ? ", " : "", STR_ARG(found->terms[i].term));
    if (found->n_suggested && words.n)
        text_fill(&text, TEXT_MATCHED_ON, "en", buf_str(&words), STR_NULL);
    else
        buf_adds(&text, text_fixed(TEXT_NOTHING_FITS, "en"));
    turn_append(turn, buf_str(&text));
}

// ---- steps ---------------------------------------------------------------------------------------------------------

enum step_result turn_step_answer(struct turn *turn)
{
    if (turn->outcome.code)
        return STEP_NEXT;
    if (atomic_load(&turn->cancelled)) {
        turn->outcome.mode = "model";
        turn->result.finish = LLM_CANCELLED;
        return STEP_NEXT;
    }
    if (turn->curated.p) {
        turn->outcome.mode = "curated";
        turn->found = (struct suggestions){0};
        turn->outcome.has_confidence = false;
        turn->quoted_docs = &turn->curated_doc;
        turn->n_quoted = 1;
        turn_append(turn, turn->curated);
        return STEP_NEXT;
    }
    if (llm_has_model(turn->engine->with.llm) && (!turn->input.advice || turn->found.n_suggested))
        return turn_ask_first(turn);
    if (turn->input.advice) {
        advise(turn);
        return STEP_NEXT;
    }
    turn->reason = "no_model";
    will_quote(turn, QUOTE_OR_NO_ANSWER);
    return STEP_NEXT;
}

static void end_as(struct turn *turn, const char *finish_reason, const char *status)
{
    turn->outcome.finish_reason = finish_reason;
    turn->status = status;
}

static void finish_text(struct turn *turn)
{
    AUTO_BUF struct buf plain = BUF_INIT(PIECE_MOST);
    if (!turn->stopped_early) {
        marker_end(&turn->marker, &plain);
        turn_take_text(turn, &plain, turn_append);
    }
}

// An answer given in one piece that ran out of time: what was said in whole sentences.
static void keep_sentences(struct turn *turn)
{
    struct str text = buf_str(&turn->text), sentence;
    size_t end = 0, before = 0;
    for (size_t pos = 0; sentence_next(text, &pos, &sentence);) {
        before = end;
        end = (size_t)(sentence.p + sentence.n - text.p);
    }
    if (before == 0)
        return;
    pthread_mutex_lock(&turn->lock);
    turn->text.n = before; // the last one may lack its end
    pthread_mutex_unlock(&turn->lock);
}

static void unavailable(struct turn *turn)
{
    end_as(turn, "error", "failed");
    if (turn->input.owns_up) {
        turn_append(turn, text_fixed(TEXT_UNAVAILABLE, turn->language));
        return;
    }
    turn->outcome.model_failed = true;
    turn_fail(turn, ERR_UNAVAILABLE, NULL);
}

// The brand has used what it may: as without a model, or as if nobody were there.
enum step_result turn_exhausted(struct turn *turn)
{
    if (turn->text.n) { // by tools: what was said stays
        turn->result.finish = LLM_LENGTH;
        return STEP_NEXT;
    }
    turn->reason = "budget";
    turn->outcome.mode = "quoted";
    if (turn->refused)
        unavailable(turn);
    else if (turn->input.advice)
        advise(turn);
    else
        will_quote(turn, QUOTE_OR_NO_ANSWER);
    return STEP_NEXT;
}

// The model gave nothing: what can be quoted is quoted, and says why.
static void fall_back(struct turn *turn)
{
    turn->reason = turn->result.reason ? turn->result.reason : "all_failed";
    if (turn->input.advice) {
        advise(turn);
        return;
    }
    will_quote(turn, QUOTE_OR_UNAVAILABLE);
}

void turn_settle_budget(struct turn *turn)
{
    if (turn->engine->with.budgets)
        budgets_settle(turn->engine->with.budgets, &turn->reservation, turn->used, turn->cost);
}

enum step_result turn_step_settle(struct turn *turn)
{
    turn_settle_budget(turn);
    if (turn->outcome.code || strcmp(turn->outcome.mode, "model") != 0)
        return STEP_NEXT;
    enum llm_finish finish = turn->result.finish;
    bool cancelled = atomic_load(&turn->cancelled);
    if (finish == LLM_CANCELLED && turn->stopped_early && !cancelled)
        finish = turn->text_full ? LLM_LENGTH : LLM_STOP;
    if (finish == LLM_FILTERED && !turn->text.n) {
        turn->found = (struct suggestions){0};
        turn->outcome.has_confidence = false;
        turn_append(turn, text_fixed(TEXT_REFUSAL, turn->language));
        end_as(turn, "moderated", "complete");
        return STEP_NEXT;
    }
    bool silent =
        (finish == LLM_ERROR || finish == LLM_STOP || finish == LLM_TOOLS) && !turn->result.any_text; // or only thought
    if (silent) {
        fall_back(turn);
        return STEP_NEXT;
    }
    if (turn->result.any_text)
        finish_text(turn);
    if (finish == LLM_LENGTH && turn->result.reason)
        keep_sentences(turn);
    switch (finish) {
    case LLM_STOP:
    case LLM_TOOLS: // calls beyond the bounds, or of a model that was offered none
        break;
    case LLM_LENGTH:
        end_as(turn, "length", "complete");
        break;
    case LLM_FILTERED:
        end_as(turn, "moderated", "complete");
        break;
    case LLM_CANCELLED:
        end_as(turn, "cancelled", "interrupted");
        break;
    case LLM_ERROR:
        turn->outcome.broken = true;
        end_as(turn, "error", "interrupted");
    }
    return STEP_NEXT;
}

static void weighed(void *arg)
{
    turn_resume(arg);
}

// The turn parks until the vectors are there: no thread waits for them.
enum step_result turn_step_weigh(struct turn *turn)
{
    if (!turn->quotes)
        return STEP_NEXT;
    struct quote_passage *passages = arena_calloc(turn->arena, QUOTE_MAX_PASSAGES, sizeof *passages);
    size_t n = turn->n_passages < QUOTE_MAX_PASSAGES ? turn->n_passages : QUOTE_MAX_PASSAGES;
    for (size_t i = 0; i < n; i++)
        passages[i] = (struct quote_passage){turn->passages[i].document_id, turn->passages[i].ordinal,
                                             turn->passages[i].text, turn->passages[i].title};
    turn->quote = quote_read(turn->arena, turn->search_text, turn->passage_terms, turn->n_passage_terms, passages, n);
    turn->weighed = arena_calloc(turn->arena, NEARNESS_MOST, sizeof *turn->weighed);
    if (turn->by_vectors && !(turn->found.n_suggested && products_are_enough(turn)))
        turn->n_weighed = quote_texts(turn->quote, turn->weighed, NEARNESS_MOST);
    int timeout_ms = turn->input.unstored ? TRIAL_MS : NEARNESS_MS;
    bool asked = nearness_ask(turn->engine->with.catalogues, turn->weighed, turn->n_weighed, timeout_ms, weighed, turn);
    return asked ? STEP_PARK : STEP_NEXT;
}

enum step_result turn_step_quote(struct turn *turn)
{
    if (!turn->quotes)
        return STEP_NEXT;
    if (atomic_load(&turn->cancelled))
        end_as(turn, "cancelled", "interrupted");
    else if (quote(turn))
        return STEP_NEXT;
    else if (turn->quotes == QUOTE_OR_UNAVAILABLE)
        unavailable(turn);
    else
        turn_append(turn, text_fixed(small_talk_reply(turn->talk), turn->language));
    return STEP_NEXT;
}

static struct str corrections_json(struct turn *turn, const struct guard_product *products,
                                   const struct guard_correction *corrections, size_t n)
{
    yyjson_mut_doc *doc = json_doc(turn->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < n; i++) {
        char digits[32];
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
        json_add_str(doc, one, "productId", products[corrections[i].product].id);
        price_text(corrections[i].stated, digits);
        json_add(doc, one, "stated", json_new_num(doc, digits));
        price_text(corrections[i].actual, digits);
        json_add(doc, one, "actual", json_new_num(doc, digits));
    }
    return json_write(turn->arena, list);
}

// Spoken answers are sent here, when they are whole; written ones get their corrections behind them.
enum step_result turn_step_check(struct turn *turn)
{
    struct guard_correction *corrections = NULL;
    bool model = turn->outcome.code == 0 && strcmp(turn->outcome.mode, "model") == 0;
    bool spoken = model && turn->input.voice && strcmp(turn->outcome.finish_reason, "moderated") != 0;
    turn->corrections = STR("[]");
    if (!model)
        return STEP_NEXT;
    struct str answer =
        spoken ? voice_result(&turn->voice, turn->arena, turn->result.finish == LLM_LENGTH) : buf_str(&turn->text);
    struct guard_product *products = arena_calloc(turn->arena, turn->found.n + 1, sizeof *products);
    for (size_t i = 0; i < turn->found.n; i++) {
        const struct product *p = &turn->found.hits[i].product;
        products[i] = (struct guard_product){p->id, p->name, p->price};
    }
    bool guarded = chat_of(turn)->price_guard && strcmp(turn->status, "complete") == 0;
    size_t n = guarded ? guard_check(turn->arena, answer, products, turn->found.n, &corrections) : 0;
    if (n)
        turn->corrections = corrections_json(turn, products, corrections, n);
    if (spoken)
        turn_append(turn, n ? guard_spoken(turn->arena, products, corrections, chat_of(turn)->currency, turn->language)
                            : answer);
    else if (n)
        turn_append(turn, guard_appendix(turn->arena, answer, products, corrections, n, chat_of(turn)->currency,
                                         turn->language));
    return STEP_NEXT;
}
