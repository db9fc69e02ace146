// SPDX-License-Identifier: Apache-2.0
// Signing in and out (003-platform 2), as far as brands need it.
#include "api/call.h"
#include "model/account.h"

static const char *const permissions[] = {
    "chatbot:read",    "chatbot:write",  "chatbot:delete", "plugin:read",    "analytics:read",
    "analytics:write", "plugin:install", "webhook:write",  "chatbot:create", "plugin:write",
    "plugin:delete",   "user:read",      "user:write",     "user:delete",    "system:read",
};
// How many of the permissions, in their order, a role has.
static const size_t granted[] = {
    [ROLE_NONE] = 0, [ROLE_USER] = 6, [ROLE_DEVELOPER] = 8, [ROLE_ADMIN] = 14, [ROLE_SUPER_ADMIN] = 15};

static void add_user(yyjson_mut_doc *doc, yyjson_mut_val *data, const struct signed_in *in)
{
    const struct user_row *user = &in->user;
    enum role role = user->super_admin   ? ROLE_SUPER_ADMIN
                     : in->n_memberships ? role_of(in->memberships[0].role)
                                         : ROLE_USER;
    yyjson_mut_val *may = yyjson_mut_arr(doc), *brands = yyjson_mut_arr(doc);
    for (size_t i = 0; i < granted[role]; i++)
        (void)yyjson_mut_arr_add_str(doc, may, permissions[i]);
    for (size_t i = 0; i < in->n_memberships; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, brands);
        json_add_str(doc, one, "id", in->memberships[i].brand);
        json_add_str(doc, one, "name", in->memberships[i].brand_name);
        json_add_str(doc, one, "role", in->memberships[i].role);
    }
    json_add_str(doc, data, "id", user->id);
    json_add_str(doc, data, "username", user->username);
    json_add_str(doc, data, "email", user->email);
    json_add_str(doc, data, "firstName", user->first_name);
    json_add_str(doc, data, "lastName", user->last_name);
    json_add_str(doc, data, "role",
                 user->super_admin   ? STR("super_admin")
                 : in->n_memberships ? in->memberships[0].role
                                     : STR("user"));
    json_add(doc, data, "permissions", may);
    json_add_bool(doc, data, "active", user->active);
    json_add_str(doc, data, "brandId", in->n_memberships ? in->memberships[0].brand : STR_NULL);
    json_add(doc, data, "brands", brands);
    json_add_time(doc, data, "lastLogin", user->last_login);
    json_add_time(doc, data, "createdAt", user->created_at);
    json_add_time(doc, data, "updatedAt", user->updated_at);
}

static void add_tokens(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct signed_in *in)
{
    json_add_str(doc, object, "token", in->access_token);
    json_add_str(doc, object, "refreshToken", in->refresh_token);
    json_add_int(doc, object, "expiresIn", in->expires_in_s);
}

static void set_cookie(struct call *call, struct str token, int64_t seconds)
{
    bool secure = str_starts(http_base_url(call->req), STR("https://"));
    http_headerf(call->req, "Set-Cookie",
                 "refreshToken=" STR_FMT "; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=%lld%s",
                 STR_ARG(token), (long long)seconds, secure ? "; Secure" : "");
}

static void reply_signed_in(struct call *call, const struct signed_in *in, const char *message)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *data = yyjson_mut_obj(doc), *user = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "status", "success");
    json_add_bool(doc, root, "success", true);
    json_add_cstr(doc, root, "message", message);
    add_user(doc, data, in);
    add_user(doc, user, in);
    json_add_str(doc, data, "accessToken", in->access_token);
    add_tokens(doc, data, in);
    json_add(doc, data, "user", user);
    json_add(doc, root, "data", data);
    add_tokens(doc, root, in);
    set_cookie(call, in->refresh_token, settings_int(call->app->settings, SET_AUTH_REFRESH_TTL));
    http_header(call->req, "Cache-Control", "no-store");
    call_json(call, 200, root);
}

static struct str issuer(struct call *call)
{
    const char *set = settings_str(call->app->settings, SET_PUBLIC_URL);
    return set ? str_from(set) : http_base_url(call->req);
}

static void refuse(struct call *call, const char *code, const char *text)
{
    call->endpoint->surface->error(call->req, 401, code, text);
}

