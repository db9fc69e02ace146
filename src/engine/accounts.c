// SPDX-License-Identifier: Apache-2.0
// Credentials to callers, roles, and accounts as they are shown.
#include "engine/accounts_internal.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdlib.h>

enum { CREDENTIAL_MOST = 4096 };

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

struct scope accounts_scope(const struct scope *by, struct str actor)
{
    struct scope scope = *by;
    scope.brand = SCOPE_OWN;
    if (actor.p) {
        scope.actor_kind = ACTOR_USER;
        scope.actor = actor;
    }
    return scope;
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
    i->caller->mark = arena_str(i->arena, str_from(i->hash));
    i->caller->until = owner.until;
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
    i->caller->mark = i->caller->sign_in_id;
    i->caller->until = json_get_int(claims, "exp", 0) * 1000;
    return i->user_id.n && i->caller->sign_in_id.n && str_eq(json_get_str(claims, "aud"), STR("parley")) &&
           i->caller->until > i->now;
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

int accounts_still(struct accounts *a, struct arena *arena, struct str mark, struct str user_id, struct caller *ret,
                   struct err *err)
{
    struct identify i = {.arena = arena, .caller = ret, .user_id = user_id, .now = clock_wall_ms()};
    struct scope scope = installation();
    bool key = mark.n == CRYPTO_HEX_SIZE - 1;
    *ret = (struct caller){.sign_in_id = key ? STR_NULL : mark, .mark = mark};
    if (key)
        memcpy(i.hash, mark.p, mark.n);
    int rc = store_read(a->store, &scope, key ? identify_key : identify_token, &i, err);
    return rc ? rc : i.code == 0;
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

// ---- an account as it is shown -------------------------------------------------------------------------------------

static int load_alone(struct tx *tx, struct arena *arena, struct account *account, struct err *err)
{
    bool active = false;
    account->memberships = ARENA_NEW(arena, struct membership);
    account->n = 1;
    int rc = membership_get(tx, arena, account->user.id, account->memberships, &active, err);
    account->user.active &= active;
    return rc;
}

// The brand asked for; else the user's own, else the oldest.
static const struct membership *current(const struct account *account, struct str brand)
{
    for (size_t i = 0; i < account->n; i++)
        if (brand.p ? str_eq(account->memberships[i].brand, brand) : account->memberships[i].own)
            return &account->memberships[i];
    return account->n && !brand.p ? &account->memberships[0] : NULL;
}

int account_load(struct tx *tx, struct arena *arena, struct str id, struct str brand, bool alone, struct account *ret,
                 struct err *err)
{
    struct account account = {.role = STR("user"), .brand = brand};
    int rc = user_by_id(tx, arena, id, &account.user, err);
    if (rc == 1)
        rc = alone ? load_alone(tx, arena, &account, err)
                   : membership_list(tx, arena, id, &account.memberships, &account.n, err);
    if (rc < 0 || (alone && rc == 0) || !account.user.id.p)
        return rc < 0 ? rc : 0;
    const struct membership *at = current(&account, brand);
    if (at) {
        account.brand = at->brand;
        account.role = at->role;
    }
    if (account.user.super_admin)
        account.role = STR("super_admin");
    *ret = account;
    return 1;
}

struct reading {
    struct arena *arena;
    struct str id, brand;
    bool alone;
    struct account *ret;
    int found;
};

static int read_account(struct tx *tx, void *arg, struct err *err)
{
    struct reading *r = arg;
    r->found = account_load(tx, r->arena, r->id, r->brand, r->alone, r->ret, err);
    return r->found < 0 ? r->found : 0;
}

int accounts_read(struct accounts *a, struct arena *arena, struct str id, struct str brand, bool alone,
                  struct account *ret, struct err *err)
{
    struct reading r = {arena, id, brand, alone, ret, 0};
    struct scope scope = scope_brand(brand.p ? brand : SCOPE_OWN, STR("accounts"));
    int rc = store_read(a->store, &scope, read_account, &r, err);
    return rc ? rc : r.found;
}
