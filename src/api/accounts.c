// SPDX-License-Identifier: Apache-2.0
// The own account and its keys (003-platform 2.2), and what the files of accounts share.
#include "api/accounts.h"

#include "base/clock.h"
#include "base/id.h"
#include "store/audit.h"

enum { KEYS_MOST = 20, KEY_RANDOM = 40, KEY_HINT = 8 };

// ---- shared --------------------------------------------------------------------------------------------------------

static const struct str permissions[] = {
    STR("chatbot:read"),    STR("chatbot:write"),  STR("chatbot:delete"), STR("plugin:read"),    STR("analytics:read"),
    STR("analytics:write"), STR("plugin:install"), STR("webhook:write"),  STR("chatbot:create"), STR("plugin:write"),
    STR("plugin:delete"),   STR("user:read"),      STR("user:write"),     STR("user:delete"),    STR("system:read"),
};
// How many of the permissions, in their order, a role has.
static const size_t granted[] = {
    [ROLE_NONE] = 0, [ROLE_USER] = 6, [ROLE_DEVELOPER] = 8, [ROLE_ADMIN] = 14, [ROLE_SUPER_ADMIN] = 15};

static struct objects brands_shown(struct arena *arena, const struct account *account)
{
    struct user_brand *brands = arena_calloc(arena, account->n + 1, sizeof *brands);
    for (size_t i = 0; i < account->n; i++) {
        const struct membership *m = &account->memberships[i];
        brands[i] = (struct user_brand){(UINT64_C(1) << user_brand_model.n) - 1, m->brand, m->brand_name, m->role};
    }
    return (struct objects){brands, account->n};
}

yyjson_mut_val *account_json(struct call *call, yyjson_mut_doc *doc, const struct account *account)
{
    const struct user_row *user = &account->user;
    enum role role = str_eq(account->role, STR("super_admin")) ? ROLE_SUPER_ADMIN : role_of(account->role);
    struct user_object shown = {
        .set = (UINT64_C(1) << user_model.n) - 1,
        .id = user->id,
        .username = user->username,
        .email = user->email,
        .first_name = user->first_name,
        .last_name = user->last_name,
        .role = account->role,
        .permissions = {(struct str *)(uintptr_t)permissions, granted[role]},
        .active = user->active,
        .brand_id = account->brand,
        .brands = brands_shown(call->arena, account),
        .last_login = user->last_login,
        .created_at = user->created_at,
        .updated_at = user->updated_at,
    };
    model_mark(&user_model, &shown, "brandId", account->brand.p);
    model_mark(&user_model, &shown, "lastLogin", user->last_login);
    return model_encode(&user_model, doc, &shown);
}

void account_fault(struct call *call, const char *field, enum fault_code code, const char *text)
{
    static const struct loc root = {NULL, STR("body"), 0};
    struct loc at = {&root, str_from(field), 0};
    fault_add(call->faults, code, &at, NULL, 0, text);
}

bool account_password(struct call *call, const char *field, struct str password)
{
    if (accounts_password_allowed(call->app->accounts, password))
        return true;
    account_fault(call, field, FAULT_FORM, "a password that is not among the most common ones");
    return false;
}

void account_locked(struct call *call, int64_t retry_s)
{
    http_headerf(call->req, "Retry-After", "%lld", (long long)retry_s);
    call_error(call, 429, "Too many failed sign-ins. Try again later.");
}

struct str account_issuer(struct call *call)
{
    const char *set = settings_str(call->app->settings, SET_PUBLIC_URL);
    return set ? str_from(set) : http_base_url(call->req);
}

struct str account_base(struct call *call)
{
    const char *set = settings_str(call->app->settings, SET_PUBLIC_URL);
    for (size_t i = 0; !set && http_server_url(call->app->server, i); i++)
        if (str_starts(str_from(http_server_url(call->app->server, i)), STR("http")))
            set = http_server_url(call->app->server, i);
    struct str base = set ? str_from(set) : STR("http://localhost");
    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    return base;
}

struct str account_cookie(struct call *call, struct str name)
{
    size_t pos = 0;
    struct str rest;
    while (http_header_next(call->req, "cookie", &pos, &rest))
        while (rest.p) {
            struct str value = str_trim(str_split(&rest, ';'));
            if (str_eq(str_split(&value, '='), name) && value.p)
                return value;
        }
    return STR_NULL;
}

bool account_secure(struct call *call)
{
    return str_starts(account_issuer(call), STR("https://"));
}

// ---- the own account -----------------------------------------------------------------------------------------------

static struct str named_brand(struct call *call)
{
    struct str header = http_header_in(call->req, "x-brand-id");
    return header.p ? header : http_query(call->req, "brandId");
}

static void reply_own(struct call *call)
{
    struct account account;
    struct str named = named_brand(call);
    int rc = accounts_read(call->app->accounts, call->arena, call->caller.user.id, named, false, &account, &call->err);
    bool member = !named.p || call->caller.user.super_admin;
    for (size_t i = 0; rc == 1 && i < account.n; i++)
        member |= str_eq(account.memberships[i].brand, named);
    if (rc == 0 || (rc == 1 && !member)) {
        call_error(call, 404, "Not found");
    } else if (!call_failed(call, rc)) {
        yyjson_mut_doc *doc = call_doc(call);
        call_data(call, 200, NULL, doc, account_json(call, doc, &account));
    }
}

