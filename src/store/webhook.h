// SPDX-License-Identifier: Apache-2.0
// Webhooks and what is delivered to them. An event becomes deliveries in the transaction that writes it, so that none
// is lost and a webhook made later gets none of it. Rules of the rows:
// - Every transaction that touches a webhook's deliveries first updates the webhook's row: the two never disagree, on
// an
//   engine with many writers too.
// - `due_at` of a webhook is not after the first `next_at` of its deliveries, or its `hold_until` when that is later.
// - Of the pending deliveries of one line only the first has a `next_at`.
#pragma once

#include "model/webhook.h"
#include "store/store.h"

struct event {                            // a row of the event log
    struct str id, name, conversation_id; // STR_NULL: outside of conversations
    int64_t sequence, at;
    struct str data; // JSON
};

// Makes the deliveries of an event that the scope's brand has just written.
int webhook_fan_out(struct tx *tx, const struct event *event, struct err *err);
// What is sent: one line of JSON in the arena, the same at each attempt.
struct str webhook_payload(struct arena *arena, struct str brand, const struct event *event);
struct str webhook_message_id(struct arena *arena, struct str event_id); // "msg_…"

int webhook_stats_get(struct tx *tx, struct str id, struct webhook_stats *ret, struct err *err); // 1, 0
// It may deliver again: waiting deliveries go on at once.
int webhook_activated(struct tx *tx, struct str id, int64_t now, struct err *err);

// Walks a webhook's deliveries in steps, so that no transaction is long: the next `most` behind the id `after`
// (STR_NULL: the first) and not behind `upto` (STR_NULL: all). *ret_last is the last one's id in the arena, STR_NULL at
// the end.
struct delivery_walk {
    struct str webhook_id, after, upto;
    int64_t most;
};
// Cancels those that are pending.
int delivery_cancel_step(struct tx *tx, struct arena *arena, const struct delivery_walk *walk, struct str *ret_last,
                         struct err *err);
// Deletes them with their attempts.
int delivery_erase_step(struct tx *tx, struct arena *arena, const struct delivery_walk *walk, struct str *ret_last,
                        struct err *err);

// ---- lists and replays ---------------------------------------------------------------------------------------------

struct delivery_filter {
    struct str id;            // one delivery
    struct str status, event; // STR_NULL: any
    int64_t from, to;         // Unix ms, `to` not included
};
// A delivery's status was changed: the kept counts follow. Private to store/.
int delivery_moved(struct tx *tx, struct str id, const char *from, const char *to, struct err *err);
// Newest first. *ret_total counts before limit and offset: kept counts, but where from or to restrict it.
int delivery_list(struct tx *tx, struct arena *arena, struct str webhook_id, const struct delivery_filter *filter,
                  int64_t limit, int64_t offset, struct delivery **ret, size_t *ret_n, int64_t *ret_total,
                  struct err *err);
enum { REPLAY_MOST = 10000 };
// Ids of those that have ended, the oldest first, at most REPLAY_MOST. `failed_only`: not those that were delivered or
// cancelled. May look at many rows: for reads.
int delivery_ended_list(struct tx *tx, struct arena *arena, struct str webhook_id, const struct delivery_filter *filter,
                        bool failed_only, struct strings *ret, struct err *err);
// They wait again, as if they were new and in no line. *ret: how many; what has not ended any more is left alone.
int delivery_replay(struct tx *tx, struct str webhook_id, const struct strings *ids, bool failed_only, int64_t now,
                    int64_t *ret, struct err *err);

// ---- delivering ----------------------------------------------------------------------------------------------------

struct webhook_due {
    struct str brand, id;
    int64_t due_at;
};
// Webhooks of all brands for which something waits, the earliest first, due or not.
int webhook_due_list(struct tx *tx, struct arena *arena, int64_t limit, struct webhook_due **ret, size_t *ret_n,
                     struct err *err);

struct delivery_job { // one delivery with all that its next attempt needs
    struct str id, event_brand;
    struct event event;
    int64_t tries; // before this one
};
struct delivery_claim {
    struct webhook webhook; // as sealed
    struct delivery_job *jobs;
    size_t n;
};
// Takes up to `most` due deliveries of a webhook until `lease_until`. None when it is not active, is held back or has
// gone. What cannot be sent any more (its event or chatbot were deleted) is cancelled.
int webhook_claim(struct tx *tx, struct arena *arena, struct str id, size_t most, int64_t now, int64_t lease_until,
                  struct delivery_claim *ret, struct err *err);

enum delivery_outcome {
    DELIVERY_DONE,
    DELIVERY_AGAIN,  // at next_at
    DELIVERY_FAILED, // for good
    DELIVERY_GONE,   // the receiver wants no more
};
struct delivery_result {
    struct str webhook_id, delivery_id;
    struct attempt attempt;
    enum delivery_outcome outcome;
    int64_t next_at, hold_until; // hold_until 0: none
    int64_t now;
    int64_t failing_since; // a webhook without success since then is disabled,
    bool failing;          // and so it was: set by delivery_record
};
// Of a delivery or webhook that was deleted meanwhile nothing is kept.
int delivery_record(struct tx *tx, struct delivery_result *result, struct err *err);
// A `webhook.test` that has been tried: its event, its delivery and the attempt. `sent` is the whole of it.
int delivery_record_test(struct tx *tx, const struct delivery_result *result, const struct event *sent,
                         struct err *err);

// Attempts that a crash cut off are due at once. Only for the process that owns the store alone.
int delivery_mend(struct tx *tx, int64_t now, struct err *err);
// The first brand behind `after` that has events or deliveries from before `before`; STR_NULL at the end. Scope: the
// installation.
int retention_find(struct tx *tx, struct arena *arena, struct str after, int64_t before, struct str *ret_brand,
                   struct err *err);
// Deletes up to `most` events, and as many deliveries with their attempts, that the scope's brand wrote before
// `before`.
int retention_step(struct tx *tx, int64_t before, int64_t most, int64_t *ret_deleted, struct err *err);
// Active webhooks of all brands without success since then that have given up on a delivery.
int webhook_failing_list(struct tx *tx, struct arena *arena, int64_t failing_since, struct webhook_due **ret,
                         size_t *ret_n, struct err *err);
// Disables such a one; *ret_disabled: false when it has done well meanwhile.
int webhook_disable_failing(struct tx *tx, struct str id, int64_t failing_since, int64_t now, bool *ret_disabled,
                            struct err *err);

struct webhook_backlog {
    int64_t due, oldest_at, disabled; // oldest_at 0: nothing is due
};
int webhook_backlog_get(struct tx *tx, int64_t now, struct webhook_backlog *ret, struct err *err); // installation
