// SPDX-License-Identifier: Apache-2.0
#include "ingest/source.h"

#include <errno.h>
#include <unistd.h>
#include <sys/stat.h>

struct source source_fd(int fd)
{
    struct stat st;
    bool known = fstat(fd, &st) == 0 && st.st_size > 0;
    return (struct source){.fd = fd, .size = known ? (uint64_t)st.st_size : 0};
}

struct source source_memory(struct str bytes)
{
    return (struct source){.fd = -1, .memory = bytes, .size = bytes.n};
}

ssize_t source_read(struct source *source, void *out, size_t most)
{
    ssize_t n;
    if (source->fd < 0) {
        size_t left = (size_t)(source->size - source->at);
        n = (ssize_t)(left < most ? left : most);
        if (n)
            memcpy(out, source->memory.p + source->at, (size_t)n);
    } else {
        do
            n = read(source->fd, out, most);
        while (n < 0 && errno == EINTR);
    }
    if (n > 0)
        source->at += (uint64_t)n;
    return n;
}

void source_seek(struct source *source, uint64_t at)
{
    source->at = at < source->size ? at : source->size;
    if (source->fd >= 0)
        (void)lseek(source->fd, (off_t)source->at, SEEK_SET);
}
