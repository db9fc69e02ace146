// SPDX-License-Identifier: Apache-2.0
// From an event to its deliveries, and what webhooks count. delivery.c has what becomes of a delivery.
#include "store/webhook.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/vec.h"

#include <stdlib.h>

// In the order of their keys: two that lock several rows do it in one order.
STORE_SQL(webhook_listeners, "SELECT brand_id, id, events, chatbot_id, filter_config, ordering FROM webhooks "
                             "WHERE brand_id = $1 AND active = 1 UNION ALL "
                             "SELECT brand_id, id, events, chatbot_id, filter_config, ordering FROM webhooks "
                             "WHERE scope = 'installation' AND active = 1 AND brand_id <> $1 ORDER BY 1, 2");
STORE_SQL_ALL(webhook_counts_one,
              "UPDATE webhooks SET total = total + 1, due_at = CASE WHEN due_at IS NULL OR due_at > $3 THEN "
              "CASE WHEN hold_until > $3 THEN hold_until ELSE $3 END ELSE due_at END "
              "WHERE brand_id = $1 AND id = $2 AND active = 1");
STORE_SQL_ALL(delivery_insert,
              "INSERT INTO deliveries (brand_id, id, webhook_id, event_brand_id, event_id, event, chatbot_id, line, "
              "sequence, status, next_at, created_at) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', "
              "CASE WHEN EXISTS (SELECT 1 FROM deliveries WHERE brand_id = $1 AND webhook_id = $3 AND line = $8 "
              "AND status = 'pending') THEN NULL ELSE CAST($10 AS BIGINT) END, CAST($10 AS BIGINT)");
STORE_SQL_ALL(delivery_queued, "INSERT INTO delivery_counts (brand_id, webhook_id, event, status, n) VALUES ($1, $2, $3, "
                               "'pending', 1) ON CONFLICT (brand_id, webhook_id, event, status) DO UPDATE SET "
                               "n = delivery_counts.n + 1");
STORE_SQL(webhook_stats_row, "SELECT total, succeeded, failed, total - succeeded - failed - cancelled, "
                             "last_attempt_at, last_success_at, last_failure_at FROM webhooks WHERE brand_id = $1 "
                             "AND id = $2");
STORE_SQL(webhook_go_on, "UPDATE webhooks SET active_since = $3, hold_until = 0, given_up = 0, due_at = $3 "
                         "WHERE brand_id = $1 AND id = $2");

// ---- the payload ---------------------------------------------------------------------------------------------------

struct str webhook_message_id(struct arena *arena, struct str event_id)
{
    AUTO_BUF struct buf out = BUF_INIT(64);
    buf_addz(&out, "msg_");
    for (size_t i = 0; i < event_id.n; i++)
        if (event_id.p[i] != '-')
            buf_addc(&out, event_id.p[i]);
    return arena_str(arena, buf_str(&out));
}

struct str webhook_payload(struct arena *arena, struct str brand, const struct event *event)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_str(doc, root, "id", webhook_message_id(arena, event->id));
    json_add_str(doc, root, "type", event->name);
    json_add_str(doc, root, "event", event->name);
    json_add_time(doc, root, "timestamp", event->at);
    json_add_str(doc, root, "brandId", brand);
    json_add_int(doc, root, "sequence", event->sequence);
    json_add(doc, root, "data", json_new_raw(doc, event->data));
    return json_write(arena, root);
}

// ---- fan-out -------------------------------------------------------------------------------------------------------

struct listener {
    struct str brand, id;
    bool ordered;
};

struct fan_out {
    struct arena *arena;
    struct str brand;
    const struct event *event;
    yyjson_val *payload; // parsed when the first listener's rules ask for it
};

static yyjson_val *payload_of(struct fan_out *f)
{
    if (!f->payload && json_parse(f->arena, webhook_payload(f->arena, f->brand, f->event), 0, &f->payload, NULL) != 0)
        f->payload = NULL;
    return f->payload;
}

