// SPDX-License-Identifier: Apache-2.0
// Settings: one table of rows (settings_rows.h) and their values from flags, environment, file and aliases, checked
// once at the start. Values of reloadable settings may be replaced by settings_reload; readers need no lock.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum setting_id {
#define S(id, ...) SET_##id,
#include "base/settings_rows.h"
#undef S
    SETTING_COUNT
};

enum setting_type {
    SETTING_STRING,
    SETTING_INT,
    SETTING_NUMBER,
    SETTING_BOOL,
    SETTING_ENUM,
    SETTING_LIST,
    SETTING_PATH,
    SETTING_URL
};
enum {
    SETTING_RELOAD = 1,
    SETTING_SECRET = 2,   // never printed
    SETTING_RESERVED = 4, // of a contract, checked as any other; nothing of this version looks at it
};

struct setting {
    const char *name, *alias; // alias: environment variable or line of .env
    enum setting_type type;
    const char *unit, *fallback; // fallback NULL: none, or computed
    double low, high;
    const char *choices; // enums: a|b|c
    unsigned flags;
    const char *help;
};
extern const struct setting setting_rows[SETTING_COUNT];

struct settings;

struct settings_source {
    int argc; // flags only: argv[0] is the first flag; others are left for the caller (settings_flag_takes)
    char **argv;
    char **environment; // as environ
    const char *config; // --config, or NULL: parley.conf here, then /etc/parley/parley.conf
    const char *dotenv; // ".env", or NULL
    struct {
        enum setting_id id;
        const char *value;
    } defaults[4]; // a command's own defaults (demo); value NULL ends
};

// Reads all sources in their order of precedence. ERR_INVALID: one line with source, name and range.
int settings_new(const struct settings_source *source, struct settings **ret, struct err *err);
void settings_free(struct settings *settings);
// Reads the same sources again; on a fault the old values stay. Values that are not reloadable are left alone.
int settings_reload(struct settings *settings, struct err *err);

bool settings_given(const struct settings *settings, enum setting_id id);  // set by any source
int64_t settings_int(const struct settings *settings, enum setting_id id); // INT; 0 when there is no default
double settings_number(const struct settings *settings, enum setting_id id);
bool settings_bool(const struct settings *settings, enum setting_id id);
const char *settings_str(const struct settings *settings, enum setting_id id); // NULL: none; secrets are resolved
// The elements of a list (stay valid until settings_free).
const struct str *settings_list(const struct settings *settings, enum setting_id id, size_t *ret_n);

// Families (name with <id>): the ids that any source names, sorted ("env" for aliases), and the value for one.
size_t settings_family_ids(const struct settings *settings, struct arena *arena, struct str **ret);
const char *settings_family_str(const struct settings *settings, enum setting_id id, struct str family_id);

// Is this word of a command line a setting's flag? *ret_words: 1 (--name=value) or 2 (--name value).
bool settings_flag(const char *word, int *ret_words);
// The known name nearest to an unknown one, or NULL (edit distance over a third of its length).
const char *settings_nearest(const char *name);
// "0..1000000", "error|warn|info|debug": what a value may be.
void settings_range(const struct setting *row, char out[160]);
// Prints every row as text (values, of families their defaults, and sources; a secret's value as "set") or as the table
// of docs/settings.md.
void settings_print(const struct settings *settings, struct buf *out);
void settings_print_markdown(struct buf *out);
