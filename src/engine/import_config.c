// SPDX-License-Identifier: Apache-2.0
#include "engine/import_config_internal.h"

#include "engine/brand_make.h"
#include "engine/import_brand.h"
#include "engine/import_time.h"

#include <stdlib.h>

enum { BRANDS_MOST = 10000 };

struct reading {
    struct import_config *config;
    struct import_report *report;
    const char *zone;
    // The object under way:
    const char *list; // "brands", "configs"
    int64_t row;
    struct str id;
};

static void fail_row(struct reading *r, const char *field, const char *code, const char *detail)
{
    struct import_row row = {
        .row = r->row, .sheet = str_from(r->list), .id = r->id, .field = field, .code = code, .detail = detail};
    import_report_row(r->report, &row);
}

// ---- fields --------------------------------------------------------------------------------------------------------

// An object with this one member, without the members of it that are null: those count as absent.
static yyjson_mut_val *only(struct arena *arena, const char *field, yyjson_val *value)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *copy;
    yyjson_val *key, *item;
    size_t i, max;
    if (yyjson_is_obj(value)) {
        copy = yyjson_mut_obj(doc);
        yyjson_obj_foreach(value, i, max, key, item) if (!yyjson_is_null(item))(void)
            yyjson_mut_obj_put(copy, yyjson_val_mut_copy(doc, key), yyjson_val_mut_copy(doc, item));
    } else {
        copy = yyjson_val_mut_copy(doc, value);
    }
    json_add(doc, root, field, copy);
    return root;
}

static const char *default_colour(struct str name)
{
    return str_eq(name, STR("primary_color"))     ? BRAND_FIRST_PRIMARY
           : str_eq(name, STR("secondary_color")) ? BRAND_FIRST_SECONDARY
                                                  : NULL;
}

// A member of the object that breaks a rule goes, or gets its default. False: it was no such fault.
static bool drop_member(struct arena *arena, yyjson_mut_val *root, const char *field, const struct fault *fault)
{
    const struct loc *at = fault->loc;
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *object = yyjson_mut_obj_get(root, field);
    while (at && at->outer && at->outer->outer && !str_eq(at->outer->name, str_from(field)))
        at = at->outer;
    if (!at || !at->outer || !str_eq(at->outer->name, str_from(field)) || !at->name.p || !yyjson_mut_is_obj(object) ||
        !yyjson_mut_obj_remove_keyn(object, at->name.p, at->name.n))
        return false;
    const char *instead = default_colour(at->name);
    if (instead)
        json_add_cstr(doc, object, arena_cstr(arena, at->name), instead);
    return true;
}

static bool decode_once(const struct model *model, struct arena *arena, yyjson_mut_val *root, void *row,
                        struct faults **ret)
{
    static const struct loc body = {NULL, STR("body"), 0};
    yyjson_val *object;
    *ret = faults_new(arena);
    return json_parse(arena, json_write(arena, root), JSON_RAW_NUMBERS, &object, NULL) == 0 &&
           model_decode_at(model, MODEL_LENIENT | MODEL_PATCH, object, &body, row, *ret) == 0;
}

static void read_field(struct reading *r, const struct model *model, void *row, yyjson_val *object, const char *field)
{
    struct arena *arena = r->config->arena;
    yyjson_val *value = json_get(object, field);
    struct faults *faults;
    if (!value || yyjson_is_null(value))
        return;
    yyjson_mut_val *root = only(arena, field, value);
    for (bool more = true; more && !decode_once(model, arena, root, row, &faults);) {
        model_mark(model, row, field, false);
        if (!faults->n) {
            fail_row(r, field, "bad_row", "The value is nested too deep");
            return;
        }
        const struct fault *fault = &faults->at[0];
        bool large = fault->code == FAULT_LONG || fault->code == FAULT_MANY;
        fail_row(r, field, large ? "too_long" : arena_printf(arena, "invalid_%s", field),
                 arena_printf(arena, STR_FMT ": " STR_FMT, STR_ARG(fault_loc_text(arena, fault->loc)),
                              STR_ARG(fault->message)));
        more = drop_member(arena, root, field, fault);
    }
}

