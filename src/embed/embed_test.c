// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/mem.h"
#include "embed/embed.h"
#include "embed/file.h"
#include "embed/testing.h"
#include "embed/tokens.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LETTER_A = 5, THE = 31, PARCEL, TH, HE, AA, KO, KA, SPACE_PIECE = 4, UNKNOWN = 3 };

struct setting {
    char *path;
    struct weights weights;
    struct pieces *pieces;
    struct word *word;
    uint32_t ids[TOKENS_MOST];
    size_t n, seen;
};

static void set_up(struct setting *s)
{
    struct err err;
    s->path = testing_file(7);
    assert_int_equal(weights_open(s->path, &s->weights, &err), 0);
    s->pieces = pieces_new(&s->weights);
    s->word = mem_zalloc(sizeof *s->word);
}

static void tear_down(struct setting *s)
{
    unlink(s->path);
    free(s->path);
    free(s->word);
    pieces_free(s->pieces);
    weights_done(&s->weights);
}

static void read_text(struct setting *s, struct str text)
{
    s->n = tokens_read(&s->weights, s->pieces, s->word, STR_NULL, text, s->ids, &s->seen);
    assert_int_equal(s->ids[0], 0);
    assert_int_equal(s->ids[s->n - 1], 2);
}

#define assert_ids(s, text, ...)                                                                                       \
    do {                                                                                                               \
        const uint32_t wanted_[] = {__VA_ARGS__};                                                                      \
        read_text((s), (text));                                                                                        \
        assert_int_equal((s)->n - 2, sizeof wanted_ / sizeof *wanted_);                                                \
        assert_memory_equal((s)->ids + 1, wanted_, sizeof wanted_);                                                    \
        assert_int_equal((s)->seen, (text).n);                                                                         \
    } while (0)

TEST(tokens_are_the_best_pieces)
{
    struct setting s;
    set_up(&s);
    assert_ids(&s, STR("the parcel"), THE, PARCEL);
    assert_ids(&s, STR("  THE \t\x01  Parcel "), THE, PARCEL, SPACE_PIECE);
    assert_ids(&s, STR("thee"), THE, LETTER_A + 4);
    assert_ids(&s, STR("aaa"), SPACE_PIECE, LETTER_A, AA); // two ways of the same score: the first one found stays
    assert_ids(&s, STR("กากก"), SPACE_PIECE, KA, KO, KO);
    assert_ids(&s, STR("a\xE4\xB8\xAD"), SPACE_PIECE, LETTER_A, UNKNOWN);
    assert_ids(&s, STR("a\xFFz\xC3"), SPACE_PIECE, LETTER_A, SPACE_PIECE, LETTER_A + 25, SPACE_PIECE);
    assert_ids(&s, STR(""), SPACE_PIECE);
    assert_ids(&s, STR("a\0a"), SPACE_PIECE, LETTER_A, UNKNOWN, LETTER_A);
    tear_down(&s);
}

TEST(tokens_of_texts_that_grow)
{
    struct setting s;
    char text[6000];
    set_up(&s);
    for (size_t i = 0; i + 3 <= sizeof text; i += 3)
        memcpy(text + i, "\xEF\xB7\xBA", 3); // each becomes 18 letters: 36,000 without a space
    read_text(&s, (struct str){text, sizeof text});
    assert_int_equal(s.n, TOKENS_MOST);
    assert_int_equal(s.ids[1], SPACE_PIECE);
    size_t letters = 0, single = 0;
    for (size_t i = 2; i < 511; i++) {
        assert_true(s.ids[i] == AA || s.ids[i] == LETTER_A);
        letters += s.ids[i] == AA ? 2 : 1;
        single += s.ids[i] == LETTER_A;
    }
    assert_true(single <= 1);
    assert_int_equal(s.seen, (letters + 17) / 18 * 3);
    tear_down(&s);
}

TEST(tokens_in_windows_see_all_of_a_text)
{
    struct setting s;
    struct err err;
    char text[20000];
    set_up(&s);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 11 == 10 && i < 9000 ? ' ' : 'a' + i % 7);
    size_t windows = 0, tokens = 0;
    for (struct str rest = {text, sizeof text}; rest.n > 0; windows++) {
        read_text(&s, rest);
        assert_true(s.seen > 0 && s.seen <= rest.n);
        assert_true(s.n == TOKENS_MOST || s.seen == rest.n);
        tokens += s.n;
        rest = (struct str){rest.p + s.seen, rest.n - s.seen};
    }
    assert_true(windows > 20 && tokens > 10000);
    // The same by the public face.
    struct embed_model *model;
    assert_int_equal(embed_open(s.path, &model, &err), 0);
    struct embed_scratch *scratch = embed_scratch_new();
    size_t seen = embed_window(model, scratch, EMBED_PASSAGE, (struct str){text, sizeof text});
    assert_true(seen > 400 && seen < 1200);
    assert_int_equal(embed_window(model, scratch, EMBED_QUERY, STR("a short one")), 11);
    embed_scratch_free(scratch);
    embed_free(model);
    tear_down(&s);
}

