// SPDX-License-Identifier: Apache-2.0
// Questions never wait for passages: each caller computes on its own thread with working memory of its own, taken from
// a short list and given back. A text whose caller holds no thread goes to one thread that lives only for that, with
// two bounded queues, questions before sentences; what waited too long there is not computed any more.
#include "engine/builtin.h"

#include "base/clock.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "embed/kernel.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    KEPT = 4,
    QUESTIONS_MOST = 256,
    SENTENCES_MOST = 1024,
    BATCH = 8,
    TEXT_MOST = 8192,
    WINDOWS_MOST = 64,
    REST_MS = 60000
};
#define KEY_PREFIX "builtin:"

struct asked {
    struct asked *next;
    enum embed_kind kind;
    int64_t until_ms;
    embedder_done *done;
    void *arg;
    size_t n;
    char text[];
};

struct builtin {
    struct embed_model *model;
    char warning[300];
    _Atomic bool ending;
    _Atomic uint64_t computed;
    pthread_mutex_t lock;
    pthread_cond_t asked;
    // under the lock
    struct embed_scratch *kept[KEPT];
    size_t n_kept;
    size_t working; // that were taken and not given back
    int64_t worked_ms;
    bool resting;
    struct queue {
        struct asked *first, *last;
        size_t n;
    } questions, sentences;
    bool started;
    pthread_t thread;
};

// ---- the file

static bool try_open(struct builtin *b, const char *path, bool must)
{
    struct err err = {0};
    int rc = embed_open(path, &b->model, &err);
    if (rc && (must || rc != ERR_NOT_FOUND))
        (void)snprintf(b->warning, sizeof b->warning, "embedding.builtin: %s", err.text);
    return rc != ERR_NOT_FOUND;
}

static void find_model(struct builtin *b)
{
    static const char *const places[] = {"", "share/parley/", "../share/parley/", "../share/", "../../share/"};
    static const char *const names[] = {"e5-small-q4.bin", "e5-small-enpt-q4.bin"};
    char program[PATH_MAX], path[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    while (n > 0 && program[n - 1] != '/')
        n--;
    if (n <= 0)
        return;
    program[n] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            (void)snprintf(path, sizeof path, "%s%s%s", program, places[k], names[i]);
            if (try_open(b, path, false))
                return;
        }
}

struct builtin *builtin_new(const struct settings *settings)
{
    struct builtin *b = mem_zalloc(sizeof *b);
    const char *setting = settings_str(settings, SET_EMBEDDING_BUILTIN);
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_cond_init(&b->asked, &attr);
    pthread_condattr_destroy(&attr);
    if (!setting || strcmp(setting, "auto") == 0)
        find_model(b);
    else if (strcmp(setting, "off") != 0)
        (void)try_open(b, setting, true);
    b->resting = true;
    if (b->model && !embed_known(b->model))
        (void)snprintf(b->warning, sizeof b->warning, "embedding.builtin: a model file that nobody has tried");
    return b;
}

bool builtin_has(const struct builtin *builtin)
{
    return builtin->model && !embed_changed(builtin->model);
}

const char *builtin_name(const struct builtin *builtin)
{
    return builtin->model ? embed_name(builtin->model) : "";
}

bool builtin_owns(const struct builtin *builtin, const char *key)
{
    size_t n = sizeof KEY_PREFIX - 1;
    return builtin_has(builtin) && strncmp(key, KEY_PREFIX, n) == 0 && strcmp(key + n, embed_name(builtin->model)) == 0;
}

const char *builtin_kernels(void)
{
    return embed_kernels()->name;
}

const char *builtin_warning(const struct builtin *builtin)
{
    if (builtin->model && embed_changed(builtin->model))
        return "embedding.builtin: the model file was changed in place while in use: vectors come again after a "
               "restart";
    return builtin->warning[0] ? builtin->warning : NULL;
}

uint64_t builtin_computed(const struct builtin *builtin)
{
    return atomic_load(&builtin->computed);
}

void builtin_model(const struct builtin *builtin, struct embedder_model *ret)
{
    *ret = (struct embedder_model){.batch = BATCH};
    (void)snprintf(ret->key, sizeof ret->key, KEY_PREFIX "%s", embed_name(builtin->model));
}

// ---- vectors

static struct embed_scratch *take_scratch(struct builtin *b)
{
    pthread_mutex_lock(&b->lock);
    struct embed_scratch *scratch = b->n_kept ? b->kept[--b->n_kept] : NULL;
    b->working++;
    b->resting = false;
    pthread_mutex_unlock(&b->lock);
    return scratch ? scratch : embed_scratch_new();
}

static void give_back(struct builtin *b, struct embed_scratch *scratch)
{
    pthread_mutex_lock(&b->lock);
    if (b->n_kept < KEPT) {
        b->kept[b->n_kept++] = scratch;
        scratch = NULL;
    }
    b->working--;
    b->worked_ms = clock_mono_ms();
    pthread_mutex_unlock(&b->lock);
    embed_scratch_free(scratch);
}

void builtin_rest(struct builtin *builtin)
{
    pthread_mutex_lock(&builtin->lock);
    if (!builtin->resting && builtin->working == 0 && clock_mono_ms() - builtin->worked_ms >= REST_MS) {
        while (builtin->n_kept > 0)
            embed_scratch_free(builtin->kept[--builtin->n_kept]);
        embed_rest(builtin->model);
        builtin->resting = true;
    }
    pthread_mutex_unlock(&builtin->lock);
}

