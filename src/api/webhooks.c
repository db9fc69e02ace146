// SPDX-License-Identifier: Apache-2.0
// Webhooks (003-platform 14.1): a plain resource with secrets. Secrets and header values are sealed under the webhook's
// id; what its row shows of them is a hint and a mask. webhook_deliveries.c has what was delivered.
#include "api/webhooks.h"

#include "api/access.h"
#include "base/clock.h"
#include "base/id.h"
#include "jobs/webhooks.h"
#include "store/chatbot.h"
#include "store/crud.h"
#include "store/job.h"

enum { WEBHOOKS_MOST = 20, HOUR_MS = 3600000, UNREAD_MOST = 1024 };

static const struct loc body_root = {NULL, STR("body"), 0};

static int fault_at(struct call *call, enum fault_code code, const char *field, const char *text)
{
    struct loc at = {&body_root, str_from(field), 0};
    fault_add(call->faults, code, &at, NULL, 0, text);
    return ERR_INVALID;
}

// ---- who may --------------------------------------------------------------------------------------------------------

// What a webhook hangs on may be named by its body, so the table of rights is applied to the row that would be written:
// X on its chatbot, A for the brand, S for the installation.
static int check_rights(struct tx *tx, struct call *call, struct webhook *row, struct err *err)
{
    struct chatbot chatbot;
    if (str_eq(row->scope, STR("installation")))
        return call->role == ROLE_SUPER_ADMIN ? 0 : err_set(err, ERR_DENIED, "Only super_admin may do this");
    if (!model_has(&webhook_model, row, "chatbotId"))
        return call->role >= ROLE_ADMIN ? 0 : err_set(err, ERR_DENIED, "You are not allowed to do this");
    int rc = id_valid(row->chatbot_id) ? chatbot_get(tx, call->arena, row->chatbot_id, &chatbot, err) : 0;
    if (rc < 0)
        return rc;
    bool creator = rc && str_eq(chatbot.created_by, call->caller.user.id);
    if (!rc || model_has(&chatbot_model, &chatbot, "deletedAt") ||
        !(creator || chatbot.is_public || call->role >= ROLE_ADMIN))
        return fault_at(call, FAULT_REFERENCE, "chatbotId", "a chatbot of this brand");
    return call->role >= rights[WHO_OUTSIDE].least || (creator && call->role >= rights[WHO_OUTSIDE].creator)
               ? 0
               : err_set(err, ERR_DENIED, "You are not allowed to do this");
}

// A row of the installation is its own kind of object: who is no super_admin does not see it.
bool webhook_may_see(struct call *call)
{
    const struct webhook *webhook = call->object;
    if (!str_eq(webhook->scope, STR("installation")) || call->role == ROLE_SUPER_ADMIN)
        return true;
    call_error(call, 404, "Not found");
    return false;
}

// ---- secrets -------------------------------------------------------------------------------------------------------

static struct str seal(const struct call *call, struct str id, struct str plain)
{
    return crypto_base64(call->arena, crypto_seal(call->app->keys, call->arena, id, plain));
}

static struct str unseal(const struct call *call, struct str id, struct str sealed)
{
    struct str bytes, plain;
    if (!sealed.n || crypto_base64_decode(call->arena, sealed, &bytes) != 0 ||
        crypto_open(call->app->keys, call->arena, id, bytes, &plain) != 0)
        return STR_NULL;
    return plain;
}

static void set_secret(struct call *call, struct webhook *row, struct str secret)
{
    const struct model *m = &webhook_model;
    size_t hint = secret.n < 4 ? secret.n : 4;
    row->secret = secret;
    row->secret_hint = (struct str){secret.p + secret.n - hint, hint};
    row->sealed_secret = seal(call, row->id, secret);
    model_mark(m, row, "secret", true);
    model_mark(m, row, "secretHint", true);
    model_mark(m, row, "sealedSecret", true);
    model_mark(m, row, "oldSecret", false);
    model_mark(m, row, "oldSecretUntil", false);
}

static struct str new_secret(struct arena *arena)
{
    char bytes[32];
    crypto_random(bytes, sizeof bytes);
    struct str text = arena_strf(arena, "whsec_%s", crypto_base64(arena, (struct str){bytes, sizeof bytes}).p);
    crypto_wipe(bytes, sizeof bytes);
    return text;
}

static struct str value_of(yyjson_val *fields, struct str name)
{
    size_t i, max;
    yyjson_val *key, *value;
    if (!fields)
        return STR_NULL;
    yyjson_obj_foreach(fields, i, max, key, value) if (str_eq_nocase(json_str(key), name)) return json_str(value);
    return STR_NULL;
}