TEST(vectors_do_not_depend_on_their_company)
{
    AUTO_FREE char *path = testing_file(3);
    struct err err;
    struct embed_model *model;
    assert_int_equal(embed_open(path, &model, &err), 0);
    unlink(path);
    assert_false(embed_known(model));
    assert_true(strlen(embed_name(model)) == strlen("multilingual-e5-small-q4-") + 16);
    const struct str texts[] = {STR("the parcel"), STR(""), STR("aaa bbb ccc the \xFF\xFE"), STR("กาก"), STR("\0\0")};
    struct embed_scratch *scratch = embed_scratch_new();
    float all[5][EMBED_DIMS], one[EMBED_DIMS];
    assert_int_equal(embed_vectors(model, scratch, EMBED_PASSAGE, texts, 5, NULL, all[0], &err), 0);
    for (size_t i = 0; i < 5; i++) {
        float length = 0, product = 0;
        assert_int_equal(embed_vectors(model, scratch, EMBED_PASSAGE, &texts[i], 1, NULL, one, &err), 0);
        for (size_t k = 0; k < EMBED_DIMS; k++) {
            length += one[k] * one[k];
            product += one[k] * all[i][k];
        }
        assert_true(fabsf(length - 1) < 1e-4f && fabsf(product - 1) < 1e-4f);
    }
    _Atomic bool stop = true;
    assert_int_equal(embed_vectors(model, scratch, EMBED_QUERY, texts, 1, &stop, one, &err), ERR_CANCELLED);
    embed_scratch_free(scratch);
    embed_free(model);
}

struct shared {
    struct embed_model *model;
    float vector[2][EMBED_DIMS];
};

static void *embed_alone(void *arg)
{
    struct shared *s = arg;
    const struct str texts[] = {STR("the parcel"), STR("a")};
    struct embed_scratch *scratch = embed_scratch_new();
    int rc = embed_vectors(s->model, scratch, EMBED_QUERY, texts, 2, NULL, s->vector[0], NULL);
    embed_scratch_free(scratch);
    return rc ? s : NULL;
}

TEST(vectors_of_many_threads_are_the_same)
{
    AUTO_FREE char *path = testing_file(4);
    AUTO_FREE struct shared *each = mem_calloc(4, sizeof *each);
    struct err err;
    struct embed_model *model;
    pthread_t threads[4];
    void *failed;
    assert_int_equal(embed_open(path, &model, &err), 0);
    unlink(path);
    for (size_t i = 0; i < 4; i++) {
        each[i].model = model;
        assert_int_equal(pthread_create(&threads[i], NULL, embed_alone, &each[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
        assert_memory_equal(each[i].vector, each[0].vector, sizeof each[0].vector);
    }
    embed_free(model);
}

TEST(vectors_are_the_same_after_a_rest)
{
    AUTO_FREE char *path = testing_file(5);
    struct err err;
    struct embed_model *model;
    float one[EMBED_DIMS], two[EMBED_DIMS];
    const struct str text = STR("the parcel");
    assert_int_equal(embed_open(path, &model, &err), 0);
    struct embed_scratch *scratch = embed_scratch_new();
    assert_int_equal(embed_vectors(model, scratch, EMBED_QUERY, &text, 1, NULL, one, &err), 0);
    embed_rest(model);
    embed_rest(model);
    assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0),
                     0); // who touches it, or puts another in its place, changes nothing
    unlink(path);
    assert_int_equal(embed_vectors(model, scratch, EMBED_QUERY, &text, 1, NULL, two, &err), 0);
    assert_memory_equal(one, two, sizeof one);
    assert_false(embed_changed(model));
    embed_scratch_free(scratch);
    embed_free(model);
}

// ---- files that change while they are used

static void *read_after_the_cut(void *arg)
{
    struct embed_model *model = arg;
    struct embed_scratch *scratch = embed_scratch_new();
    const struct str text = STR("the parcel กา");
    float vector[EMBED_DIMS];
    struct err err;
    size_t seen = embed_window(model, scratch, EMBED_QUERY, text); // reads what is not there any more
    int rc = embed_vectors(model, scratch, EMBED_QUERY, &text, 1, NULL, vector, &err);
    embed_scratch_free(scratch);
    return seen > 0 && rc == ERR_IO ? NULL : model;
}

// On a thread that blocks every signal, as those of a server do.
TEST(file_cut_while_in_use_ends_no_process)
{
    AUTO_FREE char *path = testing_file(6);
    struct err err;
    struct embed_model *model;
    struct stat st;
    pthread_t thread;
    sigset_t all, before;
    void *failed;
    for (int begun = 0; begun < 2; begun++) {
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(embed_open(path, &model, &err), 0);
        if (begun) {
            struct embed_scratch *scratch = embed_scratch_new();
            (void)embed_window(model, scratch, EMBED_QUERY, STR("a"));
            embed_scratch_free(scratch);
        }
        assert_int_equal(truncate(path, 0), 0);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        assert_int_equal(pthread_create(&thread, NULL, read_after_the_cut, model), 0);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        assert_int_equal(pthread_join(thread, &failed), 0);
        assert_null(failed);
        assert_int_equal(truncate(path, st.st_size), 0);
        assert_true(embed_changed(model));
        embed_free(model);
        unlink(path);
        free(path);
        path = testing_file(6);
    }
    unlink(path);
}

TEST(file_written_in_place_is_not_used_any_more)
{
    AUTO_FREE char *path = testing_file(7);
    struct err err;
    struct embed_model *model;
    const struct timespec then[2] = {{1, 0}, {1, 0}};
    const struct str text = STR("the parcel");
    float vector[EMBED_DIMS];
    assert_int_equal(embed_open(path, &model, &err), 0);
    struct embed_scratch *scratch = embed_scratch_new();
    assert_int_equal(embed_vectors(model, scratch, EMBED_QUERY, &text, 1, NULL, vector, &err), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "#", 1, 1000), 1);
    assert_int_equal(futimens(fd, then), 0); // the clock of files is coarse
    close(fd);
    assert_int_equal(embed_vectors(model, scratch, EMBED_QUERY, &text, 1, NULL, vector, &err), ERR_IO);
    assert_true(embed_changed(model));
    embed_scratch_free(scratch);
    embed_free(model);
    unlink(path);
}

