// SPDX-License-Identifier: Apache-2.0
// What a turn writes: the visitor's message before anything else, the text so far while it streams, and the answer with
// its counters, usage and events at the end. All without holding a thread: the turn parks until the commit.
#include "engine/turn_internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"
#include "store/activity.h"
#include "store/chatbot.h"
#include "store/tool_call.h"
#include "store/usage.h"

#include <stdlib.h>

enum { SAVED_TOGETHER = 64 }; // others' commits wait for no more

static struct scope scope_of(const struct turn *turn)
{
    return (struct scope){turn->input.chatbot->brand->row.brand.id, turn->input.actor_kind, turn->input.actor,
                          turn->input.address};
}

// ---- open ----------------------------------------------------------------------------------------------------------

static int open_turn(struct tx *tx, void *arg, struct err *err)
{
    struct turn *turn = arg;
    struct turn_begin *begin = &turn->begin;
    int rc = turn->input.first ? turn->input.first(tx, turn->input.first_arg, err) : 0;
    rc = rc ? rc : conversation_begin_turn(tx, begin, err);
    if (!rc && (begin->started || begin->reopened))
        rc = conversation_event_started(tx, &begin->conversation, begin->reopened, begin->conversation.event_count - 1,
                                        begin->now, err);
    struct message_event message = {
        .id = begin->user_message_id, .content = begin->message, .metadata = begin->metadata, .created_at = begin->now};
    return rc ? rc
              : conversation_event_message(tx, &begin->conversation, &message, begin->conversation.event_count, err);
}

static void opened(void *arg, int rc, const struct err *err)
{
    struct turn *turn = arg;
    if (rc)
        turn_fail(turn, rc, err);
    else
        turn_know_conversation(turn);
    turn_resume(turn);
}

enum step_result turn_step_open(struct turn *turn)
{
    struct scope scope = scope_of(turn);
    if (turn->input.advice || turn->input.unstored)
        return STEP_NEXT;
    turn->begin = (struct turn_begin){
        .chatbot_id = turn->input.chatbot->row.id,
        .session_id = turn->input.session,
        .prefix = turn->input.prefix,
        .only_issued = turn->input.only_issued,
        .channel = turn->input.channel,
        .user_label = turn->input.user_label,
        .message = turn->input.message,
        .begun_by = turn->input.begun_by,
        .only_of = turn->input.only_of,
        .one_user = turn->input.one_user,
        .metadata = turn->input.metadata,
        .context = turn->input.context,
        .idle_ms = turn->input.idle_ms,
        .now = clock_wall_ms(),
        .arena = turn->arena,
    };
    store_write_here(turn->engine->with.store, &scope, open_turn, turn, opened);
    return STEP_PARK;
}

// ---- partial -------------------------------------------------------------------------------------------------------

struct partial {
    struct turn *turn;
    char *text;
    size_t n;
};

struct batch { // of one brand, written as one
    size_t n;
    struct partial at[];
};

static int save_partial(struct tx *tx, void *arg, struct err *err)
{
    struct batch *batch = arg;
    int rc = 0;
    for (size_t i = 0; i < batch->n && !rc; i++) {
        const struct turn_begin *begin = &batch->at[i].turn->begin;
        rc = conversation_save_partial(tx, begin->conversation.id, begin->answer_seq,
                                       (struct str){batch->at[i].text, batch->at[i].n}, err);
    }
    return rc;
}

static void partial_saved(void *arg, int rc, const struct err *err)
{
    struct batch *batch = arg;
    (void)err; // the whole answer is written at the end anyway
    for (size_t i = 0; i < batch->n; i++) {
        struct turn *turn = batch->at[i].turn;
        pthread_mutex_lock(&turn->lock);
        turn->saving = false;
        if (rc == 0)
            turn->saved = batch->at[i].n;
        pthread_cond_broadcast(&turn->calm);
        pthread_mutex_unlock(&turn->lock);
        turn_unref(turn);
        free(batch->at[i].text);
    }
    free(batch);
}

static int by_brand(const void *a, const void *b)
{
    const struct turn *const *one = a, *const *other = b;
    return str_cmp((*one)->input.chatbot->brand->row.brand.id, (*other)->input.chatbot->brand->row.brand.id);
}

