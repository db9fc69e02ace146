// SPDX-License-Identifier: Apache-2.0
// Durable turns a second of the store alone: each turn is one write that inserts two messages and updates its
// conversation, acknowledged after its commit. One line for each number of threads.
//
// usage: store_bench [seconds] [directory] [threads…]
#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/mem.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { CONVERSATIONS = 1000, SAMPLES = 200000, THREADS_MAX = 256 };

static const struct migration migrations[] = {
    {1, "bench",
     "CREATE TABLE conversation (brand_id TEXT NOT NULL, id TEXT NOT NULL, messages BIGINT NOT NULL, updated_at BIGINT "
     "NOT NULL, PRIMARY KEY (brand_id, id));"
     "CREATE TABLE message (brand_id TEXT NOT NULL, conversation_id TEXT NOT NULL, seq BIGINT NOT NULL, id TEXT NOT "
     "NULL, "
     "role TEXT NOT NULL, content TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (brand_id, conversation_id, "
     "seq), FOREIGN KEY (brand_id, conversation_id) REFERENCES conversation (brand_id, id));"},
};

STORE_SQL(add_conversation, "INSERT INTO conversation (brand_id, id, messages, updated_at) VALUES ($1, $2, 0, 0)");
STORE_SQL(count_up, "UPDATE conversation SET messages = messages + 2, updated_at = $3 WHERE brand_id = $1 AND id = $2 "
                    "RETURNING messages");
STORE_SQL(add_message, "INSERT INTO message (brand_id, conversation_id, seq, id, role, content, created_at) VALUES "
                       "($1, $2, $3, $4, $5, $6, $7)");
STORE_SQL(count_messages, "SELECT count(*) FROM message WHERE brand_id = $1");

static char conversations[CONVERSATIONS][ID_SIZE];
static struct store *store;
static struct scope scope;
static atomic_bool stop;

struct client {
    pthread_t thread;
    size_t number, turns;
    size_t n_samples;
    uint32_t *samples; // µs
};

static const char question[] = "Do you have this lamp in a warmer white, and would it arrive before the weekend?";
static const char reply[] =
    "Yes. The Aurora desk lamp comes in 2700 K and 4000 K; the warmer one is the 2700 K. Twelve are in stock, and "
    "orders "
    "made before four o'clock leave the same day, so it should arrive on Friday. Shall I put one aside for you?";

struct turn {
    const char *conversation;
    char ids[2][ID_SIZE];
};

static int turn(struct tx *tx, void *arg, struct err *err)
{
    const struct turn *turn = arg;
    const char *conversation = turn->conversation;
    int64_t now = clock_wall_ms();
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &count_up, VALUES(v_cstr(conversation), v_int(now)), &rows, err);
    if (rc <= 0)
        return rc ? rc : ERR_NOT_FOUND;
    int64_t seq = rows_int(rows, 0);
    rc = tx_exec(tx, &add_message,
                 VALUES(v_cstr(conversation), v_int(seq - 1), v_cstr(turn->ids[0]), v_cstr("user"),
                        v_str(STR(question)), v_int(now)),
                 NULL, err);
    if (rc)
        return rc;
    return tx_exec(tx, &add_message,
                   VALUES(v_cstr(conversation), v_int(seq), v_cstr(turn->ids[1]), v_cstr("assistant"),
                          v_str(STR(reply)), v_int(now)),
                   NULL, err);
}

static void *client(void *arg)
{
    struct client *self = arg;
    for (size_t i = self->number; !atomic_load_explicit(&stop, memory_order_relaxed); i += 7) {
        int64_t begun = clock_mono_us();
        struct err err = {0};
        struct turn one = {.conversation = conversations[i % CONVERSATIONS]};
        id_v7(one.ids[0]);
        id_v7(one.ids[1]);
        if (store_write(store, &scope, turn, &one, &err) != 0) {
            fprintf(stderr, "store_bench: %s\n", err.text);
            exit(1);
        }
        if (self->n_samples < SAMPLES)
            self->samples[self->n_samples++] = (uint32_t)(clock_mono_us() - begun);
        self->turns++;
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static size_t measure(size_t threads, double seconds)
{
    struct client *clients = mem_calloc(threads, sizeof *clients);
    uint32_t *all = mem_calloc(threads * SAMPLES, sizeof *all);
    atomic_store(&stop, false);
    int64_t begun = clock_mono_us();
    double cpu = cpu_seconds();
    for (size_t i = 0; i < threads; i++) {
        clients[i] = (struct client){.number = i, .samples = all + i * SAMPLES};
        pthread_create(&clients[i].thread, NULL, client, &clients[i]);
    }
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&pause, NULL);
    atomic_store(&stop, true);
    size_t turns = 0, n = 0;
    for (size_t i = 0; i < threads; i++) {
        pthread_join(clients[i].thread, NULL);
        turns += clients[i].turns;
        memmove(all + n, clients[i].samples, clients[i].n_samples * sizeof *all);
        n += clients[i].n_samples;
    }
    double took = (double)(clock_mono_us() - begun) / 1e6;
    cpu = cpu_seconds() - cpu;
    qsort(all, n, sizeof *all, by_value);
    printf("threads %3zu  turns/s %7.0f  p50 %6u us  p99 %6u us  cpu %5.1f us/turn\n", threads, (double)turns / took,
           all[n / 2], all[n - n / 100 - 1], cpu * 1e6 / (double)turns);
    fflush(stdout);
    free(all);
    free(clients);
    return turns;
}

static int seed(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    for (size_t i = 0; i < CONVERSATIONS; i++) {
        id_v7(conversations[i]);
        int rc = tx_exec(tx, &add_conversation, VALUES(v_cstr(conversations[i])), NULL, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int count(struct tx *tx, void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &count_messages, NO_VALUES, &rows, err);
    if (rc > 0)
        *(size_t *)arg = (size_t)rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    char folder[256];
    snprintf(folder, sizeof folder, "%s/store-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    struct store_options options = {.url = "sqlite", .migrations = migrations, .n_migrations = 1};
    struct err err = {0};
    if (crypto_init() != 0 || !(options.data_dir = mkdtemp(folder)) || store_open(&options, &store, NULL, &err) != 0) {
        fprintf(stderr, "store_bench: cannot open a store in %s: %s\n", folder, err.text);
        return 1;
    }
    scope = scope_brand(STR("acme"), STR("bench"));
    if (store_write(store, &scope, seed, NULL, &err) != 0)
        return 1;
    size_t turns = 0, messages = 0;
    static const char *const usual[] = {"1", "16", "64"};
    const char *const *threads = argc > 3 ? (const char *const *)argv + 3 : usual;
    for (int i = 0, n = argc > 3 ? argc - 3 : 3; i < n; i++) {
        size_t number = (size_t)strtoul(threads[i], NULL, 10);
        turns += measure(number < 1 ? 1 : number > THREADS_MAX ? THREADS_MAX : number, seconds);
    }
    int rc = store_read(store, &scope, count, &messages, &err);
    store_close(store);
    const char *const files[] = {"parley.db", "parley.lock", "parley.db-wal", "parley.db-shm"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        remove(path);
    }
    remove(folder);
    if (rc != 0 || messages != 2 * turns) {
        fprintf(stderr, "store_bench: %zu turns but %zu messages\n", turns, messages);
        return 1;
    }
    return 0;
}
