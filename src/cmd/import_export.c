// SPDX-License-Identifier: Apache-2.0
// Files of `parley export`: one brand, whole. The file is read through before anything is written, and once more for
// its files and its rows; memory does not grow with it.
#include "cmd/import_rows.h"

#include "engine/import_brand.h"
#include "ingest/files.h"
#include "base/vec.h"
#include "store/place.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct state {
    struct import *import;
    int fd;
    struct arena *arena;
    struct export_head head;
    char brand[BRAND_ID_SIZE]; // that it goes into
    struct tx *tx;             // while it is read
    bool found, pristine, taken, derived;
    struct str chatbot_id;
    struct coming coming;
    bool again;             // files that are there are replaced
    VEC(struct str) placed; // files that were not there before
};

static bool detects(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is = fd >= 0 && sealed_is(fd, &export_format);
    if (fd >= 0)
        close(fd);
    return is;
}

// ---- reading --------------------------------------------------------------------------------------------------------

static int find_target(struct state *s, struct err *err)
{
    const char *given = s->import->options.brand;
    struct brand_row row;
    import_brand_id(given ? str_from(given) : s->head.brand, s->brand);
    int rc = import_brand_load(s->tx, s->arena, str_from(s->brand), &row, err);
    if (rc != 1)
        return rc;
    s->found = true;
    s->pristine = row.pristine;
    s->chatbot_id = row.chatbot_id;
    snprintf(s->brand, sizeof s->brand, STR_FMT, STR_ARG(row.brand.id));
    if (s->import->options.on_conflict == PRODUCT_CONFLICT_ERROR && !s->pristine)
        return err_set(err, ERR_CONFLICT, "the brand '%s' is there already", s->brand);
    return 0;
}

// Whether the ids of this file are free, another brand's, or here already under those that were derived from them.
static int check_row(void *arg, const struct tenant_table *table, struct value *values, struct arena *arena,
                     struct err *err)
{
    struct state *s = arg;
    struct place place;
    char derived[ID_SIZE];
    int rc = s->brand[0] ? 0 : find_target(s, err);
    progress_add(s->import->progress, 1);
    // The very brand that the file is of, still as it was made, has nothing to give way to it.
    if (rc >= 0 && s->pristine && strcmp(table->name, "chatbots") == 0 &&
        str_eq(values[tenant_column(table, STR("id"))].s, s->chatbot_id))
        s->pristine = false;
    if (rc < 0 || !table->place || s->taken || s->derived)
        return rc;
    const struct value *name = &values[tenant_column(table, str_from(table->place_column))];
    if (name->type != VALUE_TEXT)
        return 0;
    rc = place_find(s->tx, arena, table->place, name->s, &place, err);
    s->taken |= rc == 1 && !str_eq(place.brand, str_from(s->brand));
    if (rc >= 0 && !s->taken) {
        coming_derive(str_from(s->brand), name->s, derived);
        rc = place_find(s->tx, arena, table->place, str_from(derived), &place, err);
        s->derived |= rc == 1 && str_eq(place.brand, str_from(s->brand));
    }
    return rc < 0 ? rc : 0;
}

static int check_part(struct tx *tx, void *arg, struct err *err)
{
    struct state *s = arg;
    struct export_reader reader = {s, check_row, NULL};
    s->tx = tx;
    return export_file_read(s->fd, &reader, NULL, s->arena, &s->head, err);
}

static int read_source(struct import *import, const char *path, struct import_report *report, void **ret_state,
                       struct err *err)
{
    struct state *s = *ret_state = mem_zalloc(sizeof *s);
    struct scope scope = scope_installation(STR("import"));
    s->import = import;
    s->arena = arena_new(0);
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        return err_set(err, ERR_IO, "cannot be opened: %m");
    int rc = store_read(import->app->store, &scope, check_part, s, err);
    if (rc == 0 && !s->brand[0])
        rc = err_set(err, ERR_FORMAT, "there is no brand in it");
    if (rc == 0)
        import_report_note(report, "%s brand '%s'; keys, members and webhooks' secrets are not in an export",
                           s->found ? "into the" : "makes the", s->brand);
    if (rc == 0 && (s->taken || s->derived))
        import_report_note(report, "its ids are taken here: every object gets another one");
    return rc;
}

// ---- files ----------------------------------------------------------------------------------------------------------

