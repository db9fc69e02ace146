// SPDX-License-Identifier: Apache-2.0
// The child has three descriptors: the file, the pipe and nothing. It leads a process group of its own, so that what it
// starts goes with it.
#include "ingest/reader.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_STDERR 1 // a sanitizer's report must be seen
#endif
#endif
#ifndef KEEP_STDERR
#define KEEP_STDERR 0
#endif

enum { PIECE = 64 << 10, TIMEOUT_MS = 60000 };
#define MOST_BYTES (UINT64_C(256) << 20)

// ---- the program ---------------------------------------------------------------------------------------------------

// Installed it stands beside ours, in a build in the folder of its room.
static bool find_program(const char *given, char out[4096])
{
    static const char *const places[] = {"parley-read", "../ingest/parley-read", "../src/ingest/parley-read",
                                         "src/ingest/parley-read"};
    if (given)
        return snprintf(out, 4096, "%s", given) < 4096;
    char self[3072];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        slash[1] = 0;
        if (snprintf(out, 4096, "%s%s", self, places[i]) < 4096 && access(out, X_OK) == 0)
            return true;
    }
    return false;
}

static int start(const struct ingest_options *options, int fd, pid_t *ret_pid, int *ret_pipe)
{
    char program[4096];
    int ends[2];
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    char *const words[] = {"parley-read", (char *)(uintptr_t)formats[options->format].name,
                           options->want == INGEST_ROWS ? "rows" : "blocks", NULL};
    char *const environment[] = {"LC_ALL=C", NULL};
    if (!find_program(options->program, program) || pipe2(ends, O_CLOEXEC) != 0)
        return ERR_IO;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    if (!KEEP_STDERR)
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    int rc = posix_spawn(ret_pid, program, &files, &attributes, words, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    if (rc != 0)
        close(ends[0]);
    *ret_pipe = ends[0];
    return rc == 0 ? 0 : ERR_IO;
}

// ---- frames --------------------------------------------------------------------------------------------------------

struct reading {
    ingest_fn each;
    void *arg;
    struct ingest_result *result;
    struct arena *arena;
    struct buf bytes;
    bool ended; // the last record came
};

static enum read_reason reason_called(struct str name)
{
    for (int i = 0; i < READ_REASONS; i++)
        if (str_eq(str_from(read_reasons[i]), name))
            return (enum read_reason)i;
    return READ_INTERNAL;
}

static bool read_kind(yyjson_val *root, enum record_kind *ret)
{
    struct str name = json_get_str(root, "k");
    for (int i = 0; i < RECORD_KINDS; i++)
        if (str_eq(str_from(record_kinds[i]), name)) {
            *ret = (enum record_kind)i;
            return true;
        }
    return false;
}

// Numbers are kept as they are written, for prices in objects.
static int64_t number_of(yyjson_val *root, const char *name)
{
    yyjson_val *value = json_get(root, name);
    int64_t n = 0;
    if (yyjson_is_raw(value))
        (void)str_to_int((struct str){yyjson_get_raw(value), yyjson_get_len(value)}, 0, INT64_MAX, &n);
    return n;
}

// The child may have been taken over by what it read: nothing that it says is believed without looking.
static int take_record(struct reading *r, struct str json)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *root;
    struct record record = {0};
    if (json_parse(arena, json, JSON_RAW_NUMBERS, &root, NULL) != 0 || !read_kind(root, &record.kind))
        return ERR_FORMAT;
    record.line = number_of(root, "line");
    record.page = number_of(root, "page");
    if (record.kind == RECORD_END) {
        r->ended = true;
        r->result->reason = reason_called(json_get_str(root, "reason"));
        r->result->line = record.line;
        r->result->column = number_of(root, "column");
        r->result->pages = number_of(root, "pages");
        return 0;
    }
    record.table = number_of(root, "table");
    record.level = (int)number_of(root, "level");
    record.bad = json_get_bool(root, "bad", false);
    record.text = json_get_str(root, "text");
    record.name = json_get_str(root, "name");
    record.sheet = json_get_str(root, "sheet");
    record.value = json_get(root, record.kind == RECORD_ROW ? "cells" : "value");
    if (record.kind == RECORD_ROW && !yyjson_is_arr(record.value))
        return ERR_FORMAT;
    r->result->records++;
    return r->each(r->arg, &record);
}

// All whole frames in the buffer.
static int take_frames(struct reading *r)
{
    size_t at = 0;
    int rc = 0;
    while (rc == 0 && !r->ended && r->bytes.n - at >= 4) {
        const unsigned char *p = (const unsigned char *)r->bytes.p + at;
        size_t n = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
        if (n > RECORD_MOST)
            return ERR_FORMAT;
        if (r->bytes.n - at - 4 < n)
            break;
        rc = take_record(r, (struct str){r->bytes.p + at + 4, n});
        at += 4 + n;
    }
    buf_consume(&r->bytes, at);
    return rc;
}

// Until the last record, the end of the pipe, the deadline or a bound. 0: the result's reason says which.
static int read_all(struct reading *r, int pipe, int64_t deadline, uint64_t most, const _Atomic bool *ending)
{
    uint64_t all = 0;
    AUTO_FREE char *piece = mem_alloc(PIECE);
    while (!r->ended) {
        if (ending && atomic_load(ending))
            return ERR_CANCELLED;
        int64_t left = deadline - clock_mono_ms();
        struct pollfd wait = {.fd = pipe, .events = POLLIN};
        int ready = left > 0 ? poll(&wait, 1, left < 1000 ? (int)left : 1000) : 0;
        if (ready <= 0) {
            if (clock_mono_ms() < deadline && (ready == 0 || errno == EINTR))
                continue;
            r->result->reason = READ_TIMEOUT;
            return 0;
        }
        ssize_t n = read(pipe, piece, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        all += (uint64_t)n;
        if (all > most) {
            r->result->reason = READ_TOO_LARGE;
            return 0;
        }
        buf_add(&r->bytes, piece, (size_t)n);
        int rc = take_frames(r);
        if (rc)
            return rc;
    }
    return 0;
}

// What the way it died tells where it did not say itself.
static enum read_reason reason_of(int status, enum read_reason reason)
{
    if (reason != READ_INTERNAL)
        return reason;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU ? READ_TIMEOUT : READ_INTERNAL;
}

int ingest_read(int fd, const struct ingest_options *options, ingest_fn each, void *arg, struct ingest_result *ret)
{
    struct reading r = {each, arg, ret, NULL, BUF_INIT(RECORD_MOST + 2 * PIECE), false};
    int64_t deadline = clock_mono_ms() + (options->timeout_ms ? options->timeout_ms : TIMEOUT_MS);
    int pipe = -1, status = 0;
    pid_t pid = 0;
    *ret = (struct ingest_result){.reason = READ_INTERNAL};
    if (!(formats[options->format].flags & FORMAT_READABLE) || lseek(fd, 0, SEEK_SET) != 0)
        return 0;
    if (start(options, fd, &pid, &pipe) != 0) {
        ret->reason = READ_NO_READER;
        return 0;
    }
    int rc = read_all(&r, pipe, deadline, options->most_bytes ? options->most_bytes : MOST_BYTES, options->ending);
    close(pipe);
    (void)kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    buf_done(&r.bytes);
    if (!r.ended)
        ret->reason = reason_of(status, ret->reason);
    return rc == ERR_FORMAT ? 0 : rc;
}