// Seals the values and leaves the mask in their place; a mask that comes back stands for the value that was there.
static int seal_headers(struct call *call, const struct webhook *old, struct webhook *row)
{
    struct arena *arena = call->arena;
    yyjson_val *given = NULL, *before = NULL, *key, *item;
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *plain = yyjson_mut_obj(doc), *masked = yyjson_mut_obj(doc);
    struct str stored = old ? unseal(call, old->id, old->header_values) : STR_NULL;
    size_t i, max;
    if (json_parse(arena, row->headers, 0, &given, NULL) != 0 ||
        (stored.n && json_parse(arena, stored, 0, &before, NULL) != 0))
        return ERR_INTERNAL;
    yyjson_obj_foreach(given, i, max, key, item)
    {
        struct str value = json_str(item), known = value_of(before, json_str(key));
        const char *name = arena_cstr(arena, json_str(key));
        json_add_str(doc, plain, name, str_eq(value, STR(WEBHOOK_MASK)) && known.p ? known : value);
        json_add_cstr(doc, masked, name, WEBHOOK_MASK);
    }
    bool any = yyjson_mut_obj_size(plain) > 0;
    row->header_values = any ? seal(call, row->id, json_write(arena, plain)) : STR_NULL;
    row->headers = json_write(arena, masked);
    model_mark(&webhook_model, row, "headerValues", any);
    return 0;
}

// ---- the resource --------------------------------------------------------------------------------------------------

static int check_quota(struct tx *tx, struct err *err)
{
    int64_t n = 0;
    int rc = crud_count(tx, &webhook_model, NULL, &n, err);
    return rc || n < WEBHOOKS_MOST ? rc : err_set(err, ERR_LIMIT, "At most %d webhooks are possible", WEBHOOKS_MOST);
}

static int check_url(struct call *call, struct webhook *row)
{
    struct err why = {0};
    struct url url;
    int rc = outbound_check(call->app->outbound, OUTBOUND_SERVICE, row->url, &why);
    if (rc)
        return fault_at(call, rc == ERR_DENIED ? FAULT_ADDRESS : FAULT_FORM, "url", "an http or https URL");
    if (!model_has(&webhook_model, row, "name") && url_parse(row->url, &url, NULL) == 0) {
        struct str host = {url.host, strlen(url.host) < 100 ? strlen(url.host) : 100};
        row->name = arena_str(call->arena, host);
        model_mark(&webhook_model, row, "name", true);
    }
    return 0;
}

static int before(struct tx *tx, struct call *call, const void *was, void *is, struct err *err)
{
    const struct webhook *old = was;
    struct webhook *row = is;
    int rc = old ? 0 : check_quota(tx, err);
    rc = rc ? rc : check_rights(tx, call, row, err);
    if (!rc && (!old || !str_eq(old->url, row->url)))
        rc = check_url(call, row);
    if (!rc && (!old || !str_eq(old->headers, row->headers)))
        rc = seal_headers(call, old, row);
    if (rc)
        return rc;
    if (!old) {
        row->created_by = call->caller.user.id;
        model_mark(&webhook_model, row, "createdBy", row->created_by.n);
    }
    bool given = model_has(&webhook_model, row, "secret");
    if (!old || (given && !str_eq(row->secret, unseal(call, old->id, old->sealed_secret))))
        set_secret(call, row, given ? row->secret : new_secret(call->arena));
    if (old)
        model_mark(&webhook_model, row, "secret", false); // shown when it is made
    if (row->active)
        model_mark(&webhook_model, row, "disabledReason", false);
    return 0;
}

static int after(struct tx *tx, struct call *call, const void *was, const void *is, struct err *err)
{
    const struct webhook *old = was, *row = is;
    if (!row) { // its deliveries may be a million
        struct str payload = arena_strf(call->arena, "{\"webhookId\":\"" STR_FMT "\"}", STR_ARG(old->id));
        return job_insert(tx, "webhook.erase", payload, clock_wall_ms(), err);
    }
    bool now_active = row->active && (!old || !old->active);
    return now_active ? webhook_activated(tx, row->id, clock_wall_ms(), err) : 0;
}

static int complete(struct tx *tx, struct call *call, void *is, bool one, struct err *err)
{
    struct webhook *row = is;
    (void)one;
    row->brand_id = call->scope.brand;
    int rc = webhook_stats_get(tx, row->id, &row->stats, err);
    model_mark(&webhook_model, row, "brandId", true);
    model_mark(&webhook_model, row, "stats", true);
    return rc < 0 ? rc : 0;
}

const struct resource webhook_resource = {
    .kind = "webhook",
    .title = "Webhook",
    .model = &webhook_model,
    .before = before,
    .after = after,
    .complete = complete,
};