void turn_save_partial(struct turn **turns, size_t n)
{
    if (n > 1)
        qsort(turns, n, sizeof *turns, by_brand);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && end - i < SAVED_TOGETHER && by_brand(&turns[i], &turns[end]) == 0;)
            end++;
        struct batch *batch = mem_alloc(sizeof *batch + (end - i) * sizeof *batch->at);
        batch->n = end - i;
        for (size_t k = i; k < end; k++) {
            pthread_mutex_lock(&turns[k]->lock);
            batch->at[k - i] =
                (struct partial){turns[k], mem_strndup(turns[k]->text.p, turns[k]->text.n), turns[k]->text.n};
            pthread_mutex_unlock(&turns[k]->lock);
        }
        struct scope scope = scope_brand(turns[i]->input.chatbot->brand->row.brand.id, STR("engine"));
        store_write_async(turns[i]->engine->with.store, &scope, save_partial, batch, partial_saved);
    }
}

// ---- products, commit ----------------------------------------------------------------------------------------------

static void take_found_products(struct turn *turn)
{
    const struct suggestions *found = &turn->found;
    struct turn_outcome *outcome = &turn->outcome;
    outcome->products = arena_calloc(turn->arena, found->n_suggested + 1, sizeof *outcome->products);
    for (size_t i = 0; i < found->n_suggested; i++)
        for (size_t k = 0; k < found->n; k++)
            if (str_eq(found->hits[k].product.id, found->suggested[i])) {
                outcome->products[outcome->n_products++] = found->hits[k].product;
                break;
            }
}

// Prices and availability are those of the rows now, not of when the turn began.
enum step_result turn_step_products(struct turn *turn)
{
    struct err err = {0};
    struct turn_outcome *outcome = &turn->outcome;
    if (outcome->code)
        return STEP_NEXT;
    if (turn->found_at == catalogue_moment(turn->engine->with.catalogues)) {
        take_found_products(turn);
        return STEP_NEXT;
    }
    int rc = catalogue_products(turn->engine->with.catalogues, turn->input.chatbot->brand, turn->arena,
                                turn->found.suggested, turn->found.n_suggested, &outcome->products,
                                &outcome->n_products, &err);
    if (rc)
        outcome->n_products = 0; // the answer counts for more than its cards
    return STEP_NEXT;
}

static void add_source(yyjson_mut_doc *doc, yyjson_mut_val *list, struct str id, struct str base, struct str title,
                       struct str type, double similarity)
{
    yyjson_mut_val *source = yyjson_mut_arr_add_obj(doc, list);
    json_add_str(doc, source, "documentId", id);
    json_add_str(doc, source, "knowledgeBaseId", base);
    json_add_str(doc, source, "title", title);
    json_add_str(doc, source, "type", type);
    json_add_decimal(doc, source, "similarity", similarity, 4);
}

static bool was_quoted(const struct turn *turn, struct str document)
{
    for (size_t i = 0; i < turn->n_quoted; i++)
        if (str_eq(turn->quoted_docs[i], document))
            return true;
    return false;
}

static bool is_suggested(const struct turn *turn, struct str id)
{
    for (size_t i = 0; i < turn->found.n_suggested; i++)
        if (str_eq(turn->found.suggested[i], id))
            return true;
    return false;
}

static yyjson_mut_val *sources(struct turn *turn, yyjson_mut_doc *doc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    bool model = strcmp(turn->outcome.mode, "model") == 0;
    size_t n = model ? turn->n_block : turn->found.n; // what tools named stands under `tools`
    for (size_t i = 0; i < n && (model || turn->quoted_products); i++) {
        const struct suggest_hit *hit = &turn->found.hits[i];
        if (model || is_suggested(turn, hit->product.id))
            add_source(doc, list, hit->product.document_id, STR_NULL, hit->product.name, STR("product"), hit->score);
    }
    for (size_t i = 0; i < turn->n_passages; i++)
        if (turn->passages[i].citable && (model || was_quoted(turn, turn->passages[i].document_id)))
            add_source(doc, list, turn->passages[i].document_id, turn->passages[i].base_id, turn->passages[i].title,
                       turn->passages[i].type, (double)turn->passages[i].relevance);
    return list;
}

