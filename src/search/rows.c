// SPDX-License-Identifier: Apache-2.0
#include "search/rows.h"

#include "search/vector.h"

#include <stdlib.h>
#include <string.h>

static struct row_chunk *chunk_new(const struct rows *rows, uint32_t cap)
{
    struct row_chunk *c = mem_zalloc(sizeof *c);
    atomic_init(&c->refs, 1);
    c->cap = cap;
    c->f32 = mem_alloc(cap * rows->dims * sizeof *c->f32);
    c->i8 = mem_alloc(cap * rows->dims);
    c->bits = mem_alloc(cap * rows->words * sizeof *c->bits);
    c->scale = mem_alloc(cap * sizeof *c->scale);
    c->sums = mem_alloc(cap * sizeof *c->sums);
    c->slots = mem_alloc(cap * sizeof *c->slots);
    return c;
}

static void chunk_unref(struct row_chunk *c)
{
    if (atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    free(c->f32);
    free(c->i8);
    free(c->bits);
    free(c->scale);
    free(c->sums);
    free(c->slots);
    free(c);
}

static void dead_unref(struct rows_dead *dead)
{
    if (dead && atomic_fetch_sub(&dead->refs, 1) == 1)
        free(dead);
}

void rows_init(struct rows *rows, size_t dims)
{
    *rows = (struct rows){.dims = dims, .words = (dims + 63) / 64};
}

void rows_release(struct rows *rows)
{
    for (size_t i = 0; i < rows->chunks.n; i++)
        chunk_unref(rows->chunks.at[i]);
    vec_done(&rows->chunks);
    dead_unref(rows->dead);
    rows->dead = NULL;
    rows->n = rows->n_dead = 0;
}

uint32_t rows_add(struct rows *rows, uint32_t slot, const float *vector)
{
    uint32_t row = rows->n++, at, chunk = rows_chunk(row, &at);
    if (chunk == rows->chunks.n)
        vec_push(&rows->chunks, chunk_new(rows, rows_chunk_size(chunk)));
    struct row_chunk *c = rows->chunks.at[chunk];
    memcpy(c->f32 + at * rows->dims, vector, rows->dims * sizeof *vector);
    vector_quantise(vector, rows->dims, c->i8 + at * rows->dims, &c->scale[at]);
    c->sums[at] = 0;
    for (size_t i = 0; i < rows->dims; i++)
        c->sums[at] += c->i8[at * rows->dims + i];
    vector_bits(vector, rows->dims, c->bits + at * rows->words);
    c->slots[at] = slot;
    return row;
}

// Dead bits cover the capacity of all chunks: rows added later need no new bits until a chunk is added.
static size_t dead_words(const struct rows *rows)
{
    size_t cap = 0;
    for (size_t i = 0; i < rows->chunks.n; i++)
        cap += rows->chunks.at[i]->cap;
    return (cap + 63) / 64;
}

void rows_kill(struct rows *rows, uint32_t row)
{
    struct rows_dead *old = rows->dead;
    if (!old || old->words < dead_words(rows) || atomic_load(&old->refs) > 1) {
        size_t words = dead_words(rows);
        struct rows_dead *dead = mem_zalloc(sizeof *dead + words * sizeof *dead->bits);
        atomic_init(&dead->refs, 1);
        dead->words = words;
        if (old)
            memcpy(dead->bits, old->bits, old->words * sizeof *old->bits);
        dead_unref(old);
        rows->dead = dead;
    }
    bool more;
    do {
        more = rows_go_on(rows, row);
        rows->dead->bits[row >> 6] |= 1ull << (row & 63);
        rows->n_dead++;
        row++;
    } while (more);
}

void rows_share(const struct rows *rows, struct rows *ret_view)
{
    *ret_view = *rows;
    ret_view->chunks.at = NULL;
    ret_view->chunks.n = ret_view->chunks.cap = 0;
    vec_reserve(&ret_view->chunks, rows->chunks.n);
    for (size_t i = 0; i < rows->chunks.n; i++) {
        atomic_fetch_add(&rows->chunks.at[i]->refs, 1);
        ret_view->chunks.at[ret_view->chunks.n++] = rows->chunks.at[i];
    }
    if (rows->dead)
        atomic_fetch_add(&rows->dead->refs, 1);
}

size_t rows_bytes(const struct rows *rows)
{
    size_t row = rows->dims * 5 + rows->words * 8 + 12;
    return rows->n * row + (rows->dead ? dead_words(rows) * 8 : 0);
}
