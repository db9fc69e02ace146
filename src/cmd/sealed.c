// SPDX-License-Identifier: Apache-2.0
// libarchive is loaded when it is needed: linked, it would cost every start of the server.
#include "cmd/sealed.h"

#include "base/clock.h"
#include "base/err_file.h"
#include "base/json.h"
#include "base/vec.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, MANIFEST_MOST = 256 << 20, HEX = 65, END_TEXT = 96, END = 8 + END_TEXT };
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

struct sealed {
    const struct sealed_format *format;
    struct progress *progress;
    int fd;
    bool writing, inside; // inside: a part is being read
    struct archive *a;
    EVP_MD_CTX *sha;
    char *block;
    VEC(struct part) parts;
    int64_t bytes;
};

static struct sealed *sealed_new(int fd, const struct sealed_format *format, struct progress *progress, bool writing)
{
    struct sealed *s = mem_zalloc(sizeof *s);
    s->format = format;
    s->progress = progress;
    s->fd = fd;
    s->writing = writing;
    s->a = writing ? la.archive_write_new() : la.archive_read_new();
    s->sha = EVP_MD_CTX_new();
    s->block = mem_alloc(BLOCK);
    return s;
}

void sealed_free(struct sealed *s)
{
    if (!s)
        return;
    if (s->writing)
        la.archive_write_free(s->a);
    else
        la.archive_read_free(s->a);
    for (size_t i = 0; i < s->parts.n; i++)
        free(s->parts.at[i].path);
    vec_done(&s->parts);
    EVP_MD_CTX_free(s->sha);
    free(s->block);
    free(s);
}

struct sealed_totals sealed_totals(const struct sealed *s)
{
    return (struct sealed_totals){(int64_t)s->parts.n, s->bytes};
}

static void sha_begin(struct sealed *s)
{
    EVP_DigestInit_ex(s->sha, EVP_sha256(), NULL);
}

static void sha_end(struct sealed *s, char out[HEX])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestFinal_ex(s->sha, bytes, &n);
    for (unsigned i = 0; i < 32; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", bytes[i]);
}

int sealed_damaged(const struct sealed *s, struct err *err, const char *why)
{
    return err_set(err, ERR_FORMAT, "the %s is damaged: %s", s->format->noun, why);
}

// The frame behind the archive: RFC 8878 3.1.2.
static void end_of(const struct sealed *s, int64_t version, const char *sha, char out[END + 1])
{
    static const unsigned char head[8] = {0x50, 0x2a, 0x4d, 0x18, END_TEXT};
    char text[END_TEXT + 1];
    snprintf(text, sizeof text, "%s %lld sha256 %s", s->format->name, (long long)version, sha);
    memcpy(out, head, sizeof head);
    snprintf(out + sizeof head, END_TEXT + 1, "%-*s", END_TEXT, text);
}

static int hash_range(struct sealed *s, int64_t size, char out[HEX], struct err *err)
{
    sha_begin(s);
    for (int64_t at = 0; at < size;) {
        ssize_t n = pread(s->fd, s->block, (size_t)(size - at < BLOCK ? size - at : BLOCK), at);
        if (n <= 0)
            return err_set(err, ERR_IO, "cannot read the %s: %s", s->format->noun,
                           n ? strerror(errno) : "it became shorter");
        EVP_DigestUpdate(s->sha, s->block, (size_t)n);
        progress_add(s->progress, n);
        at += n;
    }
    sha_end(s, out);
    return 0;
}

// ---- writing --------------------------------------------------------------------------------------------------------

static int archive_fault(struct sealed *s, struct err *err)
{
    const char *why = la.archive_error_string(s->a);
    return err_set(err, err_of_errno(), "cannot write the %s: %s: %m", s->format->noun, why ? why : "");
}

int sealed_create(int fd, const struct sealed_format *format, struct progress *progress, struct sealed **ret,
                  struct err *err)
{
    int rc = load(err);
    if (rc)
        return rc;
    struct sealed *s = sealed_new(fd, format, progress, true);
    if (la.archive_write_set_format_pax_restricted(s->a) == ARCHIVE_OK &&
        la.archive_write_add_filter_zstd(s->a) == ARCHIVE_OK &&
        la.archive_write_set_bytes_in_last_block(s->a, 1) == ARCHIVE_OK &&
        la.archive_write_open_fd(s->a, fd) == ARCHIVE_OK) {
        *ret = s;
        return 0;
    }
    rc = archive_fault(s, err);
    sealed_free(s);
    return rc;
}

static int put_header(struct sealed *s, const char *path, int64_t size, int64_t mtime, struct err *err)
{
    struct archive_entry *entry = la.archive_entry_new();
    la.archive_entry_set_pathname(entry, path);
    la.archive_entry_set_size(entry, size);
    la.archive_entry_set_mtime(entry, (time_t)mtime, 0);
    la.archive_entry_set_filetype(entry, AE_IFREG);
    la.archive_entry_set_perm(entry, 0600);
    int rc = la.archive_write_header(s->a, entry) == ARCHIVE_OK ? 0 : archive_fault(s, err);
    la.archive_entry_free(entry);
    return rc;
}

