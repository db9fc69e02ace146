// SPDX-License-Identifier: Apache-2.0
// A cursor walks the file's head once; each step asks first whether the bytes are there. What is walked: header,
// pieces, map, directory of tensors. The numbers themselves are not read: any bytes there are numbers of some kind.
#include "embed/file.h"

#include "base/mem.h"
#include "embed/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the file is mapped as it is: little endian only"
#endif

enum { MAX_SIZE = 1 << 30, MAX_TENSORS = 1000, MOST_ROWS = 1 << 20, LONGEST_PIECE = 255, TYPE_F32 = 0, TYPE_Q4 = 1 };

struct cursor {
    const uint8_t *base;
    size_t size, at;
    struct err *err;
};

struct tensor {
    char name[24];
    uint32_t type, elements;
    const uint8_t *at;
    uint64_t bytes;
};

static int fault(const struct cursor *c, const char *what)
{
    return err_set(c->err, ERR_FORMAT, "the model file is damaged or of another kind: %s", what);
}

// The next n bytes, or NULL where the file ends before.
static const uint8_t *take(struct cursor *c, uint64_t n)
{
    if (n > c->size - c->at)
        return NULL;
    const uint8_t *p = c->base + c->at;
    c->at += (size_t)n;
    return p;
}

static bool take_u32(struct cursor *c, uint32_t *ret)
{
    const uint8_t *p = take(c, 4);
    *ret = p ? load_u32(p) : 0;
    return p != NULL;
}

static bool take_u64(struct cursor *c, uint64_t *ret)
{
    const uint8_t *p = take(c, 8);
    *ret = p ? load_u32(p) | (uint64_t)load_u32(p + 4) << 32 : 0;
    return p != NULL;
}

static int read_header(struct cursor *c, struct weights *w)
{
    static const uint32_t wanted[] = {MODEL_HIDDEN,    MODEL_LAYERS, MODEL_HEADS, MODEL_FEED, 0,
                                      MODEL_POSITIONS, MODEL_TYPES};
    uint32_t version, value, block;
    const uint8_t *magic = take(c, 4);
    if (!magic || memcmp(magic, "E5S1", 4) != 0)
        return fault(c, "it does not begin with E5S1");
    if (!take_u32(c, &version) || version != 1)
        return fault(c, "not version 1");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (!take_u32(c, &value) || (wanted[i] && value != wanted[i]))
            return fault(c, "the model has another shape");
        if (!wanted[i])
            w->word.rows = value;
    }
    const uint8_t *eps = take(c, 4);
    if (!eps || !take_u32(c, &block) || block != Q4_WEIGHTS)
        return fault(c, "not blocks of 32 weights");
    memcpy(&w->eps, eps, sizeof w->eps);
    if (!(w->eps >= 0 && w->eps < 1))
        return fault(c, "eps is no small number");
    return w->word.rows > 0 && w->word.rows <= MOST_ROWS ? 0 : fault(c, "size of the vocabulary");
}

static int read_pieces(struct cursor *c, struct weights *w)
{
    uint32_t pad;
    uint64_t blob;
    if (!take_u32(c, &w->pieces) || !take_u32(c, &w->bos) || !take_u32(c, &w->eos) || !take_u32(c, &pad) ||
        !take_u32(c, &w->unknown) || !take_u64(c, &blob))
        return fault(c, "it ends before its pieces");
    if (w->pieces == 0 || w->pieces > w->word.rows || w->pieces > MODEL_MOST_PIECES)
        return fault(c, "number of pieces");
    if (w->bos >= w->word.rows || w->eos >= w->word.rows || w->unknown >= w->word.rows)
        return fault(c, "a mark is not in the vocabulary");
    const uint8_t *offsets = take(c, 4 * ((uint64_t)w->pieces + 1)), *scores = take(c, 4 * (uint64_t)w->pieces);
    w->blob = (const char *)take(c, blob);
    if (!offsets || !scores || !w->blob)
        return fault(c, "it ends within its pieces");
    w->offsets = (const uint32_t *)(const void *)offsets; // 4-byte aligned: everything before is
    w->scores = (const float *)(const void *)scores;
    if (w->offsets[0] > blob)
        return fault(c, "a piece lies outside");
    for (uint32_t i = 0; i < w->pieces; i++) {
        uint32_t from = w->offsets[i], to = w->offsets[i + 1];
        if (to < from || to > blob || to - from > LONGEST_PIECE)
            return fault(c, "a piece lies outside");
        if (!(fabsf(w->scores[i]) < 1e6f))
            return fault(c, "the score of a piece is no number");
        w->longest = to - from > w->longest ? to - from : w->longest;
        w->lowest = w->scores[i] < w->lowest ? w->scores[i] : w->lowest;
    }
    return 0;
}

