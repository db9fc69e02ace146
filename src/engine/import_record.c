// SPDX-License-Identifier: Apache-2.0
#include "engine/import_record.h"

#include "base/utf8.h"
#include "engine/product_draft.h"

enum { TITLE_MOST = 300, METADATA_MOST = 16384, METADATA_KEYS = 1000 };

// ---- a product -----------------------------------------------------------------------------------------------------

enum line {
    LINE_NAME,
    LINE_CATEGORY,
    LINE_DESCRIPTION,
    LINE_PRICE,
    LINE_FEATURES,
    LINE_SPECIFICATIONS,
    LINE_AVAILABLE
};
static const struct str line_names[] = {
    [LINE_NAME] = STR("Product:"),
    [LINE_CATEGORY] = STR("Category:"),
    [LINE_DESCRIPTION] = STR("Description:"),
    [LINE_PRICE] = STR("Price:"),
    [LINE_FEATURES] = STR("Features:"),
    [LINE_SPECIFICATIONS] = STR("Specifications:"),
    [LINE_AVAILABLE] = STR("Available:"),
};
enum { LINES = sizeof line_names / sizeof *line_names };

// The first of each; a value goes on until the next line that begins with a name.
static void read_lines(struct str text, struct str ret[LINES])
{
    int open = -1;
    for (struct str rest = text; rest.p;) {
        struct str line = str_split(&rest, '\n'), begun = utf8_trim(line);
        int named = -1;
        for (int i = 0; i < LINES; i++)
            if (begun.n >= line_names[i].n && str_eq_nocase((struct str){begun.p, line_names[i].n}, line_names[i]))
                named = i;
        if (named >= 0) {
            size_t n = line_names[named].n;
            open = ret[named].p ? -1 : named;
            if (open >= 0)
                ret[open] = (struct str){begun.p + n, (size_t)(line.p + line.n - begun.p) - n};
        } else if (open >= 0) {
            ret[open].n = (size_t)(line.p + line.n - ret[open].p);
        }
    }
    for (int i = 0; i < LINES; i++)
        ret[i] = ret[i].p ? utf8_trim(ret[i]) : STR_NULL;
}

static yyjson_mut_val *feature_list(yyjson_mut_doc *doc, struct str text)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (struct str rest = text; rest.p;) {
        struct str one = utf8_trim(str_split(&rest, ','));
        if (one.n)
            (void)yyjson_mut_arr_append(list, json_new_str(doc, one));
    }
    return list;
}

// A piece without a colon belongs to the value before it.
static yyjson_mut_val *specification_object(yyjson_mut_doc *doc, struct str text)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    struct str key = STR_NULL, value = STR_NULL;
    for (struct str rest = text; rest.p || key.p;) {
        struct str piece = rest.p ? str_split(&rest, ',') : STR_NULL, after = piece, name = STR_NULL;
        if (piece.p)
            name = utf8_trim(str_split(&after, ':'));
        if (piece.p && !(after.p && name.n)) {
            if (key.p)
                value.n = (size_t)(piece.p + piece.n - value.p);
            continue;
        }
        if (key.p)
            (void)yyjson_mut_obj_put(object, json_new_str(doc, key), json_new_str(doc, utf8_trim(value)));
        key = name;
        value = after;
    }
    return object;
}

static struct str own_id(const struct import_record *record)
{
    struct str id = record->id, brand = record->brand;
    if (brand.n && id.n > brand.n + 1 && str_starts(id, brand) && id.p[brand.n] == '_')
        return (struct str){id.p + brand.n + 1, id.n - brand.n - 1};
    return id;
}

static void put_val(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, yyjson_val *value)
{
    json_add(doc, object, key, yyjson_val_mut_copy(doc, value));
}

static void from_data(const struct import_record *record, struct arena *arena, yyjson_mut_doc *doc,
                      yyjson_mut_val *object, yyjson_val *data)
{
    bool seen[PRODUCT_FIELDS] = {false};
    yyjson_val *key, *value, *id = json_get(record->metadata, "product_id"),
                             *available = json_get(record->metadata, "availability");
    size_t i, max;
    yyjson_obj_foreach(data, i, max, key, value)
    {
        if (!yyjson_is_null(value))
            seen[product_column_of(arena, json_str(key)).field] = true;
        (void)yyjson_mut_obj_add(object, yyjson_val_mut_copy(doc, key), yyjson_val_mut_copy(doc, value));
    }
    if (!seen[PRODUCT_ID] && id)
        put_val(doc, object, "id", id);
    else if (!seen[PRODUCT_ID])
        json_add_str(doc, object, "id", own_id(record));
    if (!seen[PRODUCT_AVAILABILITY] && available)
        put_val(doc, object, "availability", available);
}