static yyjson_val *value_at(void *arg, struct str path)
{
    struct fan_out *f = arg;
    yyjson_val *at = payload_of(f);
    for (struct str rest = path; rest.p && at;)
        at = json_get(at, arena_cstr(f->arena, str_split(&rest, '.')));
    return at;
}

static bool wants(struct fan_out *f, struct str events, struct str chatbot, struct str filter)
{
    struct strings names;
    struct filter_config config = {0};
    bool named = false;
    strings_load(f->arena, events, &names);
    for (size_t i = 0; i < names.n && !named; i++)
        named = str_eq(names.at[i], f->event->name) || str_eq(names.at[i], STR("*"));
    if (!named)
        return false;
    if (chatbot.p && !str_eq(json_str(value_at(f, STR("data.chatbotId"))), chatbot))
        return false;
    yyjson_val *stored = NULL;
    if (filter.n && json_parse(f->arena, filter, 0, &stored, NULL) == 0 && json_get(stored, "conditions"))
        config.conditions = json_write_val(f->arena, json_get(stored, "conditions"));
    return webhook_matches(f->arena, config.conditions, value_at, f);
}

static int deliver(struct tx *tx, struct fan_out *f, const struct listener *to, struct err *err)
{
    const struct event *event = f->event;
    int64_t changed = 0;
    char id[ID_SIZE];
    int rc = tx_exec(tx, &webhook_counts_one, VALUES(v_str(to->brand), v_str(to->id), v_int(event->at)), &changed, err);
    if (rc || !changed)
        return rc;
    id_v7(id);
    struct str line = to->ordered ? event->conversation_id : STR_NULL;
    rc = tx_exec(tx, &delivery_queued, VALUES(v_str(to->brand), v_str(to->id), v_str(event->name)), NULL, err);
    if (rc)
        return rc;
    return tx_exec(tx, &delivery_insert,
                   VALUES(v_str(to->brand), v_cstr(id), v_str(to->id), v_str(f->brand), v_str(event->id),
                          v_str(event->name), v_str(json_str(value_at(f, STR("data.chatbotId")))), v_str(line),
                          v_int(event->sequence), v_int(event->at)),
                   NULL, err);
}

int webhook_fan_out(struct tx *tx, const struct event *event, struct err *err)
{
    struct fan_out f = {tx_arena(tx), tx_scope(tx)->brand, event, NULL};
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct listener) listeners = {0};
    int rc = tx_query(tx, &webhook_listeners, NO_VALUES, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        rc = 0;
        if (!wants(&f, rows_str(rows, 2), rows_str(rows, 3), rows_str(rows, 4)))
            continue;
        struct listener one = {arena_str(f.arena, rows_str(rows, 0)), arena_str(f.arena, rows_str(rows, 1)),
                               str_eq(rows_str(rows, 5), STR("conversation"))};
        vec_add(&listeners, one);
    }
    for (size_t i = 0; i < listeners.n && !rc; i++)
        rc = deliver(tx, &f, &listeners.at[i], err);
    if (listeners.n && !rc)
        tx_changed(tx, CHANGE_WEBHOOK, STR_NULL);
    vec_done(&listeners);
    return rc;
}

// ---- rows of a webhook ---------------------------------------------------------------------------------------------

int webhook_stats_get(struct tx *tx, struct str id, struct webhook_stats *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &webhook_stats_row, VALUES(v_str(id)), &rows, err);
    if (rc != 1)
        return rc;
    int64_t *const at[] = {&ret->total,        &ret->succeeded,    &ret->failed,      &ret->pending,
                           &ret->last_attempt, &ret->last_success, &ret->last_failure};
    ret->set = 0;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        *at[i] = rows_is_null(rows, i) ? 0 : rows_int(rows, i);
        ret->set |= (uint64_t)!rows_is_null(rows, i) << i;
    }
    return 1;
}

int webhook_activated(struct tx *tx, struct str id, int64_t now, struct err *err)
{
    tx_changed(tx, CHANGE_WEBHOOK, id);
    return tx_exec(tx, &webhook_go_on, VALUES(v_str(id), v_int(now)), NULL, err);
}
