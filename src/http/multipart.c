// SPDX-License-Identifier: Apache-2.0
// Bytes wait in one small buffer until they are surely content or surely a delimiter: in a part all but the last
// delimiter's length goes out at once. The stream begins as if a line had just ended, so that the first delimiter is
// like the others.
#include "http/multipart.h"

#include "base/buf.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_PARTS = 64, MAX_HEAD = 8 * 1024, MAX_VALUE = 64 * 1024, FEED = 64 * 1024 };

enum state { BEFORE, DELIMITER, HEAD, FIELD, FILE_BODY, AFTER };

struct multipart {
    struct arena *arena;
    char *dir;
    struct str delimiter; // "\r\n--boundary"
    struct buf in;        // not yet understood
    struct buf value;     // of the plain field under way
    VEC(struct multipart_part) parts;
    uint64_t bytes, max_bytes;
    enum state state;
    int fd; // of the file part under way
};

// Finds parameter `name` of a header value: token or quoted string; \" and \\ are unescaped, any other backslash is
// kept (old browsers send Windows paths). STR_NULL when absent.
static struct str parameter(struct arena *arena, struct str value, struct str name)
{
    size_t i = 0;
    while (i < value.n && value.p[i] != ';')
        i++;
    while (i < value.n) {
        while (i < value.n && (value.p[i] == ';' || value.p[i] == ' ' || value.p[i] == '\t'))
            i++;
        size_t key = i;
        while (i < value.n && value.p[i] != '=' && value.p[i] != ';')
            i++;
        struct str found = str_trim((struct str){value.p + key, i - key});
        if (i >= value.n || value.p[i] == ';')
            continue;
        i++;
        char *out = arena_alloc(arena, value.n + 1);
        size_t n = 0;
        if (i < value.n && value.p[i] == '"') {
            for (i++; i < value.n && value.p[i] != '"'; i++) {
                if (value.p[i] == '\\' && i + 1 < value.n && (value.p[i + 1] == '"' || value.p[i + 1] == '\\'))
                    i++;
                out[n++] = value.p[i];
            }
            if (i >= value.n)
                return STR_NULL; // no closing quote
            i++;
        } else {
            while (i < value.n && value.p[i] != ';')
                out[n++] = value.p[i++];
            while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\t'))
                n--;
        }
        out[n] = '\0';
        if (str_eq_nocase(found, name))
            return (struct str){out, n};
    }
    return STR_NULL;
}

int multipart_new(struct str content_type, const char *dir, uint64_t max_bytes, struct multipart **ret, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str rest = content_type, type = str_split(&rest, ';');
    if (!str_eq_nocase(str_trim(type), STR("multipart/form-data")))
        return err_set(err, ERR_INVALID, "the body is not multipart/form-data");
    struct str boundary = parameter(arena, content_type, STR("boundary"));
    if (boundary.n == 0 || boundary.n > 70 || boundary.p[boundary.n - 1] == ' ')
        return err_set(err, ERR_FORMAT, "multipart body without a valid boundary");
    for (size_t i = 0; i < boundary.n; i++)
        if (boundary.p[i] < ' ' || boundary.p[i] > '~')
            return err_set(err, ERR_FORMAT, "multipart body without a valid boundary");
    struct multipart *m = mem_zalloc(sizeof *m);
    m->delimiter = arena_strf(arena, "\r\n--" STR_FMT, STR_ARG(boundary));
    m->arena = arena;
    arena = NULL;
    m->dir = mem_strdup(dir);
    m->max_bytes = max_bytes;
    m->fd = -1;
    m->in = BUF_INIT(FEED + MAX_HEAD + 128);
    m->value = BUF_INIT(MAX_VALUE);
    buf_add(&m->in, "\r\n", 2);
    *ret = m;
    return 0;
}

