// SPDX-License-Identifier: Apache-2.0
// What the turn knows before it answers: the conversation so far, what its words refer to, products and passages.
#include "engine/turn_internal.h"

#include "engine/knowledge.h"
#include "engine/followup.h"
#include "engine/names.h"
#include "engine/reference.h"

#include <math.h>

enum { HISTORY_FOR_REFERENCES = 2 * REFERENCE_TURNS, ENTITIES_MOST = 32, WORK_SIZE = 2048 };

static int load_history(struct tx *tx, void *arg, struct err *err)
{
    struct turn *turn = arg;
    int64_t asked = turn->input.chatbot->chat.history_messages;
    int64_t limit = asked > HISTORY_FOR_REFERENCES ? asked : HISTORY_FOR_REFERENCES;
    return conversation_messages(tx, turn->arena, turn->begin.conversation.id, turn->begin.answer_seq - 1, limit,
                                 &turn->history, &turn->n_history, err);
}

static yyjson_val *metadata_of(struct arena *arena, const struct stored_message *answer)
{
    yyjson_val *metadata;
    bool is_json = answer->metadata.p && json_parse(arena, answer->metadata, 0, &metadata, NULL) == 0;
    return is_json ? metadata : NULL;
}

// The products that an earlier answer may have been about, as its metadata names them.
static struct reference_list answer_entities(struct arena *arena, yyjson_val *metadata)
{
    yyjson_val *item;
    struct reference_entity *at = arena_calloc(arena, ENTITIES_MOST, sizeof *at);
    size_t n = 0, i, max;
    yyjson_arr_foreach(json_get(metadata, "products"), i, max, item)
    {
        if (n < ENTITIES_MOST && json_get_str(item, "name").n)
            at[n++] =
                (struct reference_entity){STR("product"), json_get_str(item, "name"), json_get_str(item, "id"), 0, 0};
    }
    return (struct reference_list){at, n};
}

// Where a text names any of the known entities.
static struct reference_list named_in(struct arena *arena, const struct reference_list *known, struct str text)
{
    AUTO_NAMES struct names *names = names_new(NAMES_LAST_WORD | NAMES_NO_MAKER);
    struct names_hit *hits;
    for (size_t i = 0; i < known->n; i++)
        names_add(names, known->at[i].value);
    names_ready(names);
    size_t n = names_find(names, arena, text, ENTITIES_MOST, &hits);
    struct reference_entity *at = arena_calloc(arena, n + 1, sizeof *at);
    for (size_t i = 0; i < n; i++) {
        at[i] = known->at[hits[i].index];
        at[i].start = hits[i].start;
        at[i].end = hits[i].end;
    }
    return (struct reference_list){at, n};
}

static void resolve(struct turn *turn)
{
    struct arena *arena = turn->arena;
    struct reference_turn turns[REFERENCE_TURNS];
    struct reference_list known = {0};
    size_t n = 0;
    turn->resolved = turn->search_text = turn->input.message;
    for (size_t i = turn->n_history; i-- > 0 && n < REFERENCE_TURNS;) {
        const struct stored_message *answer = &turn->history[i];
        if (!str_eq(answer->role, STR("assistant")))
            continue;
        bool asked = i > 0 && str_eq(turn->history[i - 1].role, STR("user"));
        struct str user = asked ? turn->history[i - 1].content : STR("");
        struct reference_list about = answer_entities(arena, metadata_of(arena, answer));
        if (!known.n)
            known = about;
        turns[n++] = (struct reference_turn){user, answer->content, named_in(arena, &about, user),
                                             named_in(arena, &about, answer->content)};
    }
    if (n == 0 || known.n == 0)
        return;
    struct reference_input input = {
        .text = turn->input.message,
        .language = turn->language,
        .in_text = named_in(arena, &known, turn->input.message),
        .turns = turns,
        .n_turns = n,
    };
    struct reference_result result;
    reference_resolve(arena, &input, &result);
    turn->resolved = result.resolved;
    turn->search_text = result.search.p ? result.search : result.resolved;
}

// The rest of a question is searched with the question, where nothing else says what it is about.
static void continue_question(struct turn *turn)
{
    const struct stored_message *last = turn->n_history ? &turn->history[turn->n_history - 1] : NULL;
    const struct stored_message *asked = turn->n_history > 1 ? last - 1 : NULL;
    if (!asked || !str_eq(asked->role, STR("user")) || !followup(turn->input.message))
        return;
    yyjson_val *metadata = metadata_of(turn->arena, last);
    bool suggested = yyjson_arr_size(json_get(metadata, "suggested")) > 0;
    struct reference_list about = suggested ? answer_entities(turn->arena, metadata) : (struct reference_list){0};
    turn->about = arena_calloc(turn->arena, about.n + 1, sizeof *turn->about);
    for (size_t i = 0; i < about.n; i++)
        turn->about[turn->n_about++] = about.at[i].id;
    turn->continues = true;
    if (str_eq(turn->search_text, turn->input.message))
        turn->search_text =
            arena_strf(turn->arena, STR_FMT " " STR_FMT, STR_ARG(asked->content), STR_ARG(turn->input.message));
}

