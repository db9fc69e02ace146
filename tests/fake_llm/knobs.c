// SPDX-License-Identifier: Apache-2.0
// The knobs as one table; JSON objects and model names are read through it.
#include "fake.h"

#include <stddef.h>

enum type { INT, BOOL, TEXT };

static const struct row {
    const char *name;
    enum type type;
    size_t offset;
} rows[] = {
#define ROW(name, type, field)                                                                                         \
    {                                                                                                                  \
        name, type, offsetof(struct knobs, field)                                                                      \
    }
    ROW("answer", TEXT, answer),
    ROW("dialect", TEXT, dialect),
    ROW("firstDelayMs", INT, first_delay),
    ROW("deltaDelayMs", INT, delta_delay),
    ROW("headerDelayMs", INT, header_delay),
    ROW("commentMs", INT, comment_ms),
    ROW("split", INT, split),
    ROW("comments", INT, comments),
    ROW("eol", TEXT, eol),
    ROW("bom", BOOL, bom),
    ROW("oneBlock", BOOL, one_block),
    ROW("status", INT, status),
    ROW("errorBody", TEXT, error_body),
    ROW("retryAfter", TEXT, retry_after),
    ROW("retryAfterMs", INT, retry_after_ms),
    ROW("shouldRetry", TEXT, should_retry),
    ROW("location", TEXT, location),
    ROW("cutAfter", INT, cut_after),
    ROW("cutHow", TEXT, cut_how),
    ROW("noReply", TEXT, no_reply),
    ROW("noDone", BOOL, no_done),
    ROW("noFinish", BOOL, no_finish),
    ROW("emptyFinish", BOOL, empty_finish),
    ROW("earlyDone", BOOL, early_done),
    ROW("emptyStream", BOOL, empty_stream),
    ROW("jsonBody", BOOL, json_body),
    ROW("ndjson", BOOL, ndjson),
    ROW("html", BOOL, html),
    ROW("gzip", BOOL, gzip),
    ROW("closeIdle", BOOL, close_idle),
    ROW("garbageAt", TEXT, garbage_at),
    ROW("finish", TEXT, finish),
    ROW("h2NoWindow", BOOL, h2_no_window),
    ROW("hugeEvent", BOOL, huge_event),
    ROW("badUtf8", BOOL, bad_utf8),
    ROW("nullContent", BOOL, null_content),
    ROW("partsContent", BOOL, parts_content),
    ROW("noDelta", BOOL, no_delta),
    ROW("messageDelta", BOOL, message_delta),
    ROW("specialEnd", BOOL, special_end),
    ROW("usage", TEXT, usage),
    ROW("reasoning", TEXT, reasoning),
    ROW("tools", TEXT, tools),
    ROW("toolStyle", TEXT, tool_style),
    ROW("toolText", TEXT, tool_text),
    ROW("toolRounds", INT, tool_rounds),
    ROW("ctx", TEXT, ctx),
    ROW("ctxHow", TEXT, ctx_how),
    ROW("tokenFactor", INT, token_factor),
    ROW("refuse", TEXT, refuse),
    ROW("prefill", TEXT, prefill),
    ROW("auth", TEXT, auth),
    ROW("quota", INT, quota),
    ROW("embed", TEXT, embed),
#undef ROW
};

const struct knobs knobs_default = {
    .answer = "echo",
    .dialect = "openai",
    .eol = "lf",
    .status = 200,
    .retry_after_ms = -1,
    .cut_after = -1,
    .cut_how = "fin",
    .prefill = "continue",
    .quota = -1,
    .tool_rounds = 1,
    .token_factor = 1,
};

bool knobs_is(const char *value, const char *name)
{
    return value && strcmp(value, name) == 0;
}

bool knobs_listed(const char *list, const char *name, int64_t *ret)
{
    struct str rest = str_from(list), wanted = str_from(name);
    while (rest.p) {
        struct str item = str_trim(str_split(&rest, ','));
        if (!str_starts(item, wanted))
            continue;
        if (item.n != wanted.n && item.p[wanted.n] != '=')
            continue;
        int64_t number = 1;
        if (item.n > wanted.n)
            str_to_int((struct str){item.p + wanted.n + 1, item.n - wanted.n - 1}, INT64_MIN, INT64_MAX, &number);
        if (ret)
            *ret = number;
        return true;
    }
    return false;
}

