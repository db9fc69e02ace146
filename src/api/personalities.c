// SPDX-License-Identifier: Apache-2.0
// Personalities (003-platform 5): a plain resource, and which of them is the default.
#include "api/resource.h"

#include "base/clock.h"
#include "engine/personality.h"
#include "store/personality.h"

// One default at most: a row that takes the flag takes it from the others; where the default goes, the oldest follows.
static int after(struct tx *tx, struct call *call, const void *old, const void *row, struct err *err)
{
    const struct personality *was = old, *is = row;
    const struct personality *either = is ? is : was;
    int64_t now = clock_wall_ms();
    bool had = was && was->is_default, has = is && is->is_default;
    if (had == has)
        return 0;
    if (has)
        return personality_make_default(tx, is->chatbot_id, is->id, now, err);
    struct str heir = STR_NULL;
    int rc = is ? 0 : personality_oldest(tx, call->arena, either->chatbot_id, &heir, err);
    return rc ? rc : personality_make_default(tx, either->chatbot_id, heir, now, err);
}

static const struct resource personality_resource = {
    .kind = "personality",
    .title = "Personality",
    .model = &personality_model,
    .most = 50,
    .feeds = true,
    .change = CHANGE_CHATBOT,
    .after = after,
};

// ---- the default ---------------------------------------------------------------------------------------------------

struct default_of {
    struct call *call;
    struct personality row;
    bool made;
};

static int ensure_default(struct tx *tx, void *arg, struct err *err)
{
    struct default_of *d = arg;
    struct call *call = d->call;
    const struct personality_default *body = call->body;
    int rc = personality_default_of(tx, call->arena, call->chatbot->id, &d->row, err);
    d->made = rc == 0;
    if (rc)
        return rc < 0 ? rc : 0;
    personality_default(call->arena, body->name, &d->row);
    return resource_insert(tx, call, &personality_resource, &d->row, err);
}

static void post_default(struct call *call)
{
    struct default_of d = {.call = call};
    if (!call_failed(call, call_store_write(call, ensure_default, &d)))
        resource_reply(call, d.made ? 201 : 200, &personality_resource, &d.row);
}

static int set_default(struct tx *tx, void *arg, struct err *err)
{
    struct default_of *d = arg;
    struct personality old;
    int rc = resource_reload(tx, d->call, &personality_resource, &old, err);
    if (rc)
        return rc;
    d->row = old;
    d->row.is_default = true;
    return resource_save(tx, d->call, &personality_resource, &old, &d->row, NULL, err);
}

static void make_default(struct call *call)
{
    struct default_of d = {.call = call};
    if (!call_failed(call, call_store_write(call, set_default, &d)))
        resource_reply(call, 200, &personality_resource, &d.row);
}

static void prompt_modifier(struct call *call)
{
    const struct personality *personality = call->object;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "personalityId", personality->id);
    json_add_str(doc, data, "personalityName", personality->name);
    json_add_str(doc, data, "promptModifier", personality_prompt(call->arena, personality));
    call_data(call, 200, NULL, doc, data);
}

#define PERSONALITIES                                                                                                  \
    .surface = &surface_platform, .tag = "Personalities", .who = WHO_CHANGE, .limit = &LIMIT_MANAGEMENT,               \
    .family = "personalities", .resource = &personality_resource
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/personalities", PERSONALITIES,
     .summary = "Personalities of a chatbot, oldest first", .reply = &personality_model, .flags = ENDPOINT_PAGED,
     .run = resource_list},
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/personalities", PERSONALITIES, .summary = "Make a personality",
     .body = &personality_model, .reply = &personality_model, .flags = ENDPOINT_CREATED, .run = resource_create},
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/personalities/default", PERSONALITIES,
     .summary = "The default personality, made if there is none", .body = &personality_default_model,
     .reply = &personality_model, .flags = ENDPOINT_NO_BODY_NEEDED | ENDPOINT_CREATED | ENDPOINT_EXISTS,
     .run = post_default},
    {HTTP_GET, "/api/v1/personalities/{id}", PERSONALITIES, .summary = "One personality", .reply = &personality_model,
     .run = resource_read},
    {HTTP_PUT, "/api/v1/personalities/{id}", PERSONALITIES, .summary = "Change a personality; what is not given stays",
     .body = &personality_model, .flags = ENDPOINT_PATCH, .reply = &personality_model, .run = resource_update},
    {HTTP_DELETE, "/api/v1/personalities/{id}", PERSONALITIES, .summary = "Delete a personality",
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"Personality deleted\"}",
     .run = resource_remove},
    {HTTP_POST, "/api/v1/personalities/{id}/default", PERSONALITIES, .summary = "Make it the default",
     .reply = &personality_model, .run = make_default},
    {HTTP_GET, "/api/v1/personalities/{id}/prompt-modifier", PERSONALITIES,
     .summary = "The lines that it adds to the prompt",
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":{\"personalityId\":\"0198c0e0-0002-7000-8000-"
                      "000000000001\",\"personalityName\":\"Coach\",\"promptModifier\":\"Personality: Coach\"}}",
     .run = prompt_modifier},
};

struct endpoints personalities_endpoints(void)
{
    return ENDPOINTS(rows);
}
