// SPDX-License-Identifier: Apache-2.0
#include "engine/mail.h"
#include "jobs/webhook_call.h"
#include "store/account.h"
#include "store/crud.h"

int webhook_tell_failing(struct tx *tx, const struct crypto_keys *keys, struct str id, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    struct webhook webhook, key = {.set = 1, .id = id};
    struct user_row user;
    struct url url;
    int rc = crud_get(tx, &webhook_model, arena, &key, &webhook, err);
    rc = rc == 1 && webhook.created_by.p ? user_by_id(tx, arena, webhook.created_by, &user, err) : rc < 0 ? rc : 0;
    if (rc != 1)
        return rc < 0 ? rc : 0;
    // The host alone: a path may hold a secret.
    const char *host = url_parse(webhook.url, &url, NULL) == 0 ? url.host : "";
    struct mail mail = {
        .to = user.email,
        .subject = STR("A webhook was switched off"),
        .text = arena_strf(arena,
                           "The webhook \"" STR_FMT "\" (%s) has failed for five days and was switched off.\n\n"
                           "What waits for it is kept for 30 days after it happened, and goes on when the webhook is "
                           "set active again.\n",
                           STR_ARG(webhook.name), host),
    };
    return mail_queue(tx, keys, &mail, err);
}
