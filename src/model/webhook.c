// SPDX-License-Identifier: Apache-2.0
#include "model/webhook.h"

#include "base/crypto.h"
#include "model/text.h"

#include <strings.h>

#define EVENTS                                                                                                         \
    "message.received|message.sent|conversation.started|conversation.ended|user.registered|chatbot.created|"           \
    "training.completed|training.failed|response.rated|budget.warning|budget.exhausted|channel.error|webhook.test"

const char webhook_event_names[] = EVENTS;

// ---- rules of single values ----------------------------------------------------------------------------------------

static bool is_visible(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
            return false;
    return true;
}

struct str webhook_key(struct arena *arena, struct str secret)
{
    struct str prefix = STR("whsec_"), bytes = secret;
    if (!str_starts(secret, prefix))
        return secret;
    struct str rest = {secret.p + prefix.n, secret.n - prefix.n};
    return crypto_base64_decode(arena, rest, &bytes) == 0 ? bytes : STR_NULL;
}

static bool secret_valid(struct str text)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str key = webhook_key(arena, text);
    bool decoded = str_starts(text, STR("whsec_"));
    return is_visible(text) && key.p && (!decoded || (key.n >= 24 && key.n <= 64));
}

static bool name_valid(struct str name)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const struct {
        struct str text;
        bool prefix;
    } ours[] = {{STR("Host"), false},       {STR("Connection"), false}, {STR("Transfer-Encoding"), false},
                {STR("User-Agent"), false}, {STR("Content-"), true},    {STR("webhook-"), true},
                {STR("X-Chatbots-"), true}};
    for (size_t i = 0; i < name.n; i++)
        if (!memchr(token, name.p[i], sizeof token - 1))
            return false;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        struct str head = {name.p, ours[i].prefix && name.n > ours[i].text.n ? ours[i].text.n : name.n};
        if (str_eq_nocase(head, ours[i].text))
            return false;
    }
    return name.n > 0;
}

static bool header_value_valid(struct str value)
{
    for (size_t i = 0; i < value.n; i++)
        if ((value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] == 0x7f || (unsigned char)value.p[i] >= 0x80)
            return false;
    return true;
}

static bool same_name_before(yyjson_val *object, size_t n, struct str name)
{
    yyjson_val *key, *value;
    size_t i, max;
    yyjson_obj_foreach(object, i, max, key, value) if (i < n && str_eq_nocase(json_str(key), name)) return true;
    return false;
}

static void check_headers(const struct webhook *webhook, struct faults *faults, const struct loc *root)
{
    struct loc field = {root, STR("headers"), 0};
    yyjson_val *headers = NULL, *key, *item;
    size_t i, max;
    if (!webhook->headers.n || json_parse(faults->arena, webhook->headers, JSON_RAW_NUMBERS, &headers, NULL) != 0)
        return;
    yyjson_obj_foreach(headers, i, max, key, item)
    {
        struct str name = json_str(key), value = json_str(item);
        struct loc at = {&field, name, 0};
        if (!name_valid(name))
            fault_add(faults, FAULT_FORM, &at, NULL, 0, "the name of a header field that is not set by the server");
        else if (same_name_before(headers, i, name))
            fault_add(faults, FAULT_DUPLICATE, &at, NULL, 0, NULL);
        else if (!value.p)
            fault_add(faults, FAULT_STRING, &at, item, 0, NULL);
        else if (value.n > 1000)
            fault_add(faults, FAULT_LONG, &at, NULL, 1000, NULL);
        else if (!header_value_valid(value))
            fault_add(faults, FAULT_FORM, &at, NULL, 0, "ASCII without control characters");
    }
}

static void check_events(const struct webhook *webhook, struct faults *faults, const struct loc *root)
{
    struct loc field = {root, STR("events"), 0};
    const struct strings *events = &webhook->events;
    for (size_t i = 0; i < events->n; i++) {
        struct loc at = {&field, STR_NULL, (int64_t)i};
        if (events->n > 1 && str_eq(events->at[i], STR("*")))
            fault_add(faults, FAULT_FORM, &at, NULL, 0, "alone when it is *");
        for (size_t k = 0; k < i; k++)
            if (str_eq(events->at[i], events->at[k])) {
                fault_add(faults, FAULT_DUPLICATE, &at, NULL, 0, NULL);
                break;
            }
    }
}

