// SPDX-License-Identifier: Apache-2.0
// The built-in embedder alone, for bench/embed.py and the tests that compare it with others.
//
//   embed_bench FILE ids query|passage       lines of hexadecimal text → ids of each first window
//   embed_bench FILE vectors query|passage [KERNELS]   the same → 384 float32 each, binary
//   embed_bench FILE time query|passage N    the same → milliseconds of each of N rounds over all lines
#include "base/clock.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "embed/forward.h"
#include "embed/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct lines {
    struct str *at;
    size_t n;
};

static int nibble(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static struct lines read_lines(void)
{
    struct lines lines = {0};
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&line, &room, stdin)) >= 0;) {
        size_t bytes = (size_t)(n > 0 && line[n - 1] == '\n' ? n - 1 : n) / 2;
        char *text = mem_alloc(bytes + 1);
        for (size_t i = 0; i < bytes; i++)
            text[i] = (char)(nibble(line[2 * i]) << 4 | nibble(line[2 * i + 1]));
        lines.at = mem_realloc(lines.at, (lines.n + 1) * sizeof *lines.at);
        lines.at[lines.n++] = (struct str){text, bytes};
    }
    free(line);
    return lines;
}

static int print_ids(const char *path, enum embed_kind kind, struct lines lines)
{
    struct weights weights;
    struct err err;
    if (weights_open(path, &weights, &err) != 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    struct pieces *pieces = pieces_new(&weights);
    struct word *word = mem_zalloc(sizeof *word);
    for (size_t i = 0; i < lines.n; i++) {
        uint32_t ids[TOKENS_MOST];
        size_t seen;
        size_t n = tokens_read(&weights, pieces, word, kind == EMBED_QUERY ? STR("query: ") : STR("passage: "),
                               lines.at[i], ids, &seen);
        for (size_t k = 0; k < n; k++)
            printf("%s%u", k ? " " : "", ids[k]);
        puts("");
    }
    return 0;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    enum embed_kind kind = strcmp(argv[3], "query") == 0 ? EMBED_QUERY : EMBED_PASSAGE;
    struct lines lines = read_lines();
    if (strcmp(argv[2], "ids") == 0)
        return print_ids(argv[1], kind, lines);
    struct err err;
    struct embed_model *model;
    double began = now();
    if (embed_open(argv[1], &model, &err) != 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    double opened = now();
    struct embed_scratch *scratch = embed_scratch_new();
    float *out = mem_calloc(lines.n, EMBED_DIMS * sizeof *out);
    int rounds = strcmp(argv[2], "time") == 0 ? atoi(argv[4]) : 0;
    if (embed_vectors(model, scratch, kind, lines.at, lines.n, NULL, out, &err) != 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    if (rounds)
        printf("%s open %.3f first %.3f\n", embed_name(model), opened - began, now() - opened);
    for (int i = 0; i < rounds; i++) {
        began = now();
        for (size_t k = 0; k < lines.n; k++)
            (void)embed_vectors(model, scratch, kind, lines.at + k, 1, NULL, out, &err);
        printf("%.3f\n", now() - began);
    }
    if (!rounds)
        fwrite(out, EMBED_DIMS * sizeof *out, lines.n, stdout);
    return 0;
}