static void from_keys(const struct import_record *record, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    static const struct {
        const char *key, *field;
        enum line line;
    } fields[] = {{"name", "name", LINE_NAME},
                  {"category", "category", LINE_CATEGORY},
                  {"price", "price", LINE_PRICE},
                  {"availability", "availability", LINE_AVAILABLE}};
    struct str lines[LINES] = {{0}};
    yyjson_val *id = json_get(record->metadata, "product_id");
    if (record->document.p)
        read_lines(record->document, lines);
    if (id)
        put_val(doc, object, "id", id);
    else
        json_add_str(doc, object, "id", own_id(record));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        yyjson_val *value = json_get(record->metadata, fields[i].key);
        if (value)
            put_val(doc, object, fields[i].field, value);
        else if (lines[fields[i].line].n)
            json_add_str(doc, object, fields[i].field, lines[fields[i].line]);
    }
    if (lines[LINE_DESCRIPTION].n)
        json_add_str(doc, object, "description", lines[LINE_DESCRIPTION]);
    if (lines[LINE_FEATURES].n)
        json_add(doc, object, "features", feature_list(doc, lines[LINE_FEATURES]));
    if (lines[LINE_SPECIFICATIONS].n)
        json_add(doc, object, "specifications", specification_object(doc, lines[LINE_SPECIFICATIONS]));
}

bool import_record_product(const struct import_record *record, struct arena *arena, yyjson_val **ret)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_val *stored = json_get(record->metadata, "product_data"), *data = NULL;
    if (yyjson_is_str(stored) &&
        (json_parse(arena, json_str(stored), JSON_RAW_NUMBERS, &data, NULL) != 0 || !yyjson_is_obj(data)))
        data = NULL;
    if (data)
        from_data(record, arena, doc, object, data);
    else
        from_keys(record, doc, object);
    // Two parts that each stood within the bounds of depth may pass them together.
    if (json_parse(arena, json_write(arena, object), JSON_RAW_NUMBERS, ret, NULL) != 0)
        *ret = NULL;
    return data || !stored;
}

// ---- a document ----------------------------------------------------------------------------------------------------

static struct str title_of(const struct import_record *record, struct arena *arena)
{
    static const char *const keys[] = {"title", "name", "source"};
    AUTO_BUF struct buf title = BUF_INIT(4 * TITLE_MOST + 8);
    struct str text = STR_NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !text.n; i++)
        text = utf8_trim(json_get_str(record->metadata, keys[i]));
    if (!text.n)
        text = utf8_trim(record->id);
    text.n = utf8_offset(text, TITLE_MOST);
    for (size_t pos = 0; pos < text.n;) {
        uint32_t rune = utf8_next(text, &pos);
        buf_add_rune(&title, rune < 32 || (rune >= 127 && rune < 160) ? ' ' : rune);
    }
    struct str line = utf8_trim(buf_str(&title));
    return line.n ? arena_str(arena, line) : STR("Document");
}

// What of a record's metadata (NULL: it has none) a document keeps.
static yyjson_mut_val *metadata_of(yyjson_mut_doc *doc, yyjson_val *metadata, struct arena *arena)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_val *key, *value;
    size_t i, max, bytes = 2;
    if (!metadata)
        return object;
    yyjson_obj_foreach(metadata, i, max, key, value)
    {
        struct str name = json_str(key), text = json_write_val(arena, value);
        bool of_title = str_eq(name, STR("title"));
        bytes += name.n + text.n + 16;
        if (of_title || utf8_count(name) > 255 || bytes > METADATA_MOST || yyjson_mut_obj_size(object) >= METADATA_KEYS)
            bytes -= name.n + text.n + 16; // left out: it would not fit
        else
            (void)yyjson_mut_obj_add(object, yyjson_val_mut_copy(doc, key), yyjson_val_mut_copy(doc, value));
    }
    return object;
}

void import_record_document(const struct import_record *record, struct arena *arena, struct import_document *ret)
{
    yyjson_mut_val *metadata = metadata_of(json_doc(arena), record->metadata, arena);
    *ret = (struct import_document){record->id, title_of(record, arena), utf8_trim(record->document),
                                    json_write(arena, metadata)};
}
