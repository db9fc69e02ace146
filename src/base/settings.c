// SPDX-License-Identifier: Apache-2.0
// Every source becomes a list of (source, name, text); later sources of lower rank only fill what is still absent.
// Values are replaced as whole immutable snapshots; old ones are kept until the end, so that a pointer handed out
// stays good (a reload is rare and small).
#include "base/settings.h"

#include "base/vec.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const struct setting setting_rows[SETTING_COUNT] = {
#define S(id, name, alias, type, unit, fallback, low, high, choices, flags, help)                                      \
    [SET_##id] = {name, alias, SETTING_##type, unit, fallback, low, high, choices, flags, help},
#include "base/settings_rows.h"
#undef S
};

enum { LARGEST_FILE = 1 << 20, LONGEST_NAME = 128 };
#define FAMILY "llm.providers."

struct value {
    const struct setting *row;
    struct str family; // id in a family's name, else STR_NULL
    const char *text;  // resolved; NULL: none
    const char *source;
    double number;
    struct str *list;
    size_t list_n;
};

struct snapshot {
    struct snapshot *before;
    struct arena *arena;
    struct value at[SETTING_COUNT];
    VEC(struct value) family;
};

struct settings {
    struct settings_source source;
    _Atomic(struct snapshot *) now;
};

static bool is_family(const struct setting *row)
{
    return strstr(row->name, "<id>") != NULL;
}

// Finds the row of a name; for a family's name sets the id.
static const struct setting *find_row(const char *name, struct str *ret_family)
{
    *ret_family = STR_NULL;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (strcmp(setting_rows[i].name, name) == 0 && !is_family(&setting_rows[i]))
            return &setting_rows[i];
    size_t prefix = sizeof FAMILY - 1;
    if (strncmp(name, FAMILY, prefix) != 0)
        return NULL;
    const char *dot = strchr(name + prefix, '.');
    size_t n = dot ? (size_t)(dot - name) - prefix : 0;
    if (n == 0 || n > 40)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)name[prefix + i]) && !isdigit((unsigned char)name[prefix + i]) &&
            name[prefix + i] != '-')
            return NULL;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = &setting_rows[i];
        if (is_family(row) && strcmp(strchr(row->name, '>') + 1, dot) == 0) {
            *ret_family = (struct str){name + prefix, n};
            return row;
        }
    }
    return NULL;
}

void settings_range(const struct setting *row, char out[160])
{
    switch (row->type) {
    case SETTING_BOOL:
        (void)snprintf(out, 160, "true or false");
        break;
    case SETTING_ENUM:
        (void)snprintf(out, 160, "one of %s", row->choices);
        break;
    case SETTING_INT:
    case SETTING_NUMBER:
        (void)snprintf(out, 160, "%s %.0f..%.0f", row->type == SETTING_INT ? "an integer" : "a number", row->low,
                       row->high);
        break;
    case SETTING_LIST:
        (void)snprintf(out, 160, "%.0f..%.0f %s separated by commas", row->low, row->high, row->unit);
        break;
    default:
        (void)snprintf(out, 160, "%.0f..%.0f bytes", row->low, row->high);
    }
}

// A secret may be given as env:NAME or file:/path.
static const char *resolve(struct arena *arena, const struct settings_source *source, const char *text)
{
    if (strncmp(text, "env:", 4) == 0) {
        size_t n = strlen(text + 4);
        for (char **e = source->environment; e && *e; e++)
            if (strncmp(*e, text + 4, n) == 0 && (*e)[n] == '=')
                return *e + n + 1;
        return NULL;
    }
    if (strncmp(text, "file:", 5) != 0)
        return text;
    int fd = open(text + 5, O_RDONLY | O_CLOEXEC);
    char bytes[4097];
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);
    if (fd >= 0)
        close(fd);
    return n < 0 ? NULL : arena_cstr(arena, str_trim((struct str){bytes, (size_t)n}));
}

static void parse_list(struct arena *arena, struct value *value)
{
    struct str rest = str_from(value->text);
    value->list = arena_calloc(arena, strlen(value->text) + 1, sizeof *value->list);
    while (rest.p) {
        struct str part = str_trim(str_split(&rest, ','));
        if (part.n)
            value->list[value->list_n++] = (struct str){arena_cstr(arena, part), part.n};
    }
}

