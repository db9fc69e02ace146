// SPDX-License-Identifier: Apache-2.0
// One brand in one file, as it is at one moment, beside a running server or not. The file is read back before it gets
// its name.
#include "cmd/command.h"
#include "cmd/export_file.h"
#include "cmd/outfile.h"
#include "store/brand.h"

#include <stdio.h>
#include <stdlib.h>

struct exporting {
    const char *id, *data;
    char stored[BRAND_ID_SIZE], name[1024];
    int fd;
    struct progress *progress;
    struct export_totals totals;
};

static int find_brand(struct tx *tx, void *arg, struct err *err)
{
    struct exporting *e = arg;
    struct brand_row row;
    char fold[BRAND_ID_SIZE];
    int rc = brand_id_fold(str_from(e->id), fold) ? brand_load(tx, tx_arena(tx), fold, &row, err) : 0;
    if (rc < 0)
        return rc;
    if (rc == 0 || row.deleted)
        return err_set(err, ERR_NOT_FOUND, "there is no brand '%.80s'", e->id);
    snprintf(e->stored, sizeof e->stored, STR_FMT, STR_ARG(row.brand.id));
    snprintf(e->name, sizeof e->name, STR_FMT, STR_ARG(row.brand.name));
    return 0;
}

static int write_brand(struct tx *tx, void *arg, struct err *err)
{
    struct exporting *e = arg;
    return export_file_write(tx, e->fd, e->data, str_from(e->stored), str_from(e->name), e->progress, &e->totals, err);
}

static int check_row(void *arg, const struct tenant_table *table, struct value *values, struct arena *arena,
                     struct err *err)
{
    (void)arg, (void)table, (void)values, (void)arena, (void)err;
    return 0;
}

static int export_from(struct store *store, struct exporting *e, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct scope all = scope_installation(STR("export"));
    struct export_reader reader = {.row = check_row};
    struct export_head head;
    int rc = store_read(store, &all, find_brand, e, err);
    struct scope scope = scope_brand(str_from(e->stored), STR("export"));
    rc = rc ? rc : store_read(store, &scope, write_brand, e, err);
    return rc ? rc : export_file_read(e->fd, &reader, e->progress, arena, &head, err);
}

static int export_to(const struct settings *settings, const char *path, struct exporting *e, struct err *err)
{
    struct store *store;
    int rc = command_open_store(settings, STORE_READ_ONLY, &store, NULL, err);
    if (rc)
        return rc;
    rc = outfile_begin(path, &e->fd, err);
    if (!rc) {
        rc = export_from(store, e, err);
        rc = rc ? rc : outfile_publish(e->fd, err);
        outfile_end(e->fd);
    }
    store_close(store);
    return rc;
}

int command_export(int argc, char **argv)
{
    const char *brand = NULL, *words[1] = {NULL};
    struct option options[] = {{"--brand", true, &brand}};
    struct settings *settings;
    struct err err = {0};
    argc = command_options(argc, argv, options, 1);
    if (argc < 0)
        return EXIT_USAGE;
    if (command_words(&argc, argv, words, 1) != 1 || !*words[0] || !brand || !*brand)
        return command_fault("export: name one brand (--brand ID) and one file");
    int code = command_read_settings(argc, argv, false, &settings);
    if (code)
        return code;
    struct exporting e = {.id = brand, .data = settings_str(settings, SET_DATA), .progress = progress_new("export")};
    int rc = export_to(settings, words[0], &e, &err);
    progress_free(e.progress);
    if (rc)
        (void)command_fault("%s", err.text);
    else
        printf("%s: %lld rows, %lld parts, %lld bytes\n", words[0], (long long)e.totals.rows,
               (long long)e.totals.sealed.parts, (long long)e.totals.sealed.bytes);
    if (!rc && e.totals.absent)
        (void)fprintf(stderr, "%lld documents have no file any more; their text is in the export.\n",
                      (long long)e.totals.absent);
    settings_free(settings);
    return rc == 0 ? EXIT_DONE : rc == ERR_NOT_FOUND ? EXIT_USAGE : EXIT_FAILED;
}
