// SPDX-License-Identifier: Apache-2.0
#include "engine/import_config_internal.h"

#include "base/clock.h"
#include "engine/brand_make.h"
#include "engine/import_brand.h"
#include "engine/import_samples.h"
#include "store/audit.h"

struct saving { // of one brand, in its scope
    const struct import_config_entry *entry;
    struct arena *arena;
    struct brand_row row;
    struct brand_make make;
    struct str fields; // names of what changed
    bool prompt;
    bool takes_over;
};

// ---- what a brand becomes ------------------------------------------------------------------------------------------

static void put_given(const struct import_config_entry *entry, struct brand_config *config)
{
    const struct brand_config *given = &entry->config;
    if (model_has(&brand_config_model, given, "system_prompt"))
        config->system_prompt = given->system_prompt;
    if (model_has(&brand_config_model, given, "persona_prompt"))
        config->persona_prompt = given->persona_prompt;
    if (model_has(&brand_config_model, given, "welcome_message"))
        config->welcome_message = given->welcome_message;
    if (model_has(&brand_config_model, given, "company_info"))
        config->company_info = given->company_info;
    if (model_has(&brand_config_model, given, "appearance_settings"))
        config->appearance_settings = given->appearance_settings;
    model_mark(&brand_config_model, config, "persona_prompt", config->persona_prompt.n);
}

static void put_brand(const struct import_config_entry *entry, struct brand *brand)
{
    if (model_has(&brand_patch_model, &entry->brand, "name"))
        brand->name = entry->brand.name;
    if (model_has(&brand_patch_model, &entry->brand, "description"))
        brand->description = entry->brand.description;
    if (model_has(&brand_patch_model, &entry->brand, "is_active"))
        brand->is_active = entry->brand.is_active;
    if (entry->created_at)
        brand->created_at = entry->created_at;
}

// Names of the fields that differ; "" when none does.
static struct str differing(struct arena *arena, const struct brand_row *a, const struct brand_row *b)
{
    const struct {
        const char *name;
        bool differs;
    } fields[] = {
        {"name", !str_eq(a->brand.name, b->brand.name)},
        {"description", !str_eq(a->brand.description, b->brand.description)},
        {"is_active", a->brand.is_active != b->brand.is_active},
        {"system_prompt", !str_eq(a->config.system_prompt, b->config.system_prompt)},
        {"persona_prompt", !str_eq(a->config.persona_prompt, b->config.persona_prompt)},
        {"welcome_message", !str_eq(a->config.welcome_message, b->config.welcome_message)},
        {"company_info", !str_eq(a->config.company_info, b->config.company_info)},
        {"appearance_settings", !str_eq(a->config.appearance_settings, b->config.appearance_settings)},
    };
    AUTO_BUF struct buf names = BUF_INIT(400);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].differs)
            buf_addf(&names, "%s%s", names.n ? "," : "", fields[i].name);
    return arena_str(arena, buf_str(&names));
}

// ---- writing -------------------------------------------------------------------------------------------------------

static int save(struct tx *tx, void *arg, struct err *err)
{
    struct saving *s = arg;
    struct brand_row *row = &s->row;
    int64_t now = clock_wall_ms();
    row->config.updated_at = now;
    int rc = s->takes_over ? import_drop_sample_base(tx, err) : 0;
    rc = rc ? rc : brand_save_config(tx, row, s->prompt, err);
    row->brand.updated_at = s->entry->updated_at ? s->entry->updated_at : s->takes_over ? 0 : now;
    rc = rc ? rc : brand_take_over(tx, &row->brand, err);
    return rc ? rc : audit_write(tx, "config.update", row->brand.id, s->fields, err);
}

static int make_in(struct tx *tx, void *arg, struct err *err)
{
    struct saving *s = arg;
    int rc = brand_make_insert(tx, &s->make, err);
    s->make.row.brand.updated_at = s->entry->updated_at;
    return rc ? rc : brand_take_over(tx, &s->make.row.brand, err);
}

static int make_brand(struct tx *tx, struct saving *s, struct err *err)
{
    const struct import_config_entry *entry = s->entry;
    struct brand named = {.name = import_brand_name(s->arena, str_from(entry->id)), .description = STR("")};
    put_brand(entry, &named);
    s->make = (struct brand_make){.arena = s->arena,
                                  .name = named.name,
                                  .description = named.description,
                                  .given_id = str_from(entry->id),
                                  .public_access = true,
                                  .most = INT64_MAX};
    int rc = brand_make_plan_in(tx, &s->make, err);
    if (rc)
        return rc;
    put_brand(entry, &s->make.row.brand);
    put_given(entry, &s->make.row.config);
    return tx_in_brand(tx, s->make.row.brand.id, make_in, s, err);
}

// Into one that is there. Only what differs is written, so a second time there is nothing to do.
static int change_brand(struct tx *tx, struct saving *s, struct import_report *report, struct err *err)
{
    struct brand_row before = s->row;
    struct brand_config *config = &s->row.config;
    put_brand(s->entry, &s->row.brand);
    if (s->takes_over) {
        struct chat_settings chat = config->chat_settings;
        brand_first_config(s->arena, s->row.brand.name, s->row.brand.description, config);
        config->chat_settings = chat;
        config->chat_settings.public_access = true;
    } else {
        s->row.brand.created_at = before.brand.created_at;
    }
    put_given(s->entry, config);
    s->fields = differing(s->arena, &before, &s->row);
    s->prompt = !str_eq(before.config.system_prompt, config->system_prompt);
    if (!s->takes_over && !s->fields.n) {
        report->skipped++;
        return 0;
    }
    // One that is as the installation made it counts as absent.
    if (s->takes_over)
        report->added++;
    else
        report->updated++;
    return tx_in_brand(tx, s->row.brand.id, save, s, err);
}

struct one {
    const struct import_config_entry *entry;
    enum product_conflict on_conflict;
    struct import_report *report;
};

static int write_one(struct tx *tx, void *arg, struct err *err)
{
    struct one *one = arg;
    struct saving s = {.entry = one->entry, .arena = tx_arena(tx)};
    int rc = import_brand_load(tx, s.arena, str_from(one->entry->id), &s.row, err);
    if (rc == 0) {
        one->report->added++;
        return make_brand(tx, &s, err);
    }
    if (rc < 0)
        return rc;
    s.takes_over = s.row.pristine;
    if (s.takes_over || one->on_conflict == PRODUCT_CONFLICT_UPDATE)
        return change_brand(tx, &s, one->report, err);
    if (one->on_conflict == PRODUCT_CONFLICT_SKIP) {
        one->report->skipped++;
        return 0;
    }
    struct import_row row = {.row = one->entry->row,
                             .sheet = STR("brands"),
                             .id = one->entry->given_id,
                             .code = "conflict",
                             .detail = "The brand is there already"};
    import_report_row(one->report, &row);
    return 0;
}

int import_config_write(struct tx *tx, struct import_config *config, enum product_conflict on_conflict,
                        struct import_report *report, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < config->entries.n && !rc; i++) {
        struct one one = {&config->entries.at[i], on_conflict, report};
        rc = tx_part(tx, write_one, &one, err);
    }
    return rc;
}
