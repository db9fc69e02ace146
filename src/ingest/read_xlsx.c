// SPDX-License-Identifier: Apache-2.0
// XLSX: the rows of every sheet in the workbook's order. Shared and inline strings, numbers without binary noise,
// booleans, stored results of formulas, dates as ISO text (by the number format of the cell's style).
#include "ingest/readers.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "ingest/sax.h"
#include "ingest/zip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHEETS_MOST = 200, COLUMNS_MOST = 1024, STYLES_MOST = 65536, FORMATS_MOST = 4096, TEXT_ROOM = 1 << 20 };

struct sheet {
    struct str name, relation, path;
};

struct xlsx {
    struct out *out;
    struct sax_parser *parser;
    struct arena *arena;
    VEC(struct sheet) sheets;
    VEC(struct str) strings;
    VEC(bool) dates; // of each cell style
    VEC(int64_t) date_formats;
    bool since_1904, in_cell_styles;
    // of the sheet being read
    const struct sheet *sheet;
    int64_t table, row;
    struct buf text; // of the element that holds a value or a string
    char type[16];
    size_t style, column; // of the cell; column from 0
    bool in_row, taking, phonetic;
};

static bool feed(void *arg, const char *bytes, size_t n)
{
    struct xlsx *x = arg;
    return !x->out->stopped && sax_feed(x->parser, bytes, n);
}

static void add_text(void *arg, struct str text)
{
    struct xlsx *x = arg;
    if (x->taking && !x->phonetic)
        buf_adds(&x->text, text);
}

// ---- workbook, relations --------------------------------------------------------------------------------------------

static void workbook_start(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct xlsx *x = arg;
    if (str_eq(name, STR("workbookPr")))
        x->since_1904 = str_is_choice("1|true", sax_attribute(attributes, "date1904"));
    if (str_eq(name, STR("sheet")) && x->sheets.n < SHEETS_MOST)
        vec_push(&x->sheets, arena_str(x->arena, sax_attribute(attributes, "name")),
                 arena_str(x->arena, sax_attribute(attributes, "id")), STR_NULL);
}

static void relation_start(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct xlsx *x = arg;
    struct str id = sax_attribute(attributes, "Id"), target = sax_attribute(attributes, "Target");
    if (!str_eq(name, STR("Relationship")) || str_eq(sax_attribute(attributes, "TargetMode"), STR("External")))
        return;
    for (size_t i = 0; i < x->sheets.n && target.n; i++)
        if (str_eq(x->sheets.at[i].relation, id) && id.n)
            x->sheets.at[i].path = target.p[0] == '/' ? arena_str(x->arena, (struct str){target.p + 1, target.n - 1})
                                                      : arena_strf(x->arena, "xl/" STR_FMT, STR_ARG(target));
}

// ---- shared strings, styles -----------------------------------------------------------------------------------------

static void string_start(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct xlsx *x = arg;
    (void)attributes;
    if (str_eq(name, STR("si")))
        buf_clear(&x->text);
    x->phonetic |= str_eq(name, STR("rPh"));
    x->taking = str_eq(name, STR("t"));
}

static void string_end(void *arg, struct str name)
{
    struct xlsx *x = arg;
    x->taking = false;
    if (str_eq(name, STR("rPh")))
        x->phonetic = false;
    if (str_eq(name, STR("si")))
        vec_add(&x->strings, arena_str(x->arena, buf_str(&x->text)));
}

// A format shows a date if it has a date's letters outside of quotes, brackets and escapes.
static bool is_date_code(struct str code)
{
    bool quoted = false, bracket = false;
    for (size_t i = 0; i < code.n; i++) {
        char c = code.p[i];
        if (c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == ']'))
            bracket = c == '[';
        else if (!quoted && !bracket && strchr("ymdhsYMDHS", c))
            return true;
    }
    return false;
}