static int read_map(struct cursor *c, struct weights *w)
{
    uint32_t bytes;
    if (!take_u32(c, &w->map_n) || !take_u32(c, &bytes) || !(w->map = take(c, bytes)))
        return fault(c, "it ends before its map");
    if (w->map_n > bytes / 5)
        return fault(c, "number of rows in its map");
    w->map_at = mem_calloc(w->map_n + 1, sizeof *w->map_at);
    uint32_t at = 0;
    for (uint32_t i = 0, last = 0; i < w->map_n; i++) {
        if (bytes - at < 5 || (bytes - at - 5) / 4 < w->map[at + 4])
            return fault(c, "a row of its map lies outside");
        uint32_t rune = load_u32(w->map + at);
        if (i > 0 && rune <= last)
            return fault(c, "its map is not in order");
        for (uint32_t k = 0; k < w->map[at + 4]; k++)
            if (load_u32(w->map + at + 5 + 4 * (size_t)k) > 0x10FFFF)
                return fault(c, "its map has what is no code point");
        last = rune;
        w->map_at[i] = at;
        at += 5 + 4 * (uint32_t)w->map[at + 4];
    }
    return at == bytes ? 0 : fault(c, "the length of its map");
}

static int read_tensor(struct cursor *c, struct tensor *t)
{
    const uint8_t *length = take(c, 2), *name, *type;
    uint64_t offset;
    uint16_t n = length ? (uint16_t)(length[0] | length[1] << 8) : 0;
    if (!length || n == 0 || n >= sizeof t->name || !(name = take(c, n)) || !(type = take(c, 1)) ||
        !take_u32(c, &t->elements) || !take_u64(c, &offset) || !take_u64(c, &t->bytes))
        return fault(c, "it ends within its directory");
    memcpy(t->name, name, n);
    t->name[n] = '\0';
    t->type = *type;
    if (offset > c->size || t->bytes > c->size - offset || offset % sizeof(float) != 0)
        return fault(c, "a tensor lies outside");
    t->at = c->base + offset;
    return 0;
}

struct directory {
    const struct cursor *c;
    struct tensor *tensors;
    uint32_t n;
    size_t first; // offset of the first one that is used
};

static const uint8_t *find(struct directory *d, const char *prefix, const char *name, uint32_t type, uint64_t elements)
{
    char full[24];
    (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    uint64_t bytes = type == TYPE_F32 ? elements * 4 : elements / Q4_WEIGHTS * Q4_BYTES;
    for (uint32_t i = 0; i < d->n; i++) {
        const struct tensor *t = &d->tensors[i];
        if (strcmp(t->name, full) != 0)
            continue;
        if (t->type != type || t->elements != elements || t->bytes != bytes) {
            (void)err_set(d->c->err, ERR_FORMAT, "the model file is damaged or of another kind: %s has another shape",
                          full);
            return NULL;
        }
        size_t offset = (size_t)(t->at - d->c->base);
        d->first = offset < d->first ? offset : d->first;
        return t->at;
    }
    (void)err_set(d->c->err, ERR_FORMAT, "the model file is damaged or of another kind: %s is not there", full);
    return NULL;
}

static bool floats(struct directory *d, const char *prefix, const char *name, uint64_t n, const float **ret)
{
    *ret = (const float *)(const void *)find(d, prefix, name, TYPE_F32, n);
    return *ret != NULL;
}

static bool linear(struct directory *d, const char *prefix, char *name, uint32_t rows, uint32_t cols,
                   struct linear *ret)
{
    size_t n = strlen(name); // "q." and room for the letter
    name[n + 1] = '\0';
    name[n] = 'w';
    ret->w = (struct matrix){find(d, prefix, name, TYPE_Q4, (uint64_t)rows * cols), rows, cols};
    name[n] = 'b';
    return ret->w.at && floats(d, prefix, name, rows, &ret->b);
}

#define LINEAR(name, rows, cols, ret) linear(d, prefix, (char[8]){name "."}, rows, cols, ret)

static bool find_all(struct directory *d, struct weights *w)
{
    w->word.cols = MODEL_HIDDEN;
    w->word.at = find(d, "emb.", "word", TYPE_Q4, (uint64_t)w->word.rows * MODEL_HIDDEN);
    bool ok = w->word.at && floats(d, "emb.", "pos", MODEL_POSITIONS * MODEL_HIDDEN, &w->position) &&
              floats(d, "emb.", "type", MODEL_TYPES * MODEL_HIDDEN, &w->type) &&
              floats(d, "emb.", "ln.w", MODEL_HIDDEN, &w->first.w) &&
              floats(d, "emb.", "ln.b", MODEL_HIDDEN, &w->first.b);
    for (int i = 0; i < MODEL_LAYERS && ok; i++) {
        struct layer *l = &w->layers[i];
        char prefix[8];
        (void)snprintf(prefix, sizeof prefix, "l%d.", i);
        ok = LINEAR("q", MODEL_HIDDEN, MODEL_HIDDEN, &l->q) && LINEAR("k", MODEL_HIDDEN, MODEL_HIDDEN, &l->k) &&
             LINEAR("v", MODEL_HIDDEN, MODEL_HIDDEN, &l->v) && LINEAR("ao", MODEL_HIDDEN, MODEL_HIDDEN, &l->ao) &&
             LINEAR("fi", MODEL_FEED, MODEL_HIDDEN, &l->fi) && LINEAR("fo", MODEL_HIDDEN, MODEL_FEED, &l->fo) &&
             floats(d, prefix, "aln.w", MODEL_HIDDEN, &l->aln.w) &&
             floats(d, prefix, "aln.b", MODEL_HIDDEN, &l->aln.b) &&
             floats(d, prefix, "oln.w", MODEL_HIDDEN, &l->oln.w) && floats(d, prefix, "oln.b", MODEL_HIDDEN, &l->oln.b);
    }
    return ok;
}

static int read_tensors(struct cursor *c, struct weights *w)
{
    struct directory d = {.c = c, .first = c->size};
    if (!take_u32(c, &d.n) || d.n > MAX_TENSORS)
        return fault(c, "number of tensors");
    d.tensors = mem_calloc(d.n + 1, sizeof *d.tensors);
    int rc = 0;
    for (uint32_t i = 0; i < d.n && !rc; i++)
        rc = read_tensor(c, &d.tensors[i]);
    if (!rc && !find_all(&d, w))
        rc = ERR_FORMAT;
    if (!rc && d.first < c->at)
        rc = fault(c, "a tensor lies in its directory");
    w->head = c->at;
    free(d.tensors);
    return rc;
}

// No cryptography: tells files apart, and notices any one changed word for certain (each step can be undone).
static uint64_t digest(const uint8_t *p, size_t n)
{
    uint64_t lanes[4] = {1, 2, 3, 4}, word, all = n;
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (size_t k = 0; k < 4; k++) {
            memcpy(&word, p + i + 8 * k, 8);
            lanes[k] = (lanes[k] ^ word) * 0x9E3779B97F4A7C15u;
            lanes[k] ^= lanes[k] >> 29;
        }
    for (; i < n; i++)
        lanes[0] = (lanes[0] ^ p[i]) * 0x9E3779B97F4A7C15u;
    for (size_t k = 0; k < 4; k++) {
        all = (all ^ lanes[k]) * 0xD6E8FEB86659FD93u;
        all ^= all >> 32;
    }
    return all;
}

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int map_file(const char *path, struct weights *w, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                       strerror(errno));
    int rc = fstat(fd, &st) != 0 ? err_set(err, ERR_IO, "%s: %s", path, strerror(errno)) : 0;
    if (!rc && (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MAX_SIZE))
        rc = err_set(err, ERR_FORMAT, "the model file is damaged or of another kind: its size");
    void *base = rc ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (!rc && base == MAP_FAILED)
        rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (rc) {
        close(fd);
        return rc;
    }
    w->base = base;
    w->size = (size_t)st.st_size;
    w->fd = fd;
    w->mtime_ns = mtime_ns(&st);
    w->guard = guard_new(base, w->size);
    return 0;
}

