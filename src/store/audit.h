// SPDX-License-Identifier: Apache-2.0
// What every write leaves behind: an audit row, and events for webhooks, in the transaction of the change.
#pragma once

#include "base/json.h"
#include "store/webhook.h"

// Actor and address are the scope's. `fields`: names only, comma separated.
int audit_write(struct tx *tx, const char *action, struct str target, struct str fields, struct err *err);

struct audit_change {                // what was done to an object
    const char *action;              // "personality_updated"
    struct str chatbot_id;           // STR_NULL: of the brand
    struct str target;               // its id
    struct str old_value, new_value; // JSON of the changed fields (model_diff); STR_NULL: none
};
int audit_change(struct tx *tx, const struct audit_change *change, struct err *err);

struct audit_entry {
    struct str id, actor, action, target, fields, address, user_agent;
    struct str chatbot_id, old_value, new_value; // STR_NULL: none
    struct str user_name;                        // of the user whose id `actor` is; STR_NULL: it is none
    int64_t at;
};
struct audit_query { // what is STR_NULL does not restrict
    struct str chatbot_id, actor;
    struct str action, or_action; // either
    int64_t from, to;             // from <= at < to
    int64_t limit, offset;
};
// Of the scope's brand, newest first. *ret_total counts before limit and offset.
int audit_list(struct tx *tx, struct arena *arena, const struct audit_query *query, struct audit_entry **ret,
               size_t *ret_n, int64_t *ret_total, struct err *err);
// The rows of a brand are a chain: each has a number and the hash of the one before. audit_chains tells the brands that
// have one (scope of the installation), audit_verify walks the scope's brand's: 1 = whole, 0 = the row
// *ret_seq is changed or missing. *ret_n: rows looked at. Rows from before there were hashes are not in it.
int audit_chains(struct tx *tx, struct arena *arena, struct str **ret_brands, size_t *ret_n, struct err *err);
int audit_verify(struct tx *tx, int64_t *ret_n, int64_t *ret_seq, struct err *err);

// An event of the log that webhooks and other readers are fed from; what webhooks want of it is queued for them in the
// same transaction. `data` is JSON. Events of a conversation are counted from 1 in it.
int event_write(struct tx *tx, const char *name, struct str conversation_id, struct str data, struct err *err);
// The same where the caller knows its place (conversation_next_event); 0 outside of a conversation.
int event_write_at(struct tx *tx, const char *name, struct str conversation_id, int64_t sequence, struct str data,
                   struct err *err);
// user.registered: `data` names a person, and is found again when the account ends.
int event_write_registration(struct tx *tx, struct str user_id, struct str data, struct err *err);
// Takes name and e-mail out of it, in whatever brand it is, and what receivers said to it. What is still to be
// delivered goes without them.
int event_forget_person(struct tx *tx, struct str user_id, struct err *err);
// The row alone, for no webhook: whoever writes it delivers it.
int event_put(struct tx *tx, const struct event *event, struct err *err);
