// SPDX-License-Identifier: Apache-2.0
// XML. For records: the elements `product`, or if there are none `item`, at any depth, each as an object of its
// attributes and child elements; a child that comes again is a list, one with children an object (or a list of its
// `feature`, `item` or `value`). For people: the text of each innermost element.
#include "ingest/readers.h"

#include "base/err.h"
#include "base/json.h"
#include "ingest/block.h"
#include "ingest/charset.h"
#include "ingest/sax.h"

#include <stdlib.h>

enum { NODES_MOST = 4096, DECLARED_IN = 256 };

struct xml {
    struct out *out;
    struct sax_parser *parser;
    struct block block; // for people
    struct str record;  // the element that is one
    bool seen_product;
    // One record: a tree in its own arena.
    struct arena *arena;
    yyjson_mut_doc *doc;
    yyjson_mut_val *stack[64];
    struct buf texts[64]; // of the elements open in it
    size_t depth, nodes, skipped;
    bool bad;
    int64_t line;
};

static void put(struct xml *x, yyjson_mut_val *object, struct str name, yyjson_mut_val *value)
{
    yyjson_mut_val *old = yyjson_mut_obj_getn(object, name.p, name.n);
    if (!old) {
        struct str copy = arena_str(x->arena, name);
        yyjson_mut_obj_add(object, yyjson_mut_strn(x->doc, copy.p, copy.n), value);
    } else if (yyjson_mut_is_arr(old)) {
        yyjson_mut_arr_append(old, value);
    } else {
        yyjson_mut_val *list = yyjson_mut_arr(x->doc);
        (void)yyjson_mut_obj_remove_keyn(object, name.p, name.n);
        yyjson_mut_arr_append(list, old);
        yyjson_mut_arr_append(list, value);
        struct str copy = arena_str(x->arena, name);
        yyjson_mut_obj_add(object, yyjson_mut_strn(x->doc, copy.p, copy.n), list);
    }
}

static yyjson_mut_val *text_value(struct xml *x, struct str text)
{
    return json_new_str(x->doc, arena_str(x->arena, str_trim(text)));
}

static void open_element(struct xml *x, const struct sax_attributes *attributes)
{
    if (x->skipped || x->depth == 64 || ++x->nodes > NODES_MOST) {
        x->skipped++;
        x->bad = true;
        return;
    }
    yyjson_mut_val *object = yyjson_mut_obj(x->doc);
    buf_clear(&x->texts[x->depth]);
    x->stack[x->depth++] = object;
    for (int i = 0; i < attributes->n && x->nodes <= NODES_MOST; i++, x->nodes++) {
        const unsigned char **a = attributes->at + 5 * i;
        put(x, object, str_from((const char *)a[0]),
            text_value(x, (struct str){(const char *)a[3], (size_t)(a[4] - a[3])}));
    }
}

// features/feature, specifications/spec[@name]: a list of one kind of children is that list.
static yyjson_mut_val *simplified(struct xml *x, yyjson_mut_val *object, struct str text)
{
    static const char *const items[] = {"feature", "item", "value"};
    if (yyjson_mut_obj_size(object) == 0)
        return text_value(x, text);
    for (size_t i = 0; i < sizeof items / sizeof *items && yyjson_mut_obj_size(object) == 1; i++) {
        yyjson_mut_val *list = yyjson_mut_obj_get(object, items[i]);
        if (!list)
            continue;
        if (yyjson_mut_is_arr(list))
            return list;
        yyjson_mut_val *one = yyjson_mut_arr(x->doc);
        (void)yyjson_mut_obj_remove_key(object, items[i]);
        yyjson_mut_arr_append(one, list);
        return one;
    }
    return object;
}

static void close_record(struct xml *x)
{
    if (x->bad)
        out_object(x->out, STR("null"), x->line);
    else
        out_object(x->out, json_write(x->arena, x->stack[0]), x->line);
    arena_free(x->arena);
    x->arena = NULL;
}

static void close_element(struct xml *x, struct str name)
{
    if (x->skipped) {
        x->skipped--;
        return;
    }
    yyjson_mut_val *object = x->stack[--x->depth];
    if (x->depth == 0) {
        close_record(x);
        return;
    }
    struct str text = buf_str(&x->texts[x->depth]);
    struct str key = str_from(yyjson_mut_get_str(yyjson_mut_obj_get(object, "name")));
    // <spec name="weight">1 kg</spec>
    if (key.n && yyjson_mut_obj_size(object) == 1 && str_trim(text).n)
        put(x, x->stack[x->depth - 1], key, text_value(x, text));
    else
        put(x, x->stack[x->depth - 1], name, simplified(x, object, text));
}

