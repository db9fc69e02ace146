// SPDX-License-Identifier: Apache-2.0
// What was delivered to a webhook, attempt by attempt, and sending it again.
#include "api/webhooks.h"

#include "base/clock.h"
#include "base/id.h"

enum {
    UNREAD_MOST = 1024, // of bodies that say nothing
    REPLAY_STEP = 500,
};

struct ask {
    struct call *call;
    struct delivery_filter filter;
    struct page page;
    struct delivery *at;
    size_t n;
    bool failed_only;
    struct strings ended; // ids to send again
    size_t done;          // of them
    int64_t queued;       // by the last step
};

static struct str webhook_id(const struct ask *a)
{
    return ((const struct webhook *)a->call->object)->id;
}

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct ask *a = arg;
    return delivery_list(tx, a->call->arena, webhook_id(a), &a->filter, a->page.limit, page_offset(&a->page), &a->at,
                         &a->n, &a->page.total, err);
}

static void list(struct call *call)
{
    struct ask a = {.call = call,
                    .filter = {.status = call_query_text(call, "status"),
                               .event = call_query_text(call, "event"),
                               .from = call_query_time(call, "from", 0),
                               .to = call_query_time(call, "to", INT64_MAX)},
                    .page = call_page(call, 100)};
    if (call_failed(call, call_store_read(call, load, &a)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    call_list(call, doc, objects_json(&delivery_model, doc, &(struct objects){a.at, a.n}), &a.page);
}

static bool name_one(struct ask *a)
{
    struct str id = http_param(a->call->req, "deliveryId");
    a->filter = (struct delivery_filter){.id = arena_lower(a->call->arena, id), .to = INT64_MAX};
    a->page = (struct page){1, 1, 0};
    if (id_valid(id))
        return true;
    call_error(a->call, 404, "Not found");
    return false;
}

static void reply_one(struct ask *a, int status)
{
    yyjson_mut_doc *doc = call_doc(a->call);
    if (a->n)
        call_data(a->call, status, NULL, doc, model_encode(&delivery_model, doc, a->at));
    else
        call_error(a->call, 404, "Not found");
}

static void read_one(struct call *call)
{
    struct ask a = {.call = call};
    if (name_one(&a) && !call_failed(call, call_store_read(call, load, &a)))
        reply_one(&a, 200);
}

static int find_ended(struct tx *tx, void *arg, struct err *err)
{
    struct ask *a = arg;
    return delivery_ended_list(tx, a->call->arena, webhook_id(a), &a->filter, a->failed_only, &a->ended, err);
}

static int again(struct tx *tx, void *arg, struct err *err)
{
    struct ask *a = arg;
    struct strings part = {a->ended.at + a->done,
                           a->ended.n - a->done < REPLAY_STEP ? a->ended.n - a->done : REPLAY_STEP};
    return delivery_replay(tx, webhook_id(a), &part, a->failed_only, clock_wall_ms(), &a->queued, err);
}

// Looked for in a read and written in steps: others' writes wait for none of it long.
static bool replay_all(struct ask *a, int64_t *ret_queued)
{
    struct call *call = a->call;
    bool failed = call_failed(call, call_store_read(call, find_ended, a));
    for (*ret_queued = 0; a->done < a->ended.n && !failed; a->done += REPLAY_STEP) {
        failed = call_failed(call, call_store_write(call, again, a));
        *ret_queued += failed ? 0 : a->queued;
    }
    return !failed;
}

static void replay_one(struct call *call)
{
    struct ask a = {.call = call};
    int64_t queued;
    if (name_one(&a) && replay_all(&a, &queued) && !call_failed(call, call_store_read(call, load, &a)))
        reply_one(&a, 202);
}

static void replay(struct call *call)
{
    const struct webhook_replay *body = call->body;
    struct ask a = {.call = call, .failed_only = str_eq(body->status, STR("failed"))};
    int64_t queued;
    a.filter.from = body->set & 1 ? body->from : 0;
    a.filter.to = body->set & 2 ? body->to : INT64_MAX;
    if (!replay_all(&a, &queued))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_int(doc, data, "queued", queued);
    call_data(call, 202, NULL, doc, data);
}

#define DELIVERIES                                                                                                     \
    .surface = &surface_platform, .tag = "Webhooks", .limit = &LIMIT_MANAGEMENT, .family = "webhooks",                 \
    .who = WHO_OUTSIDE, .resource = &webhook_resource, .before_body = webhook_may_see
static const struct parameter list_query[] = {
    {"status", "string", "Only those in it", 0, 0, "pending|delivered|failed|cancelled"},
    {"event", "string", "Only those of it", 0, 0, webhook_event_names},
    {"from", "time", "Only those made then or later"},
    {"to", "time", "Only those made before it"},
};
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/webhooks/{id}/deliveries", DELIVERIES,
     .summary = "Deliveries of the last 30 days, newest first", .reply = &delivery_model, .flags = ENDPOINT_PAGED,
     .query = list_query, .n_query = 4, .run = list},
    {HTTP_GET, "/api/v1/webhooks/{id}/deliveries/{deliveryId}", DELIVERIES, .summary = "One delivery",
     .reply = &delivery_model, .run = read_one},
    {HTTP_POST, "/api/v1/webhooks/{id}/deliveries/{deliveryId}/replay", DELIVERIES,
     .summary = "Send it again: same id, same body", .max_body = UNREAD_MOST, .reply = &delivery_model,
     .flags = ENDPOINT_ACCEPTED, .run = replay_one},
    {HTTP_POST, "/api/v1/webhooks/{id}/replay", DELIVERIES,
     .summary = "Send many again, at most 10000: the oldest that failed, or all that ended",
     .body = &webhook_replay_model, .flags = ENDPOINT_NO_BODY_NEEDED | ENDPOINT_ACCEPTED,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":{\"queued\":3}}", .run = replay},
};

struct endpoints webhook_deliveries_endpoints(void)
{
    return ENDPOINTS(rows);
}
