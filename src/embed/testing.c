// SPDX-License-Identifier: Apache-2.0
#include "embed/testing.h"

#include "base/mem.h"
#include "embed/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 64, HEAD_ROOM = 64 << 10 };

static void put(struct buf *out, uint64_t value, size_t bytes)
{
    (void)buf_add(out, &value, bytes);
}

static void put_float(struct buf *out, float value)
{
    (void)buf_add(out, &value, sizeof value);
}

static void put_pieces(struct buf *out)
{
    static const struct {
        const char *text;
        float score;
    } more[] = {{"▁the", -4}, {"▁parcel", -5}, {"th", -5}, {"he", -5}, {"aa", -5}, {"ก", -5}, {"กา", -5}};
    struct {
        char text[16];
        float score;
    } all[ROWS] = {{"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}, {"▁", -3}};
    size_t n = 5, bytes = 0;
    for (char c = 'a'; c <= 'z'; c++, n++) {
        all[n].text[0] = c;
        all[n].score = -6;
    }
    for (size_t i = 0; i < sizeof more / sizeof *more; i++, n++) {
        (void)snprintf(all[n].text, sizeof all[n].text, "%s", more[i].text);
        all[n].score = more[i].score;
    }
    for (size_t i = 0; i < n; i++)
        bytes += strlen(all[i].text);
    const uint32_t marks[] = {(uint32_t)n, 0, 2, 1, 3};
    for (size_t i = 0; i < 5; i++)
        put(out, marks[i], 4);
    put(out, bytes, 8);
    put(out, 0, 4);
    for (size_t i = 0, end = 0; i < n; i++)
        put(out, end += strlen(all[i].text), 4);
    for (size_t i = 0; i < n; i++)
        put_float(out, all[i].score);
    for (size_t i = 0; i < n; i++)
        (void)buf_addz(out, all[i].text);
}

static void put_map(struct buf *out)
{
    struct buf rows = BUF_INIT(4096);
    put(&rows, 1, 4);
    put(&rows, 0, 1);
    put(&rows, '\t', 4);
    put(&rows, 1, 1);
    put(&rows, ' ', 4);
    for (uint32_t c = 'A'; c <= 'Z'; c++) {
        put(&rows, c, 4);
        put(&rows, 1, 1);
        put(&rows, c | 32, 4);
    }
    put(&rows, 0xFDFA, 4);
    put(&rows, 18, 1);
    for (int i = 0; i < 18; i++)
        put(&rows, 'a', 4);
    put(&rows, 0xFFFD, 4);
    put(&rows, 1, 1);
    put(&rows, ' ', 4);
    put(out, 30, 4);
    put(out, rows.n, 4);
    (void)buf_adds(out, buf_str(&rows));
    buf_done(&rows);
}

struct writer {
    struct buf *out;
    uint64_t at; // of the next tensor, behind the head's end
    uint32_t n;
};

static void put_tensor(struct writer *w, const char *prefix, const char *name, bool q4, uint64_t elements)
{
    char full[32];
    uint64_t bytes = q4 ? elements / Q4_WEIGHTS * Q4_BYTES : elements * 4;
    (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    put(w->out, strlen(full), 2);
    (void)buf_addz(w->out, full);
    put(w->out, q4, 1);
    put(w->out, elements, 4);
    put(w->out, w->at, 8);
    put(w->out, bytes, 8);
    w->at += (bytes + 63) / 64 * 64;
    w->n++;
}

static void put_tensors(struct writer *w)
{
    static const struct {
        const char *name;
        bool q4;
        uint32_t elements;
    } rows[] = {
        {"q.w", true, 147456},  {"q.b", false, 384},   {"k.w", true, 147456},  {"k.b", false, 384},
        {"v.w", true, 147456},  {"v.b", false, 384},   {"ao.w", true, 147456}, {"ao.b", false, 384},
        {"fi.w", true, 589824}, {"fi.b", false, 1536}, {"fo.w", true, 589824}, {"fo.b", false, 384},
        {"aln.w", false, 384},  {"aln.b", false, 384}, {"oln.w", false, 384},  {"oln.b", false, 384},
    };
    put_tensor(w, "emb.", "word", true, (uint64_t)ROWS * MODEL_HIDDEN);
    put_tensor(w, "emb.", "pos", false, MODEL_POSITIONS * MODEL_HIDDEN);
    put_tensor(w, "emb.", "type", false, MODEL_TYPES * MODEL_HIDDEN);
    put_tensor(w, "emb.", "ln.w", false, MODEL_HIDDEN);
    put_tensor(w, "emb.", "ln.b", false, MODEL_HIDDEN);
    for (int i = 0; i < MODEL_LAYERS; i++) {
        char prefix[8];
        (void)snprintf(prefix, sizeof prefix, "l%d.", i);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            put_tensor(w, prefix, rows[k].name, rows[k].q4, rows[k].elements);
    }
}

void testing_head(struct buf *out)
{
    const uint32_t header[] = {MODEL_HIDDEN, MODEL_LAYERS, MODEL_HEADS, MODEL_FEED, ROWS, MODEL_POSITIONS, MODEL_TYPES};
    (void)buf_addz(out, "E5S1");
    put(out, 1, 4);
    for (size_t i = 0; i < 7; i++)
        put(out, header[i], 4);
    put_float(out, 1e-12f);
    put(out, Q4_WEIGHTS, 4);
    put_pieces(out);
    put_map(out);
    // The directory's own length decides where the tensors begin, and is the same whatever it says.
    struct buf directory = BUF_INIT(HEAD_ROOM);
    struct writer w = {&directory, 0, 0};
    put_tensors(&w);
    size_t end = out->n + 4 + directory.n;
    buf_clear(&directory);
    w = (struct writer){&directory, (end + 63) / 64 * 64, 0};
    put_tensors(&w);
    put(out, w.n, 4);
    (void)buf_adds(out, buf_str(&directory));
    buf_done(&directory);
}

char *testing_file(unsigned seed)
{
    struct buf file = BUF_INIT(HEAD_ROOM + TESTING_NUMBERS);
    uint32_t state = seed;
    testing_head(&file);
    size_t head = file.n;
    (void)buf_reserve(&file, TESTING_NUMBERS);
    while (file.n < head + TESTING_NUMBERS - 4) {
        state = state * 1664525u + 1013904223u;
        // Every pair of bytes is a half near 1/64 and every four a float near 0.01: whatever reads them has small
        // numbers.
        put(&file, (state >> 8 & 0x00FF00FF) | 0x3C000000u | (uint32_t)(state >> 16 & 0x83) << 24 | 0x2400, 4);
    }
    char *path = mem_strdup("/tmp/parley-embed-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, file.p, file.n) != (ssize_t)file.n || close(fd) != 0)
        abort();
    buf_done(&file);
    return path;
}
