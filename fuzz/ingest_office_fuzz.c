// SPDX-License-Identifier: Apache-2.0
// DOCX and XLSX: as whole archives (first byte even), and as one part inside of a good archive made around the bytes,
// stored without compression, so that what is mutated is XML and not a checksum.
#include "fuzz.h"

#include "base/buf.h"
#include "base/json.h"
#include "ingest/readers.h"

#include <stdlib.h>
#include <zlib.h>

static bool check(void *arg, struct str json)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *root;
    (void)arg;
    if (json.n > RECORD_MOST || json_parse(arena, json, JSON_RAW_NUMBERS, &root, NULL) != 0)
        abort();
    return true;
}

static void number(struct buf *out, size_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_addc(out, i < 8 ? (char)(value >> 8 * i) : 0);
}

struct parts {
    struct buf body, directory;
    size_t n;
};

static void add_part(struct parts *p, const char *name, struct str content)
{
    struct buf fields = BUF_INIT(200);
    size_t at = p->body.n;
    number(&fields, 20, 2);
    number(&fields, 0, 8);
    number(&fields, crc32(0, (const Bytef *)content.p, (uInt)content.n), 4);
    number(&fields, content.n, 4);
    number(&fields, content.n, 4);
    number(&fields, strlen(name), 2);
    number(&fields, 0, 2);
    buf_add(&p->body, "PK\3\4", 4);
    buf_adds(&p->body, buf_str(&fields));
    buf_addz(&p->body, name);
    buf_adds(&p->body, content);
    buf_add(&p->directory, "PK\1\2", 4);
    number(&p->directory, 20, 2);
    buf_adds(&p->directory, buf_str(&fields));
    number(&p->directory, 0, 10);
    number(&p->directory, at, 4);
    buf_addz(&p->directory, name);
    p->n++;
    buf_done(&fields);
}

static void end_parts(struct parts *p)
{
    size_t at = p->body.n, size = p->directory.n;
    buf_adds(&p->body, buf_str(&p->directory));
    buf_add(&p->body, "PK\5\6", 4);
    number(&p->body, 0, 4);
    number(&p->body, p->n, 2);
    number(&p->body, p->n, 2);
    number(&p->body, size, 4);
    number(&p->body, at, 4);
    number(&p->body, 0, 2);
}

static void run(enum format_id id, struct str bytes, bool rows)
{
    struct source source = source_memory(bytes);
    struct fault_at fault = {0, 0};
    struct out out;
    out_init(&out, rows ? INGEST_ROWS : INGEST_BLOCKS, check, NULL);
    out_end(&out, reader_of(id)(&source, &out, &fault), 0, 0);
    out_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"word/document.xml",         "word/styles.xml", "xl/workbook.xml",
                                        "xl/sharedStrings.xml",      "xl/styles.xml",   "xl/worksheets/sheet1.xml",
                                        "xl/_rels/workbook.xml.rels"};
    static const struct str good[] = {STR("<d><p/></d>"),
                                      STR("<s/>"),
                                      STR("<w><sheet name='a' id='r'/></w>"),
                                      STR("<s/>"),
                                      STR("<s/>"),
                                      STR("<w/>"),
                                      STR("<r><Relationship Id='r' Target='worksheets/sheet1.xml'/></r>")};
    if (size < 1)
        return 0;
    struct str bytes = {(const char *)data + 1, size - 1};
    enum format_id id = data[0] & 2 ? FORMAT_DOCX : FORMAT_XLSX;
    if (data[0] % 2 == 0) {
        run(id, bytes, data[0] & 4);
        return 0;
    }
    size_t which = (data[0] >> 3) % 7;
    struct parts p = {BUF_INIT(4 << 20), BUF_INIT(10000), 0};
    for (size_t i = 0; i < 7; i++)
        add_part(&p, names[i], i == which ? bytes : good[i]);
    end_parts(&p);
    run(which < 2 ? FORMAT_DOCX : FORMAT_XLSX, buf_str(&p.body), data[0] & 4);
    buf_done(&p.body);
    buf_done(&p.directory);
    return 0;
}
