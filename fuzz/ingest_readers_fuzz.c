// SPDX-License-Identifier: Apache-2.0
// The readers of text formats and of what pdftotext says. First byte: which one, and for whom; every record must be
// JSON within its bounds.
#include "fuzz.h"

#include "base/json.h"
#include "ingest/readers.h"

#include <stdlib.h>

static const enum format_id kinds[] = {FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_HTML, FORMAT_CSV,
                                       FORMAT_JSON, FORMAT_XML,      FORMAT_PDF};

static bool check(void *arg, struct str json)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *root;
    size_t *left = arg;
    if (json.n > RECORD_MOST || json_parse(arena, json, JSON_RAW_NUMBERS, &root, NULL) != 0)
        abort();
    return (*left)-- > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t left = 10000;
    struct source source = source_memory((struct str){(const char *)data + 1, size - 1});
    struct fault_at fault = {0, 0};
    struct out out;
    out_init(&out, data[0] & 0x80 ? INGEST_ROWS : INGEST_BLOCKS, check, &left);
    enum format_id id = kinds[(data[0] & 0x7F) % (sizeof kinds / sizeof *kinds)];
    out_end(&out, reader_of(id)(&source, &out, &fault), fault.line, fault.column);
    out_done(&out);
    return 0;
}
