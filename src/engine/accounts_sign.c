// SPDX-License-Identifier: Apache-2.0
// Access tokens are JWTs of an hour; refresh tokens are random, stored hashed, used once each. Using one twice ends the
// whole sign-in, because then two hold it (RFC 9700 2.2.2). Where a repeat is tolerated (auth.refresh_reuse_window),
// the successor that it replaces counts as used: if somebody holds that one, the next use tells.
#include "engine/accounts_internal.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/id.h"
#include "base/json.h"
#include "model/text.h"
#include "store/activity.h"
#include "store/audit.h"

enum { REFRESH_RANDOM = 43 };

// ---- lock-out ------------------------------------------------------------------------------------------------------

int lock_check(struct tx *tx, struct str account, struct str address, int64_t now, int64_t *ret_retry_s,
               struct err *err)
{
    int64_t failures, last;
    int rc = login_failures(tx, account, address, now - LOCK_MS, &failures, &last, err);
    if (rc || failures < LOCK_FAILURES)
        return rc;
    *ret_retry_s = (last + LOCK_MS - now) / 1000 + 1;
    return err_set(err, ERR_LIMIT, "Too many failed sign-ins. Try again later.");
}

int lock_note(struct tx *tx, struct str account, struct str address, int64_t now, struct err *err)
{
    return login_failed(tx, account, address, now - LOCK_MS, now, err);
}

// ---- tokens --------------------------------------------------------------------------------------------------------

// A fresh refresh token for the sign-in; its hash in `hash`.
static int issue_refresh(struct tx *tx, struct sign *s, char hash[CRYPTO_HEX_SIZE], struct err *err)
{
    const struct settings *settings = s->accounts->settings;
    char random[REFRESH_RANDOM + 1];
    id_random(random, REFRESH_RANDOM, ID_BASE64URL);
    s->ret->refresh_token = arena_strf(s->arena, "rt_%s", random);
    crypto_sha256_hex(s->ret->refresh_token, hash);
    int64_t ends = s->now + settings_int(settings, SET_AUTH_REFRESH_TTL) * 1000;
    int64_t most = s->sign_in.expires_at;
    return refresh_insert(tx, hash, s->sign_in.id, s->now, ends < most ? ends : most, err);
}

int sign_begin(struct tx *tx, struct sign *s, struct err *err)
{
    char *id = arena_alloc(s->arena, ID_SIZE), hash[CRYPTO_HEX_SIZE];
    struct str user_id = s->ret->account.user.id;
    id_v7(id);
    int64_t most = settings_int(s->accounts->settings, SET_AUTH_REFRESH_MAX) * 1000;
    s->sign_in = (struct sign_in){str_from(id), user_id, s->now + most, false};
    int rc = sign_in_purge(tx, user_id, s->now, err);
    rc = rc ? rc : sign_in_insert(tx, &s->sign_in, s->now, err);
    rc = rc ? rc : user_set_last_login(tx, user_id, s->now, err);
    rc = rc ? rc : issue_refresh(tx, s, hash, err);
    rc = rc ? rc : account_load(tx, s->arena, user_id, STR_NULL, false, &s->ret->account, err);
    return rc < 0 ? rc : 0;
}

void sign_access(struct sign *s, struct str issuer)
{
    char jti[ID_SIZE];
    id_v4(jti);
    struct signed_in *ret = s->ret;
    ret->expires_in_s = settings_int(s->accounts->settings, SET_AUTH_ACCESS_TTL);
    yyjson_mut_doc *doc = json_doc(s->arena);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);
    json_add_str(doc, claims, "iss", issuer);
    json_add_cstr(doc, claims, "aud", "parley");
    json_add_str(doc, claims, "sub", ret->account.user.id);
    json_add_str(doc, claims, "sid", s->sign_in.id);
    json_add_cstr(doc, claims, "jti", jti);
    json_add_int(doc, claims, "iat", s->now / 1000);
    json_add_int(doc, claims, "exp", s->now / 1000 + ret->expires_in_s);
    ret->access_token = crypto_jwt_sign(s->accounts->keys, s->arena, json_write(s->arena, claims));
}

// ---- in ------------------------------------------------------------------------------------------------------------

struct login {
    struct sign sign;
    struct str name, account, address; // account: what failures are counted for
    struct user_row user;
    bool found;
    int64_t retry_s;
    int code;
};

