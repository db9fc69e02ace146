// SPDX-License-Identifier: Apache-2.0
// Passwords that were forgotten. What is done for an address must not depend on whether anybody has it: an unknown one
// goes through the same statements, up to a mail that is queued to nobody.
#include "engine/accounts_internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "engine/mail.h"
#include "model/text.h"
#include "store/audit.h"

enum { TOKEN_RANDOM = 43, LIFE_MS = 3600 * 1000, MAILS_AN_HOUR = 5 };

struct reset_asked {
    struct accounts *accounts;
    struct arena *arena;
    struct str email, fold, base, token;
    char hash[CRYPTO_HEX_SIZE], nobody[CRYPTO_HEX_SIZE]; // nobody: stands for an address without an account
    int64_t now;
};

static int ask(struct tx *tx, void *arg, struct err *err)
{
    struct reset_asked *r = arg;
    struct user_row user;
    int64_t lately = 0;
    int rc = user_by_email(tx, r->arena, r->fold, &user, err);
    if (rc < 0)
        return rc;
    bool known = rc == 1 && user.active;
    struct str account = known ? user.id : str_from(r->nobody);
    rc = reset_purge(tx, r->now - LIFE_MS, err);
    rc = rc ? rc : reset_count(tx, account, r->now - LIFE_MS, &lately, err);
    if (rc || lately >= MAILS_AN_HOUR)
        return rc;
    rc = reset_end_all(tx, account, r->now, err);
    rc = rc ? rc : reset_insert(tx, r->hash, account, r->now, err);
    struct mail mail = mail_reset(r->arena, known ? user.email : STR_NULL, r->base, r->token);
    rc = rc ? rc : mail_queue(tx, r->accounts->keys, &mail, err);
    return rc ? rc : audit_write(tx, "password_reset_requested", known ? user.id : STR_NULL, STR_NULL, err);
}

int accounts_request_reset(struct accounts *a, struct arena *arena, const struct scope *by, struct str email,
                           struct str base, struct err *err)
{
    struct reset_asked r = {.accounts = a,
                            .arena = arena,
                            .email = email,
                            .fold = text_fold_case(arena, email),
                            .base = base,
                            .now = clock_wall_ms()};
    struct scope scope = accounts_scope(by, STR_NULL);
    char random[TOKEN_RANDOM + 1];
    id_random(random, TOKEN_RANDOM, ID_BASE64URL);
    r.token = arena_strf(arena, "pr_%s", random);
    crypto_sha256_hex(r.token, r.hash);
    crypto_sha256_hex(r.fold, r.nobody);
    return store_write(a->store, &scope, ask, &r, err);
}

struct resetting {
    struct accounts *accounts;
    struct arena *arena;
    char hash[CRYPTO_HEX_SIZE];
    struct str phc;
    struct user_row user;
    int64_t now;
};

static int find_token(struct tx *tx, struct resetting *r, struct err *err)
{
    struct str account;
    int rc = reset_find(tx, r->arena, r->hash, r->now - LIFE_MS, &account, err);
    rc = rc == 1 ? user_by_id(tx, r->arena, account, &r->user, err) : rc;
    if (rc < 0)
        return rc;
    return rc == 1 && r->user.active ? 0 : err_set(err, ERR_DENIED, "The reset token is not valid");
}

static int check_token(struct tx *tx, void *arg, struct err *err)
{
    return find_token(tx, arg, err);
}

static int reset(struct tx *tx, void *arg, struct err *err)
{
    struct resetting *r = arg;
    int rc = find_token(tx, r, err);
    if (rc)
        return rc;
    struct mail mail = mail_password_changed(r->user.email);
    rc = user_set_password(tx, r->user.id, r->phc, r->now, err);
    rc = rc ? rc : reset_end_all(tx, r->user.id, r->now, err);
    rc = rc ? rc : sign_in_revoke_all(tx, r->user.id, STR_NULL, r->now, err);
    rc = rc ? rc : mail_queue(tx, r->accounts->keys, &mail, err);
    return rc ? rc : audit_write(tx, "password_reset", r->user.id, STR("password"), err);
}

int accounts_reset(struct accounts *a, struct arena *arena, const struct scope *by, struct str token,
                   struct str password, struct err *err)
{
    struct resetting r = {.accounts = a, .arena = arena, .now = clock_wall_ms()};
    struct scope scope = accounts_scope(by, STR_NULL);
    crypto_sha256_hex(token, r.hash);
    // A token that does not hold costs no hash.
    int rc = store_read(a->store, &scope, check_token, &r, err);
    rc = rc ? rc : password_hash(arena, password, &r.phc, err);
    if (rc)
        return rc;
    scope = accounts_scope(by, r.user.id);
    return store_write(a->store, &scope, reset, &r, err);
}