// ---- making and listing --------------------------------------------------------------------------------------------

struct make {
    struct call *call;
    struct webhook row;
};

static int make(struct tx *tx, void *arg, struct err *err)
{
    struct make *m = arg;
    m->call->faults->n = 0;
    m->row = *(const struct webhook *)m->call->body; // as it came: the hooks change it
    int rc = resource_insert(tx, m->call, &webhook_resource, &m->row, err);
    return rc ? rc : complete(tx, m->call, &m->row, true, err);
}

static void post(struct call *call)
{
    struct make m = {.call = call};
    if (!call_failed(call, call_store_write(call, make, &m)))
        resource_reply(call, 201, &webhook_resource, &m.row);
}

struct listing {
    struct call *call;
    struct str event;
    bool has_active, active;
    struct webhook *at;
    size_t n;
    struct page page;
};

static bool listed(const struct listing *l, const struct webhook *w)
{
    bool event = !l->event.p;
    for (size_t i = 0; i < w->events.n && !event; i++)
        event = str_eq(w->events.at[i], l->event) || str_eq(w->events.at[i], STR("*"));
    bool own = !str_eq(w->scope, STR("installation")) || l->call->role == ROLE_SUPER_ADMIN;
    bool chatbot = !l->call->chatbot || str_eq(w->chatbot_id, l->call->chatbot->id);
    return event && own && chatbot && (!l->has_active || w->active == l->active);
}

// A brand has few: they are filtered and cut into pages here.
static int load(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    void *rows;
    size_t n, from = (size_t)page_offset(&l->page);
    int rc = crud_rows(tx, &webhook_model, l->call->arena, NULL, -1, 0, &rows, &n, err);
    l->at = rows;
    l->page.total = 0;
    l->n = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        if (!listed(l, &l->at[i]))
            continue;
        if ((size_t)l->page.total++ < from || l->n == (size_t)l->page.limit)
            continue;
        l->at[l->n] = l->at[i];
        rc = complete(tx, l->call, &l->at[l->n++], false, err);
    }
    return rc;
}