static yyjson_mut_val *usage(const struct turn *turn, yyjson_mut_doc *doc)
{
    const struct llm_usage *used = &turn->result.usage;
    if (used->prompt == 0 && used->completion == 0)
        return yyjson_mut_null(doc);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    json_add_int(doc, object, "promptTokens", used->prompt);
    json_add_int(doc, object, "completionTokens", used->completion);
    json_add_int(doc, object, "totalTokens", used->prompt + used->completion);
    json_add_bool(doc, object, "estimated", !used->known);
    return object;
}

static yyjson_mut_val *llm_log(const struct turn *turn, yyjson_mut_doc *doc)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc), *attempts = yyjson_mut_arr(doc);
    for (size_t i = 0; i < turn->result.n_attempts; i++) {
        const struct llm_attempt *attempt = &turn->result.attempts[i];
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, attempts);
        json_add_cstr(doc, one, "provider", attempt->provider);
        json_add_cstr(doc, one, "model", attempt->model);
        json_add_cstr(doc, one, "outcome", attempt->outcome);
        json_add_int(doc, one, "status", attempt->status);
        json_add_int(doc, one, "firstTokenMs", attempt->first_token_ms);
        json_add_int(doc, one, "ms", attempt->ms);
        json_add_int(doc, one, "tokens", attempt->usage.prompt + attempt->usage.completion);
        json_add_bool(doc, one, "estimated", attempt->usage.prompt > 0 && !attempt->usage.known);
    }
    json_add_cstr(doc, object, "mode", turn->outcome.mode);
    json_add_cstr(doc, object, "reason", turn->reason);
    json_add(doc, object, "attempts", attempts);
    json_add_int(doc, object, "failovers", turn->result.failovers);
    return object;
}

static void add_products(const struct turn *turn, yyjson_mut_doc *doc, yyjson_mut_val *metadata)
{
    yyjson_mut_val *block = yyjson_mut_arr(doc), *suggested = yyjson_mut_arr(doc);
    for (size_t i = 0; i < turn->found.n; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, block);
        json_add_str(doc, one, "id", turn->found.hits[i].product.id);
        json_add_str(doc, one, "name", turn->found.hits[i].product.name);
    }
    for (size_t i = 0; i < turn->found.n_suggested; i++)
        (void)yyjson_mut_arr_append(suggested, json_new_str(doc, turn->found.suggested[i]));
    json_add(doc, metadata, "products", block);
    json_add(doc, metadata, "suggested", suggested);
}

// Did knowledge stand behind the answer (003-platform 4.1)? -1: it cannot be said.
static int was_answered(const struct turn *turn)
{
    const char *end = turn->outcome.finish_reason;
    bool model = strcmp(turn->outcome.mode, "model") == 0;
    if (strcmp(end, "moderated") == 0 || strcmp(end, "cancelled") == 0)
        return -1;
    if (strcmp(end, "error") == 0)
        return 0;
    if (model && turn->tools && turn->tools->good)
        return 1;
    if (model ? turn->n_passages || turn->found.n_suggested : turn->n_quoted || turn->quoted_products)
        return 1;
    return turn->talk != SMALL_TALK_NONE;
}

static void add_understanding(struct turn *turn, yyjson_mut_doc *doc, yyjson_mut_val *metadata)
{
    const struct turn_input *input = &turn->input;
    struct str personality = input->personality_id.p ? input->personality_id : input->chatbot->personality_id;
    bool model = strcmp(turn->outcome.mode, "model") == 0, same = str_eq(turn->resolved, input->message);
    json_add(doc, metadata, "answered",
             turn->answered < 0 ? yyjson_mut_null(doc) : yyjson_mut_bool(doc, turn->answered > 0));
    json_add_cstr(doc, metadata, "language", turn->language);
    json_add_str(doc, metadata, "resolvedMessage", same ? STR_NULL : turn->resolved);
    json_add_str(doc, metadata, "personalityId", model ? personality : STR_NULL);
}

