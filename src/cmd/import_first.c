// SPDX-License-Identifier: Apache-2.0
// The import at the first start. A database of an earlier version does not wait for one: only a fresh one is told that
// it is due, together with its first data, and a start that was cut short goes on with it at the next.
#include "cmd/import.h"

#include "base/log.h"
#include "engine/import_samples.h"
#include "ingest/chroma.h"
#include "store/fact.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fact {
    struct arena *arena;
    struct str value;
    int found;
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct fact *fact = arg;
    fact->found = fact_get(tx, fact->arena, FACT_FIRST_IMPORT, &fact->value, err);
    return fact->found < 0 ? fact->found : 0;
}

static int remember(struct tx *tx, void *arg, struct err *err)
{
    const struct fact *fact = arg;
    return fact_put(tx, FACT_FIRST_IMPORT, fact->value, err);
}

static yyjson_mut_val *import_one(struct import *import, const struct import_format *format, const char *path,
                                  yyjson_mut_doc *doc)
{
    struct import_report report;
    struct err err = {0};
    void *state = NULL;
    yyjson_mut_val *done = yyjson_mut_obj(doc);
    import_report_init(&report);
    int rc = format->read(import, path, &report, &state, &err);
    import_report_mark(&report);
    rc = rc < 0 ? rc : format->write(import, state, &report, &err);
    if (rc < 0)
        log_error("import.failed", "source=%s error=%s", path, err.text);
    else
        log_info("import.done", "source=%s added=%lld updated=%lld skipped=%lld failed=%lld", path,
                 (long long)report.added, (long long)report.updated, (long long)report.skipped,
                 (long long)report.failed);
    for (size_t i = 0; i < report.rows.n && rc >= 0; i++)
        log_warn("import.row", "source=%s id=" STR_FMT " code=%s detail=%s", path, STR_ARG(report.rows.at[i].id),
                 report.rows.at[i].code, report.rows.at[i].detail);
    json_add_cstr(doc, done, "source", path);
    json_add_int(doc, done, "added", report.added);
    json_add_int(doc, done, "failed", report.failed);
    json_add_cstr(doc, done, "error", rc < 0 ? err.text : NULL);
    format->free(state);
    import_report_done(&report);
    return done;
}

void import_first(struct app *app)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct scope scope = scope_installation(STR("import"));
    struct fact fact = {.arena = arena};
    struct err err = {0};
    struct stat st;
    const char *brands = settings_str(app->settings, SET_IMPORT_BRANDS_FILE),
               *chroma = settings_str(app->settings, SET_IMPORT_CHROMA_DIR);
    struct import import = {.app = app, .options = {.on_conflict = PRODUCT_CONFLICT_SKIP}, .temp_dir = app->temp_dir};
    int rc = store_read(app->store, &scope, load, &fact, &err);
    if (rc == 0 && (fact.found == 0 || !str_eq(fact.value, STR(FIRST_IMPORT_DUE))))
        return;
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *done = yyjson_mut_arr(doc);
    int lock = -1;
    rc = rc ? rc : import_lock(app, &lock, &err);
    if (rc == 0 && brands && stat(brands, &st) == 0)
        (void)yyjson_mut_arr_append(done, import_one(&import, &import_brands, brands, doc));
    if (rc == 0 && chroma && stat(chroma, &st) == 0 && S_ISDIR(st.st_mode) && chroma_detects(chroma))
        (void)yyjson_mut_arr_append(done, import_one(&import, &import_chroma, chroma, doc));
    if (rc == 0)
        import_unlock(app, lock);
    fact.value = json_write(arena, done);
    rc = rc ? rc : store_write(app->store, &scope, remember, &fact, &err);
    if (rc)
        log_error("import.failed", "error=%s", err.text);
}
