// SPDX-License-Identifier: Apache-2.0
// DOCX: paragraphs, headings by their style, lists, tables as rows. Only the document's own text: no notes, no headers,
// no comments, nothing that was struck out, nothing from outside of the file.
#include "ingest/readers.h"

#include "base/map.h"
#include "base/mem.h"
#include "ingest/block.h"
#include "ingest/sax.h"
#include "ingest/zip.h"

#include <stdlib.h>

enum { STYLES_MOST = 1000 };

struct docx {
    struct sax_parser *parser;
    struct block block;
    struct map *levels; // style id → (void *) level
    struct str style;   // while styles are read
    char style_id[128];
    size_t n_styles;
    int tables, skipped;
    bool in_text, item;
};

static bool feed(void *arg, const char *bytes, size_t n)
{
    struct docx *d = arg;
    return !d->block.out->stopped && sax_feed(d->parser, bytes, n);
}

// ---- styles --------------------------------------------------------------------------------------------------------

static void set_level(struct docx *d, int level)
{
    if (level >= 1 && level <= 9 && d->style_id[0] && d->n_styles++ < STYLES_MOST)
        (void)map_set(d->levels, str_from(d->style_id), (void *)(intptr_t)(level < 6 ? level : 6));
}

static int level_of_name(struct str name)
{
    if (str_eq_nocase(name, STR("title")))
        return 1;
    bool heading = name.n >= 8 && str_eq_nocase((struct str){name.p, 7}, STR("heading"));
    char digit = heading ? name.p[name.n - 1] : 0;
    return digit >= '1' && digit <= '9' ? digit - '0' : 0;
}

static void style_start(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct docx *d = arg;
    if (str_eq(name, STR("style"))) {
        struct str id = sax_attribute(attributes, "styleId");
        size_t n = id.n < sizeof d->style_id ? id.n : 0;
        if (n)
            memcpy(d->style_id, id.p, n);
        d->style_id[n] = 0;
    } else if (str_eq(name, STR("name"))) {
        set_level(d, level_of_name(sax_attribute(attributes, "val")));
    } else if (str_eq(name, STR("outlineLvl"))) {
        int64_t level;
        if (str_to_int(sax_attribute(attributes, "val"), 0, 8, &level))
            set_level(d, (int)level + 1);
    }
}

// ---- text ----------------------------------------------------------------------------------------------------------

static void set_style(struct docx *d, struct str id)
{
    int level = (int)(intptr_t)map_get(d->levels, id);
    d->block.level = d->block.in_row ? 0 : level ? level : level_of_name(id);
}

static void on_start(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct docx *d = arg;
    if (str_is_choice("Fallback|del|moveFrom|instrText", name))
        d->skipped++;
    if (d->skipped)
        return;
    if (str_eq(name, STR("t"))) {
        d->in_text = true;
    } else if (str_eq(name, STR("p"))) {
        block_end(&d->block);
        d->block.level = 0;
    } else if (str_eq(name, STR("pStyle"))) {
        set_style(d, sax_attribute(attributes, "val"));
    } else if (str_eq(name, STR("numPr"))) {
        if (!d->block.level && !d->block.in_row && d->block.out->want == INGEST_BLOCKS)
            block_add(&d->block, STR("- "));
    } else if (str_eq(name, STR("tab")) || str_eq(name, STR("br")) || str_eq(name, STR("cr"))) {
        if (str_eq(name, STR("tab")) || d->block.in_row)
            block_add(&d->block, STR(" "));
        else
            block_break(&d->block);
    } else if (str_eq(name, STR("tbl"))) {
        d->block.table += d->tables++ == 0;
    } else if (str_eq(name, STR("tr")) && d->tables == 1) {
        block_row(&d->block);
    } else if (str_eq(name, STR("tc")) && d->tables == 1) {
        block_cell(&d->block);
    }
}

static void on_end(void *arg, struct str name)
{
    struct docx *d = arg;
    if (d->skipped) {
        d->skipped -= str_is_choice("Fallback|del|moveFrom|instrText", name);
        return;
    }
    if (str_eq(name, STR("t"))) {
        d->in_text = false;
    } else if (str_eq(name, STR("p"))) {
        block_end(&d->block);
        d->block.level = 0;
    } else if (str_eq(name, STR("tc")) && d->tables == 1) {
        block_cell_end(&d->block);
    } else if (str_eq(name, STR("tr")) && d->tables == 1) {
        block_row_end(&d->block);
    } else if (str_eq(name, STR("tbl")) && d->tables > 0) {
        d->tables--;
    }
}

static void on_text(void *arg, struct str text)
{
    struct docx *d = arg;
    if (d->in_text && !d->skipped)
        block_add(&d->block, text);
}

static enum read_reason part(struct docx *d, struct zip *zip, struct str name, const struct sax *sax, bool *ret_found)
{
    d->parser = sax_new(sax, d, false);
    enum read_reason reason = zip_part(zip, name, feed, d, ret_found);
    if (reason == READ_OK && *ret_found && !d->block.out->stopped)
        reason = sax_finish(d->parser);
    sax_free(d->parser);
    return reason;
}

enum read_reason read_docx(struct source *source, struct out *out, struct fault_at *fault)
{
    static const struct sax styles = {style_start, NULL, NULL}, text = {on_start, on_end, on_text};
    AUTO_FREE struct docx *d = mem_zalloc(sizeof *d);
    struct zip zip;
    bool found = false;
    (void)fault;
    d->levels = map_new();
    block_init(&d->block, out);
    enum read_reason reason = zip_open(&zip, source);
    if (reason == READ_OK)
        reason = part(d, &zip, STR("word/styles.xml"), &styles, &found);
    if (reason == READ_OK)
        reason = part(d, &zip, STR("word/document.xml"), &text, &found);
    if (reason == READ_OK && !found)
        reason = READ_DAMAGED;
    block_row_end(&d->block);
    block_end(&d->block);
    block_done(&d->block);
    map_free(d->levels);
    return reason;
}