static int load_login(struct tx *tx, void *arg, struct err *err)
{
    struct login *l = arg;
    int rc = user_by_name(tx, l->sign.arena, l->name, &l->user, err);
    if (rc < 0)
        return rc;
    l->found = rc == 1;
    l->account = l->found ? l->user.id : l->name;
    return lock_check(tx, l->account, l->address, l->sign.now, &l->retry_s, err);
}

// The name that was tried is not noted: people type passwords there.
static int note_failure(struct tx *tx, void *arg, struct err *err)
{
    struct login *l = arg;
    int rc = lock_note(tx, l->account, l->address, l->sign.now, err);
    return rc ? rc : audit_write(tx, "login_failed", l->found ? l->user.id : STR_NULL, STR_NULL, err);
}

// In the brand where the user works; of one without any, among the installation's own rows.
static int note_login(struct tx *tx, const struct login *l, struct err *err)
{
    struct str brand = l->sign.ret->account.brand;
    struct activity activity = {.type = "user_login", .entity_type = "user", .entity_id = l->user.id};
    return activity_write_in(tx, brand.p ? brand : SCOPE_OWN, &activity, err);
}

static int begin_login(struct tx *tx, void *arg, struct err *err)
{
    struct login *l = arg;
    struct user_row user;
    // The password was checked outside of this transaction: one that was changed meanwhile opens nothing.
    int there = user_by_id(tx, l->sign.arena, l->user.id, &user, err);
    l->code = there == 1 && user.active && str_eq(user.password_hash, l->user.password_hash) ? 0 : ERR_DENIED;
    if (there < 0 || l->code)
        return there < 0 ? there : 0;
    l->sign.ret->account.user = user;
    int rc = login_succeeded(tx, l->account, l->address, err);
    rc = rc ? rc : sign_begin(tx, &l->sign, err);
    rc = rc ? rc : note_login(tx, l, err);
    return rc ? rc : audit_write(tx, "login", user.id, STR_NULL, err);
}

int accounts_login(struct accounts *a, struct arena *arena, const struct scope *by, struct str name,
                   struct str password, struct str address, struct str issuer, struct signed_in *ret,
                   int64_t *ret_retry_s, struct err *err)
{
    struct login l = {.sign = {.accounts = a, .arena = arena, .now = clock_wall_ms(), .ret = ret},
                      .name = text_fold_case(arena, name),
                      .address = address};
    struct scope scope = accounts_scope(by, STR_NULL);
    int rc = store_read(a->store, &scope, load_login, &l, err);
    *ret_retry_s = l.retry_s;
    if (rc)
        return rc;
    bool right = crypto_password_verify(l.found ? arena_cstr(arena, l.user.password_hash) : NULL, password);
    if (right && !l.user.active)
        return ERR_INVALID;
    if (!right) {
        rc = store_write(a->store, &scope, note_failure, &l, err);
        return rc ? rc : ERR_DENIED;
    }
    scope = accounts_scope(by, l.user.id);
    rc = store_write(a->store, &scope, begin_login, &l, err);
    if (!rc && !l.code)
        sign_access(&l.sign, issuer);
    return rc ? rc : l.code;
}

// ---- on ------------------------------------------------------------------------------------------------------------

struct rotation {
    bool reused; // the token had been used: its sign-in was ended
    struct sign sign;
    char hash[CRYPTO_HEX_SIZE]; // of the token that came
    int code;
};

// A repeat so soon that the answer may have been lost, while nobody has used the successor.
static int is_tolerated(struct tx *tx, struct rotation *r, const struct refresh_token *token, bool *ret,
                        struct err *err)
{
    int64_t window = settings_int(r->sign.accounts->settings, SET_AUTH_REUSE_WINDOW) * 1000;
    struct refresh_token successor;
    *ret = false;
    if (!window || !token->successor.p || token->used_at + window <= r->sign.now)
        return 0;
    const char *hash = arena_cstr(r->sign.arena, token->successor);
    int rc = refresh_get(tx, r->sign.arena, hash, &successor, err);
    if (rc != 1 || successor.used_at)
        return rc < 0 ? rc : 0;
    rc = refresh_use(tx, hash, r->sign.now, err);
    *ret = rc == 1;
    return rc < 0 ? rc : 0;
}

static int end_reused(struct tx *tx, struct rotation *r, struct err *err)
{
    r->reused = true;
    int rc = sign_in_revoke(tx, r->sign.sign_in.id, r->sign.now, err);
    return rc ? rc : audit_write(tx, "refresh_reuse", r->sign.sign_in.user_id, STR_NULL, err);
}

