// SPDX-License-Identifier: Apache-2.0
// One file with everything, and back. A backup is written beside its place, read through, and only then given its name;
// the database is copied first, so that what its rows name was on the disk by then. A restore reads the file through
// before it touches the folder, unpacks beside the places, and puts the database there last.
#include "cmd/backup_file.h"
#include "base/err_file.h"
#include "cmd/command.h"
#include "cmd/outfile.h"
#include "store/backup.h"
#include "store/migrations.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int join(char out[PATH_MAX], const char *folder, const char *name, struct err *err)
{
    bool fits = (size_t)snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
    return fits ? 0 : err_set(err, ERR_INVALID, "the path is too long");
}

// The one word that both take, and the settings.
static int read_words(const char *command, int argc, char **argv, const char **ret, struct settings **ret_settings)
{
    const char *words[1] = {NULL};
    if (command_words(&argc, argv, words, 1) != 1 || !*words[0])
        return command_fault("%s: name one file", command);
    *ret = words[0];
    return command_read_settings(argc, argv, false, ret_settings);
}

static int finish(int rc, const struct err *err, const char *done, const struct sealed_totals *totals)
{
    if (rc == 0)
        printf("%s: %lld files, %lld bytes\n", done, (long long)totals->parts, (long long)totals->bytes);
    else
        (void)command_fault("%s", err->text);
    return rc == 0 ? EXIT_DONE : rc == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

// ---- backup ---------------------------------------------------------------------------------------------------------

static int copy_database(const struct settings *settings, const char *to, const char *unfinished,
                         struct progress *progress, struct err *err)
{
    int64_t size = 0, log = 0;
    struct store *store;
    int rc = command_open_store(settings, STORE_READ_ONLY, &store, NULL, err);
    if (rc)
        return rc;
    store_sizes(store, &size, &log);
    progress_stage(progress, "copying the database", PROGRESS_BYTES, size);
    progress_watch(progress, unfinished);
    rc = store_backup(store, to, err);
    store_close(store);
    return rc ? rc : store_copy_check(to, NULL, err);
}

static int backup(const struct settings *settings, const char *path, struct progress *progress,
                  struct sealed_totals *ret, struct err *err)
{
    struct sealed_totals back;
    char suffix[80];
    int fd, rc = outfile_begin(path, &fd, err);
    if (rc)
        return rc;
    snprintf(suffix, sizeof suffix, ".database-%d", (int)getpid());
    const char *database = outfile_beside(suffix, err);
    snprintf(suffix, sizeof suffix, ".database-%d.partial-%d", (int)getpid(),
             (int)getpid()); // as store/backup.c has it
    const char *unfinished = outfile_beside(suffix, err);
    snprintf(suffix, sizeof suffix, ".database-%d.partial-%d-journal", (int)getpid(), (int)getpid());
    const char *journal = outfile_beside(suffix, err);
    rc = database && unfinished && journal ? copy_database(settings, database, unfinished, progress, err) : ERR_INVALID;
    rc = rc ? rc : backup_file_write(fd, database, settings_str(settings, SET_DATA), progress, ret, err);
    if (database)
        unlink(database);
    rc = rc ? rc : backup_file_read(fd, -1, progress, &back, err);
    rc = rc ? rc : outfile_publish(fd, err);
    outfile_end(fd);
    return rc;
}

int command_backup(int argc, char **argv)
{
    const char *path;
    struct settings *settings;
    struct sealed_totals totals = {0};
    struct err err = {0};
    int code = read_words("backup", argc, argv, &path, &settings);
    if (code)
        return code;
    struct progress *progress = progress_new("backup");
    int rc = backup(settings, path, progress, &totals, &err);
    progress_free(progress);
    code = finish(rc, &err, path, &totals);
    if (code == EXIT_DONE && settings_given(settings, SET_SECRET))
        (void)fprintf(stderr, "The master key is the setting \"secret\": keep it too, it is not in the backup.\n");
    settings_free(settings);
    return code;
}

// ---- restore --------------------------------------------------------------------------------------------------------

#define STAGE "restore.partial"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

static void remove_tree(const char *folder, const char *name)
{
    char path[PATH_MAX];
    if (join(path, folder, name, NULL) == 0)
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// Empty, or not there (*ret_absent).
static int check_folder(const char *data, bool *ret_absent, struct err *err)
{
    DIR *dir = opendir(data);
    struct dirent *entry;
    int rc = 0;
    *ret_absent = !dir && errno == ENOENT;
    if (!dir)
        return *ret_absent ? 0 : err_file(err, "read", data);
    while (rc == 0 && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = err_set(err, ERR_CONFLICT, "the folder %s is not empty: a backup is restored into an empty one", data);
    (void)closedir(dir);
    return rc;
}

static int unpack(int fd, const char *stage, struct progress *progress, struct sealed_totals *ret, struct err *err)
{
    char path[PATH_MAX];
    int migration = 0, rc = mkdir(stage, 0700) == 0 ? 0 : err_file(err, "make", stage);
    int folder = rc ? -1 : open(stage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!rc && folder < 0)
        rc = err_file(err, "open", stage);
    rc = rc ? rc : backup_file_read(fd, folder, progress, ret, err);
    if (!rc && syncfs(folder) != 0)
        rc = err_file(err, "sync", stage);
    if (folder >= 0)
        close(folder);
    rc = rc ? rc : join(path, stage, "parley.db", err);
    rc = rc ? rc : store_copy_check(path, &migration, err);
    if (!rc && migration > store_migrations[store_migrations_n - 1].number)
        rc = err_set(err, ERR_FORMAT, "the backup is of a newer version of the program (migration %d)", migration);
    return rc;
}

// Nothing that came into the folder meanwhile is replaced: renaming a folder fails on one that holds something.
static int move_in(const char *stage, const char *data, const char *name, bool *ret_moved, struct err *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct stat st;
    int rc = join(from, stage, name, err);
    rc = rc ? rc : join(to, data, name, err);
    if (rc || lstat(from, &st) != 0)
        return rc;
    *ret_moved = (S_ISDIR(st.st_mode) ? rename(from, to) : link(from, to)) == 0;
    return *ret_moved ? 0 : err_file(err, "make", to);
}

static int fill(int fd, const char *data, struct progress *progress, struct sealed_totals *ret, struct err *err)
{
    static const char *const names[] = {"secret.key", "files", "uploads"};
    enum { NAMES = sizeof names / sizeof *names };
    char stage[PATH_MAX], copy[PATH_MAX];
    bool moved[NAMES] = {false};
    int rc = join(stage, data, STAGE, err);
    rc = rc ? rc : join(copy, stage, "parley.db", err);
    rc = rc ? rc : unpack(fd, stage, progress, ret, err);
    for (size_t i = 0; i < NAMES && !rc; i++)
        rc = move_in(stage, data, names[i], &moved[i], err);
    bool locks = !rc;
    rc = rc ? rc : store_restore(copy, data, err);
    for (size_t i = 0; i < NAMES && rc; i++)
        if (moved[i])
            remove_tree(data, names[i]);
    if (rc && rc != ERR_CONFLICT && locks) // after a conflict it is the lock of who is in there
        remove_tree(data, "parley.lock");
    remove_tree(data, STAGE);
    return rc;
}

static int restore(const struct settings *settings, const char *path, struct progress *progress,
                   struct sealed_totals *ret, struct err *err)
{
    const char *data = settings_str(settings, SET_DATA);
    bool absent = false;
    if (strcmp(settings_str(settings, SET_STORE), "sqlite") != 0)
        return err_set(err, ERR_INVALID, "a backup is restored into a sqlite store only");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_file(err, "open", path);
    int rc = check_folder(data, &absent, err);
    rc = rc ? rc : backup_file_read(fd, -1, progress, ret, err);
    if (!rc && absent && mkdir(data, 0700) != 0)
        rc = err_file(err, "make folder", data);
    else if (!rc) {
        rc = fill(fd, data, progress, ret, err);
        if (rc && absent)
            (void)rmdir(data);
    }
    close(fd);
    return rc;
}

int command_restore(int argc, char **argv)
{
    const char *path;
    struct settings *settings;
    struct sealed_totals totals = {0};
    struct err err = {0};
    int code = read_words("restore", argc, argv, &path, &settings);
    if (code)
        return code;
    struct progress *progress = progress_new("restore");
    int rc = restore(settings, path, progress, &totals, &err);
    progress_free(progress);
    code = finish(rc, &err, settings_str(settings, SET_DATA), &totals);
    settings_free(settings);
    return code;
}