static bool parse(struct arena *arena, struct value *value)
{
    const struct setting *row = value->row;
    struct str text = str_trim(str_from(value->text));
    int64_t integer;
    switch (row->type) {
    case SETTING_INT:
        if (!str_to_int(text, (int64_t)row->low, (int64_t)row->high, &integer))
            return false;
        value->number = (double)integer;
        return true;
    case SETTING_NUMBER:
        return str_to_double(text, &value->number) && value->number >= row->low && value->number <= row->high;
    case SETTING_BOOL:
        value->number = str_eq_nocase(text, STR("true")) || str_eq(text, STR("1")) || str_eq_nocase(text, STR("on")) ||
                        str_eq_nocase(text, STR("yes"));
        return value->number > 0 || str_eq_nocase(text, STR("false")) || str_eq(text, STR("0")) ||
               str_eq_nocase(text, STR("off")) || str_eq_nocase(text, STR("no"));
    case SETTING_ENUM: {
        char *lower = arena_cstr(arena, text);
        for (char *c = lower; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        value->text = lower;
        return str_is_choice(row->choices, str_from(lower));
    }
    case SETTING_LIST:
        parse_list(arena, value);
        return (double)value->list_n >= row->low && (double)value->list_n <= row->high;
    default:
        return (double)text.n >= row->low && (double)text.n <= row->high;
    }
}

static struct value *slot_of(struct snapshot *s, const struct setting *row, struct str family)
{
    if (!family.p)
        return &s->at[row - setting_rows];
    for (size_t i = 0; i < s->family.n; i++)
        if (s->family.at[i].row == row && str_eq(s->family.at[i].family, family))
            return &s->family.at[i];
    vec_push(&s->family, .row = row, .family = arena_str(s->arena, family));
    return &s->family.at[s->family.n - 1];
}

// Takes a value unless a source of higher rank gave one. `append`: a repeated list flag.
static int take(struct snapshot *s, const struct settings_source *source, const char *from, const char *name,
                const char *text, bool same_source_wins, struct err *err)
{
    struct str family;
    const struct setting *row = find_row(name, &family);
    if (!row) {
        const char *near = settings_nearest(name);
        return err_set(err, ERR_INVALID, "%s: unknown setting '%.80s'%s%s%s", from, name,
                       near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    struct value *slot = slot_of(s, row, family);
    bool again = slot->source && strcmp(slot->source, from) == 0;
    if (slot->source && !(again && same_source_wins))
        return 0;
    bool append = again && row->type == SETTING_LIST;
    struct value value = {.row = row, .family = slot->family, .source = from};
    value.text = append ? arena_printf(s->arena, "%s,%s", slot->text, text) : arena_cstr(s->arena, str_from(text));
    if (row->flags & SETTING_SECRET)
        value.text = resolve(s->arena, source, value.text);
    if (!value.text)
        return err_set(err, ERR_INVALID, "%s: %s names a source that cannot be read", from, name);
    if (!parse(s->arena, &value)) {
        char range[160];
        settings_range(row, range);
        return err_set(err, ERR_INVALID, "%s: %s must be %s", from, name, range);
    }
    *slot = value;
    return 0;
}

bool settings_flag(const char *word, int *ret_words)
{
    if (strncmp(word, "--", 2) != 0)
        return false;
    char name[LONGEST_NAME];
    const char *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) - 2 : strlen(word + 2);
    if (n == 0 || n >= sizeof name)
        return false;
    memcpy(name, word + 2, n);
    name[n] = 0;
    struct str family;
    *ret_words = equals ? 1 : 2;
    return find_row(name, &family) != NULL;
}

static int take_flags(struct snapshot *s, const struct settings_source *source, struct err *err)
{
    for (int i = 0; i < source->argc; i++) {
        int words;
        if (!settings_flag(source->argv[i], &words)) {
            struct str rest = str_from(source->argv[i]), flag = str_split(&rest, '=');
            if (!str_starts(flag, STR("--")))
                return err_set(err, ERR_INVALID, "unexpected word '%.80s'", source->argv[i]);
            const char *near = settings_nearest(arena_cstr(s->arena, flag) + 2);
            return err_set(err, ERR_INVALID, "flag %.*s: unknown setting%s%s", (int)(flag.n < 80 ? flag.n : 80), flag.p,
                           near ? ", nearest is --" : "", near ? near : "");
        }
        const char *equals = words == 1 ? strchr(source->argv[i], '=') : NULL;
        const char *text = equals ? equals + 1 : i + 1 < source->argc ? source->argv[++i] : NULL;
        if (!text)
            return err_set(err, ERR_INVALID, "flag %s: a value is missing", source->argv[i]);
        const char *word = words == 1 ? source->argv[i] : source->argv[i - 1];
        struct str rest = str_from(word + 2);
        struct str name = str_split(&rest, '=');
        int rc = take(s, source, "flag", arena_cstr(s->arena, name), text, true, err);
        if (rc)
            return rc;
    }
    return 0;
}

// PARLEY_LIMITS_CHAT → limits.chat: compared row by row, because "_" stands for "." and for itself.
static bool env_matches(const char *variable, size_t n, const char *name)
{
    if (strlen(name) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i] == '.' || name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
        if (variable[i] != c)
            return false;
    }
    return true;
}

static int take_environment(struct snapshot *s, const struct settings_source *source, struct err *err)
{
    for (char **e = source->environment; e && *e; e++) {
        const char *equals = strchr(*e, '=');
        if (strncmp(*e, "PARLEY_", 7) != 0 || !equals)
            continue;
        const char *name = NULL;
        for (size_t i = 0; i < SETTING_COUNT && !name; i++)
            if (env_matches(*e + 7, (size_t)(equals - *e) - 7, setting_rows[i].name))
                name = setting_rows[i].name;
        if (!name)
            continue; // other programs use the prefix too (PARLEY_BIN of the tests): only known names are settings
        const char *from = arena_printf(s->arena, "environment %.*s", (int)(equals - *e), *e);
        int rc = take(s, source, from, name, equals + 1, false, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_file(struct arena *arena, const char *path, struct str *ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
    char *bytes = arena_alloc(arena, LARGEST_FILE);
    ssize_t n = read(fd, bytes, LARGEST_FILE);
    close(fd);
    if (n < 0 || n == LARGEST_FILE)
        return err_set(err, ERR_INVALID, "%s: cannot be read, or over 1 MiB", path);
    *ret = (struct str){bytes, (size_t)n};
    return 0;
}

static struct str unquote(struct str s)
{
    bool quoted = s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0];
    return quoted ? (struct str){s.p + 1, s.n - 2} : s;
}

static int take_file(struct snapshot *s, const struct settings_source *source, const char *path, struct err *err)
{
    struct str rest;
    int rc = read_file(s->arena, path, &rest, err);
    if (rc)
        return rc;
    struct str section = STR_NULL;
    for (int line_no = 1; rest.p; line_no++) {
        struct str line = str_trim(str_split(&rest, '\n'));
        if (line.n == 0 || line.p[0] == '#')
            continue;
        const char *from = arena_printf(s->arena, "%s:%d", path, line_no);
        if (line.p[0] == '[' && line.p[line.n - 1] == ']') {
            section = (struct str){line.p + 1, line.n - 2};
            continue;
        }
        struct str value = line;
        struct str key = str_trim(str_split(&value, '='));
        if (!value.p)
            return err_set(err, ERR_INVALID, "%s: expected name = value", from);
        const char *name = section.n ? arena_printf(s->arena, STR_FMT "." STR_FMT, STR_ARG(section), STR_ARG(key))
                                     : arena_cstr(s->arena, key);
        rc = take(s, source, from, name, arena_cstr(s->arena, unquote(str_trim(value))), false, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int take_config(struct snapshot *s, const struct settings_source *source, struct err *err)
{
    const char *const usual[] = {"parley.conf", "/etc/parley/parley.conf"};
    if (source->config) {
        int rc = take_file(s, source, source->config, err);
        return rc == ERR_NOT_FOUND ? err_set(err, ERR_INVALID, "%s: no such file", source->config) : rc;
    }
    for (size_t i = 0; i < 2; i++) {
        int rc = take_file(s, source, usual[i], err);
        if (rc != ERR_NOT_FOUND)
            return rc;
    }
    return 0;
}

// Aliases are other programs' names: an alias of a family gives the provider "env".
static int take_alias(struct snapshot *s, const struct settings_source *source, const char *from, struct str variable,
                      struct str text, struct err *err)
{
    if (text.n == 0)
        return 0;
    if (str_eq(variable, STR("LLM_API_KEY")))
        variable = STR("OPENAI_API_KEY");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = &setting_rows[i];
        if (!row->alias || !str_eq(variable, str_from(row->alias)))
            continue;
        const char *name = row->name;
        if (is_family(row))
            name = arena_printf(s->arena, FAMILY "env%s", strchr(row->name, '>') + 1);
        const char *value = arena_cstr(s->arena, text);
        if (i == SET_LLM_MODELS)
            value = arena_printf(s->arena, "*=%s", value);
        if (i == SET_LOG_LEVEL && str_eq_nocase(text, STR("warning")))
            value = "warn";
        return take(s, source, from, name, value, false, err);
    }
    return 0;
}

static int take_aliases(struct snapshot *s, const struct settings_source *source, struct err *err)
{
    for (char **e = source->environment; e && *e; e++) {
        struct str text = str_from(*e);
        struct str variable = str_split(&text, '=');
        const char *from = arena_printf(s->arena, "environment " STR_FMT, STR_ARG(variable));
        int rc = text.p ? take_alias(s, source, from, variable, text, err) : 0;
        if (rc)
            return rc;
    }
    struct str rest;
    if (!source->dotenv || read_file(s->arena, source->dotenv, &rest, err) != 0)
        return 0;
    while (rest.p) {
        struct str text = str_trim(str_split(&rest, '\n'));
        if (text.n == 0 || text.p[0] == '#')
            continue;
        if (str_starts(text, STR("export ")))
            text = (struct str){text.p + 7, text.n - 7};
        struct str variable = str_trim(str_split(&text, '='));
        const char *from = arena_printf(s->arena, ".env " STR_FMT, STR_ARG(variable));
        int rc = text.p ? take_alias(s, source, from, variable, unquote(str_trim(text)), err) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int take_defaults(struct snapshot *s, const struct settings_source *source, struct err *err)
{
    for (size_t i = 0; i < 4 && source->defaults[i].value; i++) {
        int rc = take(s, source, "command", setting_rows[source->defaults[i].id].name, source->defaults[i].value, false,
                      err);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = &setting_rows[i];
        struct value *slot = &s->at[i];
        slot->row = row;
        if (slot->source || !row->fallback || is_family(row))
            continue;
        slot->text = row->fallback;
        if (!parse(s->arena, slot))
            return err_set(err, ERR_INTERNAL, "default of %s breaks its own rule", row->name);
    }
    return 0;
}

static void snapshot_free(struct snapshot *s)
{
    while (s) {
        struct snapshot *before = s->before;
        vec_done(&s->family);
        arena_free(s->arena);
        free(s);
        s = before;
    }
}

static int snapshot_new(const struct settings_source *source, struct snapshot **ret, struct err *err)
{
    struct snapshot *s = mem_zalloc(sizeof *s);
    s->arena = arena_new(0);
    int rc = take_flags(s, source, err);
    rc = rc ? rc : take_environment(s, source, err);
    rc = rc ? rc : take_config(s, source, err);
    rc = rc ? rc : take_aliases(s, source, err);
    rc = rc ? rc : take_defaults(s, source, err);
    if (rc)
        snapshot_free(s);
    else
        *ret = s;
    return rc;
}

int settings_new(const struct settings_source *source, struct settings **ret, struct err *err)
{
    struct snapshot *s;
    int rc = snapshot_new(source, &s, err);
    if (rc)
        return rc;
    struct settings *settings = mem_zalloc(sizeof *settings);
    settings->source = *source;
    atomic_store(&settings->now, s);
    *ret = settings;
    return 0;
}

int settings_reload(struct settings *settings, struct err *err)
{
    struct snapshot *s, *before = atomic_load(&settings->now);
    int rc = snapshot_new(&settings->source, &s, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (!(setting_rows[i].flags & SETTING_RELOAD))
            s->at[i] = before->at[i];
    s->before = before;
    atomic_store(&settings->now, s);
    return 0;
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    snapshot_free(atomic_load(&settings->now));
    free(settings);
}

static const struct value *value_of(const struct settings *settings, enum setting_id id)
{
    return &atomic_load_explicit(&((struct settings *)(uintptr_t)settings)->now, memory_order_acquire)->at[id];
}

bool settings_given(const struct settings *settings, enum setting_id id)
{
    return value_of(settings, id)->source != NULL;
}

int64_t settings_int(const struct settings *settings, enum setting_id id)
{
    return (int64_t)value_of(settings, id)->number;
}

double settings_number(const struct settings *settings, enum setting_id id)
{
    return value_of(settings, id)->number;
}

bool settings_bool(const struct settings *settings, enum setting_id id)
{
    return value_of(settings, id)->number > 0;
}

const char *settings_str(const struct settings *settings, enum setting_id id)
{
    return value_of(settings, id)->text;
}

const struct str *settings_list(const struct settings *settings, enum setting_id id, size_t *ret_n)
{
    const struct value *value = value_of(settings, id);
    *ret_n = value->list_n;
    return value->list;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

size_t settings_family_ids(const struct settings *settings, struct arena *arena, struct str **ret)
{
    struct snapshot *s = atomic_load(&((struct settings *)(uintptr_t)settings)->now);
    struct str *ids = arena_calloc(arena, s->family.n + 1, sizeof *ids);
    size_t n = 0;
    for (size_t i = 0; i < s->family.n; i++) {
        bool known = false;
        for (size_t j = 0; j < n && !known; j++)
            known = str_eq(ids[j], s->family.at[i].family);
        if (!known)
            ids[n++] = s->family.at[i].family;
    }
    if (n)
        qsort(ids, n, sizeof *ids, by_text);
    *ret = ids;
    return n;
}

const char *settings_family_str(const struct settings *settings, enum setting_id id, struct str family_id)
{
    struct snapshot *s = atomic_load(&((struct settings *)(uintptr_t)settings)->now);
    for (size_t i = 0; i < s->family.n; i++)
        if (s->family.at[i].row == &setting_rows[id] && str_eq(s->family.at[i].family, family_id))
            return s->family.at[i].text;
    return setting_rows[id].fallback;
}

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[LONGEST_NAME + 1], n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
        }
    }
    return row[n];
}

const char *settings_nearest(const char *name)
{
    size_t best = strlen(name) / 3 + 1;
    const char *nearest = NULL;
    if (strlen(name) >= LONGEST_NAME)
        return NULL;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        size_t distance = edit_distance(name, setting_rows[i].name);
        if (distance < best) {
            best = distance;
            nearest = setting_rows[i].name;
        }
    }
    return nearest;
}

static const char *unused(const struct setting *row)
{
    return row->flags & SETTING_RESERVED ? " (not used by this version)" : "";
}

void settings_print(const struct settings *settings, struct buf *out)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = &setting_rows[i];
        const struct value *value = value_of(settings, (enum setting_id)i);
        bool secret = row->flags & SETTING_SECRET && value->source;
        const char *plain = value->text ? value->text : row->fallback ? row->fallback : "-";
        buf_addf(out, "%-42s %-24s %s%s%s%s\n", row->name, secret ? "set" : plain, row->help, unused(row),
                 value->source ? " · from " : "", value->source ? value->source : "");
    }
}

void settings_print_markdown(struct buf *out)
{
    buf_addz(out, "| name | default | range | unit | reload | alias | what it is |\n|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = &setting_rows[i];
        char range[160];
        settings_range(row, range);
        for (char *c = range; *c; c++)
            *c = *c == '|' ? '/' : *c;
        buf_addf(out, "| `%s` | %s | %s | %s | %s | %s | %s%s |\n", row->name, row->fallback ? row->fallback : "-",
                 range, row->unit ? row->unit : "", row->flags & SETTING_RELOAD ? "yes" : "no",
                 row->alias ? row->alias : "", row->help, unused(row));
    }
}