static void on_start(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct xml *x = arg;
    if (x->arena) {
        open_element(x, attributes);
    } else if (str_eq_nocase(name, x->record) && !x->out->stopped) {
        x->arena = arena_new(0);
        x->doc = json_doc(x->arena);
        x->depth = x->nodes = x->skipped = 0;
        x->bad = false;
        x->line = sax_line(x->parser);
        open_element(x, attributes);
    }
}

static void on_end(void *arg, struct str name)
{
    struct xml *x = arg;
    if (x->arena)
        close_element(x, name);
    if (x->out->stopped)
        sax_stop(x->parser);
}

static void on_text(void *arg, struct str text)
{
    struct xml *x = arg;
    if (x->arena && !x->skipped && x->depth && !buf_adds(&x->texts[x->depth - 1], text))
        x->bad = true;
}

static void look_for_product(void *arg, struct str name, const struct sax_attributes *attributes)
{
    struct xml *x = arg;
    (void)attributes;
    x->seen_product |= str_eq_nocase(name, STR("product"));
}

static void break_block(void *arg, struct str name, const struct sax_attributes *attributes)
{
    (void)name, (void)attributes;
    block_end(&((struct xml *)arg)->block);
}

static void end_block(void *arg, struct str name)
{
    (void)name;
    block_end(&((struct xml *)arg)->block);
}

static void add_block(void *arg, struct str text)
{
    block_add(&((struct xml *)arg)->block, text);
}

// encoding="…" in the first line.
static struct str declared(struct source *source, char head[DECLARED_IN])
{
    ssize_t n = source_read(source, head, DECLARED_IN);
    struct str all = {head, n > 0 ? (size_t)n : 0}, line = str_split(&all, '>');
    ptrdiff_t at = str_find(line, STR("encoding="));
    source_seek(source, 0);
    if (at < 0 || (size_t)at + 10 > line.n)
        return STR_NULL;
    struct str rest = {line.p + at + 10, line.n - (size_t)at - 10};
    return str_split(&rest, line.p[at + 9]);
}

static enum read_reason pass(struct xml *x, struct source *source, const char *charset, const struct sax *sax,
                             struct fault_at *fault)
{
    AUTO_FREE struct decoder *decoder = mem_alloc(sizeof *decoder);
    AUTO_BUF struct buf piece = BUF_INIT(8 * DECODE_PIECE);
    x->parser = sax_new(sax, x, true);
    int rc = decoder_init(decoder, source, charset);
    while (rc == 0 && (rc = decoder_next(decoder, &piece)) == 1 && sax_feed(x->parser, piece.p, piece.n)) {
        rc = 0;
        buf_clear(&piece);
    }
    enum read_reason reason = rc < 0 ? READ_DAMAGED : sax_finish(x->parser);
    if (reason == READ_DAMAGED)
        sax_fault(x->parser, &fault->line, &fault->column);
    decoder_done(decoder);
    sax_free(x->parser);
    return reason;
}

enum read_reason read_xml(struct source *source, struct out *out, struct fault_at *fault)
{
    static const struct sax looking = {look_for_product, NULL, NULL}, taking = {on_start, on_end, on_text},
                            showing = {break_block, end_block, add_block};
    char head[DECLARED_IN];
    const char *charset = noted_charset(source, out, declared(source, head));
    AUTO_FREE struct xml *x = mem_zalloc(sizeof *x);
    x->out = out;
    block_init(&x->block, out);
    for (size_t i = 0; i < 64; i++)
        x->texts[i] = BUF_INIT(RECORD_MOST / 2);
    enum read_reason reason;
    if (out->want == INGEST_BLOCKS) {
        reason = pass(x, source, charset, &showing, fault);
        block_end(&x->block);
    } else {
        reason = pass(x, source, charset, &looking, fault);
        x->record = x->seen_product ? STR("product") : STR("item");
        reason = reason == READ_OK ? pass(x, source, charset, &taking, fault) : reason;
    }
    for (size_t i = 0; i < 64; i++)
        buf_done(&x->texts[i]);
    arena_free(x->arena);
    block_done(&x->block);
    return reason;
}
