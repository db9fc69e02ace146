// SPDX-License-Identifier: Apache-2.0
// A backup is a sealed file (sealed.h) of parley.db, secret.key, files/… and uploads/….
#include "cmd/backup_file.h"

#include "base/err_file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct sealed_format format = {"parley-backup", "backup", 1};

// The names that a backup has, and no way out of the folder.
static bool is_ours(const char *path)
{
    struct str rest = str_from(path);
    if (!rest.p || rest.n > SEALED_PATH_MOST)
        return false;
    if (strcmp(path, "parley.db") == 0 || strcmp(path, "secret.key") == 0)
        return true;
    if (!str_starts(rest, STR("files/")) && !str_starts(rest, STR("uploads/")))
        return false;
    while (rest.p) {
        struct str name = str_split(&rest, '/');
        if (!name.n || str_eq(name, STR(".")) || str_eq(name, STR("..")))
            return false;
    }
    return true;
}

// ---- writing --------------------------------------------------------------------------------------------------------

static int put_folder(struct sealed *sealed, const char *data, const char *name, struct err *err)
{
    char root[PATH_MAX];
    if ((size_t)snprintf(root, sizeof root, "%s/%s", data, name) >= sizeof root)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    if (access(root, F_OK) != 0)
        return 0;
    char *roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int rc = walk ? 0 : err_file(err, "read", root);
    for (FTSENT *at; rc == 0 && (at = fts_read(walk));) {
        const char *path = at->fts_path + strlen(data) + 1;
        if (at->fts_info == FTS_F)
            rc = is_ours(path) ? sealed_put_file(sealed, at->fts_path, path, NULL, err)
                               : err_set(err, ERR_INVALID, "the name %.200s is too long", path);
        else if ((at->fts_info == FTS_DNR || at->fts_info == FTS_ERR) && at->fts_errno != ENOENT)
            rc = err_set(err, ERR_IO, "cannot read %s: %s", at->fts_path, strerror(at->fts_errno));
    }
    if (walk)
        fts_close(walk);
    return rc;
}

// What a folder holds; it may change while it is read, so only for the progress.
static int64_t size_of(const char *data, const char *name)
{
    char root[PATH_MAX];
    int64_t size = 0;
    snprintf(root, sizeof root, "%s/%s", data, name);
    char *roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *at; walk && (at = fts_read(walk));)
        size += at->fts_info == FTS_F ? at->fts_statp->st_size : 0;
    if (walk)
        fts_close(walk);
    return size;
}

int backup_file_write(int fd, const char *database, const char *data, struct progress *progress,
                      struct sealed_totals *ret, struct err *err)
{
    char key[PATH_MAX];
    struct stat st = {0};
    struct sealed *sealed = NULL;
    if ((size_t)snprintf(key, sizeof key, "%s/secret.key", data) >= sizeof key)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    int rc = sealed_create(fd, &format, progress, &sealed, err);
    (void)stat(database, &st);
    progress_stage(progress, "packing", PROGRESS_BYTES, st.st_size + size_of(data, "files") + size_of(data, "uploads"));
    rc = rc ? rc : sealed_put_file(sealed, database, "parley.db", NULL, err);
    rc = rc ? rc : sealed_put_file(sealed, key, "secret.key", NULL, err);
    rc = rc ? rc : put_folder(sealed, data, "files", err);
    rc = rc ? rc : put_folder(sealed, data, "uploads", err);
    rc = rc ? rc : sealed_finish(sealed, ret, err);
    sealed_free(sealed);
    return rc;
}

// ---- reading --------------------------------------------------------------------------------------------------------

// A new file below the folder, with the folders on the way, all of them made here.
static int make_file(const struct sealed *sealed, int folder, const char *path, struct err *err)
{
    char name[SEALED_PATH_MOST + 1];
    snprintf(name, sizeof name, "%s", path);
    for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = mkdirat(folder, name, 0700);
        if (rc != 0 && errno != EEXIST)
            return err_file(err, "make", name);
        *slash = '/';
    }
    int fd = openat(folder, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? sealed_damaged(sealed, err, "a name is there twice") : err_file(err, "make", path);
    return fd;
}

static int take_file(struct sealed *sealed, const char *path, int folder, struct err *err)
{
    int rc = 0, to = -1;
    struct str bytes = STR("");
    if (!is_ours(path))
        return sealed_damaged(sealed, err, "it names a path that is not ours");
    if (folder >= 0 && (to = make_file(sealed, folder, path, err)) < 0)
        return to;
    while (!rc && (rc = sealed_read(sealed, &bytes, err)) == 0 && bytes.n)
        for (size_t done = 0; to >= 0 && done < bytes.n && !rc;) {
            ssize_t wrote = write(to, bytes.p + done, bytes.n - done);
            if (wrote < 0)
                rc = err_file(err, "write", path);
            done += wrote < 0 ? 0 : (size_t)wrote;
        }
    if (to >= 0 && close(to) != 0 && !rc)
        rc = err_file(err, "write", path);
    return rc;
}

int backup_file_read(int fd, int folder, struct progress *progress, struct sealed_totals *ret, struct err *err)
{
    struct sealed *sealed = NULL;
    const char *path;
    bool first = true, database = false;
    int rc = sealed_open(fd, &format, progress, &sealed, err);
    while (!rc && (rc = sealed_next(sealed, &path, err)) == 1) {
        database |= first && strcmp(path, "parley.db") == 0;
        first = false;
        rc = take_file(sealed, path, folder, err);
    }
    if (!rc && !database)
        rc = sealed_damaged(sealed, err, "it has no database");
    if (!rc)
        *ret = sealed_totals(sealed);
    sealed_free(sealed);
    return rc;
}
