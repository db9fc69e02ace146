// SPDX-License-Identifier: Apache-2.0
// Registering, signing in, on and out, passwords that were forgotten (003-platform 2.2).
#include "api/access.h"
#include "api/accounts.h"
#include "base/metrics.h"

static void add_tokens(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct signed_in *in)
{
    json_add_str(doc, object, "token", in->access_token);
    json_add_str(doc, object, "refreshToken", in->refresh_token);
    json_add_int(doc, object, "expiresIn", in->expires_in_s);
}

static void set_cookie(struct call *call, struct str token, int64_t seconds)
{
    http_headerf(call->req, "Set-Cookie",
                 "refreshToken=" STR_FMT "; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=%lld%s",
                 STR_ARG(token), (long long)seconds, account_secure(call) ? "; Secure" : "");
}

static void reply_account(struct call *call, int status, const struct signed_in *in, const char *message)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = envelope_new(doc, message), *data = account_json(call, doc, &in->account);
    if (in->refresh_token.p) {
        json_add_str(doc, data, "accessToken", in->access_token);
        add_tokens(doc, data, in);
        json_add(doc, data, "user", account_json(call, doc, &in->account));
        set_cookie(call, in->refresh_token, settings_int(call->app->settings, SET_AUTH_REFRESH_TTL));
    }
    json_add(doc, root, "data", data);
    if (in->refresh_token.p)
        add_tokens(doc, root, in);
    envelope_send(call, status, root);
}

static void count(const char *event)
{
    metric_add(METRIC_AUTH_EVENTS, METRIC_AT(metric_label(LABEL_AUTH_EVENT, str_from(event))), 1);
}

static void refuse(struct call *call, const char *code, const char *text)
{
    call->endpoint->surface->error(call->req, 401, code, text);
}

// ---- registering ---------------------------------------------------------------------------------------------------

// With a role somebody makes a member of the brand that they administer. False: refused.
static bool read_role(struct call *call, const struct register_request *body, struct registering *with)
{
    bool user = call->caller.kind == CALLER_USER;
    if (!body->role.p || (!user && str_eq(body->role, STR("user"))))
        return true;
    if (!user) {
        call_error(call, 403, "Only an admin can give a role");
        return false;
    }
    if (!access_current_brand(call))
        return false;
    if (call->role < ROLE_ADMIN) {
        call_error(call, 403, "You are not allowed to do this");
        return false;
    }
    if (role_of(body->role) == ROLE_NONE) {
        account_fault(call, "role", FAULT_ENUM, "user|developer|admin");
        call_faults(call);
        return false;
    }
    with->brand = call->scope.brand;
    with->role = body->role;
    with->sign_in = false;
    return true;
}

static int count_users(struct tx *tx, void *arg, struct err *err)
{
    return user_count(tx, arg, err);
}

// Before the body is read: an admin may still make members, and somebody has to be the first.
static bool may_register(struct call *call)
{
    struct scope everywhere = scope_installation(call->scope.actor);
    int64_t users = 0;
    if (call->caller.kind == CALLER_USER || strcmp(settings_str(call->app->settings, SET_REGISTRATION), "closed") != 0)
        return true;
    if (call_failed(call, store_read(call->app->store, &everywhere, count_users, &users, &call->err)))
        return false;
    if (users)
        call_error(call, 403, "Registration is closed");
    return !users;
}

static void post_register(struct call *call)
{
    const struct register_request *body = call->body;
    struct registering with = {.request = body, .issuer = account_issuer(call), .sign_in = true};
    struct signed_in in;
    if (!read_role(call, body, &with))
        return;
    if (!account_password(call, "password", body->password)) {
        call_faults(call);
        return;
    }
    int rc = accounts_register(call->app->accounts, call->arena, &call->scope, &with, &in, &call->err);
    if (rc == 0)
        count("register");
    if (!call_failed(call, rc))
        reply_account(call, 201, &in, "Registered");
}

// ---- signing in, on, out -------------------------------------------------------------------------------------------

static void login(struct call *call)
{
    const struct login_request *body = call->body;
    struct signed_in in = {0};
    int64_t retry = 0;
    struct str name = body->username.p ? body->username : body->email;
    int rc = accounts_login(call->app->accounts, call->arena, &call->scope, name, body->password,
                            http_client_key(call->req), account_issuer(call), &in, &retry, &call->err);
    if (rc == 0 || rc == ERR_DENIED || rc == ERR_INVALID || rc == ERR_LIMIT)
        count(rc ? "login_failed" : "login_ok");
    if (rc == ERR_DENIED)
        refuse(call, "INVALID_CREDENTIALS", "Invalid username or password");
    else if (rc == ERR_INVALID)
        refuse(call, "UNAUTHORIZED", "This account is disabled");
    else if (rc == ERR_LIMIT)
        account_locked(call, retry);
    else if (!call_failed(call, rc))
        reply_account(call, 200, &in, "Signed in");
}

static void refresh(struct call *call)
{
    const struct refresh_request *body = call->body;
    struct signed_in in = {0};
    struct str token = body->refresh_token.p ? body->refresh_token : account_cookie(call, STR("refreshToken"));
    if (!token.n) {
        account_fault(call, "refreshToken", FAULT_MISSING, NULL);
        call_faults(call);
        return;
    }
    int rc =
        accounts_refresh(call->app->accounts, call->arena, &call->scope, token, account_issuer(call), &in, &call->err);
    if (rc == 0)
        count("refresh");
    if (rc == ERR_DENIED) {
        set_cookie(call, STR(""), 0);
        refuse(call, "INVALID_TOKEN", "The refresh token is not valid");
    } else if (!call_failed(call, rc)) {
        reply_account(call, 200, &in, "Token refreshed");
    }
}