static const struct row *find(struct str name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (str_eq(str_from(rows[i].name), name))
            return &rows[i];
    return NULL;
}

static bool set_text(struct arena *arena, const struct row *row, struct str value, struct knobs *knobs)
{
    char *field = (char *)knobs + row->offset;
    if (row->type == INT)
        return str_to_int(value, INT64_MIN, INT64_MAX, (int64_t *)(void *)field);
    if (row->type == BOOL) {
        bool yes = str_eq(value, STR("1")) || str_eq(value, STR("true"));
        if (!yes && !str_eq(value, STR("0")) && !str_eq(value, STR("false")))
            return false;
        *(bool *)(void *)field = yes;
        return true;
    }
    *(const char **)(void *)field = arena_cstr(arena, value);
    return true;
}

// {"dims":16,"base64":true} and ["a","b"] of scalars become "dims=16,base64" and "a,b"; deeper values stay JSON.
static struct str flatten(struct arena *arena, const struct row *row, yyjson_val *value)
{
    bool as_list =
        strcmp(row->name, "embed") == 0 || strcmp(row->name, "refuse") == 0 || strcmp(row->name, "garbageAt") == 0;
    if (strcmp(row->name, "answer") == 0 && yyjson_is_arr(value))
        return arena_strf(arena, "script:" STR_FMT, STR_ARG(json_write_val(arena, value)));
    if (!as_list || !yyjson_is_ctn(value))
        return json_write_val(arena, value);
    struct str out = STR("");
    size_t i, max;
    yyjson_val *key, *item;
    if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, max, item)
        {
            struct str text = yyjson_is_str(item) ? json_str(item) : json_write_val(arena, item);
            out = arena_strf(arena, STR_FMT "%s" STR_FMT, STR_ARG(out), i ? "," : "", STR_ARG(text));
        }
        return out;
    }
    yyjson_obj_foreach(value, i, max, key, item)
    {
        if (yyjson_is_false(item) || yyjson_is_null(item))
            continue;
        struct str text = yyjson_is_true(item) ? STR("1") : json_write_val(arena, item);
        out = arena_strf(arena, STR_FMT "%s" STR_FMT "=" STR_FMT, STR_ARG(out), out.n ? "," : "",
                         STR_ARG(json_str(key)), STR_ARG(text));
    }
    return out;
}

bool knobs_read(struct arena *arena, yyjson_val *object, struct knobs *knobs, const char **ret_error)
{
    if (!yyjson_is_obj(object)) {
        *ret_error = "knobs must be an object";
        return false;
    }
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, max, key, value)
    {
        const struct row *row = find(json_str(key));
        if (!row) {
            *ret_error = arena_printf(arena, "unknown knob '" STR_FMT "'", STR_ARG(json_str(key)));
            return false;
        }
        if (yyjson_is_null(value)) {
            memcpy((char *)knobs + row->offset, (const char *)&knobs_default + row->offset,
                   row->type == BOOL ? sizeof(bool) : sizeof(int64_t));
            continue;
        }
        struct str text = yyjson_is_str(value) ? json_str(value) : flatten(arena, row, value);
        if (!set_text(arena, row, text, knobs)) {
            *ret_error = arena_printf(arena, "bad value for knob '%s'", row->name);
            return false;
        }
    }
    return true;
}

bool knobs_read_model(struct arena *arena, struct str model, struct knobs *knobs, const char **ret_error)
{
    struct str rest = model;
    str_split(&rest, ';');
    while (rest.p) {
        struct str pair = str_split(&rest, ';');
        if (pair.n == 0)
            continue;
        struct str value = pair;
        struct str name = str_split(&value, '=');
        const struct row *row = find(name);
        if (!row || !set_text(arena, row, value.p ? value : STR("1"), knobs)) {
            *ret_error = arena_printf(arena, "bad knob '" STR_FMT "' in the model's name", STR_ARG(pair));
            return false;
        }
    }
    return true;
}
