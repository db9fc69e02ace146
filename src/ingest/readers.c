// SPDX-License-Identifier: Apache-2.0
#include "ingest/readers.h"

#include "ingest/charset.h"

static const reader_fn readers[FORMATS] = {
    [FORMAT_TEXT] = read_text, [FORMAT_MARKDOWN] = read_markdown, [FORMAT_HTML] = read_html,
    [FORMAT_CSV] = read_csv,   [FORMAT_JSON] = read_json,         [FORMAT_XML] = read_xml,
    [FORMAT_DOCX] = read_docx, [FORMAT_XLSX] = read_xlsx,         [FORMAT_PDF] = read_pdf_boxes,
};

reader_fn reader_of(enum format_id id)
{
    return id < FORMATS ? readers[id] : NULL;
}

const char *noted_charset(struct source *source, struct out *out, struct str declared)
{
    const char *charset = charset_of(source, declared);
    if (strncmp(charset, "UTF-", 4) != 0)
        out_note(out, "encoding", str_from(charset));
    return charset;
}