static void add_cut(const struct turn *turn, yyjson_mut_doc *doc, yyjson_mut_val *metadata)
{
    const struct turn_cut *cut = &turn->cut;
    if (!cut->pairs && !cut->passages && !cut->message && !cut->system)
        return;
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    json_add_int(doc, object, "pairs", (int64_t)cut->pairs);
    json_add_int(doc, object, "passages", (int64_t)cut->passages);
    json_add_bool(doc, object, "message", cut->message);
    json_add_bool(doc, object, "system", cut->system);
    json_add(doc, metadata, "promptTruncated", object);
}

static yyjson_mut_val *tool_uses(const struct turn *turn, yyjson_mut_doc *doc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; turn->tools && i < turn->tools->n_rounds; i++)
        for (size_t k = 0; k < turn->tools->rounds[i].n; k++) {
            const struct tool_use *use = &turn->tools->rounds[i].uses[k];
            if (!use->running)
                continue;
            yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
            json_add_cstr(doc, one, "plugin", use->tool->plugin);
            json_add_cstr(doc, one, "tool", use->tool->name);
            json_add_bool(doc, one, "ok", !use->error);
            if (use->status)
                json_add_int(doc, one, "status", use->status);
            else
                json_add_null(doc, one, "status");
            json_add_int(doc, one, "latencyMs", use->latency_ms);
        }
    return list;
}

static struct str metadata_json(struct turn *turn)
{
    yyjson_mut_doc *doc = json_doc(turn->arena);
    yyjson_mut_val *metadata = yyjson_mut_obj(doc);
    struct turn_outcome *outcome = &turn->outcome;
    bool degraded = turn->reason && strcmp(turn->reason, "no_model") != 0;
    json_add_str(doc, metadata, "messageId", outcome->answer_id);
    json_add_cstr(doc, metadata, "mode", outcome->mode);
    json_add_cstr(doc, metadata, "model", turn->result.model[0] ? turn->result.model : NULL);
    json_add_bool(doc, metadata, "voice", turn->input.voice);
    json_add_cstr(doc, metadata, "finishReason", outcome->finish_reason);
    json_add_cstr(doc, metadata, "retrieval", turn->by_vectors ? "hybrid" : "keyword");
    turn->answered = was_answered(turn);
    add_understanding(turn, doc, metadata);
    json_add(doc, metadata, "sources", sources(turn, doc));
    json_add(doc, metadata, "usage", usage(turn, doc));
    json_add_int(doc, metadata, "responseTimeMs", clock_mono_ms() - turn->began_mono);
    json_add_bool(doc, metadata, "degraded", degraded);
    json_add_cstr(doc, metadata, "reason", turn->reason);
    json_add(doc, metadata, "priceCorrections", json_new_raw(doc, turn->corrections));
    add_products(turn, doc, metadata);
    json_add(doc, metadata, "tools", tool_uses(turn, doc));
    if (outcome->has_confidence)
        json_add_decimal(doc, metadata, "confidence", outcome->confidence, 4);
    add_cut(turn, doc, metadata);
    json_add(doc, metadata, "llm", llm_log(turn, doc));
    return json_write(turn->arena, metadata);
}

// A chatbot whose turns do not reach the model is shown as `error` after some of them, until one does.
static int note_model(struct tx *tx, const struct turn *turn, struct err *err)
{
    int64_t failures = turn->input.chatbot->row.model_failures;
    bool reached = turn->result.any_text;
    bool failed = !reached && turn->reason && strcmp(turn->reason, "no_model") != 0;
    bool news = reached ? failures > 0 : failed && failures < CHATBOT_ERROR_TURNS;
    return news ? chatbot_model_reached(tx, turn->begin.chatbot_id, reached, err) : 0;
}

