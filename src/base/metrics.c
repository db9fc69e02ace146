// SPDX-License-Identifier: Apache-2.0
// One array of cells a bank; a thread keeps to the bank that it got with its first addition. A counter has one cell a
// series, a histogram its buckets and the sum in microseconds. A scrape adds the banks up; it may miss what is counted
// meanwhile, but a histogram's count always is the sum of its buckets. The cells are the process's, like the log.
#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BANKS = 4, BUCKETS = 15, HISTOGRAM_CELLS = BUCKETS + 2, RECENT = 100, SET_GROWS = 64 };

static const struct {
    int64_t us;
    const char *le;
} buckets[BUCKETS] = {{1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"},
                      {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},
                      {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"}, {30000000, "30"}, {60000000, "60"}};

const struct metric_row metric_rows[METRICS] = {
#define M(id, name, type, a, b, c, flags, help)                                                                        \
    [METRIC_##id] = {name, METRIC_##type, {LABEL_##a, LABEL_##b, LABEL_##c}, flags, help},
#include "base/metrics_rows.h"
#undef M
};

static const struct label_row {
    const char *name, *first, *values;
    unsigned room;
} label_rows[LABELS] = {
#define L(id, name, first, values, room) [LABEL_##id] = {name, first, values, room},
#include "base/metrics_rows.h"
#undef L
};

struct set {
    char **names;
    _Atomic unsigned n; // names below it do not change any more
    unsigned room;
};

static struct set sets[LABELS];
static pthread_mutex_t sets_lock = PTHREAD_MUTEX_INITIALIZER;

struct recent {
    _Atomic uint64_t n;
    _Atomic uint32_t us[RECENT];
};

static struct cells {
    _Atomic uint64_t *banks[BANKS];
    size_t first[METRICS + 1]; // of each row
    _Atomic bool *shown;       // by cell
    struct recent *recent[METRICS];
} * cells;

// ---- sets ----------------------------------------------------------------------------------------------------------

static unsigned set_add(struct set *set, struct str value)
{
    unsigned n = atomic_load(&set->n);
    if (n >= set->room)
        return 0;
    set->names[n] = mem_strndup(value.p, value.n);
    atomic_store(&set->n, n + 1);
    return n;
}

// Made at first use, under the lock.
static struct set *set_of(enum metric_label label)
{
    const struct label_row *row = &label_rows[label];
    struct set *set = &sets[label];
    if (set->names)
        return set;
    struct str rest = str_from(row->values);
    size_t n = 1 + row->room;
    while (rest.p) {
        (void)str_split(&rest, '|');
        n++;
    }
    set->names = mem_calloc(n, sizeof *set->names);
    set->room = (unsigned)n;
    (void)set_add(set, str_from(row->first ? row->first : ""));
    for (rest = str_from(row->values); rest.p;)
        (void)set_add(set, str_split(&rest, '|'));
    return set;
}

unsigned metric_label(enum metric_label label, struct str value)
{
    const struct set *set = &sets[label];
    unsigned n = atomic_load(&set->n);
    for (unsigned i = 1; i < n; i++)
        if (str_eq(str_from(set->names[i]), value))
            return i;
    return 0;
}

unsigned metric_label_keep(enum metric_label label, struct str value)
{
    unsigned at = metric_label(label, value);
    if (at)
        return at;
    pthread_mutex_lock(&sets_lock);
    struct set *set = set_of(label);
    at = metric_label(label, value);
    if (!at && value.n)
        at = set_add(set, value);
    pthread_mutex_unlock(&sets_lock);
    return at;
}

const char *metric_label_name(enum metric_label label, unsigned index)
{
    return index < atomic_load(&sets[label].n) ? sets[label].names[index] : NULL;
}

// ---- cells ---------------------------------------------------------------------------------------------------------

static bool is_read(const struct metric_row *row)
{
    return row->type == METRIC_READ_GAUGE || row->type == METRIC_READ_COUNTER;
}

static size_t room_of(enum metric_label label)
{
    return label == LABEL_NONE ? 1 : sets[label].room;
}

static size_t width_of(const struct metric_row *row)
{
    return row->type == METRIC_HISTOGRAM ? HISTOGRAM_CELLS : 1;
}

static size_t cell_of(const struct metric_row *row, const struct cells *all, struct metric_at at)
{
    size_t series = 0;
    for (size_t i = 0; i < METRIC_LABELS; i++) {
        size_t room = room_of(row->labels[i]);
        series = series * room + (at.at[i] < room ? at.at[i] : 0);
    }
    return all->first[row - metric_rows] + series * width_of(row);
}

void metrics_start(void)
{
    struct cells *all = mem_zalloc(sizeof *all);
    size_t n = 0;
    pthread_mutex_lock(&sets_lock);
    for (int i = LABEL_NONE + 1; i < LABELS; i++) {
        struct set *set = set_of((enum metric_label)i);
        const struct label_row *row = &label_rows[i];
        if (row->room > SET_GROWS)
            set->room = atomic_load(&set->n);
    }
    pthread_mutex_unlock(&sets_lock);
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric_row *row = &metric_rows[i];
        all->first[i] = n;
        if (!is_read(row))
            n += room_of(row->labels[0]) * room_of(row->labels[1]) * room_of(row->labels[2]) * width_of(row);
        if (row->flags & METRIC_RECENT)
            all->recent[i] = mem_zalloc(sizeof *all->recent[i]);
    }
    all->first[METRICS] = n;
    for (size_t i = 0; i < BANKS; i++)
        all->banks[i] = mem_calloc(n, sizeof *all->banks[i]);
    all->shown = mem_calloc(n, sizeof *all->shown);
    cells = all;
}

void metrics_stop(void)
{
    struct cells *all = cells;
    cells = NULL;
    for (size_t i = 0; all && i < BANKS; i++)
        free(all->banks[i]);
    for (size_t i = 0; all && i < METRICS; i++)
        free(all->recent[i]);
    if (all)
        free(all->shown);
    free(all);
    for (size_t i = 0; i < LABELS; i++) {
        for (unsigned k = 0; k < sets[i].n; k++)
            free(sets[i].names[k]);
        free(sets[i].names);
        sets[i] = (struct set){0};
    }
}

static _Atomic uint64_t *bank(const struct cells *all)
{
    static _Atomic unsigned next;
    static _Thread_local unsigned own; // from 1
    if (!own)
        own = 1 + atomic_fetch_add(&next, 1) % BANKS;
    return all->banks[own - 1];
}

void metric_add(enum metric metric, struct metric_at at, uint64_t n)
{
    const struct cells *all = cells;
    if (all)
        atomic_fetch_add_explicit(&bank(all)[cell_of(&metric_rows[metric], all, at)], n, memory_order_relaxed);
}

void metric_time(enum metric metric, struct metric_at at, int64_t us)
{
    const struct cells *all = cells;
    size_t bucket = 0;
    if (!all)
        return;
    us = us < 0 ? 0 : us;
    while (bucket < BUCKETS && us > buckets[bucket].us)
        bucket++;
    _Atomic uint64_t *cell = &bank(all)[cell_of(&metric_rows[metric], all, at)];
    atomic_fetch_add_explicit(&cell[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell[BUCKETS + 1], (uint64_t)us, memory_order_relaxed);
    struct recent *recent = all->recent[metric];
    if (recent) {
        uint64_t place = atomic_fetch_add(&recent->n, 1) % RECENT;
        atomic_store(&recent->us[place], us < UINT32_MAX ? (uint32_t)us : UINT32_MAX);
    }
}

void metric_show(enum metric metric, struct metric_at at)
{
    if (cells)
        atomic_store(&cells->shown[cell_of(&metric_rows[metric], cells, at)], true);
}

double metric_recent_us(enum metric metric, size_t *ret_n)
{
    struct recent *recent = cells ? cells->recent[metric] : NULL;
    uint64_t n = recent ? atomic_load(&recent->n) : 0;
    double sum = 0;
    n = n < RECENT ? n : RECENT;
    for (uint64_t i = 0; i < n; i++)
        sum += atomic_load(&recent->us[i]);
    *ret_n = (size_t)n;
    return n ? sum / (double)n : 0;
}

// ---- printing ------------------------------------------------------------------------------------------------------

static uint64_t total(const struct cells *all, size_t cell)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BANKS; i++)
        sum += atomic_load_explicit(&all->banks[i][cell], memory_order_relaxed);
    return sum;
}

static void add_label(struct buf *out, const char *name, const char *value, bool *first)
{
    buf_addf(out, "%c%s=\"", *first ? '{' : ',', name);
    for (const char *c = value; *c; c++) {
        if (*c == '"' || *c == '\\')
            buf_addc(out, '\\');
        if (*c == '\n')
            buf_addz(out, "\\n");
        else
            buf_addc(out, *c);
    }
    buf_addc(out, '"');
    *first = false;
}

static void add_name(struct buf *out, const struct metric_row *row, const char *suffix, const char *const *labels,
                     const char *le)
{
    bool first = true;
    buf_addf(out, "%s%s", row->name, suffix);
    for (size_t i = 0; i < METRIC_LABELS && row->labels[i]; i++)
        add_label(out, label_rows[row->labels[i]].name, labels[i], &first);
    if (le)
        add_label(out, "le", le, &first);
    buf_addz(out, first ? " " : "} ");
}

void metric_put(struct metric_out *out, double value, const char *const *labels)
{
    add_name(out->out, &metric_rows[out->metric], "", labels, NULL);
    // Whole numbers whole: a float's digits would lose bytes of a large size.
    if (value >= -9e15 && value <= 9e15 && value == (double)(int64_t)value)
        buf_addf(out->out, "%" PRId64 "\n", (int64_t)value);
    else
        buf_addf(out->out, "%.6f\n", value);
}

static void add_histogram(struct buf *out, const struct metric_row *row, const struct cells *all, size_t cell,
                          const char *const *labels)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= BUCKETS; i++) {
        n += total(all, cell + i);
        add_name(out, row, "_bucket", labels, i < BUCKETS ? buckets[i].le : "+Inf");
        buf_addf(out, "%" PRIu64 "\n", n);
    }
    uint64_t us = total(all, cell + BUCKETS + 1);
    add_name(out, row, "_sum", labels, NULL);
    buf_addf(out, "%" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
    add_name(out, row, "_count", labels, NULL);
    buf_addf(out, "%" PRIu64 "\n", n);
}

static bool happened(const struct metric_row *row, const struct cells *all, size_t cell)
{
    size_t n = row->type == METRIC_HISTOGRAM ? BUCKETS + 1 : 1;
    for (size_t i = 0; i < n; i++)
        if (total(all, cell + i))
            return true;
    return atomic_load(&all->shown[cell]);
}

// A series of the first, unnamed value of a set is shown only where it has happened.
static void add_series(struct buf *out, const struct metric_row *row, const struct cells *all, struct metric_at at)
{
    const char *labels[METRIC_LABELS] = {0};
    bool always = !(row->flags & METRIC_SPARSE);
    for (size_t i = 0; i < METRIC_LABELS && row->labels[i]; i++) {
        labels[i] = metric_label_name(row->labels[i], at.at[i]);
        if (!labels[i])
            return;
        always &= at.at[i] > 0;
    }
    size_t cell = cell_of(row, all, at);
    if (!always && !happened(row, all, cell))
        return;
    if (row->type == METRIC_HISTOGRAM) {
        add_histogram(out, row, all, cell, labels);
        return;
    }
    add_name(out, row, "", labels, NULL);
    buf_addf(out, "%" PRIu64 "\n", total(all, cell));
}

static void add_counted(struct buf *out, const struct metric_row *row, const struct cells *all)
{
    struct metric_at at = {{0}};
    for (at.at[0] = 0; at.at[0] < room_of(row->labels[0]); at.at[0]++)
        for (at.at[1] = 0; at.at[1] < room_of(row->labels[1]); at.at[1]++)
            for (at.at[2] = 0; at.at[2] < room_of(row->labels[2]); at.at[2]++)
                add_series(out, row, all, at);
}

static const char *type_name(enum metric_type type)
{
    return type == METRIC_HISTOGRAM ? "histogram" : type == METRIC_READ_GAUGE ? "gauge" : "counter";
}

void metrics_print(struct buf *out, void (*read)(void *arg, struct metric_out *out), void *arg)
{
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric_row *row = &metric_rows[i];
        struct metric_out one = {out, (enum metric)i};
        buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, type_name(row->type));
        if (is_read(row))
            read(arg, &one);
        else if (cells)
            add_counted(out, row, cells);
    }
}

