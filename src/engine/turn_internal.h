// SPDX-License-Identifier: Apache-2.0
// What the files of the turn share. Between two parks a turn belongs to the thread that runs its step; only what stands
// under `lock` is read by others.
#pragma once

#include "base/pool.h"
#include "base/vec.h"
#include "engine/conversation_event.h"
#include "engine/marker.h"
#include "engine/prompt.h"
#include "engine/quote.h"
#include "engine/small_talk.h"
#include "engine/suggest.h"
#include "engine/tools.h"
#include "engine/budget.h"
#include "engine/turn.h"
#include "engine/voice.h"
#include "store/conversation.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TURN_TEXT_MOST = 8 << 20, TURN_AHEAD_MOST = 256 << 10, FLUSH_SLOTS = 128 };

struct due { // a turn's place in a list of the clock
    struct due *before, *after;
    struct turn *turn;
    int64_t at;
    bool listed;
};

struct due_list { // by time
    struct due *first, *last;
};

struct engine {
    struct engine_options with;
    pthread_mutex_t lock;
    pthread_cond_t none; // no turn runs
    pthread_t clock;
    bool closed;
    struct turn *turns;     // all that have not ended
    _Atomic size_t n_turns; // changed under the lock
    struct map *lanes;      // "<brand>/<chatbot>/<session>" → lane
    struct map *circuits;   // of tools that failed lately (tools.c)
    // Of the model client's thread: turns whose readers are woken when all has been delivered that was there.
    VEC(struct turn *) gathered;
    // The clock's, under `pace`.
    pthread_mutex_t pace;
    pthread_cond_t tick;
    struct due_list flushes[FLUSH_SLOTS], saves; // a slot is 10 ms; ws.flush_ms is at most 1000
    int64_t wake_at;                             // it sleeps until then
    bool ending;
    _Atomic bool dormant; // it sleeps until a turn begins
};

struct lane { // one conversation: the turn that runs and those behind it
    struct turn *running, *first, **last;
    char *key;
};

struct watcher {
    turn_watcher *wake;
    void *arg;
    bool reports; // turn_read_to
    size_t read;
};

enum step_result { STEP_NEXT, STEP_PARK };

struct turn_cut { // what the model's window had no room for
    size_t pairs, passages;
    bool message, system;
};

struct running;

struct tool_use { // a call of a tool and what became of it
    struct llm_tool_call call;
    const struct tool *tool; // NULL: unknown, or never looked for
    struct running *running; // NULL: it was not run
    const char *error;       // NULL: it went well
    struct str result;       // as the model gets it
    int status;
    int64_t at, latency_ms; // wall
    size_t bytes;
};

struct tool_round {
    struct tool_use *uses;
    size_t n, text_from, text_end; // what the model said before it called
};

enum { TOOL_ROUNDS_MOST = 5 };

struct turn_tools { // there where tools are offered
    const struct tool **offered;
    size_t n_offered;
    struct str definitions; // JSON
    struct tool_round rounds[TOOL_ROUNDS_MOST];
    size_t n_rounds, calls, invalid, good; // good: successful runs
    struct tool_use *asked;                // of the model's last answer
    size_t n_asked, text_from;
    int64_t spent_ms, began, until;
    bool runs, last, gap; // last: the model may call no more; gap: text of an earlier round stands before the next
};

struct turn {
    _Atomic int refs;
    struct engine *engine;
    struct arena *arena;
    struct turn_input input; // strings are the arena's
    size_t step;
    int64_t began_ms; // wall
    int64_t began_mono;
    int64_t began_us, first_us; // monotonic; first text, 0: none yet (under `lock`)
    _Atomic bool cancelled;
    void (*release)(void *arg); // of the first watcher
    void *release_arg;

    // Under engine.lock: place among all turns and in the conversation's lane.
    struct turn *before, *after, *behind;
    struct lane *lane;
    bool waiting;
    int64_t wait_until;

    pthread_mutex_t lock;
    pthread_cond_t calm; // no watcher is being called
    struct buf text;
    VEC(struct watcher) watchers;
    bool held;  // the model waits for a reader
    int waking; // calls of watchers under way or claimed by the clock
    bool ended, conversation_known, flush_due, save_due, saving;
    size_t saved; // bytes of text that the store has
    int64_t woken_at;
    struct llm_call *call; // while the model runs
    VEC(struct running *) tool_runs;
    VEC(struct turn_tool_event) tool_events;
    size_t tool_next, tool_open; // of tool_runs: to be started; not ended

    struct due flush, save; // under engine.pace
    size_t gathered;        // place in engine.gathered, from 1; the model client's thread

