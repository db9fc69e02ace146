// SPDX-License-Identifier: Apache-2.0
// A backup is a tar packed with zstd: parley.db, secret.key, files/…, uploads/…, and last manifest.json with the size
// and the SHA-256 of each. Behind it stands a frame that unpacking programs skip, of a fixed size in all versions: the
// format's name and version and the SHA-256 of every byte before it. So a flipped bit anywhere, a missing end and a
// newer format are known before anything is unpacked, and other tools can still open the file.
//
// libarchive is loaded when it is needed: linked, it would cost every start of the server.
#include "cmd/backup_file.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/vec.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, MANIFEST_MOST = 256 << 20, PATH_MOST = 1024, HEX = 65, END_TEXT = 96, END = 8 + END_TEXT };
#define FORMAT "parley-backup"
#define MANIFEST "manifest.json"

// ---- libarchive -----------------------------------------------------------------------------------------------------

#define CALLS(X)                                                                                                       \
    X(archive_error_string)                                                                                            \
    X(archive_entry_new)                                                                                               \
    X(archive_entry_free)                                                                                              \
    X(archive_entry_set_pathname)                                                                                      \
    X(archive_entry_set_size)                                                                                          \
    X(archive_entry_set_mtime)                                                                                         \
    X(archive_entry_set_filetype)                                                                                      \
    X(archive_entry_set_perm)                                                                                          \
    X(archive_entry_pathname)                                                                                          \
    X(archive_entry_filetype)                                                                                          \
    X(archive_entry_hardlink)                                                                                          \
    X(archive_write_new)                                                                                               \
    X(archive_write_free)                                                                                              \
    X(archive_write_close)                                                                                             \
    X(archive_write_add_filter_zstd)                                                                                   \
    X(archive_write_set_format_pax_restricted)                                                                         \
    X(archive_write_set_bytes_in_last_block)                                                                           \
    X(archive_write_open_fd)                                                                                           \
    X(archive_write_header)                                                                                            \
    X(archive_write_data)                                                                                              \
    X(archive_read_new)                                                                                                \
    X(archive_read_free)                                                                                               \
    X(archive_read_support_filter_zstd)                                                                                \
    X(archive_read_support_format_tar)                                                                                 \
    X(archive_read_open_fd)                                                                                            \
    X(archive_read_next_header)                                                                                        \
    X(archive_read_data)

static struct {
#define X(name) __typeof__(&name) name;
    CALLS(X)
#undef X
    void *library;
} la;

