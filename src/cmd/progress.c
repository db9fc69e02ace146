// SPDX-License-Identifier: Apache-2.0
#include "cmd/progress.h"

#include "base/mem.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BAR_EACH_MS = 100, LINE_EACH_MS = 10000, LINE_SIZE = 512, WIDTH_UNKNOWN = 80, BAR_MOST = 40, BAR_LEAST = 8 };
#define WIPE "\r\033[K"

struct progress {
    int fd, each_ms;
    bool bar, ending;
    pthread_t thread;
    pthread_mutex_t lock; // of all but `done`
    pthread_cond_t ended;
    struct progress_state state;
    char watched[PATH_MAX];
    _Atomic int64_t done;
};

static _Atomic int drawn_on = -1; // where a bar stands

// ---- the text -------------------------------------------------------------------------------------------------------

static void amount(char out[40], int64_t n, enum progress_unit unit)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)n;
    size_t u = 0;
    if (unit == PROGRESS_ROWS) {
        snprintf(out, 40, "%lld", (long long)n);
        return;
    }
    for (; size >= 1024 && u + 1 < sizeof units / sizeof *units; u++)
        size /= 1024;
    snprintf(out, 40, u ? "%.1f %s" : "%.0f %s", size, units[u]);
}

// " [#####     ]" in what room there is; "" where that is too little.
static void draw_bar(char out[BAR_MOST + 4], int room, int percent)
{
    int inner = (room < BAR_MOST + 3 ? room : BAR_MOST + 3) - 3, full = inner * percent / 100;
    out[0] = 0;
    if (inner < BAR_LEAST)
        return;
    memcpy(out, " [", 2);
    memset(out + 2, ' ', (size_t)inner);
    memset(out + 2, '#', (size_t)full);
    memcpy(out + 2 + inner, "]", 2);
}

int progress_line(const struct progress_state *state, bool bar, int columns, char *out, int size)
{
    char done[40], total[40], head[200], figures[120], middle[BAR_MOST + 4] = "";
    int64_t reached = state->total && state->done > state->total ? state->total : state->done;
    int percent = state->total ? (int)((double)reached * 100 / (double)state->total) : 0;
    amount(done, reached, state->unit);
    amount(total, state->total, state->unit);
    snprintf(head, sizeof head, "%s: %s", state->command, state->what ? state->what : "");
    if (state->total)
        snprintf(figures, sizeof figures, "%s%d %%, %s of %s", bar ? " " : ": ", percent, done, total);
    else
        snprintf(figures, sizeof figures, "%s%s", bar ? " " : ": ", done);
    if (bar && state->total)
        draw_bar(middle, columns - (int)strlen(head) - (int)strlen(figures), percent);
    snprintf(out, (size_t)size, "%s%s%s", head, middle, figures);
    if (columns < size)
        out[columns > 0 ? columns : 0] = 0;
    return (int)strlen(out);
}

// ---- drawing --------------------------------------------------------------------------------------------------------

static int width_of(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : WIDTH_UNKNOWN;
}

// One write, so that a signal's handler finds it done or not begun.
static void put(const struct progress *p, const char *before, const char *text, const char *after)
{
    char line[LINE_SIZE + 16];
    int n = snprintf(line, sizeof line, "%s%s%s", before, text, after);
    ssize_t wrote = write(p->fd, line, (size_t)n);
    (void)wrote; // nobody can be told
}

static void draw(struct progress *p)
{
    char line[LINE_SIZE];
    struct stat st;
    if (!p->state.what)
        return;
    p->state.done = atomic_load(&p->done);
    if (p->watched[0] && stat(p->watched, &st) == 0)
        p->state.done = st.st_size;
    // The last column stays free: a terminal may begin a new line there.
    (void)progress_line(&p->state, p->bar, p->bar ? width_of(p->fd) - 1 : LINE_SIZE, line, sizeof line);
    if (p->bar)
        atomic_store(&drawn_on, p->fd);
    put(p, p->bar ? WIPE : "", line, p->bar ? "" : "\n");
}

static void *thread(void *arg)
{
    struct progress *p = arg;
    struct timespec until;
    pthread_setname_np(pthread_self(), "progress");
    pthread_mutex_lock(&p->lock);
    clock_gettime(CLOCK_MONOTONIC, &until);
    while (!p->ending) {
        until.tv_nsec += (long)(p->each_ms % 1000) * 1000000;
        until.tv_sec += p->each_ms / 1000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        int rc = 0;
        while (!p->ending && rc == 0)
            rc = pthread_cond_timedwait(&p->ended, &p->lock, &until);
        if (!p->ending)
            draw(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

// ---- counting -------------------------------------------------------------------------------------------------------

struct progress *progress_new_to(const char *command, int fd, int each_ms)
{
    struct progress *p = mem_zalloc(sizeof *p);
    const char *term = getenv("TERM");
    pthread_condattr_t attr;
    p->fd = fd;
    p->bar = isatty(fd) && term && strcmp(term, "dumb") != 0;
    p->each_ms = each_ms ? each_ms : p->bar ? BAR_EACH_MS : LINE_EACH_MS;
    p->state.command = command;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&p->thread, NULL, thread, p) != 0)
        abort();
    return p;
}

struct progress *progress_new(const char *command)
{
    return progress_new_to(command, STDERR_FILENO, 0);
}

void progress_stage(struct progress *p, const char *what, enum progress_unit unit, int64_t total)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->state = (struct progress_state){p->state.command, what, unit, 0, total};
    p->watched[0] = 0;
    atomic_store(&p->done, 0);
    pthread_mutex_unlock(&p->lock);
}

void progress_add(struct progress *p, int64_t done)
{
    if (p)
        atomic_fetch_add_explicit(&p->done, done, memory_order_relaxed);
}

void progress_watch(struct progress *p, const char *path)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    snprintf(p->watched, sizeof p->watched, "%s", path ? path : "");
    pthread_mutex_unlock(&p->lock);
}

void progress_wipe(void)
{
    int fd = atomic_exchange(&drawn_on, -1);
    ssize_t wrote = fd < 0 ? 0 : write(fd, WIPE, sizeof WIPE - 1);
    (void)wrote;
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_signal(&p->ended);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    progress_wipe();
    pthread_cond_destroy(&p->ended);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
