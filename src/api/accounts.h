// SPDX-License-Identifier: Apache-2.0
// What the files of accounts share (auth.c, accounts.c, users.c, invites.c, pages.c).
#pragma once

#include "api/envelope.h"

// The user object of 003-platform 2.1.
yyjson_mut_val *account_json(struct call *call, yyjson_mut_doc *doc, const struct account *account);
// May this password be chosen? False: a fault was added at `field`.
bool account_password(struct call *call, const char *field, struct str password);
void account_fault(struct call *call, const char *field, enum fault_code code, const char *text);
void account_locked(struct call *call, int64_t retry_s); // 429
struct str account_issuer(struct call *call);            // of access tokens
// The server's own address for links in mails: never what a request says of its host, because whoever asks for a mail
// would choose where its link leads.
struct str account_base(struct call *call);
// A cookie of ours that came with the request. STR_NULL: none.
struct str account_cookie(struct call *call, struct str name);
bool account_secure(struct call *call); // the visitor came by https
