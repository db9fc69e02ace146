// SPDX-License-Identifier: Apache-2.0
// Making accounts: by registering (with a brand of one's own, or by an invitation), by an admin, by the operator.
#include "engine/accounts_internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/utf8.h"
#include "engine/brand_make.h"
#include "model/text.h"
#include "store/audit.h"
#include "store/crud.h"
#include "store/place.h"

enum { TRIES = 20 };

int password_hash(struct arena *arena, struct str password, struct str *ret, struct err *err)
{
    char *phc = arena_alloc(arena, CRYPTO_PHC_SIZE);
    size_t length = utf8_count(password);
    if (!utf8_valid(password) || length < 8 || length > 128)
        return err_set(err, ERR_INVALID, "the password must have 8 to 128 characters");
    int rc = crypto_password_hash(password, phc);
    *ret = str_from(phc);
    return rc;
}

bool accounts_password_allowed(const struct accounts *a, struct str password)
{
    return strcmp(settings_str(a->settings, SET_ENVIRONMENT), "production") != 0 || !password_common(password);
}

static void new_user(struct arena *arena, struct user_row *ret)
{
    char *id = arena_alloc(arena, ID_SIZE);
    id_v7(id);
    ret->id = str_from(id);
    ret->active = true;
    ret->created_at = ret->updated_at = clock_wall_ms();
}

// The row, if nobody has its names. The first one of an installation is super_admin.
static int insert_user(struct tx *tx, struct user_row *user, struct err *err)
{
    int64_t users;
    bool taken;
    int rc = user_names_taken(tx, user->username, user->email, user->id, &taken, err);
    if (!rc && taken)
        return err_set(err, ERR_CONFLICT, "Username or email already exists");
    rc = rc ? rc : user_count(tx, &users, err);
    if (!rc && users == 0 && (rc = user_claim_first(tx, user->id, err)) == 1)
        user->super_admin = true;
    return rc < 0 ? rc : user_insert(tx, user, err);
}

// ---- registering ---------------------------------------------------------------------------------------------------

struct joining {
    struct sign sign;
    const struct registering *with;
    struct user_row user;
    struct brand_make make; // of the own brand
    bool own;
    char invite_hash[CRYPTO_HEX_SIZE];
    struct str brand, role; // joined
    bool taken, refused;
};

// The brand that invites. The invitation itself is looked at in the transaction that uses it.
static int find_invite(struct tx *tx, struct joining *j, struct err *err)
{
    struct place place;
    crypto_sha256_hex(j->with->request->invite_token, j->invite_hash);
    int rc = place_find(tx, j->sign.arena, "invite-token", str_from(j->invite_hash), &place, err);
    if (rc == 0)
        return err_set(err, ERR_DENIED, "The invitation is not valid");
    if (rc == 1)
        j->brand = place.brand;
    return rc < 0 ? rc : 0;
}

// Before anything costs: may there be another account at all, and by which way?
static int look(struct tx *tx, void *arg, struct err *err)
{
    struct joining *j = arg;
    const struct register_request *request = j->with->request;
    const char *policy = settings_str(j->sign.accounts->settings, SET_REGISTRATION);
    int64_t users = 0;
    int rc = user_count(tx, &users, err);
    if (!rc && users && !j->with->brand.p && strcmp(policy, "closed") == 0)
        return err_set(err, ERR_DENIED, "Registration is closed");
    if (!rc && users && !j->with->brand.p && strcmp(policy, "invite") == 0 && !request->invite_token.p)
        return err_set(err, ERR_DENIED, "Registration needs an invitation");
    if (!rc && !j->with->brand.p && request->invite_token.p)
        rc = find_invite(tx, j, err);
    return rc ? rc : user_names_taken(tx, request->username, request->email, STR_NULL, &j->taken, err);
}

static int use_invite(struct tx *tx, struct joining *j, struct err *err)
{
    struct place place;
    struct invite key = {0}, invite;
    struct arena *arena = tx_arena(tx);
    int rc = place_find(tx, arena, "invite-token", str_from(j->invite_hash), &place, err);
    if (rc == 1) {
        key.id = place.object_id;
        model_mark(&invite_model, &key, "id", true);
        rc = crud_get(tx, &invite_model, j->sign.arena, &key, &invite, err);
    }
    if (rc == 0 || (rc == 1 && invite.expires_at <= j->sign.now))
        return err_set(err, ERR_DENIED, "The invitation is not valid");
    if (rc < 0)
        return rc;
    j->role = invite.role;
    rc = crud_remove(tx, &invite_model, &key, err);
    rc = rc ? rc : place_remove(tx, "invite", invite.id, err);
    rc = rc ? rc : place_remove(tx, "invite-token", str_from(j->invite_hash), err);
    rc = rc ? rc : brand_check_there(tx, err);
    return rc ? rc : audit_write(tx, "invite_used", invite.id, STR_NULL, err);
}

static int tell(struct tx *tx, const struct joining *j, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "id", j->user.id);
    json_add_str(doc, data, "username", j->user.username);
    json_add_str(doc, data, "email", j->user.email);
    json_add_str(doc, data, "role", j->user.super_admin ? STR("super_admin") : j->role);
    json_add_str(doc, data, "brandId", j->brand);
    json_add_time(doc, data, "createdAt", j->user.created_at);
    int rc = event_write_registration(tx, j->user.id, json_write(arena, data), err);
    return rc ? rc : audit_write(tx, "user_registered", j->user.id, STR("username,email,role"), err);
}