static void logout(struct call *call)
{
    const struct logout_request *body = call->body;
    struct accounts *accounts = call->app->accounts;
    bool by_token = call->caller.kind == CALLER_USER && !call->caller.by_key;
    struct str token = body->refresh_token.p ? body->refresh_token
                       : by_token            ? STR_NULL
                                             : account_cookie(call, STR("refreshToken"));
    if ((!token.n && !by_token) || (body->all_devices && !by_token)) {
        access_unauthorised(call, false);
        return;
    }
    int rc = token.n ? accounts_logout_token(accounts, call->arena, &call->scope, token, &call->err) : 0;
    if (!rc && by_token)
        rc = accounts_logout(accounts, &call->scope, &call->caller, body->all_devices, &call->err);
    if (call_failed(call, rc))
        return;
    set_cookie(call, STR(""), 0);
    call_done(call, "Signed out");
}

// ---- passwords that were forgotten ---------------------------------------------------------------------------------

static void request_reset(struct call *call)
{
    const struct reset_request *body = call->body;
    int rc = accounts_request_reset(call->app->accounts, call->arena, &call->scope, body->email, account_base(call),
                                    &call->err);
    if (!call_failed(call, rc))
        call_done(call, "If an account has this address, a mail is on its way");
}

static void reset(struct call *call)
{
    const struct reset_request *body = call->body;
    if (!account_password(call, "password", body->password)) {
        call_faults(call);
        return;
    }
    int rc = accounts_reset(call->app->accounts, call->arena, &call->scope, body->token, body->password, &call->err);
    if (rc == 0)
        count("reset");
    if (rc == ERR_DENIED)
        refuse(call, "INVALID_TOKEN", call->err.text);
    else if (!call_failed(call, rc))
        call_done(call, "Password changed");
}

#define USER                                                                                                           \
    "\"id\":\"0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4\",\"username\":\"mira\",\"email\":\"mira@fern.example\","           \
    "\"firstName\":\"Mira\",\"lastName\":\"Okafor\",\"role\":\"admin\",\"permissions\":[\"chatbot:read\"],\"active\":" \
    "true,\"brandId\":\"mira\",\"brands\":[{\"id\":\"mira\",\"name\":\"mira\",\"role\":\"admin\"}],\"lastLogin\":"     \
    "\"2026-11-20T09:15:02.113Z\",\"createdAt\":\"2026-11-20T09:15:02.113Z\",\"updatedAt\":\"2026-11-20T09:15:02."     \
    "113Z\""
#define TOKENS "\"token\":\"eyJ…\",\"refreshToken\":\"rt_…\",\"expiresIn\":3600"
#define SIGNED_IN                                                                                                      \
    "{\"status\":\"success\",\"success\":true,\"message\":\"Signed in\",\"data\":{" USER                               \
    ",\"accessToken\":\"eyJ…\"," TOKENS ",\"user\":{" USER "}}," TOKENS "}"
#define DONE(message) "{\"status\":\"success\",\"success\":true,\"message\":\"" message "\"}"
#define AUTH .surface = &surface_platform, .tag = "Accounts", .who = WHO_ANYBODY, .flags = ENDPOINT_NO_BODY_NEEDED
static const struct endpoint rows[] = {
    {HTTP_POST, "/api/v1/auth/register", .surface = &surface_platform, .tag = "Accounts", .who = WHO_ANYBODY,
     .flags = ENDPOINT_NO_BODY_NEEDED | ENDPOINT_CREATED | ENDPOINT_HASHES | ENDPOINT_TOKEN,
     .before_body = may_register,
     .summary = "Make an account, with a brand of its own or by an invitation; an admin makes one in the current brand",
     .limit = &LIMIT_REGISTER, .body = &register_model, .reply_example = SIGNED_IN, .run = post_register},
    {HTTP_POST, "/api/v1/auth/login", .surface = &surface_platform, .tag = "Accounts", .who = WHO_ANYBODY,
     .flags = ENDPOINT_NO_BODY_NEEDED | ENDPOINT_HASHES, .summary = "Sign in", .limit = &LIMIT_LOGIN,
     .body = &login_model, .reply_example = SIGNED_IN, .run = login},
    {HTTP_POST, "/api/v1/auth/refresh-token", AUTH,
     .summary = "A new access token for a refresh token, which is replaced", .limit = &LIMIT_REFRESH,
     .body = &refresh_model, .reply_example = SIGNED_IN, .run = refresh},
    {HTTP_POST, "/api/v1/auth/logout", AUTH, .summary = "Sign out", .limit = &LIMIT_LOGOUT, .body = &logout_model,
     .reply_example = DONE("Signed out"), .run = logout},
    {HTTP_POST, "/api/v1/auth/password-reset-request", AUTH, .family = "reset-request", .limit = &LIMIT_RESET,
     .summary = "Ask for a mail with a link to choose a new password; the answer is the same for every address",
     .body = &reset_request_model, .reply_example = DONE("If an account has this address, a mail is on its way"),
     .run = request_reset},
    {HTTP_POST, "/api/v1/auth/password-reset", .surface = &surface_platform, .tag = "Accounts", .who = WHO_ANYBODY,
     .flags = ENDPOINT_NO_BODY_NEEDED | ENDPOINT_HASHES, .family = "reset", .limit = &LIMIT_RESET,
     .summary = "Choose a new password with the token of that mail", .body = &reset_model,
     .reply_example = DONE("Password changed"), .run = reset},
};

struct endpoints auth_endpoints(void)
{
    return ENDPOINTS(rows);
}