// One transaction: of two that come at once with the same token exactly one wins, and the other ends the sign-in.
static int rotate(struct tx *tx, void *arg, struct err *err)
{
    struct rotation *r = arg;
    struct sign *s = &r->sign;
    struct account *account = &s->ret->account;
    struct refresh_token token;
    char next[CRYPTO_HEX_SIZE];
    bool again = false;
    r->code = ERR_DENIED;
    r->reused = false;
    int rc = refresh_get(tx, s->arena, r->hash, &token, err);
    if (rc != 1)
        return rc;
    rc = sign_in_get(tx, s->arena, token.sign_in_id, &s->sign_in, err);
    if (rc != 1 || s->sign_in.revoked)
        return rc < 0 ? rc : 0;
    if (token.used_at) {
        rc = is_tolerated(tx, r, &token, &again, err);
        if (rc || !again)
            return rc ? rc : end_reused(tx, r, err);
    }
    if (token.expires_at <= s->now || s->sign_in.expires_at <= s->now)
        return 0;
    rc = account_load(tx, s->arena, s->sign_in.user_id, STR_NULL, false, account, err);
    if (rc != 1 || !account->user.active)
        return rc < 0 ? rc : 0;
    rc = again ? 1 : refresh_use(tx, r->hash, s->now, err);
    if (rc != 1)
        return rc < 0 ? rc : end_reused(tx, r, err);
    rc = issue_refresh(tx, s, next, err);
    rc = rc ? rc : refresh_set_successor(tx, r->hash, next, err);
    if (!rc)
        r->code = 0;
    return rc;
}

int accounts_refresh(struct accounts *a, struct arena *arena, const struct scope *by, struct str refresh_token,
                     struct str issuer, struct signed_in *ret, struct err *err)
{
    struct rotation r = {.sign = {.accounts = a, .arena = arena, .now = clock_wall_ms(), .ret = ret}};
    struct scope scope = accounts_scope(by, STR_NULL);
    crypto_sha256_hex(refresh_token, r.hash);
    int rc = store_write(a->store, &scope, rotate, &r, err);
    if (!rc && r.reused)
        metric_add(METRIC_AUTH_EVENTS, METRIC_AT(metric_label(LABEL_AUTH_EVENT, STR("refresh_reuse"))), 1);
    if (!rc && !r.code)
        sign_access(&r.sign, issuer);
    return rc ? rc : r.code;
}

// ---- out -----------------------------------------------------------------------------------------------------------

static int end_token(struct tx *tx, void *arg, struct err *err)
{
    struct rotation *r = arg;
    struct refresh_token token;
    int rc = refresh_get(tx, r->sign.arena, r->hash, &token, err);
    rc = rc == 1 ? sign_in_get(tx, r->sign.arena, token.sign_in_id, &r->sign.sign_in, err) : rc;
    if (rc != 1)
        return rc;
    rc = sign_in_revoke(tx, token.sign_in_id, r->sign.now, err);
    return rc ? rc : audit_write(tx, "logout", r->sign.sign_in.user_id, STR_NULL, err);
}

int accounts_logout_token(struct accounts *a, struct arena *arena, const struct scope *by, struct str refresh_token,
                          struct err *err)
{
    struct rotation r = {.sign = {.accounts = a, .arena = arena, .now = clock_wall_ms()}};
    struct scope scope = accounts_scope(by, STR_NULL);
    crypto_sha256_hex(refresh_token, r.hash);
    return store_write(a->store, &scope, end_token, &r, err);
}

struct logout {
    const struct caller *caller;
    bool all;
};

static int end_sign_in(struct tx *tx, void *arg, struct err *err)
{
    const struct logout *l = arg;
    int64_t now = clock_wall_ms();
    struct str user = l->caller->user.id;
    int rc =
        l->all ? sign_in_revoke_all(tx, user, STR_NULL, now, err) : sign_in_revoke(tx, l->caller->sign_in_id, now, err);
    return rc ? rc : audit_write(tx, l->all ? "logout_all" : "logout", user, STR_NULL, err);
}

int accounts_logout(struct accounts *a, const struct scope *by, const struct caller *caller, bool all_devices,
                    struct err *err)
{
    struct logout l = {caller, all_devices};
    struct scope scope = accounts_scope(by, caller->user.id);
    return store_write(a->store, &scope, end_sign_in, &l, err);
}