static bool is_date_format(const struct xlsx *x, int64_t id)
{
    if ((id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58))
        return true;
    for (size_t i = 0; i < x->date_formats.n; i++)
        if (x->date_formats.at[i] == id)
            return true;
    return false;
}

static void style_start(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct xlsx *x = arg;
    int64_t id = 0;
    (void)str_to_int(sax_attribute(attributes, "numFmtId"), 0, INT32_MAX, &id);
    if (str_eq(name, STR("numFmt")) && x->date_formats.n < FORMATS_MOST &&
        is_date_code(sax_attribute(attributes, "formatCode")))
        vec_add(&x->date_formats, id);
    if (str_eq(name, STR("cellXfs")))
        x->in_cell_styles = true;
    if (str_eq(name, STR("xf")) && x->in_cell_styles && x->dates.n < STYLES_MOST)
        vec_add(&x->dates, is_date_format(x, id));
}

static void style_end(void *arg, struct str name)
{
    struct xlsx *x = arg;
    if (str_eq(name, STR("cellXfs")))
        x->in_cell_styles = false;
}

// ---- a sheet --------------------------------------------------------------------------------------------------------

// "BC12" → 54; a cell without a name follows the one before.
static size_t column_of(struct str name, size_t otherwise)
{
    size_t column = 0, i = 0;
    for (; i < name.n && i < 3 && name.p[i] >= 'A' && name.p[i] <= 'Z'; i++)
        column = column * 26 + (size_t)(name.p[i] - 'A' + 1);
    return i ? column - 1 : otherwise;
}

static void date_text(const struct xlsx *x, double serial, char out[32])
{
    // Day 60 of the 1900 calendar is the 29th of February that was not.
    double days = floor(serial), seconds = round((serial - days) * 86400);
    int64_t day = (int64_t)days + (x->since_1904 ? 1462 : 0) - (days < 60 && !x->since_1904 ? 25568 : 25569);
    // Civil date from days since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms").
    int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
    int64_t y = yoe + era * 400 + (m <= 2), s = (int64_t)seconds;
    if (s > 0 && s < 86400)
        (void)snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02d", (int)y, (int)m, (int)d, (int)(s / 3600),
                       (int)(s / 60 % 60), (int)(s % 60));
    else
        (void)snprintf(out, 32, "%04d-%02d-%02d", (int)y, (int)m, (int)d);
}

static struct str number_text(const struct xlsx *x, struct str raw, char out[32])
{
    double n;
    if (!str_to_double(raw, &n))
        return raw;
    if (x->style < x->dates.n && x->dates.at[x->style] && n >= 0 && n < 2958466)
        date_text(x, n, out);
    else if (floor(n) == n && fabs(n) < 1e15)
        (void)snprintf(out, 32, "%.0f", n);
    else if (fabs(n) >= 1e-4 && fabs(n) < 1e15)
        (void)snprintf(out, 32, "%.15g", n);
    else
        return raw;
    return str_from(out);
}

static struct str cell_text(const struct xlsx *x, char out[32])
{
    struct str raw = buf_str(&x->text);
    int64_t index;
    if (strcmp(x->type, "s") == 0)
        return str_to_int(raw, 0, (int64_t)x->strings.n - 1, &index) ? x->strings.at[index] : STR("");
    if (strcmp(x->type, "b") == 0)
        return str_eq(raw, STR("1")) ? STR("true") : STR("false");
    if (strcmp(x->type, "e") == 0)
        return STR("");
    return x->type[0] == 0 || strcmp(x->type, "n") == 0 ? number_text(x, str_trim(raw), out) : raw;
}

