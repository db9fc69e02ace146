// SPDX-License-Identifier: Apache-2.0
// Any file of products (001-brands 12) into one brand. The bounds of uploads are for visitors of a form; here only the
// size of the catalogue counts.
#include "cmd/import_parts.h"

#include "api/product_read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_MS = 3600 * 1000 };

static bool is_products(const char *path, enum format_id *ret_format, enum product_layout *ret)
{
    const char *slash = strrchr(path, '/');
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    struct str name = str_from(slash ? slash + 1 : path);
    *ret_format = file ? format_of(fd, name) : FORMATS;
    // An office file under a password is what its name says: reading it finds that out.
    if (*ret_format == FORMAT_OLE && format_is_protected(fd))
        *ret_format = format_by_name(name);
    if (fd >= 0)
        close(fd);
    return file && product_read_layout(*ret_format, ret);
}

static bool detects(const char *path)
{
    enum format_id format;
    enum product_layout layout;
    return is_products(path, &format, &layout);
}

struct state {
    struct product_file *file;
    struct str brand;
};

static int read_source(struct import *import, const char *path, struct import_report *report, void **ret_state,
                       struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct state *state = *ret_state = mem_zalloc(sizeof *state);
    struct product_file_options options;
    const char *refusal = NULL, *slash = strrchr(path, '/');
    struct product_read read = {.filename = str_from(slash ? slash + 1 : path),
                                .timeout_ms = READ_MS,
                                .most_bytes = UINT64_MAX,
                                .arena = arena};
    if (!is_products(path, &read.format, &read.layout))
        return err_set(err, ERR_FORMAT, "no file of products");
    int rc = import_brand_chosen(import, report->arena, &state->brand, err);
    if (rc)
        return rc;
    options = import_product_options(import, read.layout);
    state->file = product_file_new(&options);
    read.fd = open(path, O_RDONLY | O_CLOEXEC);
    rc = !state->file || read.fd < 0 ? err_set(err, ERR_IO, "cannot be opened: %m")
                                     : product_read(&read, state->file, &refusal);
    if (read.fd >= 0)
        close(read.fd);
    if (rc == 0 && refusal)
        return err_set(err, ERR_FORMAT, "%s", refusal);
    if (rc == 0)
        product_file_end(state->file);
    if (rc == 0)
        import_note_warnings(state->file, report);
    return rc ? err_set(err, rc, "cannot be read") : 0;
}

struct writing {
    struct state *state;
    struct import_report *report;
};

static int write_all(struct tx *tx, void *arg, struct err *err)
{
    struct writing *w = arg;
    import_report_back(w->report);
    return import_products_into(tx, w->state->brand, w->state->file, STR_NULL, w->report, err);
}

static int write_source(struct import *import, void *state, struct import_report *report, struct err *err)
{
    struct scope scope = scope_installation(STR("import"));
    struct state *s = state;
    struct writing w = {s, report};
    int rc = import_products_stage(import, s->brand, s->file, err);
    rc = rc ? rc : store_write(import->app->store, &scope, write_all, &w, err);
    import_products_settle(import, s->brand, s->file);
    return rc;
}

static void free_state(void *arg)
{
    struct state *state = arg;
    if (!state)
        return;
    product_file_free(state->file);
    free(state);
}

const struct import_format import_products = {"products", detects, read_source, write_source, free_state};
