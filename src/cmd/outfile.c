// SPDX-License-Identifier: Apache-2.0
#include "cmd/outfile.h"

#include "base/err_file.h"
#include "base/str.h"
#include "cmd/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BESIDE = 4 };

// A signal's handler knows them: the longest names first in time, all made before they are used.
static char target[PATH_MAX], partial[PATH_MAX], beside[BESIDE][PATH_MAX];
static volatile sig_atomic_t n_beside;

static void remove_all(void)
{
    unlink(partial);
    for (int i = 0; i < n_beside; i++)
        unlink(beside[i]);
}

static void on_signal(int signal)
{
    remove_all();
    progress_wipe();
    _exit(128 + signal);
}

static void set_signals(void (*handler)(int))
{
    (void)signal(SIGINT, handler);
    (void)signal(SIGTERM, handler);
    (void)signal(SIGHUP, handler);
}

int outfile_begin(const char *path, int *ret_fd, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0)
        return err_set(err, ERR_CONFLICT, "%s is there already", path);
    n_beside = 0;
    if ((size_t)snprintf(partial, PATH_MAX, "%s.partial-%d", path, (int)getpid()) >= PATH_MAX)
        return err_set(err, ERR_INVALID, "the path is too long");
    snprintf(target, PATH_MAX, "%s", path);
    set_signals(on_signal); // before there is anything to remove
    *ret_fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*ret_fd >= 0)
        return 0;
    int rc = err_file(err, "make", partial);
    set_signals(SIG_DFL);
    return rc;
}

const char *outfile_beside(const char *suffix, struct err *err)
{
    if (n_beside == BESIDE || (size_t)snprintf(beside[n_beside], PATH_MAX, "%s%s", target, suffix) >= PATH_MAX) {
        (void)err_set(err, ERR_INVALID, "the path is too long");
        return NULL;
    }
    return beside[n_beside++];
}

int outfile_publish(int fd, struct err *err)
{
    char folder[PATH_MAX];
    set_signals(SIG_IGN); // too late to be ended: it is whole
    if (link(partial, target) != 0)
        return errno == EEXIST ? err_set(err, ERR_CONFLICT, "%s is there already", target)
                               : err_file(err, "make", target);
    snprintf(folder, sizeof folder, "%s", target);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    int at = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = at >= 0 && fsync(at) == 0 && fsync(fd) == 0 ? 0 : err_file(err, "sync", target);
    if (at >= 0)
        close(at);
    return rc;
}

void outfile_end(int fd)
{
    remove_all();
    close(fd);
}
