// SPDX-License-Identifier: Apache-2.0
#include "cmd/sample.h"

#include "base/clock.h"
#include "base/id.h"
#include "engine/brand_make.h"
#include "engine/import_samples.h"
#include "http/asset.h"
#include "model/product.h"
#include "store/fact.h"
#include "engine/chunk.h"
#include "store/knowledge.h"
#include "store/product.h"

struct sample {
    struct arena *arena;
    yyjson_val *root;
    struct brand_make make;
    bool done;
    char base_id[ID_SIZE];
};

static int is_done(struct tx *tx, void *arg, struct err *err)
{
    struct sample *s = arg;
    struct str value;
    int rc = fact_get(tx, s->arena, "first_data", &value, err);
    s->done = rc == 1;
    return rc < 0 ? rc : 0;
}

static int mark_done(struct tx *tx, void *arg, struct err *err)
{
    const struct sample *s = arg;
    int rc = s->base_id[0] ? fact_put(tx, FACT_SAMPLE_BASE, str_from(s->base_id), err) : 0;
    rc = rc ? rc : fact_put(tx, FACT_FIRST_IMPORT, STR(FIRST_IMPORT_DUE), err);
    return rc ? rc : fact_put(tx, "first_data", STR("1"), err);
}

static int put_products(struct tx *tx, struct sample *s, struct err *err)
{
    static const struct loc root = {NULL, STR("products"), 0};
    size_t i, max;
    yyjson_val *item;
    yyjson_arr_foreach(json_get(s->root, "products"), i, max, item) {
        struct product product = {0};
        struct faults *faults = faults_new(s->arena);
        if (model_decode_at(&product_model, MODEL_LENIENT, item, &root, &product, faults) != 0)
            return err_set(err, ERR_INTERNAL, "sample product %zu is not valid", i);
        product.sample = true;
        int rc = product_insert(tx, &product, INT64_MAX, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int put_knowledge(struct tx *tx, struct sample *s, struct err *err)
{
    yyjson_val *base = json_get(s->root, "knowledge"), *item;
    int64_t now = clock_wall_ms();
    char id[ID_SIZE];
    size_t i, max;
    id_v7(s->base_id);
    int rc = knowledge_base_insert(tx, str_from(s->base_id), s->make.row.chatbot_id, json_get_str(base, "name"), now,
                                   err);
    yyjson_arr_foreach(json_get(base, "items"), i, max, item) {
        id_v7(id);
        struct knowledge_document document = {
            .id = str_from(id),
            .chatbot_id = s->make.row.chatbot_id,
            .base_id = str_from(s->base_id),
            .type = STR("item"),
            .title = json_get_str(item, "title"),
            .content = json_get_str(item, "content"),
            .chunk_count = chunk_count(json_get_str(item, "content")),
        };
        rc = rc ? rc : knowledge_document_insert(tx, &document, now, err);
    }
    return rc;
}

static int put_content(struct tx *tx, void *arg, struct err *err)
{
    struct sample *s = arg;
    int rc = put_products(tx, s, err);
    return rc ? rc : put_knowledge(tx, s, err);
}

static int read_config(struct sample *s, struct brand_config *config, struct err *err)
{
    struct faults *faults = faults_new(s->arena);
    struct model_input input = {.body = json_get(s->root, "config")};
    model_defaults(&chat_settings_model, s->arena, &config->chat_settings);
    if (model_decode(&brand_config_model, MODEL_LENIENT | MODEL_PATCH, &input, config, faults) != 0)
        return err_set(err, ERR_INTERNAL, "the sample configuration is not valid");
    return 0;
}

int sample_install(struct app *app, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample s = {.arena = arena};
    struct scope scope = scope_installation(STR("installation"));
    const struct asset *asset = asset_find("sample/techpro.json");
    struct brand_config config = {0};
    int rc = store_read(app->store, &scope, is_done, &s, err);
    if (rc || s.done)
        return rc;
    struct str text = asset ? (struct str){(const char *)asset->plain, asset->plain_n} : STR("{}");
    if (json_parse(arena, text, JSON_RAW_NUMBERS, &s.root, NULL) != 0)
        return err_set(err, ERR_INTERNAL, "the sample data is not JSON");
    bool wanted = settings_bool(app->settings, SET_SAMPLE_DATA);
    yyjson_val *brand = json_get(s.root, "brand");
    s.make = (struct brand_make){
        .arena = arena,
        .name = json_get_str(brand, "name"),
        .description = json_get_str(brand, "description"),
        .given_id = json_get_str(brand, "id"),
        .public_access = true,
        .listed = true,
        .pristine = true,
        .most = INT64_MAX,
    };
    if (wanted && (rc = read_config(&s, &config, err)) != 0)
        return rc;
    if (wanted)
        s.make.config = &config;
    rc = brand_make(app->store, &scope, &s.make, err);
    struct scope own = scope_brand(s.make.row.brand.id, STR("installation"));
    if (!rc && wanted)
        rc = store_write(app->store, &own, put_content, &s, err);
    // A crash before this line leaves the brand: the next start finds it taken, which is as good as done.
    if (rc == ERR_CONFLICT)
        rc = 0;
    return rc ? rc : store_write(app->store, &scope, mark_done, &s, err);
}
