// SPDX-License-Identifier: Apache-2.0
// Access tokens are JWTs of an hour; refresh tokens are random, stored hashed, used once each. Using one twice ends the
// whole sign-in, because then two hold it (RFC 9700 2.2.2).
#include "engine/accounts.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/text.h"

#include <stdlib.h>

enum { LOCK_FAILURES = 20, LOCK_MS = 15 * 60 * 1000, REFRESH_RANDOM = 43, CREDENTIAL_MOST = 4096 };

struct accounts {
    struct store *store;
    const struct crypto_keys *keys;
    const struct settings *settings;
};

struct accounts *accounts_new(struct store *store, const struct crypto_keys *keys, const struct settings *settings)
{
    struct accounts *a = mem_zalloc(sizeof *a);
    *a = (struct accounts){store, keys, settings};
    return a;
}

void accounts_free(struct accounts *a)
{
    free(a);
}

static struct scope installation(void)
{
    return scope_installation(STR("accounts"));
}

// ---- who -----------------------------------------------------------------------------------------------------------

struct identify {
    struct arena *arena;
    struct caller *caller;
    struct str user_id;         // of the token
    char hash[CRYPTO_HEX_SIZE]; // of the key
    int64_t now;
    int code;
};

static int load_active_user(struct tx *tx, struct identify *i, struct str id, struct err *err)
{
    int rc = user_by_id(tx, i->arena, id, &i->caller->user, err);
    if (rc < 0)
        return rc;
    i->code = rc == 1 && i->caller->user.active ? 0 : ERR_DENIED;
    i->caller->kind = CALLER_USER;
    return 0;
}

static int identify_token(struct tx *tx, void *arg, struct err *err)
{
    struct identify *i = arg;
    struct sign_in sign_in;
    int rc = sign_in_get(tx, i->arena, i->caller->sign_in_id, &sign_in, err);
    if (rc < 0)
        return rc;
    if (rc == 0 || sign_in.revoked || sign_in.expires_at <= i->now || !str_eq(sign_in.user_id, i->user_id)) {
        i->code = ERR_DENIED;
        return 0;
    }
    return load_active_user(tx, i, i->user_id, err);
}

static int identify_key(struct tx *tx, void *arg, struct err *err)
{
    struct identify *i = arg;
    struct key_owner owner;
    int rc = key_find(tx, i->arena, i->hash, i->now, &owner, err);
    if (rc < 0)
        return rc;
    i->code = rc == 1 ? 0 : ERR_DENIED;
    i->caller->key_id = owner.key_id;
    if (rc == 1 && owner.user_id.p) {
        i->caller->by_key = true;
        return load_active_user(tx, i, owner.user_id, err);
    }
    i->caller->kind = CALLER_CHATBOT_KEY;
    i->caller->brand = owner.brand;
    i->caller->chatbot_id = owner.chatbot_id;
    return 0;
}

// A token's claims; false: expired or not ours.
static bool read_claims(const struct accounts *a, struct identify *i, struct str token)
{
    struct str text;
    yyjson_val *claims;
    if (crypto_jwt_verify(a->keys, i->arena, token, &text) != 0 || json_parse(i->arena, text, 0, &claims, NULL) != 0)
        return false;
    i->user_id = json_get_str(claims, "sub");
    i->caller->sign_in_id = json_get_str(claims, "sid");
    return i->user_id.n && i->caller->sign_in_id.n && str_eq(json_get_str(claims, "aud"), STR("parley")) &&
           json_get_int(claims, "exp", 0) * 1000 > i->now;
}

int accounts_identify(struct accounts *a, struct arena *arena, struct str credential, struct caller *ret,
                      struct err *err)
{
    struct identify i = {.arena = arena, .caller = ret, .now = clock_wall_ms()};
    struct scope scope = installation();
    *ret = (struct caller){0};
    if (credential.n == 0 || credential.n > CREDENTIAL_MOST)
        return ERR_DENIED;
    bool token = memchr(credential.p, '.', credential.n) != NULL;
    if (token && !read_claims(a, &i, credential))
        return ERR_DENIED;
    if (!token)
        crypto_sha256_hex(credential, i.hash);
    int rc = store_read(a->store, &scope, token ? identify_token : identify_key, &i, err);
    return rc ? rc : i.code;
}

struct ask_role {
    const struct caller *caller;
    struct arena *arena;
    struct str role;
    struct membership *memberships;
    size_t n;
};

static int read_role(struct tx *tx, void *arg, struct err *err)
{
    struct ask_role *ask = arg;
    int rc = membership_role(tx, ask->arena, ask->caller->user.id, &ask->role, err);
    return rc < 0 ? rc : 0;
}

