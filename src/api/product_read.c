// SPDX-License-Identifier: Apache-2.0
#include "api/product_read.h"

#include "base/arena.h"
#include "ingest/reader.h"

#include <stdio.h>

static const struct {
    enum format_id format;
    enum product_layout layout;
} layouts[] = {
    {FORMAT_JSON, PRODUCTS_IN_OBJECTS}, {FORMAT_CSV, PRODUCTS_IN_ONE_TABLE}, {FORMAT_PDF, PRODUCTS_IN_TEXT},
    {FORMAT_TEXT, PRODUCTS_IN_TEXT},    {FORMAT_MARKDOWN, PRODUCTS_IN_TEXT}, {FORMAT_DOCX, PRODUCTS_IN_TEXT},
    {FORMAT_XML, PRODUCTS_IN_OBJECTS},  {FORMAT_XLSX, PRODUCTS_IN_SHEETS},
};

bool product_read_layout(enum format_id format, enum product_layout *ret)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].format == format) {
            *ret = layouts[i].layout;
            return true;
        }
    return false;
}

static int take(void *arg, const struct record *record)
{
    struct product_file *file = arg;
    struct product_place at = {record->sheet, record->table, record->line};
    if (record->bad)
        return product_file_bad(file, &at);
    switch (record->kind) {
    case RECORD_ROW:
        return product_file_row(file, &at, record->value);
    case RECORD_OBJECT:
        return product_file_object(file, &at, record->value);
    case RECORD_HEADING:
        return product_file_heading(file, &at, record->text);
    case RECORD_TEXT:
        return product_file_line(file, &at, record->text);
    case RECORD_NOTE:
        if (str_eq(record->name, STR("encoding"))) {
            char text[120];
            (void)snprintf(text, sizeof text, "The file was read as " STR_FMT, STR_ARG(record->text));
            product_file_warn(file, "encoding", text);
        }
        return 0;
    default:
        return 0;
    }
}

// Whole files that cannot be read are refused: the text, or NULL.
static const char *refusal(const struct product_read *read, const struct ingest_result *result)
{
    switch (result->reason) {
    case READ_ENCRYPTED:
        return "File is password-protected";
    case READ_TOO_LARGE:
        return "File is too large when unpacked";
    case READ_DOCTYPE:
        return "XML with a document type declaration is not accepted";
    case READ_NO_READER:
        return "This server cannot read files of this type";
    case READ_DAMAGED:
    case READ_INTERNAL:
        return result->line
                   ? arena_printf(read->arena, "File is not valid %s: line %lld, column %lld",
                                  formats[read->format].title, (long long)result->line, (long long)result->column)
                   : arena_printf(read->arena, "File is not valid %s", formats[read->format].title);
    default:
        return NULL;
    }
}

int product_read(const struct product_read *read, struct product_file *file, const char **ret_refusal)
{
    struct ingest_result result;
    struct ingest_options options = {
        .format = read->format, .want = INGEST_ROWS, .timeout_ms = read->timeout_ms, .most_bytes = read->most_bytes};
    bool protected = format_of(read->fd, read->filename) == FORMAT_OLE && format_is_protected(read->fd);
    int rc = protected ? 0 : ingest_read(read->fd, &options, take, file, &result);
    if (rc == ERR_IO)
        return rc;
    if (protected)
        result = (struct ingest_result){.reason = READ_ENCRYPTED};
    // What ended it early was enough, not a fault of the file.
    const char *text = rc ? NULL : refusal(read, &result);
    bool columns = read->layout == PRODUCTS_IN_ONE_TABLE || read->layout == PRODUCTS_IN_SHEETS;
    if (!text && columns && !product_file_has_columns(file) && (rc || result.reason != READ_TIMEOUT))
        text = "No product columns found";
    *ret_refusal = text;
    if (text)
        return 0;
    if (!rc && result.reason == READ_TIMEOUT)
        product_file_error(file, "timeout", "The file could not be read to its end in time");
    else if (!rc && result.reason == READ_NO_TEXT && read->format == FORMAT_PDF)
        product_file_error(file, "no_text", "The file holds no text");
    return 0;
}
