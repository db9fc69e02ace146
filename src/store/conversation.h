// SPDX-License-Identifier: Apache-2.0
// Conversations and their messages. A turn writes twice: the visitor's message and an answer row in status `running`
// before anything else, and the finished answer at the end; what a crash leaves `running` becomes `interrupted`.
#pragma once

#include "store/store.h"

struct conversation {
    struct str id, chatbot_id, session_id, channel, user_label;
    bool issued, ended; // issued: the server made its session id
    int64_t message_count;
    struct str begun_by;                                    // user; STR_NULL: a key, or nobody in particular
    struct str context;                                     // JSON object
    int64_t event_count;                                    // events so far, the one under way included
    int64_t started_at, last_message_at, ended_at, idle_at; // 0: not
};
// Who talks there, as far as anybody said.
struct str conversation_user(const struct conversation *conversation);

struct turn_begin {
    struct str chatbot_id;
    struct str session_id; // with its surface's prefix; STR_NULL: a new conversation, whose session is prefix + its id
    struct str prefix;     // "brand:"
    bool only_issued;      // an id that was not issued here is answered in a new conversation
    struct str channel, user_label, message;
    struct str begun_by; // user who begins it, if it is new
    struct str only_of;  // ERR_DENIED when somebody else began it; STR_NULL: whoever did
    bool one_user;       // ERR_CONFLICT when it has another user_label
    struct str metadata; // of the message, JSON; STR_NULL: none
    struct str context;  // JSON object whose members are merged into the conversation's; STR_NULL: none
    int64_t idle_ms;     // it ends by itself after so long without a message; 0: never
    int64_t now;
    // Out, in the caller's arena: the conversation, ids of the two messages, and whether it was made now.
    struct arena *arena;
    struct conversation conversation;
    struct str user_message_id, answer_id;
    int64_t answer_seq;
    bool started, reopened;
};
// Counts the events conversation.started (where it was started or reopened) and message.received in event_count: the
// caller writes both. ERR_NOT_FOUND: the chatbot or its brand was deleted.
int conversation_begin_turn(struct tx *tx, struct turn_begin *turn, struct err *err);

struct turn_end {
    struct str conversation_id, answer_id, content;
    int64_t answer_seq;
    const char *status; // complete, interrupted, failed
    const char *mode, *finish_reason;
    bool has_confidence;
    double confidence;
    struct str metadata; // JSON
    int64_t idle_ms, now;
};
// Writes the answer unless the conversation was cleared meanwhile (*ret_stored false then). Where it says something it
// counts the event message.sent, which the caller writes at *ret_sequence.
int conversation_end_turn(struct tx *tx, const struct turn_end *turn, bool *ret_stored, int64_t *ret_sequence,
                          struct err *err);
// What has been delivered so far, for a crash.
int conversation_save_partial(struct tx *tx, struct str conversation_id, int64_t answer_seq, struct str content,
                              struct err *err);

// The next place for an event of this conversation. ERR_NOT_FOUND.
int conversation_next_event(struct tx *tx, struct str conversation_id, int64_t *ret, struct err *err);
// It goes on no longer, until a message reopens it; `idle`: unless an answer runs, or a message came meanwhile.
// *ret_ended false: it had ended, or goes on.
int conversation_close(struct tx *tx, struct str conversation_id, bool idle, int64_t now, bool *ret_ended,
                       struct err *err);

// By external session id of a chatbot. 1, 0.
int conversation_find(struct tx *tx, struct arena *arena, struct str chatbot_id, struct str session_id,
                      struct conversation *ret, struct err *err);
// Any conversation of the brand, by row id or session id, with or without its surface's prefix. 1, 0.
int conversation_find_any(struct tx *tx, struct arena *arena, struct str name, struct str prefix,
                          struct conversation *ret, struct err *err);

// By id, of one chatbot; not those that were cleared. 1, 0.
int conversation_get(struct tx *tx, struct arena *arena, struct str chatbot_id, struct str id, struct conversation *ret,
                     struct err *err);
struct conversation_place {
    struct str brand, id;
};
// Conversations of all brands that were to end by themselves by now, at most `limit`.
int conversations_idle(struct tx *tx, struct arena *arena, int64_t now, int64_t limit, struct conversation_place **ret,
                       size_t *ret_n, struct err *err);

struct stored_message {
    struct str id, role, content, status, metadata;
    int64_t seq, created_at;
    struct str rating; // conversation_shown: type of its newest feedback; STR_NULL: none
};
// The newest `limit` messages that belong in a history (no failed, running or empty ones), oldest first.
int conversation_messages(struct tx *tx, struct arena *arena, struct str conversation_id, int64_t before_seq,
                          int64_t limit, struct stored_message **ret, size_t *ret_n, struct err *err);
// What a reader is shown: also failed answers that say so; before the message `before` and behind the message `after`
// (STR_NULL: all), of these the newest `limit`, or with `after` the oldest; oldest first.
int conversation_shown(struct tx *tx, struct arena *arena, struct str conversation_id, struct str before,
                       struct str after, int64_t limit, struct stored_message **ret, size_t *ret_n, struct err *err);
// A message of this conversation. 1, 0.
int conversation_message(struct tx *tx, struct arena *arena, struct str conversation_id, struct str id,
                         struct stored_message *ret, struct err *err);
// The newest answer, in whatever status. 1, 0.
int conversation_newest_answer(struct tx *tx, struct arena *arena, struct str conversation_id,
                               struct stored_message *ret, struct err *err);
// Deletes its messages and events, ends it and gives up the session id. ERR_NOT_FOUND when it has ended already.
int conversation_clear(struct tx *tx, struct str conversation_id, int64_t now, struct err *err);

// ---- begun beforehand, and lists of one's own (conversation_list.c) -------------------------------------------------

// A conversation before its first message; id, times and counters are made here, its event is the caller's to write.
// `metadata`: JSON object, not STR_NULL.
int conversation_make(struct tx *tx, struct arena *arena, struct conversation *conversation, struct str metadata,
                      int64_t idle_ms, int64_t now, struct err *err);

struct conversation_summary {
    struct str id, chatbot_id, session_id, chatbot_name;
    struct str metadata;                         // JSON; STR_NULL: none
    struct str title;                            // the first message's beginning; STR_NULL: there is none
    struct str last_role, last_content;          // of the newest message that is shown; STR_NULL: there is none
    int64_t last_at, started_at, last_message_at; // wall ms
};
struct conversations_own {
    struct str user;       // who began them; STR_NULL: a key of the chatbot, beforehand
    struct str chatbot_id; // STR_NULL (with a user): any
    bool all_chatbots;     // the user sees every chatbot of the brand, not the public ones and their own alone
    int64_t limit, offset;
};
// The newest activity first.
int conversations_own(struct tx *tx, struct arena *arena, const struct conversations_own *query,
                      struct conversation_summary **ret, size_t *ret_n, int64_t *ret_total, struct err *err);
// One of them: of this chatbot. 1, 0.
int conversation_own(struct tx *tx, struct arena *arena, struct str user, struct str chatbot_id, struct str id,
                     struct conversation_summary *ret, struct err *err);
// The chatbot of a conversation that this user began, in whatever brand. 1, 0.
int conversation_begun(struct tx *tx, struct arena *arena, struct str user, struct str id, struct str *ret_chatbot_id,
                       struct err *err);

// After a crash: every answer still `running`, in all brands, becomes `interrupted` (`failed` without text).
int conversation_mend(struct tx *tx, int64_t *ret_mended, struct err *err);
