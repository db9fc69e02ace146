// SPDX-License-Identifier: Apache-2.0
// Changing accounts: by their users, by admins of a brand (the membership alone), by super_admins; and ending them.
// Nobody may take the last super_admin away, nor a brand's last admin; a brand of which nobody else is a member may be
// left by its maker.
#include "engine/accounts_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "engine/mail.h"
#include "model/text.h"
#include "store/audit.h"
#include "store/brand.h"

struct edit {
    struct accounts *accounts;
    struct arena *arena;
    const struct user_object *object; // what the body set
    const struct model *model;
    struct str id, brand, address; // brand: where a role counts
    bool named;                    // the brand was said: what is shown is of it too
    bool super;
    struct str hash; // of the new password; STR_NULL: none
    int64_t now;
    // of the user's own change
    const struct caller *caller;
    bool checked; // the current password was looked at
    enum account_fault fault;
    int64_t retry_s;
};

static bool given(const struct edit *c, const char *field)
{
    return model_has(c->model, c->object, field);
}

static int refuse_last(struct err *err, const char *what)
{
    return err_set(err, ERR_CONFLICT, "This is the last %s", what);
}

// ---- names ---------------------------------------------------------------------------------------------------------

// Takes over names and e-mail. A username that is the e-mail goes with it.
static bool take_names(const struct edit *c, struct user_row *user)
{
    const struct user_object *o = c->object;
    struct user_row old = *user;
    bool as_email = str_eq(text_fold_case(c->arena, user->username), text_fold_case(c->arena, user->email));
    if (given(c, "email")) {
        user->email = o->email;
        user->username = as_email ? o->email : user->username;
    }
    if (given(c, "username"))
        user->username = o->username;
    if (given(c, "firstName"))
        user->first_name = o->first_name;
    if (given(c, "lastName"))
        user->last_name = o->last_name;
    return !str_eq(old.email, user->email) || !str_eq(old.username, user->username) ||
           !str_eq(old.first_name, user->first_name) || !str_eq(old.last_name, user->last_name);
}

static void note(struct buf *out, const char *name, bool changed)
{
    if (changed)
        buf_addf(out, "%s%s", out->n ? "," : "", name);
}

// The row with what goes along: notices, the end of sign-ins, the audit row.
static int save_user(struct tx *tx, struct edit *c, const struct user_row *old, struct user_row *user,
                     struct str besides, struct err *err)
{
    AUTO_BUF struct buf fields = BUF_INIT(256);
    bool taken = false, mailed = !str_eq(old->email, user->email);
    note(&fields, "username", !str_eq(old->username, user->username));
    note(&fields, "email", mailed);
    note(&fields, "firstName", !str_eq(old->first_name, user->first_name));
    note(&fields, "lastName", !str_eq(old->last_name, user->last_name));
    note(&fields, "password", c->hash.p);
    note(&fields, "active", old->active != user->active);
    note(&fields, "role", old->super_admin != user->super_admin);
    if (!fields.n)
        return 0;
    int rc = user_names_taken(tx, user->username, user->email, user->id, &taken, err);
    if (!rc && taken)
        return err_set(err, ERR_CONFLICT, "Username or email already exists");
    user->updated_at = c->now;
    user->password_hash = c->hash.p ? c->hash : user->password_hash;
    rc = rc ? rc : user_save(tx, user, err);
    struct mail moved = mail_address_changed(old->email), changed = mail_password_changed(old->email);
    if (!rc && mailed)
        rc = mail_queue(tx, c->accounts->keys, &moved, err);
    if (!rc && c->hash.p)
        rc = mail_queue(tx, c->accounts->keys, &changed, err);
    if (!rc && (c->hash.p || mailed)) // a token that went to the old address, or was asked for before
        rc = reset_end_all(tx, user->id, c->now, err);
    if (!rc && (c->hash.p || !user->active))
        rc = sign_in_revoke_all(tx, user->id, besides, c->now, err);
    return rc ? rc : audit_write(tx, "user_updated", user->id, arena_str(tx_arena(tx), buf_str(&fields)), err);
}

