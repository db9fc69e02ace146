// SPDX-License-Identifier: Apache-2.0
// brands_config.json: the file, and its transaction. What it means: engine/import_config.h.
#include "cmd/import_parts.h"

#include "engine/import_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 64 << 20 };

struct state {
    struct arena *arena;
    struct import_config *config;
};

static int load(const char *path, struct arena *arena, yyjson_val **ret, struct err *err)
{
    struct stat st;
    size_t at = 0, n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return err_set(err, ERR_IO, "cannot be opened");
    }
    char *text = st.st_size <= FILE_MOST ? arena_alloc(arena, (size_t)st.st_size + 1) : NULL;
    for (ssize_t m = 1; text && m > 0 && n<(size_t)st.st_size; n += m> 0 ? (size_t)m : 0)
        m = read(fd, text + n, (size_t)st.st_size - n);
    close(fd);
    if (!text || n < (size_t)st.st_size)
        return err_set(err, text ? ERR_IO : ERR_LIMIT, text ? "cannot be read" : "is larger than 64 MiB");
    struct str json = {text, n};
    if (str_starts(json, STR("\xef\xbb\xbf")))
        json = (struct str){text + 3, n - 3};
    return json_parse(arena, json, JSON_RAW_NUMBERS, ret, &at) == 0
               ? 0
               : err_set(err, ERR_FORMAT, "is not valid JSON: byte %zu", at);
}

static bool detects(const char *path)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    char begin[64];
    yyjson_val *root;
    struct err err = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, begin, sizeof begin) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    struct str head = {begin, (size_t)n};
    if (str_starts(head, STR("\xef\xbb\xbf")))
        head = (struct str){begin + 3, head.n - 3};
    head = str_trim(head);
    return str_starts(head, STR("{")) && load(path, arena, &root, &err) == 0 && import_config_is(root);
}

static int read_source(struct import *import, const char *path, struct import_report *report, void **ret_state,
                       struct err *err)
{
    struct state *state = *ret_state = mem_zalloc(sizeof *state);
    yyjson_val *root;
    state->arena = arena_new(0);
    int rc = load(path, state->arena, &root, err);
    if (!rc && !import_config_is(root))
        rc = err_set(err, ERR_FORMAT, "has no lists \"brands\" and \"configs\"");
    if (!rc)
        state->config = import_config_read(root, import->options.zone, report);
    return rc;
}

struct writing {
    struct import *import;
    struct state *state;
    struct import_report *report;
};

static int write_all(struct tx *tx, void *arg, struct err *err)
{
    struct writing *w = arg;
    import_report_back(w->report);
    return import_config_write(tx, w->state->config, w->import->options.on_conflict, w->report, err);
}

static int write_source(struct import *import, void *state, struct import_report *report, struct err *err)
{
    struct scope scope = scope_installation(STR("import"));
    struct writing w = {import, state, report};
    return store_write(import->app->store, &scope, write_all, &w, err);
}

static void free_state(void *arg)
{
    struct state *state = arg;
    if (!state)
        return;
    import_config_free(state->config);
    arena_free(state->arena);
    free(state);
}

const struct import_format import_brands = {"brands", detects, read_source, write_source, free_state};