static void check_webhook(const void *row, struct faults *faults, const struct loc *root)
{
    const struct webhook *webhook = row;
    struct loc retry = {root, STR("retryConfig"), 0};
    check_events(webhook, faults, root);
    check_headers(webhook, faults, root);
    for (size_t i = 0; i < 2 && model_has(&webhook_model, webhook, "retryConfig"); i++) {
        struct loc at = {&retry, i ? STR("retryInterval") : STR("maxRetries"), 0};
        if (!(webhook->retry_config.set >> i & 1))
            fault_add(faults, FAULT_MISSING, &at, NULL, 0, NULL);
    }
    if (model_has(&webhook_model, webhook, "chatbotId") && str_eq(webhook->scope, STR("installation"))) {
        struct loc at = {root, STR("chatbotId"), 0};
        fault_add(faults, FAULT_FORM, &at, NULL, 0, "null with scope installation");
    }
}

static void check_filter(const void *row, struct faults *faults, const struct loc *root)
{
    const struct filter_config *filter = row;
    struct loc field = {root, STR("conditions"), 0};
    yyjson_val *conditions = NULL, *key, *value;
    size_t i, max;
    if (!filter->conditions.n || json_parse(faults->arena, filter->conditions, 0, &conditions, NULL) != 0)
        return;
    yyjson_obj_foreach(conditions, i, max, key, value)
    {
        struct loc at = {&field, json_str(key), 0};
        if (yyjson_is_ctn(value))
            fault_add(faults, FAULT_FORM, &at, NULL, 0, "a string, number, boolean or null");
    }
}

static void check_replay(const void *row, struct faults *faults, const struct loc *root)
{
    const struct webhook_replay *replay = row;
    struct loc at = {root, STR("to"), 0};
    if ((replay->set & 3) == 3 && replay->from >= replay->to)
        fault_add(faults, FAULT_FORM, &at, NULL, 0, "after from");
}

// ---- tables --------------------------------------------------------------------------------------------------------

#define AT(member) FIELD_AT(struct retry_config, member)
static const struct field retry_fields[] = {
    {"maxRetries", NULL, FIELD_INT, 0, AT(max_retries), 0, 10, .example = "3"},
    {"retryInterval", NULL, FIELD_INT, 0, AT(retry_interval), 1000, 3600000, .example = "5000",
     .help = "ms before the first repetition; doubles with each"},
};
static const struct model retry_model = {"RetryConfig", NULL, sizeof(struct retry_config), MODEL_FIELDS(retry_fields),
                                         .shape = "\"required\":[\"maxRetries\",\"retryInterval\"]"};
#undef AT

static const struct field filter_fields[] = {
    {"conditions", NULL, FIELD_JSON, 0, FIELD_AT(struct filter_config, conditions), 0, 10, .item_high = 200,
     .bytes = 16384, .depth = 1, .fallback = "{}", .example = "{\"data.channel\":\"api\"}",
     .help = "Path in the payload and the value that must be there; all must hold"},
};
static const struct model filter_model = {"FilterConfig", NULL, sizeof(struct filter_config),
                                          MODEL_FIELDS(filter_fields), .check = check_filter};

#define AT(member) FIELD_AT(struct webhook_stats, member)
static const struct field stats_fields[] = {
    {"totalDeliveries", NULL, FIELD_INT, FIELD_READONLY, AT(total)},
    {"successfulDeliveries", NULL, FIELD_INT, FIELD_READONLY, AT(succeeded)},
    {"failedDeliveries", NULL, FIELD_INT, FIELD_READONLY, AT(failed)},
    {"pending", NULL, FIELD_INT, FIELD_READONLY, AT(pending)},
    {"lastDeliveryAttempt", NULL, FIELD_TIME, FIELD_READONLY, AT(last_attempt)},
    {"lastSuccessfulDelivery", NULL, FIELD_TIME, FIELD_READONLY, AT(last_success)},
    {"lastFailedDelivery", NULL, FIELD_TIME, FIELD_READONLY, AT(last_failure)},
};
const struct model webhook_stats_model = {"WebhookStats", NULL, sizeof(struct webhook_stats),
                                          MODEL_FIELDS(stats_fields)};
#undef AT

