// SPDX-License-Identifier: Apache-2.0
#include "store/fault_vfs.h"

#include "base/mem.h"
#include "base/vec.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512 };

struct change { // not yet synced
    sqlite3_int64 at;
    int n; // -1: cut the file to `at` bytes
    char *bytes;
};

struct record { // of one path
    char *path;
    char *synced;
    size_t n_synced;
    VEC(struct change) changes;
};

struct fault_file {
    sqlite3_file base;
    struct record *record; // NULL: not one of those that count
    sqlite3_file *real;    // behind this struct
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs, *real;
    sqlite3_io_methods methods;
    int countdown, code;
    bool for_good, failed, recording, cut;
    VEC(struct record *) records;
} fault = {.lock = PTHREAD_MUTEX_INITIALIZER};

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

// ---- the record ----------------------------------------------------------------------------------------------------

static void apply(struct record *record, const struct change *change, size_t n)
{
    size_t end = (size_t)change->at + n;
    if (change->n < 0) {
        record->n_synced = (size_t)change->at < record->n_synced ? (size_t)change->at : record->n_synced;
        return;
    }
    if (end > record->n_synced) {
        record->synced = mem_realloc(record->synced, end);
        memset(record->synced + record->n_synced, 0, end - record->n_synced);
        record->n_synced = end;
    }
    memcpy(record->synced + change->at, change->bytes, n);
}

static void forget(struct record *record)
{
    for (size_t i = 0; i < record->changes.n; i++)
        free(record->changes.at[i].bytes);
    record->changes.n = 0;
}

static void sync_record(struct record *record)
{
    for (size_t i = 0; i < record->changes.n; i++)
        apply(record, &record->changes.at[i], (size_t)(record->changes.at[i].n < 0 ? 0 : record->changes.at[i].n));
    forget(record);
}

static void read_all(struct record *record)
{
    forget(record);
    record->n_synced = 0;
    int fd = open(record->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    char block[4096];
    for (ssize_t n; (n = read(fd, block, sizeof block)) > 0; record->n_synced += (size_t)n) {
        record->synced = mem_realloc(record->synced, record->n_synced + (size_t)n);
        memcpy(record->synced + record->n_synced, block, (size_t)n);
    }
    close(fd); // nobody holds a lock on it yet that would be lost by this
}

static struct record *record_of(const char *path)
{
    for (size_t i = 0; i < fault.records.n; i++)
        if (strcmp(fault.records.at[i]->path, path) == 0)
            return fault.records.at[i];
    struct record *record = mem_zalloc(sizeof *record);
    record->path = mem_strdup(path);
    if (fault.recording)
        read_all(record);
    vec_push(&fault.records, record);
    return record;
}

static void record_drop(struct record *record)
{
    forget(record);
    vec_done(&record->changes);
    free(record->synced);
    free(record->path);
    free(record);
}

// Under the lock: what this write or sync meets.
static int meet(void)
{
    if (fault.cut)
        return SQLITE_IOERR;
    if (fault.countdown > 0 && --fault.countdown == 0) {
        fault.failed = true;
        fault.cut = fault.code == 0;
        if (fault.for_good)
            fault.countdown = 1;
        return fault.cut ? SQLITE_IOERR : fault.code;
    }
    return SQLITE_OK;
}

// ---- the methods of a file -----------------------------------------------------------------------------------------

static int on_close(sqlite3_file *file)
{
    return real(file)->pMethods ? real(file)->pMethods->xClose(real(file)) : SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
    return real(file)->pMethods->xRead(real(file), out, n, at);
}

static int on_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    struct record *record = ((struct fault_file *)file)->record;
    pthread_mutex_lock(&fault.lock);
    int rc = meet();
    // What the power cuts off may still have got as far as the disk.
    if (fault.recording && record && (rc == SQLITE_OK || fault.cut)) {
        char *copy = mem_alloc((size_t)n);
        memcpy(copy, bytes, (size_t)n);
        vec_push(&record->changes, .at = at, .n = n, .bytes = copy);
    }
    pthread_mutex_unlock(&fault.lock);
    return rc != SQLITE_OK ? rc : real(file)->pMethods->xWrite(real(file), bytes, n, at);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct record *record = ((struct fault_file *)file)->record;
    pthread_mutex_lock(&fault.lock);
    int rc = meet();
    if (fault.recording && record && rc == SQLITE_OK)
        vec_push(&record->changes, .at = size, .n = -1);
    pthread_mutex_unlock(&fault.lock);
    return rc != SQLITE_OK ? rc : real(file)->pMethods->xTruncate(real(file), size);
}

