// SPDX-License-Identifier: Apache-2.0
// How far a long command is: a bar on a terminal (standard error), which leaves nothing behind, elsewhere one line
// every ten seconds. A thread of its own draws, so that the work only counts and a step that blocks is seen to stand
// still. NULL is a progress that nobody sees.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum progress_unit { PROGRESS_BYTES, PROGRESS_ROWS };

struct progress;

struct progress *progress_new(const char *command); // the name is kept, not copied
void progress_free(struct progress *progress);      // the bar is gone; lines stay
// The next part of the work, counted from 0. `total` 0: nobody knows how much it is. `what` is kept.
void progress_stage(struct progress *progress, const char *what, enum progress_unit unit, int64_t total);
void progress_add(struct progress *progress, int64_t done); // any thread; cheap enough for each block or row
// Instead of progress_add: what is done is the size of this file, while it is there. Copied; NULL ends it.
void progress_watch(struct progress *progress, const char *path);
// Takes a bar off the terminal: for a signal's handler that ends the process.
void progress_wipe(void);

// ---- what its test needs ----

// As progress_new, to another place, and drawn each `each_ms`.
struct progress *progress_new_to(const char *command, int fd, int each_ms);
// One line of at most `columns` characters, without an end: a bar, or words alone. Returns its length; size >= 8.
struct progress_state {
    const char *command, *what;
    enum progress_unit unit;
    int64_t done, total;
};
int progress_line(const struct progress_state *state, bool bar, int columns, char *out, int size);