#define AT(member) FIELD_AT(struct webhook, member)
static const struct field webhook_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},
    {"brandId", NULL, FIELD_STRING, FIELD_READONLY, AT(brand_id)},
    {"scope", "scope", FIELD_STRING, 0, AT(scope), 1, 20, .fallback = "\"brand\"", .choices = "brand|installation",
     .help = "installation: events of all brands; for super_admin"},
    {"name", "name", FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(name), 1, 100, .help = "By default the host of the URL"},
    {"description", "description", FIELD_STRING, FIELD_TRIM, AT(description), 0, 500, .fallback = "\"\""},
    {"url", "url", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(url), 1, 2000, .pattern = WEB_URL_PATTERN,
     .example = "\"https://hooks.fern.example/parley\""},
    {"events", "events", FIELD_STRINGS, FIELD_REQUIRED, AT(events), 1, 20, .item_high = 50, .choices = "*|" EVENTS,
     .example = "[\"message.sent\"]", .help = "Names of events, or * alone for all",
     .shape = "\"uniqueItems\":true,\"anyOf\":[{\"maxItems\":1},{\"items\":{\"not\":{\"const\":\"*\"}}}]"},
    {"chatbotId", "chatbot_id", FIELD_STRING, FIELD_NULL | FIELD_TRIM | FIELD_LINE, AT(chatbot_id), 1, 100,
     .help = "Events of one chatbot only; null: of the whole brand"},
    {"secret", NULL, FIELD_STRING, FIELD_SKIP_NULL, AT(secret), 16, 200, .valid = secret_valid,
     .pattern_help = "visible ASCII; behind whsec_ base64 of 24 to 64 bytes",
     .pattern = "^((?!whsec_)[!-~]{16,200}|whsec_([A-Za-z0-9+/]{4}){8,21})$",
     .help = "Shown only when it is made; whsec_ and 32 random bytes by default"},
    {"secretHint", "secret_hint", FIELD_STRING, FIELD_READONLY, AT(secret_hint)},
    {"headers", "headers", FIELD_JSON, FIELD_SECRET, AT(headers), 0, 10, .item_high = 100, .bytes = 16384, .depth = 1,
     .fallback = "{}", .example = "{\"X-Team\":\"shop\"}", .help = "Sent along; values are never shown again",
     .shape =
         "\"propertyNames\":{\"maxLength\":100,\"pattern\":\"^(?!([Hh][Oo][Ss][Tt]|[Cc][Oo][Nn][Nn][Ee][Cc][Tt][Ii][Oo]"
         "[Nn]|"
         "[Tt][Rr][Aa][Nn][Ss][Ff][Ee][Rr]-[Ee][Nn][Cc][Oo][Dd][Ii][Nn][Gg]|[Uu][Ss][Ee][Rr]-[Aa][Gg][Ee][Nn][Tt])$|"
         "[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-|[Ww][Ee][Bb][Hh][Oo][Oo][Kk]-|[Xx]-[Cc][Hh][Aa][Tt][Bb][Oo][Tt][Ss]-)"
         "[!#$%&'*+.^_`|~0-9A-Za-z-]+$\"},\"additionalProperties\":{\"type\":\"string\",\"maxLength\":1000,"
         "\"pattern\":\"^[\\\\t -~]*$\"}"},
    {"active", "active", FIELD_BOOL, 0, AT(active), .fallback = "true"},
    {"disabledReason", "disabled_reason", FIELD_STRING, FIELD_READONLY, AT(disabled_reason)},
    {"retryConfig", "retry_config", FIELD_OBJECT, FIELD_NULL, AT(retry_config), .model = &retry_model,
     .help = "null: the standard schedule"},
    {"filterConfig", "filter_config", FIELD_OBJECT, 0, AT(filter_config), .model = &filter_model},
    {"ordering", "ordering", FIELD_STRING, 0, AT(ordering), 1, 20, .fallback = "\"conversation\"",
     .choices = "conversation|none", .help = "conversation: deliveries of one conversation go one after the other"},
    {"createdBy", "created_by", FIELD_STRING, FIELD_READONLY, AT(created_by)},
    {"stats", NULL, FIELD_OBJECT, FIELD_READONLY, AT(stats), .model = &webhook_stats_model},
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},
    {"sealedSecret", "secret", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(sealed_secret)},
    {"oldSecret", "old_secret", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(old_secret)},
    {"oldSecretUntil", "old_secret_until", FIELD_TIME, FIELD_READONLY | FIELD_HIDDEN, AT(old_secret_until)},
    {"headerValues", "header_values", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(header_values)},
};
const struct model webhook_model = {"Webhook",
                                    "webhooks",
                                    sizeof(struct webhook),
                                    MODEL_FIELDS(webhook_fields),
                                    .order = "created_at DESC, id DESC",
                                    .check = check_webhook};
