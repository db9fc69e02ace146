// SPDX-License-Identifier: Apache-2.0
// Search in one collection of generated text: words follow Zipf's law (the most frequent ones are English stop words),
// vectors lie in clusters. Prints one table for each number of passages: microseconds per query at p50 and p99, from
// the question's text to ten explained hits. Questions are words of a random passage.
//
// usage: search_bench [passages…]      (default: 10000 100000)
//        VECTORS=0 leaves the vectors out, QUERIES=n asks n questions a row (1000), FTS5=1 asks SQLite's FTS5 too
#include "base/clock.h"
#include "base/crypto.h"
#include "search/search.h"
#include "search/vector.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DIMS = 384, VOCABULARY = 200000, CLUSTERS = 2000, CATEGORIES = 100, LIMIT = 10, RECALL_QUERIES = 50 };

static const char *const frequent[] = {
    "the",  "of",    "and",  "to",   "a",    "in",    "is",   "that", "for",   "it",   "as",   "was",   "with",  "be",
    "by",   "on",    "not",  "he",   "i",    "this",  "are",  "or",   "his",   "from", "at",   "which", "but",   "have",
    "an",   "had",   "they", "you",  "were", "there", "one",  "all",  "we",    "can",  "her",  "has",   "would", "been",
    "if",   "their", "more", "when", "will", "no",    "who",  "she",  "so",    "what", "up",   "out",   "about", "them",
    "than", "into",  "its",  "only", "some", "these", "your", "how",  "other", "do",   "then", "my",    "me",    "our",
};

static uint64_t state = 1;

static uint64_t random_below(uint64_t n)
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % n;
}

static double random_unit(void)
{
    return (double)random_below(1u << 30) / (1u << 30);
}

// Rank by Zipf with exponent 1, by inversion of the continuous law.
static size_t write_word(char *out)
{
    size_t rank = (size_t)pow(VOCABULARY, random_unit()), known = sizeof frequent / sizeof *frequent;
    if (rank <= known)
        return (size_t)sprintf(out, "%s ", frequent[rank - 1]);
    static const char *const syllables[] = {"ba", "ke", "lo", "mi", "nu", "ra", "se", "to",
                                            "vi", "zu", "fo", "ga", "di", "pe", "ho", "ju"};
    char *p = out;
    for (size_t r = rank * 7 + 3; r; r /= 16)
        p += sprintf(p, "%s", syllables[r % 16]);
    *p++ = ' ';
    return (size_t)(p - out);
}

static void random_vector(float *v, uint64_t cluster)
{
    uint64_t kept = state;
    state = cluster * 7919 + 17;
    for (size_t i = 0; i < DIMS; i++)
        v[i] = (float)(random_unit() + random_unit() + random_unit() - 1.5);
    state = kept;
    for (size_t i = 0; i < DIMS; i++)
        v[i] += 0.7f * (float)(random_unit() + random_unit() + random_unit() - 1.5);
    vector_normalise(v, DIMS);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); // holds on a shared machine, and nothing here waits
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct collection {
    struct search_index *index;
    size_t n;
    float *vectors; // kept for the recall
    char (*questions)[256];
    float *question_vectors;
    size_t n_questions;
    sqlite3 *peer; // NULL: not asked for
    sqlite3_stmt *insert;
};