static int begin_part(struct sealed *s, const char *path, int64_t size, int64_t mtime, struct err *err)
{
    if (s->parts.n == SEALED_PARTS_MOST)
        return err_set(err, ERR_LIMIT, "there are more than %d files", SEALED_PARTS_MOST);
    vec_push(&s->parts, .path = mem_strdup(path), .size = size);
    sha_begin(s);
    return put_header(s, path, size, mtime, err);
}

static int put_block(struct sealed *s, const char *bytes, size_t n, struct err *err)
{
    EVP_DigestUpdate(s->sha, bytes, n);
    if (la.archive_write_data(s->a, bytes, n) != (la_ssize_t)n)
        return archive_fault(s, err);
    progress_add(s->progress, (int64_t)n);
    s->bytes += (int64_t)n;
    return 0;
}

int sealed_put_fd(struct sealed *s, int from, const char *path, struct err *err)
{
    struct stat st;
    int rc = fstat(from, &st) == 0 ? begin_part(s, path, st.st_size, st.st_mtime, err) : err_file(err, "read", path);
    for (int64_t left = rc ? 0 : st.st_size; left > 0 && !rc;) {
        ssize_t n = read(from, s->block, (size_t)(left < BLOCK ? left : BLOCK));
        if (n <= 0)
            return err_set(err, ERR_IO, "cannot read %s: %s", path, n ? strerror(errno) : "it became shorter");
        rc = put_block(s, s->block, (size_t)n, err);
        left -= n;
    }
    if (!rc)
        sha_end(s, s->parts.at[s->parts.n - 1].sha);
    return rc;
}

int sealed_put_file(struct sealed *s, const char *from, const char *path, bool *ret_there, struct err *err)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (ret_there)
        *ret_there = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : err_file(err, "open", from);
    int rc = sealed_put_fd(s, fd, path, err);
    close(fd);
    return rc;
}

int sealed_put_bytes(struct sealed *s, const char *path, struct str bytes, struct err *err)
{
    int rc = begin_part(s, path, (int64_t)bytes.n, clock_wall_ms() / 1000, err);
    for (size_t at = 0; at < bytes.n && !rc; at += BLOCK)
        rc = put_block(s, bytes.p + at, bytes.n - at < BLOCK ? bytes.n - at : BLOCK, err);
    if (!rc)
        sha_end(s, s->parts.at[s->parts.n - 1].sha);
    return rc;
}

static int put_manifest(struct sealed *s, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *files = yyjson_mut_arr(doc);
    json_add_cstr(doc, root, "format", s->format->name);
    json_add_int(doc, root, "version", s->format->version);
    json_add_cstr(doc, root, "program", PARLEY_VERSION);
    json_add_time(doc, root, "made", clock_wall_ms());
    json_add(doc, root, "files", files);
    for (size_t i = 0; i < s->parts.n; i++) {
        yyjson_mut_val *file = yyjson_mut_obj(doc);
        json_add_cstr(doc, file, "path", s->parts.at[i].path);
        json_add_int(doc, file, "size", s->parts.at[i].size);
        json_add_cstr(doc, file, "sha256", s->parts.at[i].sha);
        yyjson_mut_arr_append(files, file);
    }
    struct str text = json_write(arena, root);
    int rc = put_header(s, MANIFEST, (int64_t)text.n, clock_wall_ms() / 1000, err);
    if (!rc && la.archive_write_data(s->a, text.p, text.n) != (la_ssize_t)text.n)
        rc = archive_fault(s, err);
    return rc;
}

int sealed_finish(struct sealed *s, struct sealed_totals *ret, struct err *err)
{
    char sha[HEX], end[END + 1];
    int rc = put_manifest(s, err);
    if (!rc && la.archive_write_close(s->a) != ARCHIVE_OK)
        rc = archive_fault(s, err);
    off_t size = rc ? 0 : lseek(s->fd, 0, SEEK_END);
    progress_stage(s->progress, "sealing", PROGRESS_BYTES, size);
    rc = rc ? rc : hash_range(s, size, sha, err);
    if (rc)
        return rc;
    end_of(s, s->format->version, sha, end);
    if (pwrite(s->fd, end, END, size) != END || fsync(s->fd) != 0)
        return err_file(err, "write the", s->format->noun);
    *ret = sealed_totals(s);
    return 0;
}

// ---- reading --------------------------------------------------------------------------------------------------------

bool sealed_is(int fd, const struct sealed_format *format)
{
    char found[END];
    off_t size = lseek(fd, 0, SEEK_END);
    struct str rest = {found + 8, END_TEXT};
    return size >= END && pread(fd, found, END, size - END) == END &&
           str_eq(str_split(&rest, ' '), str_from(format->name));
}

