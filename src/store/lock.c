// SPDX-License-Identifier: Apache-2.0
// The data directory belongs to one process: flock on a file that holds its pid. The kernel drops the lock when the
// process ends, however it ends; the file itself stays and means nothing.
#include "store/internal.h"

#include "base/clock.h"
#include "base/err_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int dir_make(const char *path, struct err *err)
{
    AUTO_FREE char *copy = mem_strdup(path);
    for (char *at = copy + 1; *copy; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char cut = *at;
        *at = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            return err_file(err, "make directory", copy);
        if (cut == '\0')
            break;
        *at = cut;
    }
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(err, ERR_IO, "cannot use directory %s: %m", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_IO, "%s is not a directory", path);
    return 0;
}

static int owner(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text, 0);
    int64_t pid = 0;
    if (n <= 0 || !str_to_int(str_trim((struct str){text, (size_t)n}), 1, INT_MAX, &pid))
        return 0;
    return (int)pid;
}

// Makes the file where it is not there. The descriptor, or a negative code.
static int open_lock(const char *path, const char *name, char file[PATH_MAX], struct err *err)
{
    if ((size_t)snprintf(file, PATH_MAX, "%s/%s", path, name) >= PATH_MAX)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? err_file(err, "open", file) : fd;
}

int dir_lock(const char *path, int *ret, struct err *err)
{
    char file[PATH_MAX];
    int fd = open_lock(path, "parley.lock", file, err);
    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno, pid = owner(fd);
        close(fd);
        if (why != EWOULDBLOCK)
            return err_set(err, ERR_IO, "cannot lock %s: %s", file, strerror(why));
        if (pid == 0)
            return err_set(err, ERR_CONFLICT, "data directory %s is in use by another process", path);
        return err_set(err, ERR_CONFLICT, "data directory %s is in use by process %d", path, pid);
    }
    char text[32];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    // The pid only informs: a full disk must not keep the server from starting and serving reads.
    bool noted = ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
    (void)noted;
    *ret = fd;
    return 0;
}

int dir_share(const char *path, bool shared, struct err *err)
{
    char file[PATH_MAX];
    if ((size_t)snprintf(file, sizeof file, "%s/parley.lock.shared", path) >= sizeof file)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    int fd = open(file, O_RDWR | (shared ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err,
                       errno == ENOSPC   ? ERR_UNAVAILABLE
                       : errno == ENOENT ? ERR_NOT_FOUND
                                         : ERR_IO,
                       "cannot open %s: %m", file);
    int rc;
    while ((rc = flock(fd, shared ? LOCK_SH : LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {
    }
    if (rc == 0)
        return fd;
    rc = errno == EWOULDBLOCK ? err_set(err, ERR_CONFLICT, "a command shares %s", path)
                              : err_set(err, ERR_IO, "cannot lock %s: %m", file);
    close(fd);
    return rc;
}

int dir_lock_imports(const char *path, int64_t wait_ms, int *ret, struct err *err)
{
    char file[PATH_MAX];
    int64_t until = clock_mono_ms() + wait_ms;
    int fd = open_lock(path, "parley.lock.import", file, err);
    if (fd < 0)
        return fd;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || clock_mono_ms() >= until) {
            int rc = errno == EWOULDBLOCK ? err_set(err, ERR_CONFLICT, "another import is under way")
                                          : err_set(err, ERR_IO, "cannot lock %s: %m", file);
            close(fd);
            return rc;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000L}, NULL);
    }
    *ret = fd;
    return 0;
}

void dir_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
