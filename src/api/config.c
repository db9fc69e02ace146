// SPDX-License-Identifier: Apache-2.0
// A brand's configuration, whole and by its system prompt alone.
#include "api/brands.h"
#include "base/clock.h"
#include "base/vec.h"
#include "store/audit.h"

#include <stdlib.h>

struct change_config {
    struct call *call;
    const char *action; // for the audit row
    struct brand_row row;
};

static bool given(const struct call *call, const char *name)
{
    if (json_get(call->input.body, name))
        return true;
    for (size_t i = 0; i < call->input.n_query; i++)
        if (str_eq(call->input.query[i].name, str_from(name)))
            return true;
    return false;
}

// Names of what the request brought and what is really different now.
static struct str changed_names(struct call *call, const struct brand_config *before, const struct brand_config *after)
{
    AUTO_BUF struct buf names = BUF_INIT(2048);
    for (size_t i = 0; i < brand_config_model.n; i++) {
        const struct field *f = &brand_config_model.fields[i];
        yyjson_mut_doc *doc = call_doc(call);
        yyjson_mut_val *a = yyjson_mut_obj(doc), *b = yyjson_mut_obj(doc);
        if (!given(call, f->name))
            continue;
        model_encode_field(&brand_config_model, f, doc, a, before);
        model_encode_field(&brand_config_model, f, doc, b, after);
        if (!str_eq(json_write(call->arena, a), json_write(call->arena, b)))
            buf_addf(&names, "%s%s", names.n ? "," : "", f->name);
    }
    return arena_str(call->arena, buf_str(&names));
}

static int apply(struct call *call, struct brand_config *config)
{
    // The body was found without fault before; over the row that is there now it can have none either.
    struct faults *faults = faults_new(call->arena);
    return model_decode(&brand_config_model, MODEL_LENIENT | MODEL_PATCH, &call->input, config, faults);
}

static int change(struct tx *tx, void *arg, struct err *err)
{
    struct change_config *c = arg;
    struct call *call = c->call;
    int rc = brand_load(tx, call->arena, call->brand->row.fold_id, &c->row, err);
    if (rc != 1 || c->row.deleted)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Brand not found");
    struct brand_config before = c->row.config, *config = &c->row.config;
    rc = apply(call, config);
    if (rc)
        return err_set(err, ERR_INVALID, "the configuration is not valid");
    uint64_t persona = UINT64_C(1) << model_field_index(&brand_config_model, "persona_prompt");
    if (!config->persona_prompt.n)
        config->set &= ~persona;
    struct str names = changed_names(call, &before, config);
    if (!names.n)
        return 0;
    config->updated_at = clock_wall_ms();
    config->set |= UINT64_C(1) << model_field_index(&brand_config_model, "updated_at");
    bool prompt = !str_eq(before.system_prompt, config->system_prompt);
    rc = brand_save_config(tx, &c->row, prompt, err);
    return rc ? rc : audit_write(tx, c->action, c->row.brand.id, names, err);
}

static void read_config(struct call *call)
{
    call_reply(call, &brand_config_model, &call->brand->row.config);
}

static void update_config(struct call *call)
{
    struct change_config c = {.call = call, .action = "config.update"};
    if (!call_failed(call, call_store_write(call, change, &c)))
        call_reply(call, &brand_config_model, &c.row.config);
}

static void reply_prompt(struct call *call, const struct brand_row *row, const char *message)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    if (message)
        json_add_cstr(doc, root, "message", message);
    json_add_str(doc, root, "brand_id", row->brand.id);
    json_add_str(doc, root, "brand_name", row->brand.name);
    json_add_str(doc, root, "system_prompt", row->config.system_prompt);
    json_add_time(doc, root, "updated_at", row->config.updated_at);
    call_json(call, 200, root);
}

static void read_prompt(struct call *call)
{
    reply_prompt(call, &call->brand->row, NULL);
}

static void update_prompt(struct call *call)
{
    struct change_config c = {.call = call, .action = "prompt.update"};
    call->input.body = call->json;
    if (!call_failed(call, call_store_write(call, change, &c)))
        reply_prompt(call, &c.row, "System prompt updated successfully");
}

#define CONFIG .surface = &surface_brands, .tag = "Configuration", .who = WHO_ADMIN, .limit = &LIMIT_MANAGE
#define PROMPT_REPLY                                                                                                   \
    "{\"brand_id\":\"nordvik\",\"brand_name\":\"Nordvik Outdoor\",\"system_prompt\":\"You advise "                     \
    "hikers.\",\"updated_at\":\"2026-03-02T09:20:11.006Z\"}"
static const struct endpoint rows[] = {
    {HTTP_GET, "/brands/{brand_id}/config", CONFIG, .summary = "The brand's configuration",
     .reply = &brand_config_model, .run = read_config},
    {HTTP_PUT, "/brands/{brand_id}/config", CONFIG, .summary = "Change parts of the configuration",
     .body = &brand_config_model, .flags = ENDPOINT_QUERY_FIELDS | ENDPOINT_PATCH, .reply = &brand_config_model,
     .run = update_config},
    {HTTP_GET, "/brands/{brand_id}/system-prompt", CONFIG, .summary = "The system prompt alone",
     .reply_example = PROMPT_REPLY, .run = read_prompt},
    {HTTP_PUT, "/brands/{brand_id}/system-prompt", CONFIG, .summary = "Change the system prompt alone",
     .body = &system_prompt_model, .reply_example = PROMPT_REPLY, .run = update_prompt},
};

struct endpoints config_endpoints(void)
{
    return ENDPOINTS(rows);
}