static int join(struct tx *tx, void *arg, struct err *err)
{
    struct joining *j = arg;
    j->refused = true; // whatever fails now is not the brand's id
    j->user.super_admin = false;
    int rc = insert_user(tx, &j->user, err);
    if (!rc && !j->own && !j->with->brand.p)
        rc = use_invite(tx, j, err);
    if (!rc && j->with->brand.p)
        rc = brand_check_there(tx, err);
    j->refused = rc != 0;
    if (!rc)
        rc = j->own ? brand_make_insert(tx, &j->make, err)
                    : membership_put(tx, j->user.id, j->role, j->user.created_at, err);
    rc = rc ? rc : tell(tx, j, err);
    j->sign.ret->account.user = j->user;
    if (!rc && j->with->sign_in)
        return sign_begin(tx, &j->sign, err);
    rc = rc ? rc : account_load(tx, j->sign.arena, j->user.id, j->with->brand, false, &j->sign.ret->account, err);
    return rc < 0 ? rc : 0;
}

// Two brands may derive the same id at once: the later one derives again.
static int join_with_brand(struct joining *j, const struct scope *by, struct err *err)
{
    const struct register_request *request = j->with->request;
    struct store *store = j->sign.accounts->store;
    int rc = ERR_CONFLICT;
    for (int i = 0; i < TRIES && rc == ERR_CONFLICT; i++) {
        j->make = (struct brand_make){.arena = j->sign.arena,
                                      .name = request->brand_name.p ? request->brand_name : request->username,
                                      .description = STR(""),
                                      .owner = j->user.id,
                                      .most = INT64_MAX};
        rc = brand_make_plan(store, by, &j->make, err);
        if (rc)
            return rc;
        struct scope scope = accounts_scope(by, j->user.id);
        scope.brand = j->brand = j->make.row.brand.id;
        rc = store_write(store, &scope, join, j, err);
        if (j->refused)
            break;
    }
    return rc;
}

int accounts_register(struct accounts *a, struct arena *arena, const struct scope *by,
                      const struct registering *registering, struct signed_in *ret, struct err *err)
{
    const struct register_request *request = registering->request;
    struct joining j = {.sign = {.accounts = a, .arena = arena, .now = clock_wall_ms(), .ret = ret},
                        .with = registering,
                        .brand = registering->brand,
                        .role = registering->role.p ? registering->role : STR("admin")};
    struct scope scope = accounts_scope(by, STR_NULL);
    *ret = (struct signed_in){0};
    int rc = store_read(a->store, &scope, look, &j, err);
    if (!rc && j.taken)
        rc = err_set(err, ERR_CONFLICT, "Username or email already exists");
    rc = rc ? rc : password_hash(arena, request->password, &j.user.password_hash, err);
    if (rc)
        return rc;
    new_user(arena, &j.user);
    j.sign.now = j.user.created_at;
    j.user.username = request->username;
    j.user.email = request->email;
    j.user.first_name = request->first_name;
    j.user.last_name = request->last_name;
    j.own = !j.brand.p;
    if (j.own) {
        rc = join_with_brand(&j, by, err);
    } else {
        scope = accounts_scope(by, registering->brand.p ? STR_NULL : j.user.id);
        scope.brand = j.brand;
        rc = store_write(a->store, &scope, join, &j, err);
    }
    if (!rc && registering->sign_in)
        sign_access(&j.sign, registering->issuer);
    return rc;
}

// ---- by the operator -----------------------------------------------------------------------------------------------

static int create(struct tx *tx, void *arg, struct err *err)
{
    return insert_user(tx, arg, err);
}

int accounts_create(struct accounts *a, struct arena *arena, struct str username, struct str email, struct str password,
                    bool super_admin, struct user_row *ret, struct err *err)
{
    struct scope scope = scope_installation(STR("accounts"));
    struct user_row user = {.username = arena_str(arena, username.p ? username : email),
                            .email = arena_str(arena, email),
                            .super_admin = super_admin};
    if (!account_email_valid(email))
        return err_set(err, ERR_INVALID, "the e-mail must have the form name@host.domain");
    int rc = password_hash(arena, password, &user.password_hash, err);
    if (rc)
        return rc;
    new_user(arena, &user);
    rc = store_write(a->store, &scope, create, &user, err);
    if (!rc)
        *ret = user;
    return rc;
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
    rc = rc ? rc : reset_end_all(tx, user.id, now, err);
    rc = rc ? rc : sign_in_revoke_all(tx, user.id, STR_NULL, now, err);
    return rc ? rc
              : audit_write(tx, c->disable ? "user_updated" : "password_reset", user.id,
                            c->disable ? STR("active") : STR("password"), err);
}

int accounts_set_password(struct accounts *a, struct arena *arena, struct str name, struct str password,
                          struct err *err)
{
    struct change_user c = {.arena = arena, .name = name};
    struct scope scope = scope_brand(SCOPE_OWN, STR("command"));
    int rc = password_hash(arena, password, &c.hash, err);
    return rc ? rc : store_write(a->store, &scope, change_user, &c, err);
}

int accounts_disable(struct accounts *a, struct arena *arena, struct str name, struct err *err)
{
    struct change_user c = {.arena = arena, .name = name, .disable = true};
    struct scope scope = scope_brand(SCOPE_OWN, STR("command"));
    return store_write(a->store, &scope, change_user, &c, err);
}