static void change_own(struct call *call)
{
    const struct user_object *body = call->body;
    enum account_fault fault = ACCOUNT_FINE;
    int64_t retry_s = 0;
    if (model_has(&profile_model, body, "newPassword") && !account_password(call, "newPassword", body->password)) {
        call_faults(call);
        return;
    }
    int rc = accounts_change_own(call->app->accounts, call->arena, &call->scope, &call->caller,
                                 http_client_key(call->req), body, &fault, &retry_s, &call->err);
    if (fault == ACCOUNT_LOCKED_OUT) {
        account_locked(call, retry_s);
        return;
    }
    if (fault == ACCOUNT_PASSWORD_MISSING)
        account_fault(call, "currentPassword", FAULT_MISSING, NULL);
    if (fault == ACCOUNT_PASSWORD_WRONG)
        account_fault(call, "currentPassword", FAULT_FORM, "your current password");
    if (!call_failed(call, rc))
        reply_own(call);
}

// ---- keys ----------------------------------------------------------------------------------------------------------

struct keys {
    struct call *call;
    struct user_key *key; // that is made
    char hash[CRYPTO_HEX_SIZE];
    struct page page;
    struct user_key *at;
    size_t n;
};

// About the account, so of the installation, by its user.
static struct scope own_scope(struct call *call)
{
    struct scope scope = call->scope;
    scope.brand = SCOPE_OWN;
    return scope;
}

static int make_key(struct tx *tx, void *arg, struct err *err)
{
    struct keys *k = arg;
    struct str user = k->call->caller.user.id;
    int64_t live = 0;
    int rc = user_key_live(tx, user, k->key->created_at, &live, err);
    if (!rc && live >= KEYS_MOST)
        return err_set(err, ERR_LIMIT, "At most %d of these are possible", KEYS_MOST);
    rc = rc ? rc : user_key_insert(tx, user, k->key, k->hash, err);
    return rc ? rc : audit_write(tx, "user_key_created", k->key->id, STR("name,expiresAt"), err);
}

static void post_key(struct call *call)
{
    struct keys k = {.call = call, .key = call->body};
    struct user_key *key = call->body;
    struct scope scope = own_scope(call);
    char random[KEY_RANDOM + 1], *id = arena_alloc(call->arena, ID_SIZE);
    id_random(random, KEY_RANDOM, ID_ALNUM);
    id_v7(id);
    key->id = str_from(id);
    key->api_key = arena_strf(call->arena, "sk_%s", random);
    key->hint = (struct str){key->api_key.p + key->api_key.n - KEY_HINT, KEY_HINT};
    key->created_at = clock_wall_ms();
    crypto_sha256_hex(key->api_key, k.hash);
    bool ends = model_has(&user_key_model, key, "expiresAt");
    if (ends && key->expires_at <= key->created_at) {
        account_fault(call, "expiresAt", FAULT_FORM, "in the future");
        call_faults(call);
        return;
    }
    if (call_failed(call, store_write(call->app->store, &scope, make_key, &k, &call->err)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    key->set = (UINT64_C(1) << user_key_model.n) - 1;
    model_mark(&user_key_model, key, "expiresAt", ends);
    call_data(call, 201, NULL, doc, model_encode(&user_key_model, doc, key));
}

static int load_keys(struct tx *tx, void *arg, struct err *err)
{
    struct keys *k = arg;
    return user_key_list(tx, k->call->arena, k->call->caller.user.id, k->page.limit, page_offset(&k->page), &k->at,
                         &k->n, &k->page.total, err);
}

static void list_keys(struct call *call)
{
    struct keys k = {.call = call, .page = call_page(call, 100)};
    struct scope scope = own_scope(call);
    if (call_failed(call, store_read(call->app->store, &scope, load_keys, &k, &call->err)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    call_list(call, doc, objects_json(&user_key_model, doc, &(struct objects){k.at, k.n}), &k.page);
}

static int end_key(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    struct str id = arena_lower(call->arena, http_param(call->req, "id"));
    int rc = user_key_remove(tx, call->caller.user.id, id, err);
    return rc ? rc : audit_write(tx, "user_key_deleted", id, STR_NULL, err);
}

static void delete_key(struct call *call)
{
    struct scope scope = own_scope(call);
    if (!id_valid(http_param(call->req, "id")))
        call_error(call, 404, "Not found");
    else if (!call_failed(call, store_write(call->app->store, &scope, end_key, call, &call->err)))
        call_done(call, "API key deleted");
}

#define PROFILE                                                                                                        \
    .surface = &surface_platform, .tag = "Accounts", .who = WHO_USER, .limit = &LIMIT_MANAGEMENT, .family = "profile"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/auth/me", PROFILE, .summary = "The own account", .reply = &user_model, .run = reply_own},
    {HTTP_PUT, "/api/v1/auth/me", PROFILE, .summary = "Change the own account; what is not given stays",
     .flags = ENDPOINT_PATCH | ENDPOINT_TOKEN | ENDPOINT_HASHES, .body = &profile_model, .reply = &user_model,
     .run = change_own},
    {HTTP_POST, "/api/v1/auth/api-key", PROFILE, .summary = "Make a key that acts as the user; it is shown only here",
     .flags = ENDPOINT_TOKEN | ENDPOINT_CREATED | ENDPOINT_NO_BODY_NEEDED, .body = &user_key_model,
     .reply = &user_key_model, .run = post_key},
    {HTTP_GET, "/api/v1/auth/api-keys", PROFILE, .summary = "The own keys, newest first", .flags = ENDPOINT_PAGED,
     .reply = &user_key_model, .run = list_keys},
    {HTTP_DELETE, "/api/v1/auth/api-keys/{id}", PROFILE, .summary = "End a key at once", .flags = ENDPOINT_TOKEN,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"API key deleted\"}", .run = delete_key},
};

struct endpoints accounts_endpoints(void)
{
    return ENDPOINTS(rows);
}
