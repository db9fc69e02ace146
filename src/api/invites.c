// SPDX-License-Identifier: Apache-2.0
// Invitations into a brand (003-platform 2.4): a plain resource with a token that is shown once and found by its hash.
#include "api/accounts.h"
#include "api/resource.h"

#include "base/clock.h"
#include "base/id.h"
#include "engine/mail.h"
#include "store/crud.h"
#include "store/place.h"

enum { TOKEN_RANDOM = 43, OPEN_MOST = 200, MAILS_A_DAY = 50, DAY_MS = 86400000 };

static struct str url_of(struct call *call, const struct invite *invite)
{
    return arena_strf(call->arena, STR_FMT "/register?inviteToken=" STR_FMT, STR_ARG(account_base(call)),
                      STR_ARG(invite->token));
}

static int before(struct tx *tx, struct call *call, const void *old, void *row, struct err *err)
{
    struct invite *invite = row;
    char random[TOKEN_RANDOM + 1], hash[CRYPTO_HEX_SIZE];
    struct invite any = {0};
    int64_t now = clock_wall_ms(), open = 0;
    (void)old;
    int rc = invite_purge(tx, now, err);
    rc = rc ? rc : crud_count(tx, &invite_model, &any, &open, err);
    if (rc || open >= OPEN_MOST)
        return rc ? rc : err_set(err, ERR_LIMIT, "At most %d of these are possible", OPEN_MOST);
    id_random(random, TOKEN_RANDOM, ID_BASE64URL);
    invite->token = arena_strf(call->arena, "iv_%s", random);
    crypto_sha256_hex(invite->token, hash);
    invite->hash = arena_str(call->arena, str_from(hash));
    invite->created_by = call->caller.user.id;
    invite->expires_at = now + invite->expires_in_hours * 3600000;
    model_mark(&invite_model, invite, "hash", true);
    model_mark(&invite_model, invite, "createdBy", true);
    model_mark(&invite_model, invite, "expiresAt", true);
    return place_add(tx, "invite-token", invite->hash, invite->id, err);
}

static int after(struct tx *tx, struct call *call, const void *old, const void *row, struct err *err)
{
    const struct invite *invite = row, *was = old;
    if (!invite)
        return place_remove(tx, "invite-token", was->hash, err);
    if (!model_has(&invite_model, invite, "email"))
        return 0;
    struct mail mail = mail_invite(call->arena, invite->email, url_of(call, invite), call->brand->row.brand.name);
    return mail_queue(tx, call->app->keys, &mail, err);
}

static void present(struct call *call, yyjson_mut_doc *doc, yyjson_mut_val *object, const void *row, bool one)
{
    const struct invite *invite = row;
    (void)one;
    if (!invite->token.p)
        return;
    json_add_str(doc, object, "token", invite->token);
    json_add_str(doc, object, "url", url_of(call, invite));
}

static const struct resource invite_resource = {
    .kind = "invite",
    .title = "Invite",
    .model = &invite_model,
    .before = before,
    .after = after,
    .present = present,
};

// Anybody may have a brand, so a brand must not be a way to send mails to everybody.
static void post_invite(struct call *call)
{
    const struct invite *body = call->body;
    struct limit_state state = {.allowed = true};
    if (model_has(&invite_model, body, "email"))
        state = limiter_take(call->app->limiter, "invite-mail", call->scope.brand, MAILS_A_DAY, DAY_MS);
    if (state.allowed) {
        resource_create(call);
        return;
    }
    http_headerf(call->req, "Retry-After", "%lld", (long long)state.retry_after_s);
    call_error(call, 429, "Too many invitations by mail today");
}

#define INVITE                                                                                                         \
    "\"id\":\"0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4\",\"role\":\"user\",\"email\":null,\"createdBy\":\"0198c0de-5a10-"  \
    "7b21-8c3d-2f6a9e01b7d5\",\"expiresAt\":\"2026-11-23T09:15:02.113Z\",\"createdAt\":\"2026-11-20T09:15:02.113Z\""
#define INVITES                                                                                                        \
    .surface = &surface_platform, .tag = "Users", .who = WHO_BRAND_ADMIN, .limit = &LIMIT_MANAGEMENT,                  \
    .family = "users", .resource = &invite_resource
static const struct endpoint rows[] = {
    {HTTP_POST, "/api/v1/admin/invites", INVITES,
     .summary = "Invite somebody into the current brand; the token is shown only here", .body = &invite_model,
     .flags = ENDPOINT_TOKEN | ENDPOINT_CREATED,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":{" INVITE
                      ",\"token\":\"iv_…\",\"url\":\"https://chat.fern.example/register?inviteToken=iv_…\"}}",
     .run = post_invite},
    {HTTP_GET, "/api/v1/admin/invites", INVITES, .summary = "Invitations that nobody has used, newest first",
     .flags = ENDPOINT_TOKEN | ENDPOINT_PAGED, .reply = &invite_model, .run = resource_list},
    {HTTP_DELETE, "/api/v1/admin/invites/{id}", INVITES, .summary = "Take an invitation back", .flags = ENDPOINT_TOKEN,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"Invite deleted\"}",
     .run = resource_remove},
};

struct endpoints invites_endpoints(void)
{
    return ENDPOINTS(rows);
}