static void sheet_start(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct xlsx *x = arg;
    if (str_eq(name, STR("row"))) {
        if (!str_to_int(sax_attribute(attributes, "r"), 1, INT32_MAX, &x->row))
            x->row++;
        out_row(x->out, x->table, x->sheet->name, (struct place){x->row, 0});
        x->in_row = true;
        x->column = 0;
    } else if (str_eq(name, STR("c"))) {
        struct str type = sax_attribute(attributes, "t");
        int64_t style = 0;
        size_t n = type.n < sizeof x->type ? type.n : 0;
        memcpy(x->type, n ? type.p : "", n);
        x->type[n] = 0;
        (void)str_to_int(sax_attribute(attributes, "s"), 0, STYLES_MOST, &style);
        x->style = (size_t)style;
        x->column = column_of(sax_attribute(attributes, "r"), x->column);
        buf_clear(&x->text);
    }
    x->phonetic |= str_eq(name, STR("rPh"));
    x->taking = str_eq(name, STR("v")) || str_eq(name, STR("t"));
}

static void sheet_end(void *arg, struct str name)
{
    struct xlsx *x = arg;
    char text[32];
    x->taking = false;
    if (str_eq(name, STR("rPh")))
        x->phonetic = false;
    if (str_eq(name, STR("c")) && x->in_row && x->column < COLUMNS_MOST) {
        struct str value = str_trim(cell_text(x, text));
        // Empty cells are not written in the file; those in front of one that is count.
        while (value.n && x->out->cells < x->column)
            out_cell(x->out, STR(""));
        if (value.n)
            out_cell(x->out, value);
        x->column++;
    }
    if (str_eq(name, STR("row")) && x->in_row) {
        x->in_row = false;
        if (x->out->cells)
            out_row_end(x->out);
        if (x->out->stopped)
            sax_stop(x->parser);
    }
}

// ---- all ------------------------------------------------------------------------------------------------------------

static enum read_reason part(struct xlsx *x, struct zip *zip, struct str name, const struct sax *sax, bool needed)
{
    bool found = false;
    x->parser = sax_new(sax, x, false);
    enum read_reason reason = zip_part(zip, name, feed, x, &found);
    if (reason == READ_OK && found && !x->out->stopped)
        reason = sax_finish(x->parser);
    sax_free(x->parser);
    x->taking = x->phonetic = false;
    return reason == READ_OK && needed && !found ? READ_DAMAGED : reason;
}

static enum read_reason read_all(struct xlsx *x, struct zip *zip)
{
    static const struct sax workbook = {workbook_start, NULL, NULL}, relations = {relation_start, NULL, NULL},
                            strings = {string_start, string_end, add_text}, styles = {style_start, style_end, NULL},
                            cells = {sheet_start, sheet_end, add_text};
    enum read_reason reason = part(x, zip, STR("xl/workbook.xml"), &workbook, true);
    reason = reason ? reason : part(x, zip, STR("xl/_rels/workbook.xml.rels"), &relations, true);
    reason = reason ? reason : part(x, zip, STR("xl/sharedStrings.xml"), &strings, false);
    reason = reason ? reason : part(x, zip, STR("xl/styles.xml"), &styles, false);
    for (size_t i = 0; i < x->sheets.n && reason == READ_OK && !x->out->stopped; i++) {
        x->sheet = &x->sheets.at[i];
        x->table = (int64_t)i + 1;
        x->row = 0;
        x->in_row = false;
        if (!x->sheet->path.n)
            continue;
        if (x->out->want == INGEST_BLOCKS)
            out_heading(x->out, 2, x->sheet->name, (struct place){0, 0});
        reason = part(x, zip, x->sheet->path, &cells, false);
    }
    return reason;
}

enum read_reason read_xlsx(struct source *source, struct out *out, struct fault_at *fault)
{
    struct xlsx x = {.out = out, .arena = arena_new(0), .text = BUF_INIT(TEXT_ROOM)};
    struct zip zip;
    (void)fault;
    enum read_reason reason = zip_open(&zip, source);
    if (reason == READ_OK)
        reason = read_all(&x, &zip);
    vec_done(&x.sheets);
    vec_done(&x.strings);
    vec_done(&x.dates);
    vec_done(&x.date_formats);
    buf_done(&x.text);
    arena_free(x.arena);
    return reason;
}