static void load(struct collection *c, bool vectors)
{
    c->vectors = vectors ? mem_alloc(c->n * DIMS * sizeof(float)) : NULL;
    int64_t spent = 0;
    for (size_t i = 0; i < c->n; i++) {
        char text[8192], id[24], category[16];
        size_t words = 30 + random_below(90), n = 0;
        for (size_t w = 0; w < words; w++)
            n += write_word(text + n);
        text[n] = 0;
        struct search_passage p = {.n_zones = 1,
                                   .zones = {{{text, n}, 1}},
                                   .attrs = {.category = {category, (size_t)sprintf(category, "c%zu", i % CATEGORIES)},
                                             .price = (int64_t)i,
                                             .available = true,
                                             .order = (int64_t)i}};
        if (vectors) {
            random_vector(c->vectors + i * DIMS, random_below(CLUSTERS));
            p.vector = c->vectors + i * DIMS;
        }
        if (random_below(c->n / c->n_questions + 1) == 0 || i < c->n_questions) {
            // Four to nine neighbouring words of it, as people quote what they mean.
            size_t at = random_below(n / 2), k = random_below(c->n_questions), want = 4 + random_below(6), len = 0;
            while (at < n && text[at] != ' ')
                at++;
            for (size_t left = want + 1; at < n && left && len < 255; at++) {
                left -= text[at] == ' ';
                c->questions[k][len++] = text[at];
            }
            c->questions[k][len] = 0;
        }
        if (c->peer) {
            sqlite3_bind_text(c->insert, 1, text, (int)n, SQLITE_STATIC);
            sqlite3_step(c->insert);
            sqlite3_reset(c->insert);
        }
        int64_t start = now_ns();
        if (search_put(c->index, (struct str){id, (size_t)sprintf(id, "p%zu", i)}, &p, 1, NULL) != 0)
            abort();
        spent += now_ns() - start;
    }
    int64_t start = now_ns();
    search_publish(c->index);
    spent += now_ns() - start;
    printf("%-34s %10.0f ms, %.0f MB\n", "load", (double)spent / 1e6, (double)search_bytes(c->index) / 1e6);
    for (size_t q = 0; vectors && q < c->n_questions; q++)
        random_vector(c->question_vectors + q * DIMS, random_below(CLUSTERS));
}

struct way {
    const char *name;
    bool words, stop_words, vectors, filtered;
};

static void measure(struct collection *c, const struct way *way)
{
    int64_t *times = mem_calloc(c->n_questions, sizeof *times);
    struct str category = STR("c7");
    size_t hits = 0;
    for (size_t round = 0; round < 2; round++) // the first warms up
        for (size_t i = 0; i < c->n_questions; i++) {
            struct arena *arena = arena_new(16384);
            struct search_query query = {.text = way->words ? str_from(c->questions[i]) : STR(""),
                                         .vector = way->vectors ? c->question_vectors + i * DIMS : NULL,
                                         .filter = SEARCH_ALL,
                                         .limit = LIMIT,
                                         .keep_stop = way->stop_words,
                                         .idf_at_least = 1000,
                                         .vector_floor = 0.1f};
            if (way->filtered) {
                query.filter.categories.given = true;
                query.filter.categories.at = &category;
                query.filter.categories.n = 1;
            }
            struct search_result result;
            int64_t start = now_ns();
            struct search_reader *reader = search_read(c->index);
            search_run(reader, arena, &query, &result);
            search_reader_done(reader);
            times[i] = now_ns() - start;
            hits += result.n;
            arena_free(arena);
        }
    qsort(times, c->n_questions, sizeof *times, ascending);
    printf("%-34s %10.1f %10.1f   %.1f hits\n", way->name, (double)times[c->n_questions / 2] / 1e3,
           (double)times[c->n_questions * 99 / 100] / 1e3, (double)hits / (double)c->n_questions / 2);
    free(times);
}

// Share of the ten nearest by float32 that are found.
static void recall(struct collection *c)
{
    const struct vector_kernels *k = vector_kernels();
    size_t found = 0;
    float *cosines = mem_alloc(c->n * sizeof *cosines);
    for (size_t q = 0; q < RECALL_QUERIES; q++) {
        const float *v = c->question_vectors + q * DIMS;
        for (size_t i = 0; i < c->n; i++)
            cosines[i] = k->dot_f32(v, c->vectors + i * DIMS, DIMS);
        struct arena *arena = arena_new(16384);
        struct search_query query = {.text = STR(""), .vector = v, .filter = SEARCH_ALL, .limit = LIMIT};
        struct search_result result;
        struct search_reader *reader = search_read(c->index);
        search_run(reader, arena, &query, &result);
        for (size_t h = 0; h < result.n; h++) {
            float cosine = cosines[strtoul(result.hits[h].doc.p + 1, NULL, 10)];
            size_t nearer = 0;
            for (size_t i = 0; i < c->n; i++)
                nearer += cosines[i] > cosine;
            found += nearer < LIMIT;
        }
        search_reader_done(reader);
        arena_free(arena);
    }
    printf("%-34s %10.4f\n", "recall@10 of vectors", (double)found / (RECALL_QUERIES * LIMIT));
    free(cosines);
}

