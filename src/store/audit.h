// SPDX-License-Identifier: Apache-2.0
// What every write leaves behind: an audit row, and events for webhooks, in the transaction of the change.
#pragma once

#include "base/json.h"
#include "store/store.h"

// Actor and address are the scope's. `fields`: names only, comma separated.
int audit_write(struct tx *tx, const char *action, struct str target, struct str fields, struct err *err);

struct audit_change { // what was done to an object
    const char *action; // "personality_updated"
    struct str chatbot_id; // STR_NULL: of the brand
    struct str target; // its id
    struct str old_value, new_value; // JSON of the changed fields (model_diff); STR_NULL: none
};
int audit_change(struct tx *tx, const struct audit_change *change, struct err *err);

struct audit_entry {
    struct str id, actor, action, target, fields, address;
    int64_t at;
};
// Of the scope's brand, newest first, rows not older than `since`: an id that is used again does not show what a brand
// before it left. *ret_total counts before limit and offset.
int audit_list(struct tx *tx, struct arena *arena, int64_t since, int64_t limit, int64_t offset,
               struct audit_entry **ret, size_t *ret_n, int64_t *ret_total, struct err *err);

// An event of the log that webhooks and other readers are fed from. `data` is JSON.
int event_write(struct tx *tx, const char *name, struct str conversation_id, struct str data, struct err *err);