// That somebody talked here, not what was said (000-management 6.2). The visitor's name cannot be read back.
static int note_activity(struct tx *tx, const struct turn *turn, struct err *err)
{
    static const struct {
        struct str channel;
        const char *platform;
    } platforms[] = {{STR("web_embed"), "web"}, {STR("line_oa"), "line"}, {STR("playground"), "playground"}};
    const struct conversation *conversation = &turn->begin.conversation;
    const char *platform = "api";
    char name[CRYPTO_PSEUDONYM_SIZE];
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        if (str_eq(conversation->channel, platforms[i].channel))
            platform = platforms[i].platform;
    crypto_pseudonym(turn->engine->with.keys, conversation_user(conversation), name);
    struct activity activity = {"chatbot_message", "chatbot_conversation", conversation->id,
                                arena_strf(tx_arena(tx),
                                           "{\"platform\":\"%s\",\"userId\":\"%s\",\"messageLength\":%zu}", platform,
                                           name, utf8_count(turn->input.message))};
    return activity_write(tx, &activity, err);
}

static int write_tool_calls(struct tx *tx, const struct turn *turn, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; turn->tools && i < turn->tools->n_rounds; i++)
        for (size_t k = 0; !rc && k < turn->tools->rounds[i].n; k++) {
            const struct tool_use *use = &turn->tools->rounds[i].uses[k];
            if (!use->running)
                continue;
            rc = tool_call_write(tx,
                                 &(struct tool_call_row){turn->begin.chatbot_id, turn->begin.conversation.id,
                                                         use->tool->plugin, use->tool->name, use->error, use->at,
                                                         use->latency_ms, (int64_t)use->bytes, use->status},
                                 err);
        }
    return rc;
}

static int commit(struct tx *tx, void *arg, struct err *err)
{
    struct turn *turn = arg;
    struct turn_outcome *outcome = &turn->outcome;
    struct turn_end end = {
        .conversation_id = turn->begin.conversation.id,
        .answer_id = turn->begin.answer_id,
        .content = outcome->content,
        .answer_seq = turn->begin.answer_seq,
        .status = turn->status,
        .mode = outcome->mode,
        .finish_reason = outcome->finish_reason,
        .has_confidence = outcome->has_confidence,
        .confidence = outcome->confidence,
        .metadata = outcome->metadata,
        .idle_ms = turn->input.idle_ms,
        .now = clock_wall_ms(),
    };
    struct message_event message = {
        .id = turn->begin.answer_id,
        .content = outcome->content,
        .created_at = end.now,
        .in_reply_to = turn->begin.user_message_id,
        .mode = outcome->mode,
        .answered = turn->answered,
        .response_ms = clock_mono_ms() - turn->began_mono,
    };
    outcome->answered_at = end.now;
    int rc = conversation_end_turn(tx, &end, &turn->stored, &turn->sequence, err);
    if (!rc && turn->stored && outcome->content.n)
        rc = conversation_event_message(tx, &turn->begin.conversation, &message, turn->sequence, err);
    const struct llm_usage *used = &turn->result.usage;
    if (!rc && (used->prompt || used->completion))
        rc = usage_write(tx, turn->begin.chatbot_id, str_from(turn->result.model), used->prompt, used->completion,
                         !used->known, turn->result.cost, err);
    rc = rc ? rc : note_activity(tx, turn, err);
    if (!rc)
        rc = write_tool_calls(tx, turn, err);
    return rc ? rc : note_model(tx, turn, err);
}

static void committed(void *arg, int rc, const struct err *err)
{
    struct turn *turn = arg;
    if (rc)
        turn_fail(turn, rc, err);
    turn_resume(turn);
}

enum step_result turn_step_commit(struct turn *turn)
{
    struct turn_outcome *outcome = &turn->outcome;
    struct scope scope = scope_of(turn);
    outcome->content = buf_str(&turn->text);
    bool begun = turn->begin.answer_id.p && outcome->conversation_id.p;
    if (!begun && !turn->input.unstored)
        return STEP_NEXT;
    if (outcome->code && !outcome->model_failed)
        turn->status = "failed";
    if (!outcome->mode)
        outcome->mode = "quoted";
    if (!turn->corrections.p)
        turn->corrections = STR("[]");
    outcome->metadata = metadata_json(turn);
    if (!begun)
        return STEP_NEXT;
    store_write_here(turn->engine->with.store, &scope, commit, turn, committed);
    return STEP_PARK;
}