static int on_sync(sqlite3_file *file, int flags)
{
    struct record *record = ((struct fault_file *)file)->record;
    pthread_mutex_lock(&fault.lock);
    int rc = meet();
    pthread_mutex_unlock(&fault.lock);
    if (rc == SQLITE_OK)
        rc = real(file)->pMethods->xSync(real(file), flags);
    pthread_mutex_lock(&fault.lock);
    if (rc == SQLITE_OK && fault.recording && record && !fault.cut)
        sync_record(record);
    pthread_mutex_unlock(&fault.lock);
    return rc;
}

static int on_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return real(file)->pMethods->xFileSize(real(file), ret);
}

static int on_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int on_check(sqlite3_file *file, int *ret)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int on_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int on_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int on_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, ret);
}

static int on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove_it)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove_it);
}

// ---- the file system -----------------------------------------------------------------------------------------------

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
    (void)vfs;
    struct fault_file *own = (struct fault_file *)file;
    own->real = (sqlite3_file *)(own + 1);
    own->base.pMethods = NULL;
    own->record = NULL;
    int rc = fault.real->xOpen(fault.real, path, own->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    own->base.pMethods = &fault.methods;
    pthread_mutex_lock(&fault.lock);
    if (path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        own->record = record_of(path);
    pthread_mutex_unlock(&fault.lock);
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    pthread_mutex_lock(&fault.lock);
    bool cut = fault.cut;
    pthread_mutex_unlock(&fault.lock);
    return cut ? SQLITE_IOERR_DELETE : fault.real->xDelete(fault.real, path, sync);
}

void fault_vfs_install(void)
{
    sqlite3_initialize();
    fault.real = sqlite3_vfs_find(NULL);
    fault.vfs = *fault.real;
    fault.vfs.zName = "fault";
    fault.vfs.pNext = NULL;
    fault.vfs.szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile;
    fault.vfs.xOpen = on_open;
    fault.vfs.xDelete = on_delete;
    fault.methods = (sqlite3_io_methods){2,         on_close,   on_read,     on_write,       on_truncate, on_sync,
                                         on_size,   on_lock,    on_unlock,   on_check,       on_control,  on_sector,
                                         on_device, on_shm_map, on_shm_lock, on_shm_barrier, on_shm_unmap};
    assert_int_equal(sqlite3_vfs_register(&fault.vfs, 1), SQLITE_OK);
}

static void forget_all(void)
{
    for (size_t i = 0; i < fault.records.n; i++)
        record_drop(fault.records.at[i]);
    vec_done(&fault.records);
    fault.recording = fault.cut = fault.failed = fault.for_good = false;
    fault.countdown = 0;
}

void fault_vfs_remove(void)
{
    sqlite3_vfs_unregister(&fault.vfs);
    forget_all();
}

void fault_vfs_fail(int n, int code, bool for_good)
{
    pthread_mutex_lock(&fault.lock);
    fault.countdown = n;
    fault.code = code;
    fault.for_good = for_good;
    fault.failed = false;
    pthread_mutex_unlock(&fault.lock);
}

bool fault_vfs_failed(void)
{
    pthread_mutex_lock(&fault.lock);
    bool failed = fault.failed;
    pthread_mutex_unlock(&fault.lock);
    return failed;
}

void fault_vfs_record(void)
{
    forget_all();
    fault.recording = true;
}

void fault_vfs_cut(int n)
{
    fault_vfs_fail(n, 0, false);
}

void fault_vfs_settle(unsigned seed)
{
    for (size_t i = 0; i < fault.records.n; i++) {
        struct record *record = fault.records.at[i];
        for (size_t left = record->changes.n; left > 0; left--) {
            size_t pick = (size_t)rand_r(&seed) % left;
            struct change change = record->changes.at[pick];
            record->changes.at[pick] = record->changes.at[left - 1];
            record->changes.at[left - 1] = change;
            int n = change.n < 0 ? 0 : change.n;
            switch (rand_r(&seed) % 4) {
            case 0: // lost
                break;
            case 1: // torn
                n = n / SECTOR ? rand_r(&seed) % (n / SECTOR) * SECTOR : n;
                apply(record, &change, (size_t)n);
                break;
            default:
                apply(record, &change, (size_t)n);
            }
        }
        int fd = open(record->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        for (size_t done = 0; done < record->n_synced;) {
            ssize_t n = write(fd, record->synced + done, record->n_synced - done);
            assert_true(n > 0);
            done += (size_t)n;
        }
        close(fd);
        char *index = mem_alloc(strlen(record->path) + 5);
        strcpy(stpcpy(index, record->path), "-shm");
        unlink(index);
        free(index);
    }
    forget_all();
}