// Everything about the bytes as they lie there.
static int check_end(struct sealed *s, struct err *err)
{
    char found[END + 1] = "", wanted[END + 1], sha[HEX];
    const char *noun = s->format->noun;
    off_t size = lseek(s->fd, 0, SEEK_END);
    int64_t version;
    if (size < END || pread(s->fd, found, END, size - END) != END)
        return err_set(err, ERR_FORMAT, "this is no whole %s: its end is missing", noun);
    struct str rest = {found + 8, END_TEXT};
    if (!str_eq(str_split(&rest, ' '), str_from(s->format->name)) ||
        !str_to_int(str_split(&rest, ' '), 1, INT_MAX, &version))
        return err_set(err, ERR_FORMAT, "this is no whole %s: its end is missing", noun);
    progress_stage(s->progress, "checking", PROGRESS_BYTES, size);
    int rc = hash_range(s, size - END, sha, err);
    if (rc)
        return rc;
    end_of(s, version, sha, wanted);
    if (memcmp(found, wanted, END) != 0)
        return sealed_damaged(s, err, "its checksum differs");
    if (version > s->format->version)
        return err_set(err, ERR_FORMAT, "the %s has format %lld, this program knows up to %d: use a newer one", noun,
                       (long long)version, s->format->version);
    return lseek(s->fd, 0, SEEK_SET) == 0 ? 0 : err_file(err, "read the", noun);
}

int sealed_open(int fd, const struct sealed_format *format, struct progress *progress, struct sealed **ret,
                struct err *err)
{
    int rc = load(err);
    if (rc)
        return rc;
    struct sealed *s = sealed_new(fd, format, progress, false);
    rc = check_end(s, err);
    if (!rc && (la.archive_read_support_filter_zstd(s->a) != ARCHIVE_OK ||
                la.archive_read_support_format_tar(s->a) != ARCHIVE_OK ||
                la.archive_read_open_fd(s->a, fd, BLOCK) != ARCHIVE_OK))
        rc = sealed_damaged(s, err, "it cannot be unpacked");
    progress_stage(progress, "unpacking", PROGRESS_BYTES, 0);
    if (!rc)
        *ret = s;
    else
        sealed_free(s);
    return rc;
}

static int take_manifest(struct sealed *s, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MOST);
    yyjson_val *root;
    la_ssize_t n;
    while ((n = la.archive_read_data(s->a, s->block, BLOCK)) > 0 && buf_add(&text, s->block, (size_t)n))
        ;
    if (n != 0 || json_parse(arena, buf_str(&text), 0, &root, NULL) != 0 ||
        !str_eq(json_get_str(root, "format"), str_from(s->format->name)))
        return sealed_damaged(s, err, "its manifest cannot be read");
    yyjson_val *files = json_get(root, "files"), *file;
    size_t i, most;
    bool same = yyjson_is_arr(files) && yyjson_arr_size(files) == s->parts.n;
    if (same) {
        yyjson_arr_foreach(files, i, most, file)
        {
            const struct part *part = &s->parts.at[i];
            same = same && str_eq(json_get_str(file, "path"), str_from(part->path)) &&
                   json_get_int(file, "size", -1) == part->size &&
                   str_eq(json_get_str(file, "sha256"), str_from(part->sha));
        }
    }
    return same ? 0 : sealed_damaged(s, err, "its manifest names other files");
}

int sealed_read(struct sealed *s, struct str *ret, struct err *err)
{
    struct part *part = &s->parts.at[s->parts.n - 1];
    la_ssize_t n = s->inside ? la.archive_read_data(s->a, s->block, BLOCK) : 0;
    *ret = (struct str){s->block, n > 0 ? (size_t)n : 0};
    if (n < 0)
        return sealed_damaged(s, err, "it cannot be unpacked");
    if (n > 0) {
        EVP_DigestUpdate(s->sha, s->block, (size_t)n);
        progress_add(s->progress, n);
        part->size += n;
        s->bytes += n;
    } else if (s->inside) {
        sha_end(s, part->sha);
        s->inside = false;
    }
    return 0;
}

int sealed_next(struct sealed *s, const char **ret_path, struct err *err)
{
    struct archive_entry *entry;
    struct str rest = STR("");
    int rc = 0;
    while (!rc && s->inside)
        rc = sealed_read(s, &rest, err);
    if (rc)
        return rc;
    int next = la.archive_read_next_header(s->a, &entry);
    if (next != ARCHIVE_OK)
        return sealed_damaged(s, err, "it cannot be unpacked");
    const char *path = la.archive_entry_pathname(entry);
    if (la.archive_entry_filetype(entry) != AE_IFREG || la.archive_entry_hardlink(entry) || !path)
        return sealed_damaged(s, err, "there is something in it that is not a file of ours");
    if (strcmp(path, MANIFEST) == 0) {
        rc = take_manifest(s, err);
        if (!rc && la.archive_read_next_header(s->a, &entry) != ARCHIVE_EOF)
            rc = sealed_damaged(s, err, "there is something behind its manifest");
        return rc;
    }
    if (strlen(path) > SEALED_PATH_MOST)
        return sealed_damaged(s, err, "it names a path that is not ours");
    if (s->parts.n == SEALED_PARTS_MOST)
        return sealed_damaged(s, err, "it has too many files");
    vec_push(&s->parts, .path = mem_strdup(path));
    *ret_path = s->parts.at[s->parts.n - 1].path;
    s->inside = true;
    sha_begin(s);
    return 1;
}
