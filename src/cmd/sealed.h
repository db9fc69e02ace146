// SPDX-License-Identifier: Apache-2.0
// A sealed file: a tar packed with zstd of any number of parts, the last of them manifest.json with the size and the
// SHA-256 of each. Behind it stands a frame that unpacking programs skip, of a fixed size in all versions: the format's
// name and version and the SHA-256 of every byte before it. So a flipped bit anywhere, a missing end and a newer format
// are known before anything is unpacked, and other tools can still open the file.
//
// Written and read as a stream: memory does not grow with the file, but for some 150 bytes a part.
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "cmd/progress.h"

enum { SEALED_PARTS_MOST = 1000000, SEALED_PATH_MOST = 1024 };

struct sealed_format {
    const char *name, *noun; // "parley-backup", "backup"
    int version;             // the newest that this program knows
};

struct sealed_totals {
    int64_t parts, bytes; // unpacked, without the manifest
};

struct sealed;
void sealed_free(struct sealed *sealed); // NULL is fine

// ---- writing: into an empty file that is open for reading too ----
// ERR_LIMIT: too many parts; ERR_IO, ERR_UNAVAILABLE (disk full). `progress` may be NULL.
int sealed_create(int fd, const struct sealed_format *format, struct progress *progress, struct sealed **ret,
                  struct err *err);
// What is gone meanwhile is left out: *ret_there (may be NULL).
int sealed_put_file(struct sealed *sealed, const char *from, const char *path, bool *ret_there, struct err *err);
int sealed_put_fd(struct sealed *sealed, int from, const char *path, struct err *err); // all of it
int sealed_put_bytes(struct sealed *sealed, const char *path, struct str bytes, struct err *err);
int sealed_finish(struct sealed *sealed, struct sealed_totals *ret, struct err *err); // durable then

// ---- reading ----
bool sealed_is(int fd, const struct sealed_format *format); // by its end alone
// Reads the whole file once for its seal. ERR_FORMAT: damaged, cut off, newer or another kind of file.
int sealed_open(int fd, const struct sealed_format *format, struct progress *progress, struct sealed **ret,
                struct err *err);
// The next part: 1, its path valid until the next call; 0: the end, and the manifest names just these parts.
int sealed_next(struct sealed *sealed, const char **ret_path, struct err *err);
// The next bytes of it, valid until the next call; 0 bytes: its end.
int sealed_read(struct sealed *sealed, struct str *ret, struct err *err);
// Parts that were read to their end.
struct sealed_totals sealed_totals(const struct sealed *sealed);
int sealed_damaged(const struct sealed *sealed, struct err *err, const char *why); // ERR_FORMAT