enum role role_of(struct str name)
{
    return str_eq(name, STR("admin"))       ? ROLE_ADMIN
           : str_eq(name, STR("developer")) ? ROLE_DEVELOPER
           : str_eq(name, STR("user"))      ? ROLE_USER
                                            : ROLE_NONE;
}

int accounts_role(struct accounts *a, const struct caller *caller, struct str brand, enum role *ret, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct ask_role ask = {.caller = caller, .arena = arena};
    struct scope scope = scope_brand(brand, STR("accounts"));
    *ret = ROLE_NONE;
    if (caller->kind == CALLER_DEMO || (caller->kind == CALLER_USER && caller->user.super_admin)) {
        *ret = ROLE_SUPER_ADMIN;
        return 0;
    }
    if (caller->kind != CALLER_USER)
        return 0;
    int rc = store_read(a->store, &scope, read_role, &ask, err);
    *ret = role_of(ask.role);
    return rc;
}

static int read_memberships(struct tx *tx, void *arg, struct err *err)
{
    struct ask_role *ask = arg;
    return membership_list(tx, ask->arena, ask->caller->user.id, &ask->memberships, &ask->n, err);
}

int accounts_admin_anywhere(struct accounts *a, const struct caller *caller, bool *ret, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct ask_role ask = {.caller = caller, .arena = arena};
    struct scope scope = installation();
    *ret = caller->kind == CALLER_DEMO || (caller->kind == CALLER_USER && caller->user.super_admin);
    if (*ret || caller->kind != CALLER_USER)
        return 0;
    int rc = store_read(a->store, &scope, read_memberships, &ask, err);
    for (size_t i = 0; i < ask.n; i++)
        *ret |= role_of(ask.memberships[i].role) == ROLE_ADMIN;
    return rc;
}

// ---- signing in ----------------------------------------------------------------------------------------------------

struct sign {
    struct accounts *accounts;
    struct arena *arena;
    struct str name, password, address, token;
    char hash[CRYPTO_HEX_SIZE]; // of `token`
    int64_t now, failures, last_failure;
    bool found;
    struct sign_in sign_in;
    struct signed_in *ret;
    int code;
};

static int load_login(struct tx *tx, void *arg, struct err *err)
{
    struct sign *s = arg;
    int rc = login_failures(tx, s->name, s->address, s->now - LOCK_MS, &s->failures, &s->last_failure, err);
    if (rc)
        return rc;
    rc = user_by_name(tx, s->arena, s->name, &s->ret->user, err);
    s->found = rc == 1;
    return rc < 0 ? rc : 0;
}

static int note_failure(struct tx *tx, void *arg, struct err *err)
{
    struct sign *s = arg;
    return login_failed(tx, s->name, s->address, s->now - LOCK_MS, s->now, err);
}

// A fresh refresh token for the sign-in.
static int issue_refresh(struct tx *tx, struct sign *s, struct err *err)
{
    const struct settings *settings = s->accounts->settings;
    char random[REFRESH_RANDOM + 1], hash[CRYPTO_HEX_SIZE];
    id_random(random, REFRESH_RANDOM, ID_BASE64URL);
    s->ret->refresh_token = arena_strf(s->arena, "rt_%s", random);
    crypto_sha256_hex(s->ret->refresh_token, hash);
    int64_t ends = s->now + settings_int(settings, SET_AUTH_REFRESH_TTL) * 1000;
    int64_t most = s->sign_in.expires_at;
    return refresh_insert(tx, hash, s->sign_in.id, s->now, ends < most ? ends : most, err);
}

static int begin_sign_in(struct tx *tx, void *arg, struct err *err)
{
    struct sign *s = arg;
    struct user_row user;
    char *id = arena_alloc(s->arena, ID_SIZE);
    // The password was checked outside of this transaction: one that was changed meanwhile opens nothing.
    int there = user_by_id(tx, s->arena, s->ret->user.id, &user, err);
    s->code = there == 1 && user.active && str_eq(user.password_hash, s->ret->user.password_hash) ? 0 : ERR_DENIED;
    if (there < 0 || s->code)
        return there < 0 ? there : 0;
    id_v7(id);
    int64_t most = settings_int(s->accounts->settings, SET_AUTH_REFRESH_MAX) * 1000;
    s->sign_in = (struct sign_in){str_from(id), s->ret->user.id, s->now + most, false};
    int rc = sign_in_insert(tx, &s->sign_in, s->now, err);
    rc = rc ? rc : login_succeeded(tx, s->name, s->address, err);
    rc = rc ? rc : user_set_last_login(tx, s->ret->user.id, s->now, err);
    rc = rc ? rc : membership_list(tx, s->arena, s->ret->user.id, &s->ret->memberships, &s->ret->n_memberships, err);
    s->ret->user.last_login = s->now;
    return rc ? rc : issue_refresh(tx, s, err);
}

