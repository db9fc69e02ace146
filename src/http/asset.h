// SPDX-License-Identifier: Apache-2.0
// Static files that are part of the binary. tools/embed makes the table at build time with the bytes as they are and
// gzipped (kept only where smaller), the type by the name's ending, and an ETag from the content.
#pragma once

#include "http/http.h"

struct asset {
    const char *path; // "demo.html"
    const char *content_type;
    const char *etag; // quoted
    const uint8_t *plain, *gzip; // gzip NULL when not smaller
    size_t plain_n, gzip_n;
};

extern const struct asset asset_table[];
extern const size_t asset_count;

const struct asset *asset_find(const char *path);
// Answers 200 or 304 with ETag, Vary: Accept-Encoding and `cache` as Cache-Control (e.g. "no-cache").
void asset_reply(struct http_req *req, const struct asset *asset, const char *cache);