// ---- by the user ---------------------------------------------------------------------------------------------------

static int check_lock(struct tx *tx, void *arg, struct err *err)
{
    struct edit *c = arg;
    return lock_check(tx, c->id, c->address, c->now, &c->retry_s, err);
}

static int note_wrong(struct tx *tx, void *arg, struct err *err)
{
    struct edit *c = arg;
    int rc = lock_note(tx, c->id, c->address, c->now, err);
    return rc ? rc : audit_write(tx, "login_failed", c->id, STR_NULL, err);
}

// The password that the caller has is asked for where the account itself would change hands.
static int check_password(struct edit *c, const struct scope *scope, struct err *err)
{
    const struct user_row *user = &c->caller->user;
    struct store *store = c->accounts->store;
    bool moves = given(c, "email") && !str_eq(c->object->email, user->email);
    if (!moves && !given(c, "newPassword"))
        return 0;
    if (!given(c, "currentPassword")) {
        c->fault = ACCOUNT_PASSWORD_MISSING;
        return ERR_INVALID;
    }
    int rc = store_read(store, scope, check_lock, c, err);
    if (rc) {
        c->fault = rc == ERR_LIMIT ? ACCOUNT_LOCKED_OUT : ACCOUNT_FINE;
        return rc;
    }
    c->checked = true;
    if (crypto_password_verify(arena_cstr(c->arena, user->password_hash), c->object->current_password))
        return 0;
    c->fault = ACCOUNT_PASSWORD_WRONG;
    rc = store_write(store, scope, note_wrong, c, err);
    return rc ? rc : ERR_INVALID;
}

static int change_own(struct tx *tx, void *arg, struct err *err)
{
    struct edit *c = arg;
    struct user_row old, user;
    c->fault = ACCOUNT_FINE;
    int rc = user_by_id(tx, c->arena, c->id, &old, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "User not found");
    // Changed since it was checked, or an e-mail that was the own one then and is not now.
    bool stale = !str_eq(old.password_hash, c->caller->user.password_hash);
    if ((c->checked && stale) || (!c->checked && given(c, "email") && !str_eq(c->object->email, old.email))) {
        c->fault = ACCOUNT_PASSWORD_WRONG;
        return ERR_INVALID;
    }
    user = old;
    (void)take_names(c, &user);
    return save_user(tx, c, &old, &user, c->caller->sign_in_id, err);
}

int accounts_change_own(struct accounts *a, struct arena *arena, const struct scope *by, const struct caller *caller,
                        struct str address, const struct user_object *change, enum account_fault *ret_fault,
                        int64_t *ret_retry_s, struct err *err)
{
    struct edit c = {.accounts = a,
                     .arena = arena,
                     .object = change,
                     .model = &profile_model,
                     .id = caller->user.id,
                     .address = address,
                     .now = clock_wall_ms(),
                     .caller = caller};
    struct scope scope = accounts_scope(by, caller->user.id);
    int rc = check_password(&c, &scope, err);
    if (!rc && given(&c, "newPassword"))
        rc = password_hash(arena, change->password, &c.hash, err);
    rc = rc ? rc : store_write(a->store, &scope, change_own, &c, err);
    *ret_fault = c.fault;
    *ret_retry_s = c.retry_s;
    return rc;
}

// ---- memberships ---------------------------------------------------------------------------------------------------

static struct str membership_json(struct arena *arena, struct str role, bool active)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    json_add_str(doc, object, "role", role);
    json_add_bool(doc, object, "active", active);
    return json_write(arena, object);
}