static void open_peer(struct collection *c)
{
    if (sqlite3_open(":memory:", &c->peer) != SQLITE_OK ||
        sqlite3_exec(c->peer, "CREATE VIRTUAL TABLE t USING fts5(body); BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(c->peer, "INSERT INTO t(body) VALUES (?)", -1, &c->insert, NULL) != SQLITE_OK)
        abort();
}

// The same questions, all words OR-ed, ten best by its BM25.
static void measure_peer(struct collection *c)
{
    enum { ASKED = 40 };
    int64_t times[ASKED];
    sqlite3_stmt *select;
    sqlite3_finalize(c->insert);
    if (sqlite3_exec(c->peer, "COMMIT", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(c->peer, "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT 10", -1, &select, NULL) !=
            SQLITE_OK)
        abort();
    for (size_t i = 0; i < ASKED; i++) {
        char match[1024];
        size_t n = 0;
        for (const char *p = c->questions[i % c->n_questions]; *p; p++) // blanks become " OR "
            if (*p != ' ')
                match[n++] = *p;
            else if (n && p[1] && p[1] != ' ')
                n += (size_t)sprintf(match + n, " OR ");
        int64_t start = now_ns();
        sqlite3_bind_text(select, 1, match, (int)n, SQLITE_STATIC);
        while (sqlite3_step(select) == SQLITE_ROW)
            ;
        sqlite3_reset(select);
        times[i] = now_ns() - start;
    }
    sqlite3_finalize(select);
    sqlite3_close(c->peer);
    qsort(times, ASKED, sizeof *times, ascending);
    printf("%-34s %10.1f %10.1f\n", "peer: FTS5, words, all", (double)times[ASKED / 2] / 1e3,
           (double)times[ASKED * 99 / 100] / 1e3);
}

static void upserts(struct collection *c)
{
    enum { N = 200 };
    int64_t times[N];
    for (size_t i = 0; i < N; i++) {
        char text[2048], id[24];
        size_t n = 0;
        for (size_t w = 0; w < 50; w++)
            n += write_word(text + n);
        struct search_passage p = {.n_zones = 1, .zones = {{{text, n}, 1}}};
        int64_t start = now_ns();
        if (search_put(c->index, (struct str){id, (size_t)sprintf(id, "p%zu", random_below(c->n))}, &p, 1, NULL) != 0)
            abort();
        search_publish(c->index);
        times[i] = now_ns() - start;
    }
    qsort(times, N, sizeof *times, ascending);
    printf("%-34s %10.1f %10.1f\n", "one upsert, published", (double)times[N / 2] / 1e3,
           (double)times[N * 99 / 100] / 1e3);
}

static void run(size_t n, bool vectors, size_t questions)
{
    static const struct way ways[] = {
        {"words, all", true, true, false, false},
        {"words, no stop words", true, false, false, false},
        {"words, all, filtered to 1 %", true, true, false, true},
        {"words, no stop words, 1 %", true, false, false, true},
        {"vectors", false, false, true, false},
        {"vectors, filtered to 1 %", false, false, true, true},
        {"hybrid", true, false, true, false},
        {"hybrid, filtered to 1 %", true, false, true, true},
    };
    struct collection c = {.index = search_index_new(vectors ? DIMS : 0), .n = n, .n_questions = questions};
    c.questions = mem_calloc(questions, sizeof *c.questions);
    c.question_vectors = mem_calloc(questions, DIMS * sizeof(float));
    printf("%zu passages, kernels %s      p50 us     p99 us\n", n, vector_kernels()->name);
    if (getenv("FTS5"))
        open_peer(&c);
    load(&c, vectors);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (vectors || !ways[i].vectors)
            measure(&c, &ways[i]);
    if (c.peer)
        measure_peer(&c);
    if (vectors)
        recall(&c);
    upserts(&c);
    search_index_free(c.index);
    free(c.questions);
    free(c.question_vectors);
    free(c.vectors);
}

int main(int argc, char **argv)
{
    if (crypto_init() != 0)
        return 1;
    bool vectors = !getenv("VECTORS") || strcmp(getenv("VECTORS"), "0") != 0;
    size_t questions = getenv("QUERIES") ? strtoul(getenv("QUERIES"), NULL, 10) : 1000;
    static char *sizes[] = {NULL, "10000", "100000"};
    if (argc < 2) {
        argc = 3;
        argv = sizes;
    }
    for (int i = 1; i < argc; i++)
        run(strtoul(argv[i], NULL, 10), vectors, questions < 1 ? 1 : questions);
    return 0;
}