static int copy_file(struct sealed *sealed, const char *to, struct err *err)
{
    struct str bytes = STR("");
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), rc = 0;
    if (fd < 0)
        return err_set(err, ERR_IO, "cannot make %s: %m", to);
    while (!rc && (rc = sealed_read(sealed, &bytes, err)) == 0 && bytes.n)
        for (size_t done = 0; done < bytes.n && !rc;) {
            ssize_t n = write(fd, bytes.p + done, bytes.n - done);
            if (n < 0)
                rc = err_set(err, ERR_UNAVAILABLE, "cannot write %s: %m", to);
            done += n < 0 ? 0 : (size_t)n;
        }
    if (close(fd) != 0 && !rc)
        rc = err_set(err, ERR_UNAVAILABLE, "cannot write %s: %m", to);
    return rc;
}

static int pass_row(void *arg, const struct tenant_table *table, struct value *values, struct arena *arena,
                    struct err *err)
{
    (void)arg, (void)table, (void)values, (void)arena, (void)err;
    return 0;
}

static int place_file(void *arg, struct str id, struct sealed *sealed, struct err *err)
{
    struct state *s = arg;
    char temp[PATH_MAX];
    const char *data = settings_str(s->import->app->settings, SET_DATA);
    struct str brand = str_from(s->brand), own = coming_id(&s->coming, id, s->arena);
    int there = files_open(data, brand, "documents", own, err);
    if (there >= 0)
        close(there);
    if (there >= 0 && !s->again)
        return 0;
    if ((size_t)snprintf(temp, sizeof temp, "%s/document", s->import->temp_dir) >= sizeof temp)
        return err_set(err, ERR_INVALID, "the path is too long");
    int rc = copy_file(sealed, temp, err);
    rc = rc ? rc : files_keep(data, brand, "documents", own, temp, err);
    if (!rc && there < 0)
        vec_add(&s->placed, arena_str(s->arena, own));
    return rc;
}

static int place_files(struct state *s, struct err *err)
{
    struct export_reader reader = {s, pass_row, place_file};
    struct export_head head;
    return export_file_read(s->fd, &reader, NULL, s->arena, &head, err);
}

static void remove_files(struct state *s)
{
    const char *data = settings_str(s->import->app->settings, SET_DATA);
    for (size_t i = 0; i < s->placed.n; i++)
        (void)files_remove(data, str_from(s->brand), "documents", s->placed.at[i], NULL);
}

// ---- writing --------------------------------------------------------------------------------------------------------

static int take_row(void *arg, const struct tenant_table *table, struct value *values, struct arena *arena,
                    struct err *err)
{
    struct state *s = arg;
    (void)arena;
    return coming_row(&s->coming, table, values, err);
}

static int write_rows(struct state *s, struct err *err)
{
    struct export_reader reader = {s, take_row, NULL};
    struct export_head head;
    int rc = export_file_read(s->fd, &reader, NULL, s->arena, &head, err);
    return rc ? rc : coming_end(&s->coming, err);
}

static int write_source(struct import *import, void *arg, struct import_report *report, struct err *err)
{
    struct state *s = arg;
    s->coming = (struct coming){.import = import,
                                .report = report,
                                .head = &s->head,
                                .brand = str_from(s->brand),
                                .chatbot_id = s->chatbot_id,
                                .remap = s->taken || s->derived,
                                .replace = import->options.on_conflict == PRODUCT_CONFLICT_UPDATE,
                                .pristine = s->pristine,
                                .embeds = import->app->embeds && import->app->embeds(import->app)};
    int rc = coming_begin(&s->coming, err);
    rc = rc ? rc : place_files(s, err);
    rc = rc ? rc : write_rows(s, err);
    if (rc)
        remove_files(s);
    else if (s->coming.replace) {
        s->again = true;
        if (place_files(s, err) != 0) // the rows are there
            import_report_note(report, "not all files of documents could be replaced: %s", err->text);
    }
    if (!rc && s->coming.at.webhooks)
        import_report_note(report, "%lld webhooks are inactive: give each a new secret, and its headers",
                           (long long)s->coming.at.webhooks);
    return rc;
}

static void free_state(void *arg)
{
    struct state *s = arg;
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    coming_done(&s->coming);
    vec_done(&s->placed);
    arena_free(s->arena);
    free(s);
}

const struct import_format import_export = {"export", detects, read_source, write_source, free_state};