// In the scope's brand. `was` NULL: no member until now.
static int save_membership(struct tx *tx, struct edit *c, const struct user_row *user, const struct membership *was,
                           bool was_active, struct str role, bool active, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    bool counted = was && was_active && user->active && role_of(was->role) == ROLE_ADMIN;
    int64_t others = 1;
    if (was && str_eq(was->role, role) && was_active == active)
        return 0;
    int rc = counted && (!active || role_of(role) != ROLE_ADMIN) ? brand_admins_besides(tx, c->id, &others, err) : 0;
    if (!rc && others == 0)
        return refuse_last(err, "admin of the brand");
    rc = rc ? rc : brand_check_there(tx, err);
    rc = rc ? rc : membership_put(tx, c->id, role, c->now, err);
    rc = rc ? rc : membership_set_active(tx, c->id, active, err);
    struct audit_change change = {.action = was ? "member_updated" : "member_added",
                                  .target = c->id,
                                  .old_value = was ? membership_json(arena, was->role, was_active) : STR_NULL,
                                  .new_value = membership_json(arena, role, active)};
    return rc ? rc : audit_change(tx, &change, err);
}

// ---- by an admin of the brand --------------------------------------------------------------------------------------

static int change_member(struct tx *tx, struct edit *c, struct err *err)
{
    struct membership was;
    struct user_row user, wanted;
    bool active = false;
    int rc = membership_get(tx, c->arena, c->id, &was, &active, err);
    rc = rc == 1 ? user_by_id(tx, c->arena, c->id, &user, err) : rc;
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Not found");
    wanted = user;
    bool super_role = given(c, "role") && role_of(c->object->role) == ROLE_NONE;
    if (take_names(c, &wanted) || given(c, "password") || (super_role && !user.super_admin))
        return err_set(err, ERR_DENIED, "An admin may change role and active alone");
    struct str role = given(c, "role") && !super_role ? c->object->role : was.role;
    // Sent back as it was shown, a disabled account is no change of its membership.
    bool same = !given(c, "active") || c->object->active == (user.active && active);
    return save_membership(tx, c, &user, &was, active, role, same ? active : c->object->active, err);
}

// ---- by a super_admin ----------------------------------------------------------------------------------------------

// What would be lost with this account: by its end, or while it is disabled.
static int check_loss(struct tx *tx, const struct user_row *user, struct err *err)
{
    int64_t supers = 1, orphans = 0;
    int rc = user->super_admin && user->active ? super_admins_besides(tx, user->id, &supers, err) : 0;
    if (!rc && supers == 0)
        return refuse_last(err, "super_admin");
    rc = rc || !user->active ? rc : brands_without_admin(tx, user->id, &orphans, err);
    return rc || !orphans ? rc : refuse_last(err, "admin of a brand");
}

// The role as it was read, sent back. Who is no member yet was shown as a user.
static bool is_shown_role(const struct account *shown, struct str role)
{
    bool member = shown->user.super_admin;
    for (size_t i = 0; i < shown->n && !member; i++)
        member = str_eq(shown->memberships[i].brand, shown->brand);
    return member && str_eq(role, shown->role);
}

static int change_role(struct tx *tx, struct edit *c, const struct account *shown, struct user_row *user,
                       struct err *err)
{
    struct membership was;
    bool active = true;
    int64_t supers = 1;
    if (!given(c, "role") || is_shown_role(shown, c->object->role))
        return 0;
    if (role_of(c->object->role) == ROLE_NONE) {
        user->super_admin = true;
        return 0;
    }
    if (!c->brand.p)
        return err_set(err, ERR_INVALID, "role needs a brand: name one with X-Brand-Id");
    int rc = user->super_admin && user->active ? super_admins_besides(tx, user->id, &supers, err) : 0;
    if (!rc && supers == 0)
        return refuse_last(err, "super_admin");
    user->super_admin = false;
    rc = rc ? rc : membership_get(tx, c->arena, c->id, &was, &active, err);
    return rc < 0 ? rc : save_membership(tx, c, user, rc == 1 ? &was : NULL, active, c->object->role, true, err);
}