#undef AT

static const struct field rotation_fields[] = {
    {"overlapHours", NULL, FIELD_INT, 0, FIELD_AT(struct webhook_rotation, overlap_hours), 0, 168, .fallback = "24",
     .help = "For how long the old secret signs too"},
};
const struct model webhook_rotation_model = {"WebhookRotation", NULL, sizeof(struct webhook_rotation),
                                             MODEL_FIELDS(rotation_fields)};

#define AT(member) FIELD_AT(struct webhook_replay, member)
static const struct field replay_fields[] = {
    {"from", NULL, FIELD_TIME, 0, AT(from)},
    {"to", NULL, FIELD_TIME, 0, AT(to)},
    {"status", NULL, FIELD_STRING, 0, AT(status), 1, 10, .fallback = "\"failed\"", .choices = "failed|all"},
};
const struct model webhook_replay_model = {"WebhookReplay", NULL, sizeof(struct webhook_replay),
                                           MODEL_FIELDS(replay_fields), .check = check_replay};
#undef AT

#define AT(member) FIELD_AT(struct attempt, member)
static const struct field attempt_fields[] = {
    {"id", NULL, FIELD_STRING, FIELD_READONLY, AT(id)},
    {"at", NULL, FIELD_TIME, FIELD_READONLY, AT(at)},
    {"statusCode", NULL, FIELD_INT, FIELD_READONLY, AT(status_code), .help = "null: no answer came"},
    {"duration", NULL, FIELD_INT, FIELD_READONLY, AT(duration), .help = "ms"},
    {"error", NULL, FIELD_STRING, FIELD_READONLY, AT(error)},
    {"responseExcerpt", NULL, FIELD_STRING, FIELD_READONLY, AT(excerpt)},
};
const struct model attempt_model = {"DeliveryAttempt", NULL, sizeof(struct attempt), MODEL_FIELDS(attempt_fields)};
#undef AT

#define AT(member) FIELD_AT(struct delivery, member)
static const struct field delivery_fields[] = {
    {"id", NULL, FIELD_STRING, FIELD_READONLY, AT(id)},
    {"webhookId", NULL, FIELD_STRING, FIELD_READONLY, AT(webhook_id)},
    {"eventId", NULL, FIELD_STRING, FIELD_READONLY, AT(event_id)},
    {"event", NULL, FIELD_STRING, FIELD_READONLY, AT(event)},
    {"status", NULL, FIELD_STRING, FIELD_READONLY, AT(status), .help = "pending, delivered, failed, cancelled"},
    {"attempts", NULL, FIELD_OBJECTS, FIELD_READONLY, AT(attempts), 0, 1000, .model = &attempt_model, .fallback = "[]"},
    {"nextAttemptAt", NULL, FIELD_TIME, FIELD_READONLY, AT(next_at)},
    {"payload", NULL, FIELD_JSON, FIELD_READONLY, AT(payload), .help = "As it is sent"},
    {"createdAt", NULL, FIELD_TIME, FIELD_READONLY, AT(created_at)},
};
const struct model delivery_model = {"Delivery", NULL, sizeof(struct delivery), MODEL_FIELDS(delivery_fields)};
#undef AT

// ---- filters -------------------------------------------------------------------------------------------------------

static bool same_scalar(yyjson_val *a, yyjson_val *b)
{
    if (yyjson_is_num(a) && yyjson_is_num(b))
        return yyjson_get_num(a) == yyjson_get_num(b);
    return yyjson_equals(a, b);
}

bool webhook_matches(struct arena *arena, struct str conditions, yyjson_val *(*value)(void *arg, struct str path),
                     void *arg)
{
    yyjson_val *wanted = NULL, *key, *want;
    size_t i, max;
    if (conditions.n <= 2 || json_parse(arena, conditions, 0, &wanted, NULL) != 0)
        return true;
    yyjson_obj_foreach(wanted, i, max, key, want)
    {
        yyjson_val *got = value(arg, json_str(key));
        if (!got || !same_scalar(got, want))
            return false;
    }
    return true;
}
