// SPDX-License-Identifier: Apache-2.0
// Products in running text: a line that is a name, then lines "key: value", until a line without a colon or an empty
// one. A heading is the name of the keys below it, or else the category of what follows.
#include "engine/product_file_internal.h"

#include "base/utf8.h"

enum { KEY_MOST = 60 };

static struct str skip(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

// Marks around a text: emphasis, code.
static struct str bare(struct str s)
{
    s = utf8_trim(s);
    while (s.n && strchr("*_`", s.p[0]))
        s = skip(s, 1);
    while (s.n && strchr("*_`", s.p[s.n - 1]))
        s.n--;
    return utf8_trim(s);
}

static struct str without_list_mark(struct str s)
{
    s = utf8_trim(s);
    if (s.n > 1 && (s.p[0] == '-' || s.p[0] == '*' || s.p[0] == '+') && s.p[1] == ' ')
        return utf8_trim(skip(s, 2));
    if (str_starts(s, STR("•")))
        return utf8_trim(skip(s, sizeof "•" - 1));
    return s;
}

static bool key_value(struct str line, struct str *ret_key, struct str *ret_value)
{
    struct str rest = without_list_mark(line), key = str_split(&rest, ':');
    if (!rest.p)
        return false;
    *ret_key = bare(key);
    // **Price:** 12 leaves the end of the emphasis with the value.
    rest = utf8_trim(rest);
    while (rest.n && (rest.p[0] == '*' || rest.p[0] == '_'))
        rest = skip(rest, 1);
    *ret_value = bare(rest);
    return ret_key->n > 0 && utf8_count(*ret_key) <= KEY_MOST;
}

int product_text_end_block(struct product_file *file)
{
    int rc = 0;
    if (!file->block)
        return 0;
    struct product_draft *draft = &file->draft;
    struct product_column name = {PRODUCT_NAME, STR_NULL, false}, category = {PRODUCT_CATEGORY, STR_NULL, false};
    // What has no price is text like any other.
    if (file->has_keys && draft->text[PRODUCT_PRICE].p) {
        draft_set_text(draft, &name, file->name);
        draft_set_text(draft, &category, file->category);
        rc = product_file_take(file, &file->block_at, draft);
    }
    arena_free(file->block);
    file->block = NULL;
    file->has_keys = false;
    return rc;
}

static int begin_block(struct product_file *file, const struct product_place *at, struct str name)
{
    int rc = product_text_end_block(file);
    file->block = arena_new(0);
    draft_begin(&file->draft, file->block, true);
    file->name = arena_str(file->block, name);
    file->block_at = *at;
    file->block_at.sheet = STR_NULL;
    return rc;
}

// A heading that no keys followed named what comes after it.
static void settle_heading(struct product_file *file)
{
    if (file->heading.p)
        file->category = file->heading;
    file->heading = STR_NULL;
}

// Until something is a product.
static void keep(struct product_file *file, const struct product_place *at, struct str text)
{
    if (file->pieces && !file->rows)
        product_pieces_add(file->pieces, text, at->line);
}

static int take_heading(struct product_file *file, const struct product_place *at, struct str text)
{
    int rc = product_text_end_block(file);
    settle_heading(file);
    file->heading = arena_str(file->arena, bare(text));
    file->block_at = *at;
    return rc;
}

static int add_key(struct product_file *file, const struct product_place *at, struct str key, struct str value)
{
    int rc = 0;
    if (!file->block) {
        rc = begin_block(file, file->heading.p ? &file->block_at : at, file->heading.p ? file->heading : STR_NULL);
        file->heading = STR_NULL;
    }
    struct product_column column = product_column_of(file->block, arena_str(file->block, key));
    file->has_keys = true;
    draft_set_text(&file->draft, &column, arena_str(file->block, value));
    return rc;
}

int product_file_heading(struct product_file *file, const struct product_place *at, struct str text)
{
    keep(file, at, STR("\n"));
    keep(file, at, text);
    return take_heading(file, at, text);
}

int product_file_line(struct product_file *file, const struct product_place *at, struct str text)
{
    struct str line = utf8_trim(text), key, value;
    size_t marks = 0;
    keep(file, at, line);
    if (!line.n)
        return product_text_end_block(file);
    while (marks < line.n && line.p[marks] == '#')
        marks++;
    if (marks && marks <= 6 && marks < line.n && line.p[marks] == ' ')
        return take_heading(file, at, skip(line, marks));
    if (key_value(line, &key, &value))
        return add_key(file, at, key, value);
    settle_heading(file);
    return begin_block(file, at, bare(without_list_mark(line)));
}