static int change_account(struct tx *tx, struct edit *c, struct err *err)
{
    struct account shown;
    int rc = account_load(tx, c->arena, c->id, c->named ? c->brand : STR_NULL, false, &shown, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Not found");
    struct user_row user = shown.user;
    (void)take_names(c, &user);
    rc = change_role(tx, c, &shown, &user, err);
    if (!rc && given(c, "active") && !c->object->active && shown.user.active) {
        rc = check_loss(tx, &shown.user, err);
        user.active = false;
    } else if (given(c, "active") && c->object->active) {
        user.active = true;
    }
    return rc ? rc : save_user(tx, c, &shown.user, &user, STR_NULL, err);
}

static int change(struct tx *tx, void *arg, struct err *err)
{
    struct edit *c = arg;
    return c->super ? change_account(tx, c, err) : change_member(tx, c, err);
}

static struct scope change_scope(const struct scope *by, struct str brand)
{
    struct scope scope = accounts_scope(by, STR_NULL);
    if (brand.p)
        scope.brand = brand;
    return scope;
}

int accounts_change(struct accounts *a, struct arena *arena, const struct scope *by, bool super, struct str brand,
                    struct str home, struct str id, const struct user_object *object, struct err *err)
{
    struct edit c = {.accounts = a,
                     .arena = arena,
                     .object = object,
                     .model = &user_model,
                     .id = id,
                     .brand = brand.p ? brand : home,
                     .named = brand.p,
                     .super = super,
                     .now = clock_wall_ms()};
    struct scope scope = change_scope(by, c.brand);
    int rc = super && given(&c, "password") ? password_hash(arena, object->password, &c.hash, err) : 0;
    return rc ? rc : store_write(a->store, &scope, change, &c, err);
}

// ---- ending --------------------------------------------------------------------------------------------------------

static int end_membership(struct tx *tx, struct edit *c, struct err *err)
{
    struct membership was;
    struct user_row user;
    bool active = false;
    int64_t others = 1;
    int rc = membership_get(tx, c->arena, c->id, &was, &active, err);
    rc = rc == 1 ? user_by_id(tx, c->arena, c->id, &user, err) : rc;
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Not found");
    rc = role_of(was.role) == ROLE_ADMIN && active && user.active ? brand_admins_besides(tx, c->id, &others, err) : 0;
    if (!rc && others == 0)
        return refuse_last(err, "admin of the brand");
    rc = rc ? rc : membership_release(tx, c->id, err);
    rc = rc ? rc : membership_remove(tx, c->id, err);
    struct audit_change change = {
        .action = "member_removed", .target = c->id, .old_value = membership_json(tx_arena(tx), was.role, active)};
    return rc ? rc : audit_change(tx, &change, err);
}

static int end_account(struct tx *tx, struct edit *c, struct err *err)
{
    struct user_row user;
    int rc = user_by_id(tx, c->arena, c->id, &user, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Not found");
    rc = check_loss(tx, &user, err);
    rc = rc ? rc : event_forget_person(tx, c->id, err);
    rc = rc ? rc : user_release(tx, c->id, err);
    rc = rc ? rc : user_remove(tx, c->id, err);
    return rc ? rc : audit_write(tx, "user_deleted", c->id, STR_NULL, err);
}

static int end(struct tx *tx, void *arg, struct err *err)
{
    struct edit *c = arg;
    return c->super ? end_account(tx, c, err) : end_membership(tx, c, err);
}

int accounts_remove(struct accounts *a, struct arena *arena, const struct scope *by, bool super, struct str brand,
                    struct str id, struct err *err)
{
    struct edit c = {.accounts = a, .arena = arena, .id = id, .brand = brand, .super = super, .now = clock_wall_ms()};
    struct scope scope = change_scope(by, super ? STR_NULL : brand);
    if (str_eq(by->actor, id))
        return err_set(err, ERR_CONFLICT, "You cannot delete yourself here");
    return store_write(a->store, &scope, end, &c, err);
}