static void add_label_names(struct buf *out, const struct metric_row *row)
{
    for (size_t i = 0; i < METRIC_LABELS && row->labels[i]; i++)
        buf_addf(out, "%s%s", i ? ", " : "", label_rows[row->labels[i]].name);
}

void metrics_print_list(struct buf *out)
{
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric_row *row = &metric_rows[i];
        buf_addf(out, "%-40s %-10s ", row->name, type_name(row->type));
        add_label_names(out, row);
        buf_addf(out, "%s%s%s\n", row->labels[0] ? " | " : "| ", row->help,
                 row->flags & METRIC_LATER ? " (not counted yet)" : "");
    }
}

void metrics_print_markdown(struct buf *out)
{
    buf_addz(out,
             "# Metrics\n\nPrinted by `parley metrics-list --markdown`; served at `GET /api/v1/metrics`. Durations "
             "are in seconds, with buckets at");
    for (size_t i = 0; i < BUCKETS; i++)
        buf_addf(out, " %s", buckets[i].le);
    buf_addz(out, ".\n\n| name | type | labels | what |\n|---|---|---|---|\n");
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric_row *row = &metric_rows[i];
        buf_addf(out, "| `%s` | %s | ", row->name, type_name(row->type));
        add_label_names(out, row);
        buf_addf(out, " | %s%s |\n", row->help, row->flags & METRIC_LATER ? "; not counted yet" : "");
    }
}
