// SPDX-License-Identifier: Apache-2.0
// Mails: what they say, how they wait, and their form on the wire. Queued in the transaction of the change that causes
// them, sealed, because they carry tokens of which the store otherwise keeps only hashes; sent by the job `mail.send`.
#pragma once

#include "base/crypto.h"
#include "store/store.h"

struct mail {
    struct str to; // STR_NULL: nobody; the job then does nothing
    struct str subject, text; // text: lines ended by \n
    struct str link; // what the transport `log` shows; STR_NULL: none
};

// Into the scope's brand (or SCOPE_OWN).
int mail_queue(struct tx *tx, const struct crypto_keys *keys, const struct mail *mail, struct err *err);
// What was queued. ERR_FORMAT, ERR_DENIED: it was sealed with another key.
int mail_unseal(const struct crypto_keys *keys, struct arena *arena, struct str payload, struct mail *ret);

// "Fern <bot@fern.example>" or "bot@fern.example"; the name may be quoted. False: neither.
bool mail_sender(struct arena *arena, struct str text, struct str *ret_name, struct str *ret_address);

struct mail_head {
    struct str from_name, from; // address; name STR_NULL: none
    struct str id; // of the job: Message-ID before the sender's host
    int64_t date_ms;
};
// The message as RFC 5322 has it, lines ended by CRLF. No text, however made, can add a line to the head.
struct str mail_message(struct arena *arena, const struct mail_head *head, const struct mail *mail);

// `base`: the server's own address, without a slash at the end. Strings are the arena's or the arguments'.
struct mail mail_reset(struct arena *arena, struct str to, struct str base, struct str token);
struct mail mail_invite(struct arena *arena, struct str to, struct str url, struct str brand_name);
struct mail mail_password_changed(struct str to);
struct mail mail_address_changed(struct str old_address);