static int find_passages(struct turn *turn, const struct knowledge_query *query, struct err *err)
{
    struct knowledge_found found;
    int rc =
        knowledge_retrieve(turn->engine->with.catalogues, turn->input.chatbot->brand, turn->arena, query, &found, err);
    turn->passages = found.passages;
    turn->n_passages = found.n;
    turn->passage_terms = found.terms;
    turn->n_passage_terms = found.n_terms;
    turn->by_vectors |= found.by_vectors;
    bool alike = found.by_vectors == turn->found.by_vectors; // or the vector came between the two searches
    for (size_t i = 0; i < found.n_hits; i++)
        turn->nearest_passage =
            alike ? suggest_nearer(turn->nearest_passage, &found.hits[i], found.by_vectors, 1) : NAN;
    return rc;
}

static int find_curated(struct turn *turn, struct arena *work, const struct knowledge_query *query, struct err *err)
{
    struct knowledge_document answer;
    int rc = knowledge_curated(turn->engine->with.catalogues, turn->input.chatbot->brand, work, query, &answer, err);
    if (rc == 1) {
        turn->curated = arena_str(turn->arena, answer.content);
        turn->curated_doc = arena_str(turn->arena, answer.id);
    }
    return rc < 0 ? rc : 0;
}

static int find_products(struct turn *turn, struct err *err)
{
    const struct chat_settings *chat = &turn->input.chatbot->chat;
    int64_t limit = turn->input.advice ? turn->input.advice : chat->suggestion_limit;
    struct suggest_query query = {
        .message = turn->resolved,
        .fallback = turn->search_text,
        .about = turn->about,
        .n_about = turn->n_about,
        .continues = turn->continues,
        .cue = turn->input.advice,
        .keep = limit > SUGGEST_HITS || turn->input.advice ? limit : SUGGEST_HITS,
        .limit = limit,
        .threshold = chat->similarity_threshold,
        .unavailable_too = chat->suggest_unavailable,
    };
    if (!chat->suggestions && !turn->input.advice)
        return 0;
    turn->found_at = catalogue_moment(turn->engine->with.catalogues);
    int rc = suggest_products(turn->engine->with.catalogues, turn->input.chatbot->brand, turn->arena, &query,
                              &turn->found, err);
    turn->by_vectors |= turn->found.by_vectors;
    return rc;
}

static void choose_language(struct turn *turn)
{
    struct str set = turn->input.chatbot->chat.language;
    const char *heard = set.n ? set.p : analyse_language(turn->input.message);
    turn->language = heard[0] ? heard : NULL;
}

static bool is_over(const struct turn *turn)
{
    return turn->outcome.code || atomic_load(&turn->cancelled);
}

enum step_result turn_step_resolve(struct turn *turn)
{
    struct err err = {0};
    if (is_over(turn))
        return STEP_NEXT;
    struct scope scope = scope_brand(turn->input.chatbot->brand->row.brand.id, STR("engine"));
    choose_language(turn);
    turn->resolved = turn->search_text = turn->input.message;
    bool kept = !turn->input.advice && !turn->input.unstored;
    bool goes_on = turn->n_history || (kept && !turn->begin.started); // a new conversation has no history
    int rc = goes_on && kept ? store_read(turn->engine->with.store, &scope, load_history, turn, &err) : 0;
    if (rc) {
        turn_fail(turn, rc, &err);
    } else if (goes_on) {
        resolve(turn);
        continue_question(turn);
    }
    turn->outcome.searched = turn->search_text;
    turn->outcome.continues = turn->continues;
    turn->talk = small_talk(turn->input.message); // asks nothing, whatever words it shares with a passage
    return STEP_NEXT;
}

static void embedded(void *arg)
{
    turn_resume(arg);
}

// The turn parks until they are there: no thread waits for a server.
enum step_result turn_step_embed(struct turn *turn)
{
    if (is_over(turn) || turn->talk)
        return STEP_NEXT;
    const struct str texts[] = {turn->search_text, turn->resolved};
    bool asked = catalogue_ask(turn->engine->with.catalogues, turn->input.chatbot->brand, turn->input.chatbot->row.id,
                               texts, 2, embedded, turn);
    return asked ? STEP_PARK : STEP_NEXT;
}

enum step_result turn_step_retrieve(struct turn *turn)
{
    struct err err = {0};
    struct knowledge_query query;
    AUTO_ARENA struct arena *work = arena_new(WORK_SIZE); // ends here: the turn's own arena stays while it waits
    if (is_over(turn))
        return STEP_NEXT;
    knowledge_query_of(work, turn->input.chatbot, turn->search_text, &query);
    query.fresh = turn->continues ? turn->input.message : STR_NULL;
    int rc = !turn->talk && knowledge_allows_products(query.filters) ? find_products(turn, &err) : 0;
    rc = rc || turn->talk || turn->input.advice ? rc : find_passages(turn, &query, &err);
    rc = rc || turn->input.advice ? rc : find_curated(turn, work, &query, &err);
    if (rc)
        turn_fail(turn, rc, &err);
    suggest_weigh(&turn->found, turn->nearest_passage);
    turn->outcome.has_confidence = turn->found.has_confidence;
    turn->outcome.confidence = turn->found.confidence;
    return STEP_NEXT;
}
