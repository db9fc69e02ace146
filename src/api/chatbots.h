// SPDX-License-Identifier: Apache-2.0
// What the files about chatbots share (000-management 2, 3): the moves inside a writing transaction, and the reply.
#pragma once

#include "api/envelope.h"
#include "model/chatbot.h"
#include "store/chatbot.h"

struct chatbot_work { // one request's change, filled anew each time its transaction runs
    struct call *call;
    struct chatbot old, row;
    char *key; // made for it; shown in this reply and nowhere else
};

// The chatbot of the path as it is now: ERR_NOT_FOUND when it has been deleted since. `row` is a copy of `old`.
int chatbot_work_load(struct tx *tx, struct chatbot_work *work, struct err *err);
// Ids, times, creator, key, audit row and event of a new one; `row` is what its maker gave. ERR_LIMIT: as many as there
// may be.
int chatbot_make(struct tx *tx, struct chatbot_work *work, struct err *err);
int chatbot_audit(struct tx *tx, const char *action, struct str chatbot_id, struct str old_value, struct str new_value,
                  struct err *err);
// An audit row's values with whose it is, which is no field of replies.
struct str chatbot_with_creator(struct arena *arena, struct str object, const struct chatbot *chatbot);
void chatbot_update(struct call *call); // PUT (chatbot_change.c)
// The welcome message, which input may have in two places, into its one. `at`: where the chatbot stands in the body.
void chatbot_settle_welcome(struct call *call, const struct loc *at, yyjson_val *object, struct chatbot *row);
// What the filters name must be there; nulls go. `at`: where they stand in the body.
int chatbot_check_filters(struct tx *tx, struct call *call, struct chatbot *row, const struct loc *at, struct err *err);

yyjson_mut_val *chatbot_json(yyjson_mut_doc *doc, const struct chatbot *chatbot); // with its extras
void chatbot_reply(struct call *call, int status, const char *message, const struct chatbot_work *work);
yyjson_mut_val *chatbot_creator_json(yyjson_mut_doc *doc, const struct chatbot_creator *creator, bool there);
