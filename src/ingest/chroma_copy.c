// SPDX-License-Identifier: Apache-2.0
// The copy: database, log and journal, whichever are there, as they were at one moment. Whether something wrote
// meanwhile is told by sizes and times of change.
#include "ingest/chroma_internal.h"

#include "base/err_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 5, PIECE = 1 << 20, HEADER = 100 };

static const char *const endings[] = {"", "-wal", "-journal"};
enum { PARTS = sizeof endings / sizeof *endings };

struct moment {
    bool there[PARTS];
    struct stat stat[PARTS];
};

static int find(const char *path, char *out, size_t size, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(err, ERR_IO, "%m");
    int n = snprintf(out, size, "%s%s", path, S_ISDIR(st.st_mode) ? "/chroma.sqlite3" : "");
    return n >= 0 && (size_t)n + sizeof "-journal" <= size ? 0 : err_set(err, ERR_INVALID, "the path is too long");
}

static void look(const char *path, struct moment *ret)
{
    char name[PATH_MAX];
    *ret = (struct moment){0};
    for (size_t i = 0; i < PARTS; i++)
        ret->there[i] = (size_t)snprintf(name, sizeof name, "%s%s", path, endings[i]) < sizeof name &&
                        stat(name, &ret->stat[i]) == 0;
}

static bool same(const struct moment *a, const struct moment *b)
{
    for (size_t i = 0; i < PARTS; i++) {
        const struct stat *x = &a->stat[i], *y = &b->stat[i];
        if (a->there[i] != b->there[i] || (a->there[i] && (x->st_size != y->st_size || x->st_ino != y->st_ino ||
                                                           memcmp(&x->st_mtim, &y->st_mtim, sizeof x->st_mtim) != 0)))
            return false;
    }
    return true;
}

static int copy_bytes(int from, int to, struct err *err)
{
    AUTO_FREE char *piece = mem_alloc(PIECE);
    for (;;) {
        ssize_t n = read(from, piece, PIECE);
        if (n == 0)
            return 0;
        if (n < 0)
            return err_set(err, ERR_IO, "cannot be read: %m");
        for (ssize_t done = 0; done < n;) {
            ssize_t m = write(to, piece + done, (size_t)(n - done));
            if (m < 0)
                return err_set(err, err_of_errno(), "the temporary copy cannot be written: %m");
            done += m;
        }
    }
}

static int copy_file(const char *from, const char *to, struct err *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc;
    if (in < 0)
        return err_set(err, ERR_IO, "cannot be opened: %m");
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    rc = out < 0 ? err_set(err, ERR_IO, "no temporary copy can be made: %m") : copy_bytes(in, out, err);
    close(in);
    if (out >= 0)
        close(out);
    return rc;
}

static int copy_parts(const char *path, const char *copy, const struct moment *now, struct err *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    int rc = 0;
    for (size_t i = 0; i < PARTS && !rc; i++) {
        if ((size_t)snprintf(from, sizeof from, "%s%s", path, endings[i]) >= sizeof from ||
            (size_t)snprintf(to, sizeof to, "%s%s", copy, endings[i]) >= sizeof to)
            return err_set(err, ERR_INVALID, "the path is too long");
        if (now->there[i])
            rc = copy_file(from, to, err);
        else
            (void)unlink(to);
    }
    return rc;
}

// What SQLite itself would not look at: a file that ends within a page was cut off.
static int check_size(const char *copy, struct err *err)
{
    unsigned char head[HEADER];
    struct stat st;
    int fd = open(copy, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 && fstat(fd, &st) == 0 ? pread(fd, head, sizeof head, 0) : -1;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_set(err, ERR_IO, "the temporary copy cannot be read");
    int page = n == HEADER ? head[16] << 8 | head[17] : 0;
    if (n < HEADER || memcmp(head, "SQLite format 3", 16) != 0)
        return err_set(err, ERR_FORMAT, "is no SQLite database, or a damaged one");
    page = page == 1 ? 65536 : page;
    if (page < 512 || (page & (page - 1)) || st.st_size % page != 0)
        return err_set(err, ERR_FORMAT, "the database is damaged: it was cut off");
    return 0;
}

int chroma_copy(const char *path, const char *folder, char *copy, size_t size, struct err *err)
{
    char source[PATH_MAX];
    struct moment before, after;
    int rc = find(path, source, sizeof source, err);
    if (!rc && (size_t)snprintf(copy, size, "%s/copy-XXXXXX", folder) + sizeof "-journal" > size)
        rc = err_set(err, ERR_INVALID, "the path is too long");
    int fd = rc ? -1 : mkostemp(copy, O_CLOEXEC);
    if (!rc && fd < 0)
        rc = err_set(err, ERR_IO, "no temporary copy can be made: %m");
    if (fd >= 0)
        close(fd);
    look(source, &before);
    for (int i = 0; !rc; i++) {
        rc = copy_parts(source, copy, &before, err);
        look(source, &after);
        if (same(&before, &after))
            break;
        rc = i < TRIES ? 0 : err_set(err, ERR_CONFLICT, "is being written: stop what uses it first");
        before = after;
    }
    return rc ? rc : check_size(copy, err);
}
