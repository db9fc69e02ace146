// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void *alc_malloc(void *ctx, size_t size)
{
    return arena_alloc(ctx, size);
}

static void *alc_realloc(void *ctx, void *old, size_t old_size, size_t size)
{
    void *p = arena_alloc(ctx, size);
    memcpy(p, old, old_size < size ? old_size : size);
    return p;
}

static void alc_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p;
}

static yyjson_alc alc_of(struct arena *arena)
{
    return (yyjson_alc){alc_malloc, alc_realloc, alc_free, arena};
}

// yyjson reads iteratively, so depth is checked before, on the bytes: cheap, and nothing deep is ever built.
static bool shallow(struct str text, size_t *ret_offset)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_MAX_DEPTH) {
                *ret_offset = i;
                return false;
            }
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return true;
}

int json_parse(struct arena *arena, struct str text, unsigned flags, yyjson_val **ret, size_t *ret_offset)
{
    size_t offset = 0;
    if (!shallow(text, &offset)) {
        if (ret_offset)
            *ret_offset = offset;
        return ERR_FORMAT;
    }
    yyjson_alc alc = alc_of(arena);
    yyjson_read_err fault;
    yyjson_read_flag read_flags = flags & JSON_RAW_NUMBERS ? YYJSON_READ_NUMBER_AS_RAW : YYJSON_READ_BIGNUM_AS_RAW;
    // Without the in-situ flag yyjson only reads the bytes.
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)(text.p ? text.p : ""), text.n, read_flags, &alc, &fault);
    if (!doc) {
        if (ret_offset)
            *ret_offset = fault.pos;
        return ERR_FORMAT;
    }
    *ret = yyjson_doc_get_root(doc);
    return 0;
}

yyjson_val *json_get(yyjson_val *object, const char *key)
{
    yyjson_val *found = NULL, *name, *value;
    size_t i, max, n = strlen(key);
    if (!yyjson_is_obj(object))
        return NULL;
    yyjson_obj_foreach(object, i, max, name, value)
    {
        if (yyjson_equals_strn(name, key, n))
            found = value;
    }
    return found;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(json_str(*(yyjson_val *const *)a), json_str(*(yyjson_val *const *)b));
}

static bool names_repeat(yyjson_val *object)
{
    size_t i, max, n = yyjson_obj_size(object);
    yyjson_val *key, *value;
    AUTO_FREE yyjson_val **names = mem_calloc(n, sizeof *names);
    yyjson_obj_foreach(object, i, max, key, value) names[i] = key;
    if (n > 1)
        qsort(names, n, sizeof *names, by_text);
    for (i = 1; i < n; i++)
        if (str_eq(json_str(names[i - 1]), json_str(names[i])))
            return true;
    return false;
}

bool json_repeats(yyjson_val *root)
{
    size_t i, max;
    yyjson_val *key, *value;
    if (yyjson_is_arr(root)) {
        yyjson_arr_foreach(root, i, max, value) if (json_repeats(value)) return true;
    } else if (yyjson_is_obj(root)) {
        if (names_repeat(root))
            return true;
        yyjson_obj_foreach(root, i, max, key, value) if (json_repeats(value)) return true;
    }
    return false;
}

struct str json_str(yyjson_val *value)
{
    return yyjson_is_str(value) ? (struct str){yyjson_get_str(value), yyjson_get_len(value)} : STR_NULL;
}

struct str json_get_str(yyjson_val *object, const char *key)
{
    return json_str(json_get(object, key));
}

int64_t json_get_int(yyjson_val *object, const char *key, int64_t otherwise)
{
    yyjson_val *value = json_get(object, key);
    if (yyjson_is_real(value) && fabs(yyjson_get_real(value)) < 9e18)
        return (int64_t)yyjson_get_real(value);
    bool fits = yyjson_is_sint(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX);
    return fits ? yyjson_get_sint(value) : otherwise;
}

bool json_get_bool(yyjson_val *object, const char *key, bool otherwise)
{
    yyjson_val *value = json_get(object, key);
    return yyjson_is_bool(value) ? yyjson_get_bool(value) : otherwise;
}

yyjson_mut_doc *json_doc(struct arena *arena)
{
    // The document keeps a copy of the allocator, whose context is the arena.
    yyjson_alc alc = alc_of(arena);
    return yyjson_mut_doc_new(&alc);
}

yyjson_mut_val *json_new_str(yyjson_mut_doc *doc, struct str s)
{
    if (!s.p)
        return yyjson_mut_null(doc);
    if (utf8_valid(s))
        return yyjson_mut_strncpy(doc, s.p, s.n);
    AUTO_BUF struct buf mended = BUF_INIT(s.n * 3 + 4);
    for (size_t pos = 0; pos < s.n;)
        buf_add_rune(&mended, utf8_next(s, &pos));
    return yyjson_mut_strncpy(doc, mended.p, mended.n);
}

yyjson_mut_val *json_new_strs(yyjson_mut_doc *doc, const struct str *at, size_t n)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < n; i++)
        (void)yyjson_mut_arr_append(list, json_new_str(doc, at[i]));
    return list;
}

