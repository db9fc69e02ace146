// SPDX-License-Identifier: Apache-2.0
// Changes of a chatbot (000-management 2.1). The body is decoded over the row as it is inside the transaction, so that
// writers at once lose nothing. What it says as it was shown is no change, because a client sends back what it read: it
// is taken out of the body first.
#include "api/chatbots.h"

#include "api/brands.h"
#include "base/clock.h"
#include "model/personality.h"
#include "store/account.h"
#include "store/crud.h"
#include "store/personality.h"

static const struct loc body_root = {NULL, STR("body"), 0};

// The members of `body` that say something else than `shown`; a user as shown stands for its id.
static yyjson_mut_val *without_shown(yyjson_mut_doc *doc, yyjson_val *body, yyjson_val *shown)
{
    yyjson_mut_val *rest = yyjson_mut_obj(doc);
    yyjson_val *key, *value;
    size_t i, max;
    yyjson_obj_foreach(body, i, max, key, value)
    {
        const char *name = yyjson_get_str(key);
        yyjson_val *before = json_get(shown, name), *id = yyjson_is_obj(value) ? json_get(value, "id") : NULL;
        if (before && yyjson_equals(value, before))
            continue;
        yyjson_mut_val *kept = strcmp(name, "configuration") == 0 && yyjson_is_obj(value)
                                   ? without_shown(doc, value, before)
                                   : yyjson_val_mut_copy(doc, id && strcmp(name, "createdBy") == 0 ? id : value);
        (void)yyjson_mut_obj_add(rest, yyjson_val_mut_copy(doc, key), kept);
    }
    return rest;
}

// What the request wants changed. Not an object: as it came, and decoding says so.
static yyjson_val *changes(struct call *call, const struct chatbot *now)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_val *shown = NULL, *rest = NULL;
    if (!yyjson_is_obj(call->json) ||
        json_parse(call->arena, json_write(call->arena, chatbot_json(doc, now)), JSON_RAW_NUMBERS, &shown, NULL) != 0 ||
        json_parse(call->arena, json_write(call->arena, without_shown(doc, call->json, shown)), JSON_RAW_NUMBERS, &rest,
                   NULL) != 0)
        return call->json;
    return rest;
}

static bool same_id(const struct chatbot *a, const struct chatbot *b, const char *field)
{
    bool has = model_has(&chatbot_model, a, field);
    return has == model_has(&chatbot_model, b, field) &&
           (!has || str_eq(*(const struct str *)model_at(&chatbot_model, (void *)(uintptr_t)a, field),
                           *(const struct str *)model_at(&chatbot_model, (void *)(uintptr_t)b, field)));
}

static int check_handover(struct tx *tx, struct chatbot_work *work, struct err *err)
{
    struct call *call = work->call;
    struct loc at = {&body_root, STR("createdBy"), 0};
    struct str role;
    if (same_id(&work->old, &work->row, "createdBy"))
        return 0;
    if (call->role < ROLE_ADMIN)
        return err_set(err, ERR_DENIED, "Only an admin hands a chatbot over");
    int rc = membership_role(tx, call->arena, work->row.created_by, &role, err);
    if (rc == 0)
        fault_add(call->faults, FAULT_REFERENCE, &at, NULL, 0, "a member of the brand");
    return rc < 0 ? rc : 0;
}

static int check_personality(struct tx *tx, struct chatbot_work *work, struct err *err)
{
    struct loc at = {&body_root, STR("defaultPersonalityId"), 0};
    struct personality key = {.id = work->row.default_personality_id}, found;
    if (same_id(&work->old, &work->row, "defaultPersonalityId") || !key.id.p ||
        !model_has(&chatbot_model, &work->row, "defaultPersonalityId"))
        return 0;
    model_mark(&personality_model, &key, "id", true);
    int rc = crud_get(tx, &personality_model, work->call->arena, &key, &found, err);
    if (rc == 0 || (rc == 1 && !str_eq(found.chatbot_id, work->row.id)))
        fault_add(work->call->faults, FAULT_REFERENCE, &at, NULL, 0, "a personality of the chatbot");
    return rc < 0 ? rc : 0;
}

static int check_change(struct tx *tx, struct chatbot_work *work, yyjson_val *body, struct err *err)
{
    struct call *call = work->call;
    struct loc filters = {&body_root, STR("knowledgeSourceFilters"), 0};
    chatbot_settle_welcome(call, &body_root, body, &work->row);
    int rc = check_handover(tx, work, err);
    rc = rc ? rc : check_personality(tx, work, err);
    if (!rc && !str_eq(work->old.knowledge_filters, work->row.knowledge_filters))
        rc = chatbot_check_filters(tx, call, &work->row, &filters, err);
    return rc ? rc : call->faults->n ? ERR_INVALID : 0;
}

static int save(struct tx *tx, struct chatbot_work *work, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    struct chatbot *old = &work->old, *row = &work->row;
    struct str old_value, new_value;
    row->updated_at = clock_wall_ms();
    int rc = chatbot_save(tx, row, old->slug, err);
    if (!rc && !same_id(old, row, "defaultPersonalityId"))
        rc = personality_make_default(
            tx, row->id,
            model_has(&chatbot_model, row, "defaultPersonalityId") ? row->default_personality_id : STR_NULL,
            row->updated_at, err);
    if (rc)
        return rc;
    model_diff(&chatbot_model, arena, old, row, &old_value, &new_value);
    if (!same_id(old, row, "createdBy")) {
        old_value = chatbot_with_creator(arena, old_value, old);
        new_value = chatbot_with_creator(arena, new_value, row);
    }
    return chatbot_audit(tx, "update_chatbot_instance", row->id, old_value, new_value, err);
}

static int update(struct tx *tx, void *arg, struct err *err)
{
    struct chatbot_work *work = arg;
    struct call *call = work->call;
    int rc = chatbot_work_load(tx, work, err);
    rc = rc ? rc : chatbot_extras_load(tx, call->arena, &work->row, err);
    if (rc)
        return rc;
    struct model_input input = {.body = changes(call, &work->row)};
    work->old = work->row;
    rc = model_decode(&chatbot_model, MODEL_PATCH, &input, &work->row, call->faults);
    rc = rc ? rc : check_change(tx, work, input.body, err);
    if (!rc && !model_equal(&chatbot_model, tx_arena(tx), &work->old, &work->row))
        rc = save(tx, work, err);
    return rc ? rc : chatbot_extras_load(tx, call->arena, &work->row, err);
}

void chatbot_update(struct call *call)
{
    struct chatbot_work work = {.call = call};
    if (call_failed(call, call_store_write(call, update, &work)))
        return;
    if (work.row.is_default && str_eq(work.row.status, STR("inactive")))
        brands_closed(call->app, call->scope.brand); // its sockets, when their turns have ended
    chatbot_reply(call, 200, NULL, &work);
}
