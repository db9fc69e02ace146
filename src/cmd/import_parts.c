// SPDX-License-Identifier: Apache-2.0
#include "cmd/import_parts.h"

#include "base/clock.h"
#include "engine/import_brand.h"
#include "engine/import_samples.h"
#include "jobs/imports.h"
#include "store/audit.h"
#include "store/job.h"

enum { LOCK_MS = 600000 };

int import_lock(struct app *app, int *ret, struct err *err)
{
    int n, rc = store_import_lock(app->store, LOCK_MS, ret, err);
    if (rc)
        return rc;
    rc = imports_settle(app->store, settings_str(app->settings, SET_DATA), NULL, &n, err);
    if (rc)
        store_import_unlock(*ret);
    return rc;
}

void import_unlock(struct app *app, int lock)
{
    struct err err;
    int n;
    // What fails here is left to the next one.
    (void)imports_settle(app->store, settings_str(app->settings, SET_DATA), NULL, &n, &err);
    store_import_unlock(lock);
}

struct choosing {
    struct arena *arena;
    const char *id;
    struct brand_row row;
    int found;
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct choosing *c = arg;
    c->found = import_brand_load(tx, c->arena, str_from(c->id), &c->row, err);
    return c->found < 0 ? c->found : 0;
}

int import_brand_chosen(struct import *import, struct arena *arena, struct str *ret, struct err *err)
{
    const char *given = import->options.brand;
    struct choosing c = {.arena = arena, .id = given ? given : settings_str(import->app->settings, SET_DEFAULT_BRAND)};
    struct scope scope = scope_installation(STR("import"));
    int rc = store_read(import->app->store, &scope, load, &c, err);
    if (!rc && !c.found)
        rc = err_set(err, ERR_NOT_FOUND, "there is no brand '%.64s'", c.id);
    if (!rc)
        *ret = c.row.brand.id;
    return rc;
}

void import_note_warnings(const struct product_file *file, struct import_report *report)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str text = json_write(arena, product_file_warnings(file, json_doc(arena)));
    yyjson_val *list, *one;
    size_t i, max;
    if (json_parse(arena, text, 0, &list, NULL) != 0)
        return;
    yyjson_arr_foreach(list, i, max, one) import_report_note(report, STR_FMT, STR_ARG(json_get_str(one, "detail")));
}

void import_count(void *progress)
{
    progress_add(progress, 1);
}

struct product_file_options import_product_options(const struct import *import, enum product_layout layout)
{
    return (struct product_file_options){.layout = layout,
                                         .most_rows = INT64_MAX,
                                         .most_products = settings_int(import->app->settings, SET_LIMITS_PRODUCTS),
                                         .on_conflict = import->options.on_conflict,
                                         .temp_dir = import->temp_dir,
                                         .drops_samples = true,
                                         .makes_brand = true,
                                         .errors_kept = IMPORT_ROWS_KEPT,
                                         .each = import_count,
                                         .arg = import->progress};
}

int import_products_stage(struct import *import, struct str brand, struct product_file *file, struct err *err)
{
    struct scope scope = scope_brand(brand, STR("import"));
    return product_file_stage(import->app->store, &scope, file, err);
}

void import_products_settle(struct import *import, struct str brand, struct product_file *file)
{
    struct scope scope = scope_brand(brand, STR("import"));
    product_file_settle(import->app->store, &scope, file);
}

struct into {
    struct product_file *file;
};

static int write_products(struct tx *tx, void *arg, struct err *err)
{
    struct into *into = arg;
    struct product_counts n;
    // One word for all: whoever has them in memory reads them anew.
    tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
    int rc = brand_check_there(tx, err);
    if (!rc && product_file_has_products(into->file)) {
        rc = import_drop_sample_products(tx, err);
        rc = rc ? rc : import_drop_sample_base(tx, err);
    }
    rc = rc ? rc : product_file_write(tx, into->file, err);
    product_file_counts(into->file, &n);
    if (rc || n.added + n.updated == 0)
        return rc;
    rc = audit_write(tx, "product.upload", tx_scope(tx)->brand, STR(""), err);
    // Whether anybody makes vectors is known to who runs the jobs.
    return rc ? rc : job_ensure(tx, "embed", STR("{}"), clock_wall_ms(), err);
}

struct telling {
    struct import_report *report;
    struct str sheet;
};

static void tell_error(void *arg, const struct product_error *e)
{
    struct telling *t = arg;
    struct import_row row = {e->row, e->line, e->sheet.n ? e->sheet : t->sheet, e->id, e->field, e->code, e->detail};
    import_report_row(t->report, &row);
}

int import_products_into(struct tx *tx, struct str brand, struct product_file *file, struct str sheet,
                         struct import_report *report, struct err *err)
{
    struct into into = {file};
    struct telling telling = {report, sheet};
    struct product_counts n;
    int rc = tx_in_brand(tx, brand, write_products, &into, err);
    if (rc)
        return rc;
    product_file_counts(file, &n);
    int64_t before = report->failed;
    product_file_each_error(file, tell_error, &telling);
    report->failed = before + n.errors; // those that were not kept too
    report->added += n.added;
    report->updated += n.updated;
    report->skipped += n.skipped;
    return 0;
}