static void list(struct call *call)
{
    struct listing l = {.call = call, .event = call_query_text(call, "event"), .page = call_page(call, 100)};
    l.has_active = call_query_bool(call, "active", &l.active);
    if (call_failed(call, call_store_read(call, load, &l)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *rows = yyjson_mut_arr(doc);
    for (size_t i = 0; i < l.n; i++)
        (void)yyjson_mut_arr_append(rows, resource_json(call, doc, &webhook_resource, &l.at[i], false));
    call_list(call, doc, rows, &l.page);
}

static void list_events(struct call *call)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *names = yyjson_mut_arr(doc);
    struct str rest = str_from(webhook_event_names);
    while (rest.p)
        (void)yyjson_mut_arr_append(names, json_new_str(doc, str_split(&rest, '|')));
    call_data(call, 200, NULL, doc, names);
}

// ---- one -----------------------------------------------------------------------------------------------------------

static int drop(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    struct webhook old;
    int rc = resource_load(tx, call->arena, &webhook_resource, resource_id(&webhook_resource, call->object), &old, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Webhook not found");
    return resource_delete(tx, call, &webhook_resource, &old, err);
}

static void drop_one(struct call *call)
{
    if (!call_failed(call, call_store_write(call, drop, call)))
        call_no_content(call);
}

struct rotation {
    struct call *call;
    struct webhook row;
    int64_t until;
};

static int rotate(struct tx *tx, void *arg, struct err *err)
{
    struct rotation *r = arg;
    struct call *call = r->call;
    const struct webhook_rotation *body = call->body;
    struct webhook old;
    int rc = resource_load(tx, call->arena, &webhook_resource, resource_id(&webhook_resource, call->object), &old, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Webhook not found");
    r->row = old;
    set_secret(call, &r->row, new_secret(call->arena));
    r->until = body->overlap_hours ? clock_wall_ms() + body->overlap_hours * HOUR_MS : 0;
    r->row.old_secret = old.sealed_secret;
    r->row.old_secret_until = r->until;
    model_mark(&webhook_model, &r->row, "oldSecret", r->until);
    model_mark(&webhook_model, &r->row, "oldSecretUntil", r->until);
    struct str secret = r->row.secret;
    model_mark(&webhook_model, &r->row, "secret", false);
    rc = resource_save(tx, call, &webhook_resource, &old, &r->row, NULL, err);
    r->row.secret = secret;
    return rc;
}

static void regenerate(struct call *call)
{
    struct rotation r = {.call = call};
    if (call_failed(call, call_store_write(call, rotate, &r)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "secret", r.row.secret);
    json_add_time(doc, data, "previousValidUntil", r.until);
    call_data(call, 200, NULL, doc, data);
}

// ---- trying it -----------------------------------------------------------------------------------------------------

static void on_tested(void *arg, int rc, const struct attempt *attempt, struct str delivery_id)
{
    struct call *call = arg;
    if (rc) {
        call_unavailable(call->req, call->endpoint->surface, "Too many tests are running");
        return;
    }
    bool ok = attempt->set >> 2 & 1 && attempt->status_code >= 200 && attempt->status_code < 300;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc), *delivery = yyjson_mut_obj(doc);
    json_add_str(doc, delivery, "id", arena_str(call->arena, delivery_id));
    json_add_bool(doc, delivery, "success", ok);
    if (attempt->status_code)
        json_add_int(doc, delivery, "statusCode", attempt->status_code);
    else
        json_add_null(doc, delivery, "statusCode");
    json_add_int(doc, delivery, "duration", attempt->duration);
    json_add_str(doc, delivery, "error", arena_str(call->arena, attempt->error));
    json_add_bool(doc, data, "success", ok);
    json_add(doc, data, "delivery", delivery);
    call_data(call, 200, NULL, doc, data);
}

// The receiver may take its time: no worker waits for it.
static void test(struct call *call)
{
    struct call *kept = arena_alloc(call->arena, sizeof *kept);
    *kept = *call;
    kept->brand = NULL; // goes with the worker
    http_keep(call->req, NULL, NULL);
    webhooks_test(call->app->webhooks, kept->scope.brand, kept->object, on_tested, kept);
}

#define WEBHOOKS .surface = &surface_platform, .tag = "Webhooks", .limit = &LIMIT_MANAGEMENT, .family = "webhooks"
#define WEBHOOK WEBHOOKS, .who = WHO_OUTSIDE, .resource = &webhook_resource, .before_body = webhook_may_see
static const struct parameter list_query[] = {
    {"active", "boolean", "Only those that are, or are not"},
    {"event", "string", "Only those that get it", 0, 0, webhook_event_names},
    {"chatbotId", "string", "Only those of this chatbot"},
};
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/webhooks", WEBHOOKS, .who = WHO_OUTSIDE,
     .summary = "Webhooks of the brand (A), or with chatbotId of a chatbot (X), newest first", .reply = &webhook_model,
     .flags = ENDPOINT_PAGED | ENDPOINT_CHATBOT_QUERY, .query = list_query, .n_query = 3, .run = list},
    {HTTP_POST, "/api/v1/webhooks", WEBHOOKS, .who = WHO_OUTSIDE,
     .summary = "Make a webhook: with chatbotId X, for the brand A, for the installation S; the reply shows its secret",
     .body = &webhook_model, .reply = &webhook_model, .flags = ENDPOINT_CREATED | ENDPOINT_CHATBOT_BODY, .run = post},
    {HTTP_GET, "/api/v1/webhooks/events", WEBHOOKS, .who = WHO_USER, .summary = "Names of events",
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":[\"message.received\",\"message.sent\"]}",
     .run = list_events},
    {HTTP_GET, "/api/v1/webhooks/{id}", WEBHOOK, .summary = "One webhook", .reply = &webhook_model,
     .run = resource_read},
    {HTTP_PUT, "/api/v1/webhooks/{id}", WEBHOOK, .summary = "Change a webhook; what is not given stays",
     .body = &webhook_model, .flags = ENDPOINT_PATCH, .reply = &webhook_model, .run = resource_update},
    {HTTP_DELETE, "/api/v1/webhooks/{id}", WEBHOOK, .summary = "Delete a webhook with all that waits",
     .flags = ENDPOINT_NO_CONTENT, .run = drop_one},
    {HTTP_POST, "/api/v1/webhooks/{id}/regenerate-secret", WEBHOOK,
     .summary = "A new secret; the old one signs too for a while", .body = &webhook_rotation_model,
     .flags = ENDPOINT_NO_BODY_NEEDED,
     .reply_example =
         "{\"status\":\"success\",\"success\":true,\"data\":{\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
         "x0A1b2C3d4E=\",\"previousValidUntil\":\"2026-11-21T09:23:30.000Z\"}}",
     .run = regenerate},
    {HTTP_POST, "/api/v1/webhooks/{id}/test", WEBHOOK, .summary = "Send one webhook.test now", .max_body = UNREAD_MOST,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":{\"success\":true,\"delivery\":{\"id\":"
                      "\"0198c0e0-000e-7000-8000-"
                      "000000000001\",\"success\":true,\"statusCode\":200,\"duration\":41,\"error\":null}}}",
     .run = test},
};

struct endpoints webhooks_endpoints(void)
{
    return ENDPOINTS(rows);
}
