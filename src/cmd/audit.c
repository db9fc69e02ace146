// SPDX-License-Identifier: Apache-2.0
// Walks the chain of audit rows of every brand. Exit 1 at a row that is changed or missing.
#include "cmd/command.h"
#include "cmd/compose.h"
#include "store/audit.h"

#include <stdio.h>

struct chains {
    struct arena *arena;
    struct str *brands;
    size_t n;
    int64_t rows, seq;
    int whole;
};

static int load_brands(struct tx *tx, void *arg, struct err *err)
{
    struct chains *c = arg;
    return audit_chains(tx, c->arena, &c->brands, &c->n, err);
}

static int walk(struct tx *tx, void *arg, struct err *err)
{
    struct chains *c = arg;
    c->rows = 0;
    c->whole = audit_verify(tx, &c->rows, &c->seq, err);
    return c->whole < 0 ? c->whole : 0;
}

static int verify(struct store *store, struct arena *arena, struct err *err)
{
    struct chains c = {.arena = arena};
    struct scope everywhere = scope_installation(STR("command"));
    int rc = store_read(store, &everywhere, load_brands, &c, err), broken = 0;
    for (size_t i = 0; i < c.n && !rc; i++) {
        struct scope scope = scope_brand(c.brands[i], STR("command"));
        rc = store_read(store, &scope, walk, &c, err);
        if (!rc && c.whole)
            printf(STR_FMT "  %lld rows\n", STR_ARG(c.brands[i]), (long long)c.rows);
        else if (!rc)
            printf(STR_FMT "  broken at row %lld\n", STR_ARG(c.brands[i]), (long long)c.seq);
        broken |= !rc && !c.whole;
    }
    return rc ? rc : broken;
}

int command_audit(int argc, char **argv)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const char *words[2] = {NULL, NULL};
    struct settings *settings;
    struct composition c;
    struct err err = {0};
    if (command_words(&argc, argv, words, 2) != 1 || strcmp(words[0], "verify") != 0)
        return command_fault("audit: say verify");
    int code = command_read_settings(argc, argv, false, &settings);
    code = code ? code : compose(settings, COMPOSE_SHARED, &c);
    if (code)
        return code;
    int rc = verify(c.app.store, arena, &err);
    if (rc < 0)
        (void)command_fault("%s", err.text);
    compose_end(&c);
    settings_free(settings);
    return rc ? EXIT_FAILED : EXIT_DONE;
}