static void issue_access(struct sign *s, struct str issuer)
{
    char jti[ID_SIZE];
    id_v4(jti);
    struct signed_in *ret = s->ret;
    ret->expires_in_s = settings_int(s->accounts->settings, SET_AUTH_ACCESS_TTL);
    yyjson_mut_doc *doc = json_doc(s->arena);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);
    json_add_str(doc, claims, "iss", issuer);
    json_add_cstr(doc, claims, "aud", "parley");
    json_add_str(doc, claims, "sub", ret->user.id);
    json_add_str(doc, claims, "sid", s->sign_in.id);
    json_add_cstr(doc, claims, "jti", jti);
    json_add_int(doc, claims, "iat", s->now / 1000);
    json_add_int(doc, claims, "exp", s->now / 1000 + ret->expires_in_s);
    ret->access_token = crypto_jwt_sign(s->accounts->keys, s->arena, json_write(s->arena, claims));
}

int accounts_login(struct accounts *a, struct arena *arena, struct str name, struct str password, struct str address,
                   struct str issuer, struct signed_in *ret, int64_t *ret_retry_s, struct err *err)
{
    struct sign s = {.accounts = a,
                     .arena = arena,
                     .name = text_fold_case(arena, name),
                     .password = password,
                     .address = address,
                     .now = clock_wall_ms(),
                     .ret = ret};
    struct scope scope = installation();
    int rc = store_read(a->store, &scope, load_login, &s, err);
    if (rc)
        return rc;
    if (s.failures >= LOCK_FAILURES) {
        *ret_retry_s = (s.last_failure + LOCK_MS - s.now) / 1000 + 1;
        return ERR_LIMIT;
    }
    bool right = crypto_password_verify(s.found ? arena_cstr(arena, ret->user.password_hash) : NULL, password);
    if (right && !ret->user.active)
        return ERR_INVALID;
    if (!right) {
        rc = store_write(a->store, &scope, note_failure, &s, err);
        return rc ? rc : ERR_DENIED;
    }
    rc = store_write(a->store, &scope, begin_sign_in, &s, err);
    if (!rc && !s.code)
        issue_access(&s, issuer);
    return rc ? rc : s.code;
}

// One transaction: of two that come at once with the same token exactly one wins, and the other ends the sign-in.
static int rotate(struct tx *tx, void *arg, struct err *err)
{
    struct sign *s = arg;
    struct refresh_token token;
    s->code = ERR_DENIED;
    int rc = refresh_get(tx, s->arena, s->hash, &token, err);
    if (rc != 1)
        return rc;
    rc = sign_in_get(tx, s->arena, token.sign_in_id, &s->sign_in, err);
    if (rc != 1 || s->sign_in.revoked)
        return rc < 0 ? rc : 0;
    if (token.used)
        return sign_in_revoke(tx, s->sign_in.id, s->now, err);
    if (token.expires_at <= s->now || s->sign_in.expires_at <= s->now)
        return 0;
    rc = user_by_id(tx, s->arena, s->sign_in.user_id, &s->ret->user, err);
    if (rc != 1 || !s->ret->user.active)
        return rc < 0 ? rc : 0;
    rc = refresh_use(tx, s->hash, s->now, err);
    rc = rc ? rc : membership_list(tx, s->arena, s->ret->user.id, &s->ret->memberships, &s->ret->n_memberships, err);
    rc = rc ? rc : issue_refresh(tx, s, err);
    if (!rc)
        s->code = 0;
    return rc;
}

int accounts_refresh(struct accounts *a, struct arena *arena, struct str refresh_token, struct str issuer,
                     struct signed_in *ret, struct err *err)
{
    struct sign s = {.accounts = a, .arena = arena, .now = clock_wall_ms(), .ret = ret};
    struct scope scope = installation();
    crypto_sha256_hex(refresh_token, s.hash);
    int rc = store_write(a->store, &scope, rotate, &s, err);
    if (!rc && !s.code)
        issue_access(&s, issuer);
    return rc ? rc : s.code;
}

static int end_token(struct tx *tx, void *arg, struct err *err)
{
    struct sign *s = arg;
    struct refresh_token token;
    int rc = refresh_get(tx, s->arena, s->hash, &token, err);
    return rc == 1 ? sign_in_revoke(tx, token.sign_in_id, s->now, err) : rc;
}

