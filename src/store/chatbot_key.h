// SPDX-License-Identifier: Apache-2.0
// A chatbot's keys: secret ones, of which one is the primary (only hashes are kept), and the publishable one, which is
// public and stored as it is. In the scope's brand but for publishable_key_find.
#pragma once

#include "base/crypto.h"
#include "store/place.h"

enum { CHATBOT_KEY_SIZE = 3 + 40 + 1, PUBLISHABLE_KEY_SIZE = 3 + 24 + 1, KEY_HINT = 8 };

// "ck_" and 40 letters and digits.
void chatbot_key_make(char out[CHATBOT_KEY_SIZE]);
struct str chatbot_key_hint(struct str key); // its last 8
// By the SHA-256 of the whole key, hex.
int chatbot_key_insert(struct tx *tx, struct str chatbot_id, struct str name, bool primary, const char *hash,
                       struct str hint, int64_t now, struct err *err);
// The primary key's, STR_NULL without one.
int chatbot_key_primary(struct tx *tx, struct arena *arena, struct str chatbot_id, struct str *ret_hint,
                        struct err *err);
// From `until` on the primary key, or every key of the chatbot, is refused; none is primary any more.
int chatbot_keys_end(struct tx *tx, struct str chatbot_id, bool all, int64_t until, struct err *err);

void publishable_key_make(char out[PUBLISHABLE_KEY_SIZE]);
// `key` takes the place of `old`, which goes on until `until`. The chatbot's row is the caller's.
int publishable_key_replace(struct tx *tx, struct str chatbot_id, struct str old, struct str key, int64_t now,
                            int64_t until, struct err *err);
// Whose it is, in any brand: 1, 0 (unknown, its time is over, or the chatbot is deleted).
int publishable_key_find(struct tx *tx, struct arena *arena, struct str key, int64_t now, struct place *ret,
                         struct err *err);