yyjson_mut_val *json_new_num(yyjson_mut_doc *doc, const char *digits)
{
    return yyjson_mut_rawcpy(doc, digits);
}

void json_add(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, yyjson_mut_val *value)
{
    (void)yyjson_mut_obj_add(object, yyjson_mut_str(doc, key), value);
}

void json_add_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, struct str s)
{
    json_add(doc, object, key, json_new_str(doc, s));
}

void json_add_cstr(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *s)
{
    json_add_str(doc, object, key, str_from(s));
}

void json_add_int(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t n)
{
    json_add(doc, object, key, yyjson_mut_sint(doc, n));
}

void json_add_bool(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, bool b)
{
    json_add(doc, object, key, yyjson_mut_bool(doc, b));
}

void json_add_null(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key)
{
    json_add(doc, object, key, yyjson_mut_null(doc));
}

void json_add_time(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    if (wall_ms)
        clock_rfc3339(wall_ms, text);
    json_add_str(doc, object, key, wall_ms ? str_from(text) : STR_NULL);
}

void json_add_decimal(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, double n, int decimals)
{
    char text[400];
    int length = snprintf(text, sizeof text, "%.*f", decimals, isfinite(n) ? n : 0.0);
    char *end = text + length;
    if (strchr(text, '.')) {
        while (end[-1] == '0')
            *--end = 0;
        if (end[-1] == '.')
            *--end = 0;
    }
    json_add(doc, object, key, json_new_num(doc, strcmp(text, "-0") == 0 ? "0" : text));
}

yyjson_mut_val *json_new_raw(yyjson_mut_doc *doc, struct str text)
{
    yyjson_alc alc = doc->alc;
    yyjson_doc *read =
        yyjson_read_opts((char *)(uintptr_t)(text.p ? text.p : ""), text.n, YYJSON_READ_NUMBER_AS_RAW, &alc, NULL);
    yyjson_mut_val *copy = read ? yyjson_val_mut_copy(doc, yyjson_doc_get_root(read)) : NULL;
    return copy ? copy : yyjson_mut_null(doc);
}

struct str json_write(struct arena *arena, yyjson_mut_val *root)
{
    yyjson_alc alc = alc_of(arena);
    size_t n = 0;
    char *text = yyjson_mut_val_write_opts(root, YYJSON_WRITE_NOFLAG, &alc, &n, NULL);
    return text ? (struct str){text, n} : STR("null");
}

struct str json_write_val(struct arena *arena, yyjson_val *root)
{
    yyjson_alc alc = alc_of(arena);
    size_t n = 0;
    char *text = yyjson_val_write_opts(root, YYJSON_WRITE_NOFLAG, &alc, &n, NULL);
    return text ? (struct str){text, n} : STR("null");
}

bool json_write_buf(struct buf *out, yyjson_mut_val *root)
{
    size_t n = 0;
    AUTO_FREE char *text = yyjson_mut_val_write_opts(root, YYJSON_WRITE_NOFLAG, NULL, &n, NULL);
    return text && buf_add(out, text, n);
}

bool json_quote(struct buf *out, struct str s)
{
    buf_addc(out, '"');
    for (size_t pos = 0; pos < s.n;) {
        size_t start = pos;
        uint32_t rune = utf8_next(s, &pos);
        if (rune == '"' || rune == '\\')
            buf_addf(out, "\\%c", (char)rune);
        else if (rune < 32)
            buf_addf(out, "\\u%04x", rune);
        else if (rune == 0xFFFD)
            buf_add_rune(out, rune);
        else
            buf_add(out, s.p + start, pos - start);
    }
    return buf_addc(out, '"');
}

// ---- repair ---------------------------------------------------------------------------------------------------------

static int hex4(struct str s, size_t at)
{
    int value = 0;
    if (at + 4 > s.n)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = s.p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

struct str json_repair(struct arena *arena, struct str json)
{
    bool escapes = memmem(json.p, json.n, "\\ud", 3) != NULL || memmem(json.p, json.n, "\\uD", 3) != NULL;
    if (!escapes && utf8_valid(json))
        return json;
    char *out = arena_alloc(arena, json.n * 3 + 1), *to = out;
    size_t at = 0;
    while (at < json.n) {
        if (json.p[at] == '\\' && at + 1 < json.n) {
            int unit = json.p[at + 1] == 'u' ? hex4(json, at + 2) : -1;
            size_t n = unit >= 0 ? 6 : 2;
            if (unit >= 0xd800 && unit <= 0xdfff) {
                int low = at + 7 < json.n && json.p[at + 6] == '\\' && json.p[at + 7] == 'u' ? hex4(json, at + 8) : -1;
                if (unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
                    n = 12;
                } else {
                    memcpy(to, "\\ufffd", 6);
                    to += 6;
                    at += 6;
                    continue;
                }
            }
            if ((unsigned char)json.p[at + 1] >= 0x80)
                n = 1;
            memcpy(to, json.p + at, n);
            to += n;
            at += n;
            continue;
        }
        to += utf8_encode(utf8_next(json, &at), to);
    }
    return (struct str){out, (size_t)(to - out)};
}