int accounts_logout_token(struct accounts *a, struct arena *arena, struct str refresh_token, struct err *err)
{
    struct sign s = {.arena = arena, .now = clock_wall_ms()};
    struct scope scope = installation();
    crypto_sha256_hex(refresh_token, s.hash);
    return store_write(a->store, &scope, end_token, &s, err);
}

struct logout {
    const struct caller *caller;
    bool all;
};

static int end_sign_in(struct tx *tx, void *arg, struct err *err)
{
    const struct logout *l = arg;
    int64_t now = clock_wall_ms();
    return l->all ? sign_in_revoke_all(tx, l->caller->user.id, now, err)
                  : sign_in_revoke(tx, l->caller->sign_in_id, now, err);
}

int accounts_logout(struct accounts *a, const struct caller *caller, bool all_devices, struct err *err)
{
    struct logout l = {caller, all_devices};
    struct scope scope = installation();
    return store_write(a->store, &scope, end_sign_in, &l, err);
}

// ---- making accounts -----------------------------------------------------------------------------------------------

static bool email_valid(struct str email)
{
    const char *at = email.n ? memchr(email.p, '@', email.n) : NULL;
    if (!at || email.n > 254)
        return false;
    size_t local = (size_t)(at - email.p), host = email.n - local - 1;
    const char *dot = host ? memrchr(at + 1, '.', host) : NULL;
    if (local < 1 || local > 64 || !dot || memchr(at + 1, '@', host) || (size_t)(email.p + email.n - dot - 1) < 2 ||
        at[1] == '.')
        return false;
    for (size_t i = 0; i < email.n; i++)
        if ((unsigned char)email.p[i] <= 32)
            return false;
    return true;
}

struct create {
    struct user_row *user;
    struct arena *arena;
};

static int insert_user(struct tx *tx, void *arg, struct err *err)
{
    struct create *c = arg;
    int64_t users;
    int rc = user_count(tx, &users, err);
    if (rc)
        return rc;
    c->user->super_admin |= users == 0;
    rc = user_insert(tx, c->user, err);
    return rc == ERR_CONFLICT ? err_set(err, rc, "username or e-mail already exists") : rc;
}

static int hash_password(struct arena *arena, struct str password, struct str *ret, struct err *err)
{
    char *phc = arena_alloc(arena, CRYPTO_PHC_SIZE);
    size_t length = utf8_count(password);
    if (!utf8_valid(password) || length < 8 || length > 128)
        return err_set(err, ERR_INVALID, "the password must have 8 to 128 characters");
    int rc = crypto_password_hash(password, phc);
    *ret = str_from(phc);
    return rc;
}

int accounts_create(struct accounts *a, struct arena *arena, struct str username, struct str email, struct str password,
                    bool super_admin, struct user_row *ret, struct err *err)
{
    struct scope scope = installation();
    struct str hash;
    if (!email_valid(email))
        return err_set(err, ERR_INVALID, "the e-mail must have the form name@host.domain");
    int rc = hash_password(arena, password, &hash, err);
    if (rc)
        return rc;
    char *id = arena_alloc(arena, ID_SIZE);
    id_v7(id);
    *ret = (struct user_row){
        .id = str_from(id),
        .username = arena_str(arena, username.p ? username : email),
        .email = arena_str(arena, email),
        .password_hash = hash,
        .super_admin = super_admin,
        .active = true,
        .created_at = clock_wall_ms(),
    };
    ret->updated_at = ret->created_at;
    struct create c = {ret, arena};
    return store_write(a->store, &scope, insert_user, &c, err);
}

struct change_user {
    struct arena *arena;
    struct str name, hash;
    bool disable;
};

static int change_user(struct tx *tx, void *arg, struct err *err)
{
    struct change_user *c = arg;
    struct user_row user;
    int64_t now = clock_wall_ms();
    int rc = user_by_name(tx, c->arena, text_fold_case(c->arena, c->name), &user, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "no user " STR_FMT, STR_ARG(c->name));
    rc = c->disable ? user_set_active(tx, user.id, false, now, err) : user_set_password(tx, user.id, c->hash, now, err);
    return rc ? rc : sign_in_revoke_all(tx, user.id, now, err);
}

int accounts_set_password(struct accounts *a, struct arena *arena, struct str name, struct str password,
                          struct err *err)
{
    struct change_user c = {.arena = arena, .name = name};
    struct scope scope = installation();
    int rc = hash_password(arena, password, &c.hash, err);
    return rc ? rc : store_write(a->store, &scope, change_user, &c, err);
}

int accounts_disable(struct accounts *a, struct arena *arena, struct str name, struct err *err)
{
    struct change_user c = {.arena = arena, .name = name, .disable = true};
    struct scope scope = installation();
    return store_write(a->store, &scope, change_user, &c, err);
}
