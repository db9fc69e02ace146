// SPDX-License-Identifier: Apache-2.0
// Each look walks the archive's directory from its start: documents have few parts, and no list of them is kept.
#include "ingest/zip.h"

#include "base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

enum { PIECE = 64 << 10 };

struct feed {
    struct source *source;
    char piece[PIECE];
};

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
    struct feed *feed = arg;
    (void)a;
    *ret = feed->piece;
    return source_read(feed->source, feed->piece, sizeof feed->piece);
}

static la_int64_t on_seek(struct archive *a, void *arg, la_int64_t offset, int whence)
{
    struct feed *feed = arg;
    int64_t size = (int64_t)feed->source->size;
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)feed->source->at : size;
    (void)a;
    if (offset < -base || offset > size - base)
        return ARCHIVE_FATAL;
    source_seek(feed->source, (uint64_t)(base + offset));
    return base + offset;
}

static la_int64_t on_skip(struct archive *a, void *arg, la_int64_t n)
{
    struct feed *feed = arg;
    uint64_t left = feed->source->size - feed->source->at;
    (void)a;
    if (n <= 0)
        return 0;
    uint64_t step = (uint64_t)n < left ? (uint64_t)n : left;
    source_seek(feed->source, feed->source->at + step);
    return (la_int64_t)step;
}

static struct archive *open_archive(struct source *source, struct feed *feed)
{
    struct archive *a = archive_read_new();
    feed->source = source;
    source_seek(source, 0);
    archive_read_support_format_zip_seekable(a);
    archive_read_set_read_callback(a, on_read);
    archive_read_set_seek_callback(a, on_seek);
    archive_read_set_skip_callback(a, on_skip);
    archive_read_set_callback_data(a, feed);
    if (archive_read_open1(a) == ARCHIVE_OK)
        return a;
    archive_read_free(a);
    return NULL;
}

static bool too_large(const struct zip *zip, uint64_t more)
{
    uint64_t all = zip->unpacked + more;
    return all > ZIP_BYTES_MOST || all / ZIP_RATIO_MOST > zip->source->size;
}

static struct str name_of(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);
    return str_from(name ? name : archive_entry_pathname(entry));
}

enum read_reason zip_open(struct zip *zip, struct source *source)
{
    AUTO_FREE struct feed *feed = mem_alloc(sizeof *feed);
    struct archive_entry *entry;
    enum read_reason reason = READ_OK;
    uint64_t declared = 0;
    int n = 0, rc = ARCHIVE_EOF;
    *zip = (struct zip){.source = source};
    struct archive *a = open_archive(source, feed);
    if (!a)
        return READ_DAMAGED;
    while (reason == READ_OK && (rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0)
            declared += (uint64_t)archive_entry_size(entry);
        if (++n > ZIP_PARTS_MOST || too_large(zip, declared))
            reason = READ_TOO_LARGE;
        else if (archive_entry_is_encrypted(entry))
            reason = READ_ENCRYPTED;
    }
    archive_read_free(a);
    return reason == READ_OK && rc != ARCHIVE_EOF ? READ_DAMAGED : reason;
}

static enum read_reason feed_part(struct zip *zip, struct archive *a,
                                  bool (*feed)(void *arg, const char *bytes, size_t n), void *arg)
{
    AUTO_FREE char *piece = mem_alloc(PIECE);
    for (;;) {
        la_ssize_t n = archive_read_data(a, piece, PIECE);
        if (n <= 0)
            return n == 0 ? READ_OK : READ_DAMAGED;
        if (too_large(zip, (uint64_t)n))
            return READ_TOO_LARGE;
        zip->unpacked += (uint64_t)n;
        if (!feed(arg, piece, (size_t)n))
            return READ_OK;
    }
}

enum read_reason zip_part(struct zip *zip, struct str name, bool (*feed)(void *arg, const char *bytes, size_t n),
                          void *arg, bool *ret_found)
{
    AUTO_FREE struct feed *state = mem_alloc(sizeof *state);
    struct archive_entry *entry;
    bool found = false;
    enum read_reason reason = READ_OK;
    struct archive *a = open_archive(zip->source, state);
    if (!a)
        return READ_DAMAGED;
    while (!found && archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        found = str_eq(name_of(entry), name);
        if (found)
            reason = feed_part(zip, a, feed, arg);
    }
    archive_read_free(a);
    if (ret_found)
        *ret_found = found;
    return reason;
}