static int load(struct err *err)
{
    if (la.library)
        return 0;
    void *library = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return err_set(err, ERR_IO, "cannot load libarchive: %s", dlerror());
#define X(name)                                                                                                        \
    la.name = (__typeof__(la.name))dlsym(library, #name);                                                              \
    if (!la.name)                                                                                                      \
        return err_set(err, ERR_IO, "libarchive has no %s", #name);
    CALLS(X)
#undef X
    la.library = library;
    return 0;
}

// ---- what both directions share -------------------------------------------------------------------------------------

struct part {
    char *path, sha[HEX];
    int64_t size;
};

struct pack {
    struct archive *a;
    EVP_MD_CTX *sha;
    char *block;
    VEC(struct part) parts;
    int64_t bytes;
    struct progress *progress;
};

static void pack_init(struct pack *p, struct progress *progress)
{
    *p = (struct pack){.sha = EVP_MD_CTX_new(), .block = mem_alloc(BLOCK), .progress = progress};
}

static void pack_done(struct pack *p)
{
    for (size_t i = 0; i < p->parts.n; i++)
        free(p->parts.at[i].path);
    vec_done(&p->parts);
    EVP_MD_CTX_free(p->sha);
    free(p->block);
}

static void sha_begin(struct pack *p)
{
    EVP_DigestInit_ex(p->sha, EVP_sha256(), NULL);
}

static void sha_end(struct pack *p, char out[HEX])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestFinal_ex(p->sha, bytes, &n);
    for (unsigned i = 0; i < 32; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", bytes[i]);
}

static int damaged(struct err *err, const char *why)
{
    return err_set(err, ERR_FORMAT, "the backup is damaged: %s", why);
}

static int disk_fault(struct err *err, const char *what, const char *path)
{
    return err_set(err, errno == ENOSPC || errno == EDQUOT ? ERR_UNAVAILABLE : ERR_IO, "cannot %s %s: %m", what, path);
}

// The names that a backup has, and no way out of the folder.
static bool is_ours(const char *path)
{
    struct str rest = str_from(path);
    if (!rest.p || rest.n > PATH_MOST)
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

// The frame behind the archive: RFC 8878 3.1.2.
static void end_of(int64_t version, const char *sha, char out[END + 1])
{
    static const unsigned char head[8] = {0x50, 0x2a, 0x4d, 0x18, END_TEXT};
    char text[END_TEXT + 1];
    snprintf(text, sizeof text, "%s %lld sha256 %s", FORMAT, (long long)version, sha);
    memcpy(out, head, sizeof head);
    snprintf(out + sizeof head, END_TEXT + 1, "%-*s", END_TEXT, text);
}

static int hash_range(struct pack *p, int fd, int64_t size, char out[HEX], struct err *err)
{
    sha_begin(p);
    for (int64_t at = 0; at < size;) {
        ssize_t n = pread(fd, p->block, (size_t)(size - at < BLOCK ? size - at : BLOCK), at);
        if (n <= 0)
            return err_set(err, ERR_IO, "cannot read the backup: %s", n ? strerror(errno) : "it became shorter");
        EVP_DigestUpdate(p->sha, p->block, (size_t)n);
        progress_add(p->progress, n);
        at += n;
    }
    sha_end(p, out);
    return 0;
}

// ---- writing --------------------------------------------------------------------------------------------------------

static int archive_fault(struct pack *p, struct err *err)
{
    const char *why = la.archive_error_string(p->a);
    return disk_fault(err, "write the backup:", why ? why : "");
}

static int put_header(struct pack *p, const char *path, int64_t size, int64_t mtime, struct err *err)
{
    struct archive_entry *entry = la.archive_entry_new();
    la.archive_entry_set_pathname(entry, path);
    la.archive_entry_set_size(entry, size);
    la.archive_entry_set_mtime(entry, (time_t)mtime, 0);
    la.archive_entry_set_filetype(entry, AE_IFREG);
    la.archive_entry_set_perm(entry, 0600);
    int rc = la.archive_write_header(p->a, entry) == ARCHIVE_OK ? 0 : archive_fault(p, err);
    la.archive_entry_free(entry);
    return rc;
}

static int put_bytes(struct pack *p, int fd, struct part *part, struct err *err)
{
    sha_begin(p);
    for (int64_t left = part->size; left > 0;) {
        ssize_t n = read(fd, p->block, (size_t)(left < BLOCK ? left : BLOCK));
        if (n <= 0)
            return err_set(err, ERR_IO, "cannot read %s: %s", part->path, n ? strerror(errno) : "it became shorter");
        EVP_DigestUpdate(p->sha, p->block, (size_t)n);
        if (la.archive_write_data(p->a, p->block, (size_t)n) != n)
            return archive_fault(p, err);
        progress_add(p->progress, n);
        left -= n;
    }
    sha_end(p, part->sha);
    return 0;
}

// What is gone meanwhile had been removed by the server.
static int put_file(struct pack *p, const char *from, const char *path, struct err *err)
{
    struct stat st;
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : disk_fault(err, "open", from);
    int rc = fstat(fd, &st) == 0 ? 0 : disk_fault(err, "read", from);
    if (!rc && p->parts.n == BACKUP_FILES_MOST)
        rc = err_set(err, ERR_LIMIT, "there are more than %d files", BACKUP_FILES_MOST);
    if (!rc) {
        vec_push(&p->parts, .path = mem_strdup(path), .size = st.st_size);
        rc = put_header(p, path, st.st_size, st.st_mtime, err);
    }
    rc = rc ? rc : put_bytes(p, fd, &p->parts.at[p->parts.n - 1], err);
    p->bytes += rc ? 0 : st.st_size;
    close(fd);
    return rc;
}

static int put_folder(struct pack *p, const char *data, const char *name, struct err *err)
{
    char root[PATH_MAX];
    if ((size_t)snprintf(root, sizeof root, "%s/%s", data, name) >= sizeof root)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    if (access(root, F_OK) != 0)
        return 0;
    char *roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int rc = walk ? 0 : disk_fault(err, "read", root);
    for (FTSENT *at; rc == 0 && (at = fts_read(walk));) {
        const char *path = at->fts_path + strlen(data) + 1;
        if (at->fts_info == FTS_F)
            rc = is_ours(path) ? put_file(p, at->fts_path, path, err)
                               : err_set(err, ERR_INVALID, "the name %.200s is too long", path);
        else if ((at->fts_info == FTS_DNR || at->fts_info == FTS_ERR) && at->fts_errno != ENOENT)
            rc = err_set(err, ERR_IO, "cannot read %s: %s", at->fts_path, strerror(at->fts_errno));
    }
    if (walk)
        fts_close(walk);
    return rc;
}

static int put_manifest(struct pack *p, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *files = yyjson_mut_arr(doc);
    json_add_cstr(doc, root, "format", FORMAT);
    json_add_int(doc, root, "version", BACKUP_VERSION);
    json_add_cstr(doc, root, "program", PARLEY_VERSION);
    json_add_time(doc, root, "made", clock_wall_ms());
    json_add(doc, root, "files", files);
    for (size_t i = 0; i < p->parts.n; i++) {
        yyjson_mut_val *file = yyjson_mut_obj(doc);
        json_add_cstr(doc, file, "path", p->parts.at[i].path);
        json_add_int(doc, file, "size", p->parts.at[i].size);
        json_add_cstr(doc, file, "sha256", p->parts.at[i].sha);
        yyjson_mut_arr_append(files, file);
    }
    struct str text = json_write(arena, root);
    int rc = put_header(p, MANIFEST, (int64_t)text.n, clock_wall_ms() / 1000, err);
    if (!rc && la.archive_write_data(p->a, text.p, text.n) != (la_ssize_t)text.n)
        rc = archive_fault(p, err);
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

static int put_all(struct pack *p, int fd, const char *database, const char *data, struct err *err)
{
    char key[PATH_MAX];
    if ((size_t)snprintf(key, sizeof key, "%s/secret.key", data) >= sizeof key)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    if (la.archive_write_set_format_pax_restricted(p->a) != ARCHIVE_OK ||
        la.archive_write_add_filter_zstd(p->a) != ARCHIVE_OK ||
        la.archive_write_set_bytes_in_last_block(p->a, 1) != ARCHIVE_OK ||
        la.archive_write_open_fd(p->a, fd) != ARCHIVE_OK)
        return archive_fault(p, err);
    int rc = put_file(p, database, "parley.db", err);
    rc = rc ? rc : put_file(p, key, "secret.key", err);
    rc = rc ? rc : put_folder(p, data, "files", err);
    rc = rc ? rc : put_folder(p, data, "uploads", err);
    rc = rc ? rc : put_manifest(p, err);
    if (!rc && la.archive_write_close(p->a) != ARCHIVE_OK)
        rc = archive_fault(p, err);
    return rc;
}

int backup_file_write(int fd, const char *database, const char *data, struct progress *progress,
                      struct backup_totals *ret, struct err *err)
{
    struct stat st = {0};
    char sha[HEX], end[END + 1];
    int rc = load(err);
    if (rc)
        return rc;
    struct pack p;
    pack_init(&p, progress);
    p.a = la.archive_write_new();
    (void)stat(database, &st);
    progress_stage(progress, "packing", PROGRESS_BYTES, st.st_size + size_of(data, "files") + size_of(data, "uploads"));
    rc = put_all(&p, fd, database, data, err);
    off_t size = lseek(fd, 0, SEEK_END);
    progress_stage(progress, "sealing", PROGRESS_BYTES, size);
    if (!rc)
        rc = hash_range(&p, fd, size, sha, err);
    if (!rc) {
        end_of(BACKUP_VERSION, sha, end);
        if (pwrite(fd, end, END, size) != END || fsync(fd) != 0)
            rc = disk_fault(err, "write", "the backup");
    }
    if (!rc)
        *ret = (struct backup_totals){(int64_t)p.parts.n, p.bytes};
    la.archive_write_free(p.a);
    pack_done(&p);
    return rc;
}

// ---- reading --------------------------------------------------------------------------------------------------------

// Everything about the bytes as they lie there.
static int check_end(struct pack *p, int fd, struct err *err)
{
    char found[END + 1] = "", wanted[END + 1], sha[HEX];
    off_t size = lseek(fd, 0, SEEK_END);
    int64_t version;
    if (size < END || pread(fd, found, END, size - END) != END)
        return err_set(err, ERR_FORMAT, "this is no whole backup: its end is missing");
    struct str rest = {found + 8, END_TEXT};
    if (!str_eq(str_split(&rest, ' '), STR(FORMAT)) || !str_to_int(str_split(&rest, ' '), 1, INT_MAX, &version))
        return err_set(err, ERR_FORMAT, "this is no whole backup: its end is missing");
    progress_stage(p->progress, "checking", PROGRESS_BYTES, size);
    int rc = hash_range(p, fd, size - END, sha, err);
    if (rc)
        return rc;
    end_of(version, sha, wanted);
    if (memcmp(found, wanted, END) != 0)
        return damaged(err, "its checksum differs");
    if (version > BACKUP_VERSION)
        return err_set(err, ERR_FORMAT, "the backup has format %lld, this program knows up to %d: use a newer one",
                       (long long)version, BACKUP_VERSION);
    return 0;
}

// A new file below the folder, with the folders on the way, all of them made here.
static int make_file(int folder, const char *path, struct err *err)
{
    char name[PATH_MOST + 1];
    snprintf(name, sizeof name, "%s", path);
    for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = mkdirat(folder, name, 0700);
        if (rc != 0 && errno != EEXIST)
            return disk_fault(err, "make", name);
        *slash = '/';
    }
    int fd = openat(folder, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? damaged(err, "a name is there twice") : disk_fault(err, "make", path);
    return fd;
}

static int take_bytes(struct pack *p, int to, struct part *part, struct err *err)
{
    la_ssize_t n;
    sha_begin(p);
    while ((n = la.archive_read_data(p->a, p->block, BLOCK)) > 0) {
        EVP_DigestUpdate(p->sha, p->block, (size_t)n);
        for (la_ssize_t done = 0, wrote = 0; to >= 0 && done < n; done += wrote)
            if ((wrote = write(to, p->block + done, (size_t)(n - done))) < 0)
                return disk_fault(err, "write", part->path);
        progress_add(p->progress, n);
        part->size += n;
    }
    sha_end(p, part->sha);
    p->bytes += part->size;
    return n == 0 ? 0 : damaged(err, "it cannot be unpacked");
}

static int take_file(struct pack *p, const char *path, int folder, struct err *err)
{
    int to = -1;
    if (p->parts.n == BACKUP_FILES_MOST)
        return damaged(err, "it has too many files");
    if (folder >= 0 && (to = make_file(folder, path, err)) < 0)
        return to;
    vec_push(&p->parts, .path = mem_strdup(path));
    int rc = take_bytes(p, to, &p->parts.at[p->parts.n - 1], err);
    if (to >= 0 && close(to) != 0 && !rc)
        rc = disk_fault(err, "write", path);
    return rc;
}

static int take_manifest(struct pack *p, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MOST);
    yyjson_val *root;
    la_ssize_t n;
    while ((n = la.archive_read_data(p->a, p->block, BLOCK)) > 0 && buf_add(&text, p->block, (size_t)n))
        ;
    if (n != 0 || json_parse(arena, buf_str(&text), 0, &root, NULL) != 0 ||
        !str_eq(json_get_str(root, "format"), STR(FORMAT)) || json_get_int(root, "version", 0) != BACKUP_VERSION)
        return damaged(err, "its manifest cannot be read");
    yyjson_val *files = json_get(root, "files"), *file;
    size_t i, most;
    bool same = yyjson_is_arr(files) && yyjson_arr_size(files) == p->parts.n;
    if (same) {
        yyjson_arr_foreach(files, i, most, file)
        {
            const struct part *part = &p->parts.at[i];
            same = same && str_eq(json_get_str(file, "path"), str_from(part->path)) &&
                   json_get_int(file, "size", -1) == part->size &&
                   str_eq(json_get_str(file, "sha256"), str_from(part->sha));
        }
    }
    return same ? 0 : damaged(err, "its manifest names other files");
}

static int take_all(struct pack *p, int fd, int folder, struct err *err)
{
    struct archive_entry *entry;
    bool ended = false;
    int rc = lseek(fd, 0, SEEK_SET) == 0 ? 0 : disk_fault(err, "read", "the backup"), next = ARCHIVE_FATAL;
    if (la.archive_read_support_filter_zstd(p->a) != ARCHIVE_OK ||
        la.archive_read_support_format_tar(p->a) != ARCHIVE_OK ||
        la.archive_read_open_fd(p->a, fd, BLOCK) != ARCHIVE_OK)
        return rc ? rc : damaged(err, "it cannot be unpacked");
    progress_stage(p->progress, "unpacking", PROGRESS_BYTES, 0);
    while (!rc && (next = la.archive_read_next_header(p->a, &entry)) == ARCHIVE_OK) {
        const char *path = la.archive_entry_pathname(entry);
        if (ended || la.archive_entry_filetype(entry) != AE_IFREG || la.archive_entry_hardlink(entry) || !path) {
            rc = damaged(err, "there is something in it that is not a file of ours");
        } else if (strcmp(path, MANIFEST) == 0) {
            rc = take_manifest(p, err);
            ended = true;
        } else {
            rc = is_ours(path) ? take_file(p, path, folder, err) : damaged(err, "it names a path that is not ours");
        }
    }
    if (!rc && (next != ARCHIVE_EOF || !ended))
        rc = damaged(err, "it cannot be unpacked");
    return rc;
}

int backup_file_read(int fd, int folder, struct progress *progress, struct backup_totals *ret, struct err *err)
{
    int rc = load(err);
    if (rc)
        return rc;
    struct pack p;
    pack_init(&p, progress);
    p.a = la.archive_read_new();
    rc = check_end(&p, fd, err);
    rc = rc ? rc : take_all(&p, fd, folder, err);
    if (!rc && (!p.parts.n || strcmp(p.parts.at[0].path, "parley.db") != 0))
        rc = damaged(err, "it has no database");
    if (!rc)
        *ret = (struct backup_totals){(int64_t)p.parts.n, p.bytes};
    la.archive_read_free(p.a);
    pack_done(&p);
    return rc;
}