int weights_open(const char *path, struct weights *ret, struct err *err)
{
    struct weights w = {0};
    sigset_t mask;
    guard_enter(&mask);
    int rc = map_file(path, &w, err);
    struct cursor c = {w.base, w.size, 0, err};
    rc = rc ? rc : read_header(&c, &w);
    rc = rc ? rc : read_pieces(&c, &w);
    rc = rc ? rc : read_map(&c, &w);
    rc = rc ? rc : read_tensors(&c, &w);
    if (!rc)
        w.digest = digest(w.base, w.head);
    guard_leave(&mask);
    if (!rc && weights_changed(&w))
        rc = fault(&c, "it changes while it is read");
    if (rc) {
        weights_done(&w);
        return rc;
    }
    weights_rest(&w); // nothing is kept in memory before somebody embeds
    *ret = w;
    return 0;
}

bool weights_changed(struct weights *weights)
{
    struct stat st;
    if (guard_cut(weights->guard) || fstat(weights->fd, &st) != 0 || (size_t)st.st_size != weights->size)
        return true;
    if (mtime_ns(&st) == atomic_load(&weights->mtime_ns))
        return false;
    sigset_t mask;
    guard_enter(&mask);
    bool same = digest(weights->base, weights->head) == weights->digest;
    guard_leave(&mask);
    if (same)
        atomic_store(&weights->mtime_ns, mtime_ns(&st));
    return !same || guard_cut(weights->guard);
}

void weights_rest(const struct weights *weights)
{
    (void)madvise((void *)(uintptr_t)weights->base, weights->size, MADV_DONTNEED);
}

void weights_done(struct weights *weights)
{
    if (weights->base) {
        guard_done(weights->guard);
        munmap((void *)(uintptr_t)weights->base, weights->size);
        close(weights->fd);
    }
    free(weights->map_at);
    *weights = (struct weights){0};
}

int weights_map(const struct weights *weights, uint32_t rune, const uint8_t **ret)
{
    uint32_t low = 0, high = weights->map_n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (load_u32(weights->map + weights->map_at[middle]) < rune)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == weights->map_n || load_u32(weights->map + weights->map_at[low]) != rune)
        return -1;
    *ret = weights->map + weights->map_at[low] + 5;
    return weights->map[weights->map_at[low] + 4];
}