static int content(struct multipart *m, const char *bytes, size_t n, struct err *err)
{
    struct multipart_part *part = &m->parts.at[m->parts.n - 1];
    m->bytes += n;
    part->size += n;
    if (m->bytes > m->max_bytes)
        return err_set(err, ERR_LIMIT, "multipart body over %llu bytes", (unsigned long long)m->max_bytes);
    if (m->state == FIELD)
        return buf_add(&m->value, bytes, n) ? 0 : err_set(err, ERR_LIMIT, "form field over %d bytes", MAX_VALUE);
    while (n > 0) {
        ssize_t wrote = write(m->fd, bytes, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return err_set(err, ERR_IO, "temporary file: %s", strerror(errno));
        bytes += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

static void part_end(struct multipart *m)
{
    if (m->state == FIELD) {
        m->parts.at[m->parts.n - 1].value = arena_str(m->arena, buf_str(&m->value));
        buf_clear(&m->value);
    } else if (m->state == FILE_BODY) {
        close(m->fd);
        m->fd = -1;
    }
}

static int part_begin(struct multipart *m, struct str head, struct err *err)
{
    if (m->parts.n >= MAX_PARTS)
        return err_set(err, ERR_LIMIT, "more than %d parts", MAX_PARTS);
    struct multipart_part part = {0};
    struct str rest = arena_str(m->arena, head), disposition = STR_NULL;
    while (rest.p) {
        struct str line = str_split(&rest, '\n'), value = line;
        struct str name = str_split(&value, ':');
        if (!value.p)
            continue;
        if (str_eq_nocase(str_trim(name), STR("Content-Disposition")))
            disposition = str_trim(value);
        else if (str_eq_nocase(str_trim(name), STR("Content-Type")))
            part.content_type = str_trim(value);
    }
    struct str kind = disposition, form = str_split(&kind, ';');
    part.name = disposition.p ? parameter(m->arena, disposition, STR("name")) : STR_NULL;
    if (!str_eq_nocase(str_trim(form), STR("form-data")) || !part.name.p)
        return err_set(err, ERR_FORMAT, "a part of the form has no name");
    part.filename = parameter(m->arena, disposition, STR("filename"));
    m->state = part.filename.p ? FILE_BODY : FIELD;
    if (part.filename.p) {
        char *path = arena_printf(m->arena, "%s/form-XXXXXX", m->dir);
        m->fd = mkostemp(path, O_CLOEXEC); // mode 0600
        if (m->fd < 0)
            return err_set(err, ERR_IO, "temporary file in %s: %s", m->dir, strerror(errno));
        part.path = path;
    }
    vec_reserve(&m->parts, 1);
    m->parts.at[m->parts.n++] = part;
    return 0;
}

// One step over `in` from *at. 1: went on; 0: needs more bytes; negative: error.
static int step(struct multipart *m, size_t *at, struct err *err)
{
    char *p = m->in.p + *at;
    size_t n = m->in.n - *at;
    if (m->state == DELIMITER) {
        if (n < 2)
            return 0;
        if (p[0] == '-' && p[1] == '-') {
            m->state = AFTER;
            return 1;
        }
        char *end = memchr(p, '\n', n);
        if (!end)
            return n > 200 ? err_set(err, ERR_FORMAT, "multipart delimiter without line end") : 0;
        size_t used = (size_t)(end + 1 - p);
        for (size_t i = 0; i + 1 < used; i++)
            if (p[i] != ' ' && p[i] != '\t' && !(p[i] == '\r' && i + 2 == used))
                return err_set(err, ERR_FORMAT, "multipart delimiter with text behind it");
        *at += used;
        m->state = HEAD;
        return 1;
    }
    if (m->state == HEAD) {
        if (n >= 2 && p[0] == '\r' && p[1] == '\n')
            return err_set(err, ERR_FORMAT, "a part of the form has no name");
        char *end = memmem(p, n, "\r\n\r\n", 4);
        if (!end || end - p > MAX_HEAD)
            return n > MAX_HEAD ? err_set(err, ERR_LIMIT, "head of a part over %d bytes", MAX_HEAD) : 0;
        int rc = part_begin(m, (struct str){p, (size_t)(end - p)}, err);
        *at += (size_t)(end + 4 - p);
        return rc < 0 ? rc : 1;
    }
    if (m->state == AFTER) {
        *at = m->in.n; // the epilogue is ignored
        return 0;
    }
    char *end = memmem(p, n, m->delimiter.p, m->delimiter.n);
    size_t sure = end ? (size_t)(end - p) : (n >= m->delimiter.n ? n - m->delimiter.n + 1 : 0);
    int rc = m->state == BEFORE || sure == 0 ? 0 : content(m, p, sure, err);
    if (rc < 0)
        return rc;
    *at += sure;
    if (!end)
        return 0;
    part_end(m);
    *at += m->delimiter.n;
    m->state = DELIMITER;
    return 1;
}

int multipart_feed(struct multipart *m, const void *bytes, size_t n, struct err *err)
{
    const char *p = bytes;
    while (n > 0) {
        size_t take = n < FEED ? n : FEED, at = 0;
        if (!buf_add(&m->in, p, take))
            return err_set(err, ERR_INTERNAL, "multipart buffer");
        int rc;
        while ((rc = step(m, &at, err)) > 0)
            ;
        if (rc < 0)
            return rc;
        buf_consume(&m->in, at);
        p += take;
        n -= take;
    }
    return 0;
}

int multipart_finish(struct multipart *m, struct err *err)
{
    return m->state == AFTER ? 0 : err_set(err, ERR_FORMAT, "the multipart body has no final boundary");
}

size_t multipart_count(const struct multipart *m)
{
    return m->parts.n;
}

const struct multipart_part *multipart_at(const struct multipart *m, size_t i)
{
    return i < m->parts.n ? &m->parts.at[i] : NULL;
}

void multipart_free(struct multipart *m)
{
    if (!m)
        return;
    if (m->fd >= 0)
        close(m->fd);
    for (size_t i = 0; i < m->parts.n; i++)
        if (m->parts.at[i].path)
            unlink(m->parts.at[i].path);
    vec_done(&m->parts);
    buf_done(&m->in);
    buf_done(&m->value);
    arena_free(m->arena);
    free(m->dir);
    free(m);
}
