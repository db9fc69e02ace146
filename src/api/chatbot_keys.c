// SPDX-License-Identifier: Apache-2.0
// A chatbot's keys and which ways to it are open (000-management 2.2, 2.3). A key is shown once, in the reply that
// makes it; everything else knows its last characters.
#include "api/chatbots.h"

#include "base/clock.h"
#include "store/chatbot_key.h"

enum { PUBLISHABLE_GRACE_MS = 24 * 60 * 60 * 1000 };

// ---- the primary key -----------------------------------------------------------------------------------------------

struct regenerate_request {
    uint64_t set;
    int64_t grace_seconds;
    bool revoke_all;
};
#define AT(member) FIELD_AT(struct regenerate_request, member)
static const struct field regenerate_fields[] = {
    {"graceSeconds", NULL, FIELD_INT, 0, AT(grace_seconds), 0, 86400, .fallback = "0",
     .help = "So long the old key goes on"},
    {"revokeAll", NULL, FIELD_BOOL, 0, AT(revoke_all), .fallback = "false", .help = "Its other keys end too"},
};
static const struct model regenerate_model = {"RegenerateToken", NULL, sizeof(struct regenerate_request),
                                              MODEL_FIELDS(regenerate_fields)};
#undef AT

struct regenerate {
    struct chatbot_work work;
    int64_t now, until;
};

static struct str hint_json(struct arena *arena, struct str hint, bool all)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *value = yyjson_mut_obj(doc);
    json_add_str(doc, value, "apiKeyHint", hint);
    if (all)
        json_add_bool(doc, value, "revokeAll", true);
    return json_write(arena, value);
}

static int replace_key(struct tx *tx, void *arg, struct err *err)
{
    struct regenerate *r = arg;
    struct chatbot_work *work = &r->work;
    struct arena *arena = tx_arena(tx);
    const struct regenerate_request *asked = work->call->body;
    char key[CHATBOT_KEY_SIZE], hash[CRYPTO_HEX_SIZE];
    struct str old_hint;
    r->now = clock_wall_ms();
    r->until = r->now + asked->grace_seconds * 1000;
    chatbot_key_make(key);
    crypto_sha256_hex(str_from(key), hash);
    work->key = arena_cstr(work->call->arena, str_from(key));
    struct str hint = chatbot_key_hint(str_from(work->key));
    int rc = chatbot_work_load(tx, work, err);
    rc = rc ? rc : chatbot_key_primary(tx, arena, work->row.id, &old_hint, err);
    rc = rc ? rc : chatbot_keys_end(tx, work->row.id, asked->revoke_all, r->until, err);
    rc = rc ? rc : chatbot_key_insert(tx, work->row.id, STR("primary"), true, hash, hint, r->now, err);
    chatbot_changed(tx, &work->row);
    return rc ? rc
              : chatbot_audit(tx, "regenerate_token", work->row.id, hint_json(arena, old_hint, false),
                              hint_json(arena, hint, asked->revoke_all), err);
}