    // Of the steps, in order.
    struct turn_begin begin;
    const char *language; // of the visitor, for fixed texts; NULL = English
    struct stored_message *history;
    size_t n_history;
    struct str resolved; // the message with its references resolved
    struct str *about;   // ids of the products that the last answer was about
    size_t n_about;
    bool continues;         // the message is the rest of the question before
    enum small_talk talk;   // it is a greeting and the like, which asks nothing
    struct str search_text; // the same for retrieval: with the name of what is talked about where that helps
    struct suggestions found;
    uint64_t found_at;     // catalogue_moment before its rows were read
    float nearest_passage; // see suggest_nearer
    bool by_vectors;       // something was found, or could have been, by its meaning
    struct passage *passages;
    size_t n_passages;
    struct str curated, curated_doc; // a learned answer, which is given as it stands; STR_NULL: none
    struct search_match *passage_terms;
    size_t n_passage_terms;
    struct marker marker;
    struct voice voice;
    bool voice_complete, text_full, stopped_early, refused;
    struct turn_cut cut;
    struct turn_tools *tools;
    size_t n_block;                 // products of the catalogue block; behind them those that tools named
    int64_t asked_mono;             // when the model was asked first
    struct llm_result result;       // over all calls of the model
    int64_t used, cost;             // tokens and money of the last call
    struct reservation reservation; // of the brand's budget, while the model runs
    enum { QUOTE_NOT, QUOTE_OR_NO_ANSWER, QUOTE_OR_UNAVAILABLE } quotes; // sentences are the answer, or else what
    struct quote *quote;
    struct str *weighed; // sentences whose meaning chooses
    size_t n_weighed;
    struct str *quoted_docs; // documents that a quotation used
    size_t n_quoted;
    bool quoted_products;
    int answered;     // 1, 0, -1: it cannot be said
    int64_t sequence; // of the event message.sent
    const char *reason, *status;
    struct str corrections; // JSON array
    bool stored;
    struct turn_outcome outcome;
};

// turn.c
void turn_append(struct turn *turn, struct str text); // any thread but the model client's
// On the model client's thread: readers are woken once, when all that was there has been delivered, or by turn_settled.
void turn_append_soon(struct turn *turn, struct str text);
void turn_settled(struct turn *turn);
bool turn_has_room(struct turn *turn); // false: the model is paused until a reader has caught up
void turn_wake(struct turn *turn);
void turn_calm(struct turn *turn); // one claim less
void turn_resume(
    struct turn *turn); // after a park: the next step, at once where the parking step runs, else on a worker
void turn_measure(const struct turn *turn);     // turn_metrics.c: counts one that is ending
void turn_give_up(struct turn *turn, int code); // under engine.lock: one that waits goes straight to its end
void turn_fail(struct turn *turn, int code, const struct err *err); // later steps see outcome.code; the first one stays
void turn_know_conversation(struct turn *turn);

// turn_clock.c
void *clock_run(void *engine);
void clock_begin(struct engine *engine);         // a turn has begun
void clock_flush(struct turn *turn, int64_t at); // wakes the readers then, if that is still due
void clock_save(struct turn *turn);              // saves the text soon
void clock_forget(struct turn *turn);

// Before a park: the same step is entered again when the turn is resumed.
void turn_stay(struct turn *turn);

// tools.c
void tools_offer(struct turn *turn); // sets turn->tools where there are any
const struct tool *tools_find(const struct turn_tools *tools, struct str name);
void tools_note(struct engine *engine, const struct chatbot_ref *chatbot, const struct tool *tool, bool good);
void tools_free(struct engine *engine);

// turn_tools.c
enum step_result turn_step_tools(struct turn *turn);
void turn_tools_take(struct turn *turn, const struct llm_result *result);
// Ends the runs whose deadline is not behind `due`. Any thread, without turn->lock.
void turn_tools_late(struct turn *turn, int64_t due, const char *error);
void turn_tools_done(struct turn *turn);
// Calls and results so far, in the arena; results are shortened so that all stay within `budget` tokens where that can
// be. *ret_tokens: of them and the definitions.
size_t turn_tools_messages(const struct turn *turn, struct arena *arena, int64_t budget, struct llm_message **ret,
                           int64_t *ret_tokens);

// turn_retrieve.c
enum step_result turn_step_resolve(struct turn *turn);
enum step_result turn_step_embed(struct turn *turn);
enum step_result turn_step_retrieve(struct turn *turn);
// turn_answer.c
enum step_result turn_step_answer(struct turn *turn);
enum step_result turn_step_settle(struct turn *turn);
void turn_take_text(struct turn *turn, const struct buf *text, void (*append)(struct turn *turn, struct str text));
enum step_result turn_exhausted(struct turn *turn); // the brand has used what it may

// turn_model.c
enum step_result turn_ask_first(struct turn *turn);
enum step_result turn_ask_again(struct turn *turn); // with what tools gave; the caller's step is entered again
void turn_settle_budget(struct turn *turn);         // after a call of the model
enum step_result turn_step_check(struct turn *turn);
enum step_result turn_step_weigh(struct turn *turn);
enum step_result turn_step_quote(struct turn *turn);
// turn_commit.c
enum step_result turn_step_open(struct turn *turn);
enum step_result turn_step_products(struct turn *turn);
enum step_result turn_step_commit(struct turn *turn);
// Writes the texts so far. Takes over the caller's references and each turn's `saving`; reorders the list.
void turn_save_partial(struct turn **turns, size_t n);