// A text longer than the window: the mean of its windows by their lengths. Only the first ones of what no passage is.
static int embed_long(struct builtin *b, struct embed_scratch *scratch, struct str text, float *ret, struct err *err)
{
    float one[EMBED_DIMS], square = 0;
    int rc = 0;
    memset(ret, 0, EMBED_DIMS * sizeof *ret);
    for (size_t i = 0; i < WINDOWS_MOST && text.n > 0 && !rc; i++) {
        struct str window = {text.p, embed_window(b->model, scratch, EMBED_PASSAGE, text)};
        rc = embed_vectors(b->model, scratch, EMBED_PASSAGE, &window, 1, &b->ending, one, err);
        for (size_t k = 0; k < EMBED_DIMS; k++)
            ret[k] += (float)window.n * one[k];
        text = (struct str){text.p + window.n, text.n - window.n};
    }
    for (size_t k = 0; k < EMBED_DIMS; k++)
        square += ret[k] * ret[k];
    for (size_t k = 0; k < EMBED_DIMS; k++)
        ret[k] /= __builtin_sqrtf(square);
    return rc;
}

int builtin_embed(struct builtin *builtin, struct arena *arena, const struct str *texts, size_t n, bool query,
                  const float ***ret, size_t *ret_dims, struct err *err)
{
    const enum embed_kind kind = query ? EMBED_QUERY : EMBED_PASSAGE;
    float *vectors = arena_calloc(arena, n, EMBED_DIMS * sizeof *vectors);
    const float **rows = arena_calloc(arena, n, sizeof *rows);
    struct embed_scratch *scratch = take_scratch(builtin);
    int rc = embed_vectors(builtin->model, scratch, kind, texts, n, &builtin->ending, vectors, err);
    for (size_t i = 0; i < n && !rc; i++) {
        rows[i] = vectors + i * EMBED_DIMS;
        if (!query && texts[i].n > EMBED_WINDOW / 2 &&
            embed_window(builtin->model, scratch, kind, texts[i]) < texts[i].n)
            rc = embed_long(builtin, scratch, texts[i], vectors + i * EMBED_DIMS, err);
    }
    give_back(builtin, scratch);
    if (rc)
        return rc;
    if (!query)
        atomic_fetch_add(&builtin->computed, n);
    *ret = rows;
    *ret_dims = EMBED_DIMS;
    return 0;
}

// ---- texts of callers that do not wait

static void answer(struct builtin *b, struct asked *asked)
{
    float vector[EMBED_DIMS];
    struct str text = {asked->text, asked->n};
    bool made = false;
    if (!atomic_load(&b->ending) && clock_mono_ms() < asked->until_ms) {
        struct embed_scratch *scratch = take_scratch(b);
        made = embed_vectors(b->model, scratch, asked->kind, &text, 1, &b->ending, vector, NULL) == 0;
        give_back(b, scratch);
    }
    asked->done(asked->arg, made ? vector : NULL, EMBED_DIMS);
    free(asked);
}

static struct asked *take(struct queue *queue)
{
    struct asked *asked = queue->first;
    if (!asked)
        return NULL;
    queue->first = asked->next;
    queue->last = asked->next ? queue->last : NULL;
    queue->n--;
    return asked;
}

static void *answer_all(void *arg)
{
    struct builtin *b = arg;
    pthread_setname_np(pthread_self(), "embed");
    pthread_mutex_lock(&b->lock);
    for (;;) {
        struct asked *asked = take(&b->questions);
        asked = asked ? asked : take(&b->sentences);
        if (!asked && atomic_load(&b->ending))
            break;
        if (!asked) {
            pthread_cond_wait(&b->asked, &b->lock);
            continue;
        }
        pthread_mutex_unlock(&b->lock);
        answer(b, asked);
        pthread_mutex_lock(&b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

void builtin_ask(struct builtin *builtin, enum embedder_text of, struct str text, int timeout_ms, embedder_done *done,
                 void *arg)
{
    bool question = of == EMBEDDER_QUESTION;
    struct queue *queue = question ? &builtin->questions : &builtin->sentences;
    size_t n = text.n < TEXT_MOST ? text.n : TEXT_MOST;
    struct asked *asked = mem_alloc(sizeof *asked + n);
    *asked = (struct asked){.kind = question ? EMBED_QUERY : EMBED_PASSAGE,
                            .until_ms = clock_mono_ms() + timeout_ms,
                            .done = done,
                            .arg = arg,
                            .n = n};
    if (n)
        memcpy(asked->text, text.p, n);
    pthread_mutex_lock(&builtin->lock);
    bool taken = !atomic_load(&builtin->ending) && queue->n < (question ? QUESTIONS_MOST : SENTENCES_MOST);
    if (taken && !builtin->started)
        taken = builtin->started = pthread_create(&builtin->thread, NULL, answer_all, builtin) == 0;
    if (taken) {
        *(queue->last ? &queue->last->next : &queue->first) = asked;
        queue->last = asked;
        queue->n++;
        pthread_cond_signal(&builtin->asked);
    }
    pthread_mutex_unlock(&builtin->lock);
    if (!taken) {
        free(asked);
        done(arg, NULL, 0);
    }
}

void builtin_quit(struct builtin *builtin)
{
    if (!builtin)
        return;
    pthread_mutex_lock(&builtin->lock);
    atomic_store(&builtin->ending, true);
    pthread_cond_signal(&builtin->asked);
    pthread_mutex_unlock(&builtin->lock);
}

void builtin_free(struct builtin *builtin)
{
    if (!builtin)
        return;
    builtin_quit(builtin);
    if (builtin->started)
        pthread_join(builtin->thread, NULL);
    for (size_t i = 0; i < builtin->n_kept; i++)
        embed_scratch_free(builtin->kept[i]);
    pthread_cond_destroy(&builtin->asked);
    pthread_mutex_destroy(&builtin->lock);
    embed_free(builtin->model);
    free(builtin);
}
