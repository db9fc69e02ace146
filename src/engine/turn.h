// SPDX-License-Identifier: Apache-2.0
// One conversation turn, whatever surface it came from: a table of steps that can park (turn.c). The visitor's message
// is committed before anything else; the answer, with its counters and events, at the end. Text is appended to one
// bounded buffer; readers hold offsets into it, so any number of streams can follow, late ones too.
//
// Turns of one conversation run one after another in order of arrival. A running turn outlives its readers; turn_cancel
// ends it. Thread-safe.
#pragma once

#include "engine/catalogue.h"
#include "llm/llm.h"
#include "base/crypto.h"
#include "base/settings.h"

struct engine;
struct tool;
struct turn;
struct stored_message; // store/conversation.h

struct engine_options {
    struct store *store;
    struct llm *llm;
    const struct settings *settings;
    struct pool *workers;
    struct brands *brands;
    struct catalogues *catalogues;
    struct budgets *budgets;        // NULL: nobody counts
    const struct crypto_keys *keys; // for the names of visitors in activities
    const struct tool *tools;       // that the setting tools.builtin may name; NULL: those of the house
    size_t n_tools;
};
struct engine *engine_new(const struct engine_options *options);
void engine_free(struct engine *engine); // after the model client, so that no turn runs and nothing is told
size_t engine_running(struct engine *engine);
void engine_cancel_all(struct engine *engine);
// Cancels all and waits for their ends; turns started later end at once with ERR_UNAVAILABLE and store nothing. NULL is
// fine.
void engine_close(struct engine *engine);
void engine_cancel_brand(struct engine *engine, struct str brand_id);

struct turn_input {
    struct chatbot_ref *chatbot; // who answers; the turn takes its own reference
    struct str session;          // external session id with its surface's prefix; STR_NULL = a new conversation
    struct str prefix;           // "brand:"; empty: sessions are named as they are kept
    bool only_issued;            // a session that was not issued here is answered in a new conversation
    struct str channel, user_label, message; // message: cleaned, within its limits
    struct str metadata;                     // JSON kept with the message; STR_NULL: none
    struct str context;                      // JSON object merged into the conversation's; STR_NULL: none
    struct str begun_by;                     // user who begins the conversation, if it is new
    struct str only_of;                      // ends with ERR_DENIED where another user began it
    bool one_user;                           // ends with ERR_CONFLICT where it has another user_label
    int64_t idle_ms;                         // the conversation ends after so long without a message; 0: never
    bool owns_up;                            // a failed model's answer says so; else outcome.model_failed
    // What else belongs to the visitor's message, in its transaction; NULL: nothing. `first_arg` is the caller's.
    int (*first)(struct tx *tx, void *arg, struct err *err);
    void *first_arg;
    struct str personality, personality_id; // lines of the prompt; STR_NULL: those of the chatbot's default one
    bool voice;
    bool whole;  // who watches wants the end alone: no calls for new text
    bool lively; // watchers are also called about every 5 s in which no more text has come
    // Nothing is written, no conversation is begun and nothing counted: a trial question. `past` is what was said
    // before, oldest first: role, content and metadata of each message.
    bool unstored;
    const struct stored_message *past;
    size_t n_past;
    int64_t advice; // > 0: no conversation, a recommendation of so many products with its reasons; nothing is stored
    int wait_ms;    // longest wait behind other turns of the conversation; 0 = no limit
    struct str actor, address;
    enum actor_kind actor_kind;
};

typedef void turn_watcher(struct turn *turn, void *arg);

// Never NULL; the caller holds a reference. The first steps run on the calling thread: it may wait for the store, and
// the turn may have ended when this returns. Not for event loops. `wake` (may be NULL) is a watcher as by turn_watch,
// there from the first moment; `release` (may be NULL) is called with `arg` when the turn is freed.
struct turn *turn_start(struct engine *engine, const struct turn_input *input, turn_watcher *wake, void *arg,
                        void (*release)(void *arg));
struct turn *turn_ref(struct turn *turn);
void turn_unref(struct turn *turn);

// Watchers are called, from any thread and without locks held, when there is new text, when the conversation is known,
// about every 5 s while no text has come, and at the end. They may only wake somebody. turn_unwatch returns when no
// call is under way: never call it from a watcher.
void turn_watch(struct turn *turn, turn_watcher *wake, void *arg);
void turn_unwatch(struct turn *turn, turn_watcher *wake, void *arg);
// This watcher has taken the text up to `offset`. From its first report on it is waited for: a model that is far ahead
// (TURN_AHEAD_MOST) of the slowest such watcher is paused until that one reports or is taken away.
void turn_read_to(struct turn *turn, turn_watcher *wake, void *arg, size_t offset);
void turn_cancel(struct turn *turn);

// Appends to `out` at most `room` bytes of the text behind `offset` (whole code points). Returns the text's length so
// far.
size_t turn_text(struct turn *turn, size_t offset, size_t room, struct buf *out);

struct turn_tool_event { // a tool began or ended
    char name[65];
    const char *status; // "running", "ok", "error"
    size_t offset;      // of the text so far
};
// Events are numbered from 0 and stay; false: there is none of that number yet. Watchers are called for each.
bool turn_tool_event(struct turn *turn, size_t index, struct turn_tool_event *ret);

bool turn_ended(const struct turn *turn); // the outcome is there and nothing changes any more
void turn_wait(struct turn *turn);        // returns when it has ended; not for loops, workers and watchers

struct turn_outcome { // lives as long as the turn
    // 0; ERR_LIMIT: waited too long; ERR_CANCELLED: while it waited; ERR_DENIED, ERR_CONFLICT: `only_of`,
    // `one_user`; ERR_UNAVAILABLE: `model_failed`; ERR_*: the store
    int code;
    bool model_failed;          // the model failed and nothing could be quoted (code ERR_UNAVAILABLE)
    bool broken;                // ended by a failing model after some text
    struct str conversation_id; // external, without the prefix
    struct str row_id, session_id, user_message_id; // of the conversation and the visitor's message, as they are kept
    struct str message;                             // the visitor's
    struct str message_metadata;                    // JSON; STR_NULL: none came
    int64_t asked_at;                               // wall ms
    int64_t answered_at;                            // wall ms; 0: nothing was stored
    struct str answer_id;
    struct str content;
    struct str searched;       // what passages were searched for: the message with its references resolved
    bool continues;            // it was the rest of the question before, which `searched` begins with
    const char *mode;          // "model" "quoted"; NULL: nothing was begun
    const char *finish_reason; // "stop" "length" "cancelled" "moderated" "error"
    bool has_confidence;
    double confidence;
    struct product *products; // suggested, as their rows are at the end
    size_t n_products;
    struct str *quoted; // sentences of passages that the answer quotes, in order; a spoken one says one line of them
    size_t n_quoted;
    struct str metadata; // JSON, in the engine's own terms (docs/internals/turn.md); STR_NULL when nothing was begun
};
const struct turn_outcome *turn_outcome(const struct turn *turn);
// External id of the conversation once it is known (before the first text); STR_NULL until then.
struct str turn_conversation(struct turn *turn);

// The turn of this conversation that runs; NULL: none does (an answer that has ended is in the store). `session` has
// its prefix. The caller gets a reference.
struct turn *turn_find(struct engine *engine, struct str brand_id, struct str chatbot_id, struct str session);