// ---- files that are not what they should be

static int open_head(const char *path, const struct buf *head, size_t size, struct weights *ret, struct err *err)
{
    int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    size_t n = head->n < size ? head->n : size;
    assert_int_equal(write(fd, head->p, n), (ssize_t)n);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
    return weights_open(path, ret, err);
}

TEST(file_cut_short_is_refused)
{
    char path[] = "/tmp/parley-embed-XXXXXX";
    close(mkstemp(path));
    struct buf head = BUF_INIT(1 << 20);
    struct weights w;
    struct err err;
    testing_head(&head);
    size_t whole = head.n + TESTING_NUMBERS;
    assert_int_equal(open_head(path, &head, whole, &w, &err), 0);
    weights_done(&w);
    for (size_t i = 0; i < 100; i++) {
        size_t size = i < 60 ? head.n * i / 60 : head.n + (whole - (size_t)5 * (1 << 20) - head.n) / 40 * (i - 60);
        err.text[0] = '\0';
        assert_int_equal(open_head(path, &head, size, &w, &err), ERR_FORMAT);
        assert_true(err.text[0] != '\0');
    }
    unlink(path);
    assert_int_equal(weights_open(path, &w, &err), ERR_NOT_FOUND);
    assert_int_equal(weights_open("/", &w, &err), ERR_FORMAT);
    buf_done(&head);
}

TEST(file_with_a_changed_byte_is_refused_or_known_as_another)
{
    char path[] = "/tmp/parley-embed-XXXXXX";
    close(mkstemp(path));
    struct buf head = BUF_INIT(1 << 20);
    struct weights w;
    struct err err;
    uint32_t state = 5;
    testing_head(&head);
    assert_int_equal(open_head(path, &head, head.n + TESTING_NUMBERS, &w, &err), 0);
    uint64_t digest = w.digest;
    weights_done(&w);
    struct word *word = mem_zalloc(sizeof *word);
    for (size_t i = 0; i < 1000; i++) {
        state = state * 1664525u + 1013904223u;
        size_t at = (state >> 8) % head.n;
        char was = head.p[at];
        head.p[at] = (char)(was ^ (char)(1 + i % 255));
        if (open_head(path, &head, head.n + TESTING_NUMBERS, &w, &err) == 0) {
            uint32_t ids[TOKENS_MOST];
            size_t seen;
            assert_true(w.digest != digest);
            struct pieces *pieces = pieces_new(&w);
            size_t n = tokens_read(&w, pieces, word, STR("query: "), STR("the parcel กา \xFF"), ids, &seen);
            for (size_t k = 0; k < n; k++)
                assert_true(ids[k] < w.word.rows);
            pieces_free(pieces);
            weights_done(&w);
        }
        head.p[at] = was;
    }
    free(word);
    unlink(path);
    buf_done(&head);
}