static void read_time(struct reading *r, yyjson_val *object, const char *field, int64_t *ret)
{
    yyjson_val *value = json_get(object, field);
    int64_t ms;
    if (!value || yyjson_is_null(value))
        return;
    if (!import_time(json_str(value), r->zone, &ms) || ms <= 0)
        fail_row(r, field, arena_printf(r->config->arena, "invalid_%s", field), "Not a time");
    else if (ms > *ret)
        *ret = ms;
}

// ---- the lists -----------------------------------------------------------------------------------------------------

static struct import_config_entry *find(struct import_config *config, struct str id)
{
    for (size_t i = 0; i < config->entries.n; i++)
        if (str_eq(config->entries.at[i].given_id, id))
            return &config->entries.at[i];
    return NULL;
}

static bool same_brand(struct import_config *config, const char *id)
{
    char a[BRAND_ID_SIZE], b[BRAND_ID_SIZE];
    for (size_t i = 0; i < config->entries.n; i++)
        if (brand_id_fold(str_from(config->entries.at[i].id), a) && brand_id_fold(str_from(id), b) && strcmp(a, b) == 0)
            return true;
    return false;
}

static void read_brand(struct reading *r, yyjson_val *brand)
{
    static const char *const fields[] = {"name", "description", "is_active"};
    struct import_config_entry entry = {.row = r->row, .given_id = json_get_str(brand, "id")};
    r->id = entry.given_id;
    if (!r->id.n) {
        fail_row(r, "id", yyjson_is_obj(brand) ? "invalid_id" : "not_an_object", "A brand needs an id");
        return;
    }
    import_brand_id(r->id, entry.id);
    if (same_brand(r->config, entry.id)) {
        fail_row(r, "id", "duplicate_id", "The brand occurs in the file already");
        return;
    }
    if (!str_eq(r->id, str_from(entry.id)))
        import_report_note(r->report, "The brand '" STR_FMT "' gets the id '%s'", STR_ARG(r->id), entry.id);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        read_field(r, &brand_patch_model, &entry.brand, brand, fields[i]);
    read_time(r, brand, "created_at", &entry.created_at);
    read_time(r, brand, "updated_at", &entry.updated_at);
    vec_add(&r->config->entries, entry);
}

static void read_config(struct reading *r, yyjson_val *config)
{
    static const char *const fields[] = {"system_prompt", "persona_prompt", "welcome_message", "company_info",
                                         "appearance_settings"};
    r->id = json_get_str(config, "brand_id");
    struct import_config_entry *entry = r->id.n ? find(r->config, r->id) : NULL;
    if (!entry || entry->has_config) {
        fail_row(r, "brand_id", entry ? "duplicate_id" : "unknown_brand",
                 entry ? "The brand has a configuration already" : "The file has no such brand");
        return;
    }
    entry->has_config = true;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        read_field(r, &brand_config_model, &entry->config, config, fields[i]);
    read_time(r, config, "updated_at", &entry->updated_at);
}

static void read_list(struct reading *r, yyjson_val *list, const char *name,
                      void (*each)(struct reading *, yyjson_val *))
{
    yyjson_val *item;
    size_t i, max;
    r->list = name;
    r->row = 0;
    yyjson_arr_foreach(list, i, max, item)
    {
        r->row++;
        r->id = STR_NULL;
        if (r->row <= BRANDS_MOST)
            each(r, item);
        else
            fail_row(r, NULL, "too_many_rows", "There are too many");
    }
}

bool import_config_is(yyjson_val *root)
{
    return yyjson_is_arr(json_get(root, "brands")) && yyjson_is_arr(json_get(root, "configs"));
}

struct import_config *import_config_read(yyjson_val *root, const char *zone, struct import_report *report)
{
    struct import_config *config = mem_zalloc(sizeof *config);
    struct reading r = {.config = config, .report = report, .zone = zone};
    config->arena = arena_new(0);
    read_list(&r, json_get(root, "brands"), "brands", read_brand);
    read_list(&r, json_get(root, "configs"), "configs", read_config);
    return config;
}

void import_config_free(struct import_config *config)
{
    if (!config)
        return;
    vec_done(&config->entries);
    arena_free(config->arena);
    free(config);
}