static void login(struct call *call)
{
    const struct login_request *body = call->body;
    struct signed_in in = {0};
    int64_t retry = 0;
    struct str name = body->username.p ? body->username : body->email;
    int rc = accounts_login(call->app->accounts, call->arena, name, body->password, http_client_key(call->req),
                            issuer(call), &in, &retry, &call->err);
    if (rc == ERR_DENIED) {
        refuse(call, "INVALID_CREDENTIALS", "Invalid username or password");
    } else if (rc == ERR_INVALID) {
        refuse(call, "UNAUTHORIZED", "This account is disabled");
    } else if (rc == ERR_LIMIT) {
        http_headerf(call->req, "Retry-After", "%lld", (long long)retry);
        call_error(call, 429, "Too many failed sign-ins. Try again later.");
    } else if (!call_failed(call, rc)) {
        reply_signed_in(call, &in, "Signed in");
    }
}

static struct str cookie_token(struct call *call)
{
    struct str rest = http_header_in(call->req, "cookie");
    while (rest.p) {
        struct str value = str_trim(str_split(&rest, ';'));
        struct str name = str_split(&value, '=');
        if (str_eq(name, STR("refreshToken")) && value.p)
            return value;
    }
    return STR_NULL;
}

static void refresh(struct call *call)
{
    const struct refresh_request *body = call->body;
    static const struct loc root = {NULL, STR("body"), 0};
    struct loc at = {&root, STR("refreshToken"), 0};
    struct signed_in in = {0};
    struct str token = body->refresh_token.p ? body->refresh_token : cookie_token(call);
    if (!token.n) {
        fault_add(call->faults, FAULT_MISSING, &at, NULL, 0, NULL);
        call_faults(call);
        return;
    }
    int rc = accounts_refresh(call->app->accounts, call->arena, token, issuer(call), &in, &call->err);
    if (rc == ERR_DENIED) {
        set_cookie(call, STR(""), 0);
        refuse(call, "INVALID_TOKEN", "The refresh token is not valid");
    } else if (!call_failed(call, rc)) {
        reply_signed_in(call, &in, "Token refreshed");
    }
}

static void logout(struct call *call)
{
    const struct logout_request *body = call->body;
    bool token_user = call->caller.kind == CALLER_USER && !call->caller.by_key;
    struct str token = body->refresh_token.p ? body->refresh_token : token_user ? STR_NULL : cookie_token(call);
    if ((!token.n && !token_user) || (body->all_devices && !token_user)) {
        http_header(call->req, "WWW-Authenticate", "Bearer");
        call_error(call, 401, "Not signed in");
        return;
    }
    int rc = token.n ? accounts_logout_token(call->app->accounts, call->arena, token, &call->err) : 0;
    if (!rc && token_user)
        rc = accounts_logout(call->app->accounts, &call->caller, body->all_devices, &call->err);
    if (call_failed(call, rc))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "status", "success");
    json_add_bool(doc, root, "success", true);
    json_add_cstr(doc, root, "message", "Signed out");
    set_cookie(call, STR(""), 0);
    http_header(call->req, "Cache-Control", "no-store");
    call_json(call, 200, root);
}

#define SIGNED_IN                                                                                                      \
    "{\"status\":\"success\",\"success\":true,\"message\":\"Signed "                                                   \
    "in\",\"data\":{\"id\":\"0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4\",\"username\":\"mira\"},"                           \
    "\"token\":\"eyJ…\",\"refreshToken\":\"rt_…\",\"expiresIn\":3600}"
#define AUTH .surface = &surface_platform, .tag = "Accounts", .who = WHO_ANYBODY, .flags = ENDPOINT_NO_BODY_NEEDED
static const struct endpoint rows[] = {
    {HTTP_POST, "/api/v1/auth/login", AUTH, .summary = "Sign in", .limit = &LIMIT_LOGIN, .body = &login_model,
     .reply_example = SIGNED_IN, .run = login},
    {HTTP_POST, "/api/v1/auth/refresh-token", AUTH,
     .summary = "A new access token for a refresh token, which is replaced", .limit = &LIMIT_REFRESH,
     .body = &refresh_model, .reply_example = SIGNED_IN, .run = refresh},
    {HTTP_POST, "/api/v1/auth/logout", AUTH, .summary = "Sign out", .limit = &LIMIT_LOGOUT, .body = &logout_model,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"Signed out\"}", .run = logout},
};

struct endpoints auth_endpoints(void)
{
    return ENDPOINTS(rows);
}
