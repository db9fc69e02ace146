// SPDX-License-Identifier: Apache-2.0
// CSV by RFC 4180, with the separator that splits the heading line best. A field in quotes may go over several lines;
// a row is named by its first.
#include "ingest/readers.h"

#include "base/err.h"
#include "ingest/charset.h"

enum { FIELD_MOST = RECORD_MOST };

struct csv {
    struct lines lines;
    struct out *out;
    char separator;
    struct buf field;
};

static size_t count_fields(struct str line, char separator)
{
    size_t n = 1;
    bool quoted = false;
    for (size_t i = 0; i < line.n; i++) {
        quoted ^= line.p[i] == '"';
        n += !quoted && line.p[i] == separator;
    }
    return n;
}

static char best_separator(struct str line)
{
    static const char marks[] = ",;\t|";
    char best = ',';
    size_t most = 1;
    for (size_t i = 0; marks[i]; i++) {
        size_t n = count_fields(line, marks[i]);
        if (n > most) {
            most = n;
            best = marks[i];
        }
    }
    return best;
}

// One field from *pos on; reads further lines while a quote is open. `line` may change with them. False: a read failed.
static bool next_field(struct csv *csv, struct str *line, size_t *pos)
{
    buf_clear(&csv->field);
    bool quoted = *pos < line->n && line->p[*pos] == '"';
    if (!quoted) {
        size_t from = *pos;
        while (*pos < line->n && line->p[*pos] != csv->separator)
            ++*pos;
        buf_add(&csv->field, line->p + from, *pos - from);
        return true;
    }
    for (++*pos;;) {
        if (*pos >= line->n) {
            int rc = lines_next(&csv->lines, line);
            if (rc != 1) {
                *line = STR("");
                *pos = 0;
                return rc == 0;
            }
            buf_addc(&csv->field, '\n');
            *pos = 0;
            continue;
        }
        char c = line->p[(*pos)++];
        if (c != '"') {
            buf_addc(&csv->field, c);
        } else if (*pos < line->n && line->p[*pos] == '"') {
            buf_addc(&csv->field, '"');
            ++*pos;
        } else {
            break;
        }
    }
    // What stands between the closing quote and the separator belongs to the field.
    size_t from = *pos;
    while (*pos < line->n && line->p[*pos] != csv->separator)
        ++*pos;
    buf_add(&csv->field, line->p + from, *pos - from);
    return true;
}

static bool read_row(struct csv *csv, struct str line)
{
    bool good = true, more = true;
    out_row(csv->out, 1, STR_NULL, (struct place){csv->lines.line, 0});
    for (size_t pos = 0; good && more; pos++) {
        good = next_field(csv, &line, &pos);
        out_cell(csv->out, str_trim(buf_str(&csv->field)));
        more = pos < line.n;
    }
    out_row_end(csv->out);
    return good;
}

enum read_reason read_csv(struct source *source, struct out *out, struct fault_at *fault)
{
    struct csv csv = {.out = out, .field = BUF_INIT(FIELD_MOST)};
    struct str line;
    (void)fault;
    int rc = lines_init(&csv.lines, source, noted_charset(source, out, STR_NULL));
    while (rc == 0 && !out->stopped && (rc = lines_next(&csv.lines, &line)) == 1) {
        rc = 0;
        if (!str_trim(line).n)
            continue;
        if (!csv.separator && line.n == 5 && str_starts(line, STR("sep="))) {
            csv.separator = line.p[4];
            continue;
        }
        if (!csv.separator)
            csv.separator = best_separator(line);
        if (!read_row(&csv, line))
            rc = ERR_IO;
    }
    buf_done(&csv.field);
    lines_done(&csv.lines);
    return rc < 0 ? READ_DAMAGED : READ_OK;
}
