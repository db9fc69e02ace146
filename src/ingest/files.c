// SPDX-License-Identifier: Apache-2.0
#include "ingest/files.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4096 };

// Ids of brands and objects have neither slashes nor dots; what has is not looked for.
static bool is_plain(struct str part)
{
    return part.n && part.n <= 128 && !memchr(part.p, '/', part.n) && part.p[0] != '.';
}

static int place_of(const char *data, struct str brand, const char *kind, struct str id, char out[PATH_ROOM],
                    struct err *err)
{
    int n = is_plain(brand) && is_plain(id)
                ? snprintf(out, PATH_ROOM, "%s/files/" STR_FMT "/%s/" STR_FMT, data, STR_ARG(brand), kind, STR_ARG(id))
                : PATH_ROOM;
    return n < PATH_ROOM ? 0 : err_set(err, ERR_NOT_FOUND, "no such file");
}

static int fault(struct err *err, const char *path)
{
    return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
}

// Every folder on the way to the file.
static int make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = mkdir(path, 0700);
        *slash = '/';
        if (rc != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int copy(const char *from, const char *to)
{
    struct stat st;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = in >= 0 && out >= 0 && fstat(in, &st) == 0;
    for (off_t left = good ? st.st_size : 0; good && left > 0;) {
        ssize_t n = sendfile(out, in, NULL, (size_t)left);
        good = n > 0;
        left -= n;
    }
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return good ? 0 : -1;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    int rc = fd >= 0 ? fsync(fd) : -1;
    if (fd >= 0)
        close(fd);
    return rc;
}

int files_keep(const char *data, struct str brand, const char *kind, struct str id, const char *from, struct err *err)
{
    char path[PATH_ROOM];
    int rc = place_of(data, brand, kind, id, path, err);
    if (rc)
        return rc;
    if (make_folders(path) != 0 || (rename(from, path) != 0 && (errno != EXDEV || copy(from, path) != 0)) ||
        sync_path(path, 0) != 0)
        return err_set(err, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    char *slash = strrchr(path, '/');
    *slash = 0;
    return sync_path(path, O_DIRECTORY) == 0 ? 0 : fault(err, path);
}

int files_open(const char *data, struct str brand, const char *kind, struct str id, struct err *err)
{
    char path[PATH_ROOM];
    int rc = place_of(data, brand, kind, id, path, err);
    if (rc)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 ? fd : fault(err, path);
}

int files_remove(const char *data, struct str brand, const char *kind, struct str id, struct err *err)
{
    char path[PATH_ROOM];
    int rc = place_of(data, brand, kind, id, path, err);
    return rc || unlink(path) == 0 || errno == ENOENT ? 0 : fault(err, path);
}

// Files in a folder, and its folders two deep.
static int empty_folder(int fd, int deeper)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int rc = dir ? 0 : -1;
    while (rc == 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        int inner = deeper ? openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        rc =
            inner >= 0 && empty_folder(inner, deeper - 1) == 0 ? unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) : -1;
    }
    if (dir)
        (void)closedir(dir);
    else
        close(fd);
    return rc;
}

int files_remove_brand(const char *data, struct str brand, struct err *err)
{
    char path[PATH_ROOM];
    if (!is_plain(brand) || snprintf(path, sizeof path, "%s/files/" STR_FMT, data, STR_ARG(brand)) >= PATH_ROOM)
        return 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : fault(err, path);
    return empty_folder(fd, 2) == 0 && rmdir(path) == 0 ? 0 : fault(err, path);
}

bool files_temp_dir(const char *data, char *out, size_t size)
{
    if (snprintf(out, size, "%s/tmp", data) >= (int)size || (mkdir(out, 0700) != 0 && errno != EEXIST))
        return false;
    int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && empty_folder(fd, 0) == 0;
}