static void regenerate_token(struct call *call)
{
    struct regenerate r = {.work = {.call = call}};
    if (call_failed(call, call_store_write(call, replace_key, &r)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_cstr(doc, data, "apiKey", r.work.key);
    json_add_str(doc, data, "apiKeyHint", chatbot_key_hint(str_from(r.work.key)));
    json_add_time(doc, data, "regeneratedAt", r.now);
    json_add_time(doc, data, "previousValidUntil", r.until > r.now ? r.until : 0);
    call_data(call, 200, "The new key is shown only this once", doc, data);
}

// ---- the publishable key -------------------------------------------------------------------------------------------

static struct str publishable_json(struct arena *arena, struct str key)
{
    return arena_strf(arena, "{\"publishableKeyHint\":\"" STR_FMT "\"}", STR_ARG(chatbot_key_hint(key)));
}

static int replace_publishable(struct tx *tx, void *arg, struct err *err)
{
    struct chatbot_work *work = arg;
    struct chatbot *row = &work->row;
    char key[PUBLISHABLE_KEY_SIZE];
    int64_t now = clock_wall_ms();
    int rc = chatbot_work_load(tx, work, err);
    publishable_key_make(key);
    row->publishable_key = arena_str(work->call->arena, str_from(key));
    model_mark(&chatbot_model, row, "publishableKey", true);
    row->updated_at = now;
    rc = rc ? rc
            : publishable_key_replace(tx, row->id, work->old.publishable_key, row->publishable_key, now,
                                      now + PUBLISHABLE_GRACE_MS, err);
    rc = rc ? rc : chatbot_save(tx, row, STR_NULL, err);
    struct str before = work->old.publishable_key.p ? work->old.publishable_key : STR("");
    return rc ? rc
              : chatbot_audit(tx, "publishable_key_rotated", row->id, publishable_json(tx_arena(tx), before),
                              publishable_json(tx_arena(tx), row->publishable_key), err);
}

static void rotate_publishable(struct call *call)
{
    struct chatbot_work work = {.call = call};
    if (call_failed(call, call_store_write(call, replace_publishable, &work)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "publishableKey", work.row.publishable_key);
    call_data(call, 200, NULL, doc, data);
}

// ---- integrations --------------------------------------------------------------------------------------------------

struct integration_request {
    uint64_t set;
    bool is_active;
};
static const struct field integration_fields[] = {
    {"isActive", NULL, FIELD_BOOL, FIELD_REQUIRED, FIELD_AT(struct integration_request, is_active)},
};
static const struct model integration_model = {"Integration", NULL, sizeof(struct integration_request),
                                               MODEL_FIELDS(integration_fields)};

static const char *const channels[] = {"web_embed", "line_oa", "api"};
enum { CHANNELS = sizeof channels / sizeof *channels, LINE = 1 };

// LINE has no configuration yet that could be on.
static yyjson_mut_val *integration_json(yyjson_mut_doc *doc, const struct chatbot *chatbot, size_t i)
{
    yyjson_mut_val *one = yyjson_mut_obj(doc);
    json_add_cstr(doc, one, "type", channels[i]);
    json_add_bool(doc, one, "isActive", i != LINE && chatbot_channel_on(chatbot, channels[i]));
    if (i == LINE)
        json_add_bool(doc, one, "configured", false);
    return one;
}

static void list_integrations(struct call *call)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < CHANNELS; i++)
        (void)yyjson_mut_arr_append(list, integration_json(doc, call->chatbot, i));
    call_data(call, 200, NULL, doc, list);
}

struct switching {
    struct chatbot_work work;
    size_t channel;
    bool on;
};

static struct str channel_json(struct arena *arena, size_t channel, bool on)
{
    return arena_strf(arena, "{\"type\":\"%s\",\"isActive\":%s}", channels[channel], on ? "true" : "false");
}

static int switch_channel(struct tx *tx, void *arg, struct err *err)
{
    struct switching *s = arg;
    struct chatbot *row = &s->work.row;
    struct arena *arena = s->work.call->arena;
    int rc = chatbot_work_load(tx, &s->work, err);
    if (rc || chatbot_channel_on(row, channels[s->channel]) == s->on)
        return rc;
    struct strings off = {arena_calloc(arena, CHANNELS, sizeof(struct str)), 0};
    for (size_t i = 0; i < CHANNELS; i++)
        if (i == s->channel ? !s->on : !chatbot_channel_on(row, channels[i]))
            off.at[off.n++] = str_from(channels[i]);
    row->channels_off = off;
    row->updated_at = clock_wall_ms();
    rc = chatbot_save(tx, row, STR_NULL, err);
    return rc ? rc
              : chatbot_audit(tx, "integration_updated", row->id, channel_json(arena, s->channel, !s->on),
                              channel_json(arena, s->channel, s->on), err);
}

static void update_integration(struct call *call)
{
    struct switching s = {.work = {.call = call}, .on = ((const struct integration_request *)call->body)->is_active};
    struct str type = http_param(call->req, "type");
    while (s.channel < CHANNELS && !str_eq(type, str_from(channels[s.channel])))
        s.channel++;
    if (s.channel == CHANNELS) {
        call_error(call, 404, "Not found");
        return;
    }
    if (s.channel == LINE) {
        call_error(call, 409, "LINE is not configured for this chatbot");
        return;
    }
    if (call_failed(call, call_store_write(call, switch_channel, &s)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    call_data(call, 200, NULL, doc, integration_json(doc, &s.work.row, s.channel));
}

#define KEYS                                                                                                           \
    .surface = &surface_platform, .tag = "Chatbots", .who = WHO_CHANGE, .limit = &LIMIT_MANAGEMENT, .family = "chatbots"
#define DONE(data) "{\"status\":\"success\",\"success\":true,\"data\":" data "}"
static const struct endpoint rows[] = {
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/regenerate-token", KEYS,
     .summary = "Replace the primary key; the new one is shown this once", .body = &regenerate_model,
     .flags = ENDPOINT_NO_BODY_NEEDED,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"The new key is shown only this once\","
                      "\"data\":{\"apiKey\":\"ck_3nV0cQ8sYt5bRkWm1xZdLp7uHfJ2aE9gTqCi6oBv\",\"apiKeyHint\":"
                      "\"CqTi6oBv\",\"regeneratedAt\":\"2026-11-20T09:15:02.113Z\",\"previousValidUntil\":null}}",
     .run = regenerate_token},
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/publishable-key", KEYS,
     .summary = "Replace the publishable key; the old one goes on for a day", .body = &empty_body_model,
     .flags = ENDPOINT_NO_BODY_NEEDED, .reply_example = DONE("{\"publishableKey\":\"pk_5u1cW0hXr2v9ZbTqk3mYd8Ne\"}"),
     .run = rotate_publishable},
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/integrations", KEYS, .summary = "Which ways to the chatbot are open",
     .reply_example = DONE("[{\"type\":\"web_embed\",\"isActive\":true}]"), .run = list_integrations},
    {HTTP_PUT, "/api/v1/chatbots/{chatbotId}/integrations/{type}", KEYS, .summary = "Open or close a way",
     .body = &integration_model, .reply_example = DONE("{\"type\":\"web_embed\",\"isActive\":false}"),
     .run = update_integration},
};

struct endpoints chatbot_keys_endpoints(void)
{
    return ENDPOINTS(rows);
}
