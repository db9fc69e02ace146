// SPDX-License-Identifier: Apache-2.0
// What is counted while the program runs: rows of metrics_rows.h in plain cells, one bank of cells for each few
// threads, so that counting is one relaxed addition. Every series of a row has its cell from the start: label values
// are indices into closed sets, never texts of users. Counting before metrics_start does nothing. All functions from
// any thread unless said otherwise.
#pragma once

#include "base/buf.h"

#include <stdint.h>

enum metric {
#define M(id, ...) METRIC_##id,
#include "base/metrics_rows.h"
#undef M
    METRICS
};

enum metric_label {
    LABEL_NONE,
#define L(id, ...) LABEL_##id,
#include "base/metrics_rows.h"
#undef L
    LABELS
};

enum metric_type { METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_READ_GAUGE, METRIC_READ_COUNTER };
enum { METRIC_SPARSE = 1, METRIC_RECENT = 2, METRIC_LATER = 4, METRIC_LABELS = 3 };

struct metric_row {
    const char *name;
    enum metric_type type;
    enum metric_label labels[METRIC_LABELS];
    unsigned flags;
    const char *help;
};
extern const struct metric_row metric_rows[METRICS];

// Where in a row: indices into the sets of its labels.
struct metric_at {
    unsigned at[METRIC_LABELS];
};
#define METRIC_AT(...) ((struct metric_at){{__VA_ARGS__}})

// Makes the cells, before other threads count. A large set holds what it was given (metric_label_keep) by then.
void metrics_start(void);
void metrics_stop(void); // when nobody counts any more; sets and cells are forgotten

unsigned metric_label(enum metric_label set, struct str value);       // 0: not in the set
unsigned metric_label_keep(enum metric_label set, struct str value);  // adds it while there is room
const char *metric_label_name(enum metric_label set, unsigned index); // NULL past the last

void metric_add(enum metric metric, struct metric_at at, uint64_t n);
void metric_time(enum metric metric, struct metric_at at, int64_t us);
// Shows a series of a SPARSE row from the start.
void metric_show(enum metric metric, struct metric_at at);
// Mean of the last 100 of a RECENT row in microseconds; *ret_n of how many (0: none yet).
double metric_recent_us(enum metric metric, size_t *ret_n);

// ---- printing -------------------------------------------------------------------------------------------------------

struct metric_out {
    struct buf *out;
    enum metric metric;
};
// One sample of a row that is read: a value for each of its labels.
void metric_put(struct metric_out *out, double value, const char *const *labels);
// Prometheus text of all rows. `read` is asked for each READ_GAUGE and READ_COUNTER.
void metrics_print(struct buf *out, void (*read)(void *arg, struct metric_out *out), void *arg);
void metrics_print_list(struct buf *out);     // a line a row
void metrics_print_markdown(struct buf *out); // docs/metrics.md
