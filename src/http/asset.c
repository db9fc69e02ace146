// SPDX-License-Identifier: Apache-2.0
#include "http/asset.h"

#include <stdlib.h>

static int by_path(const void *key, const void *row)
{
    return strcmp(key, ((const struct asset *)row)->path);
}

const struct asset *asset_find(const char *path)
{
    return bsearch(path, asset_table, asset_count, sizeof asset_table[0], by_path);
}

// Does the client take gzip? "gzip;q=0" is a no.
static bool takes_gzip(const struct http_req *req)
{
    size_t pos = 0;
    struct str value;
    while (http_header_next(req, "Accept-Encoding", &pos, &value)) {
        while (value.p) {
            struct str rest = str_split(&value, ','), coding = str_trim(str_split(&rest, ';'));
            double q = 1;
            while (rest.p) {
                struct str parameter = str_trim(str_split(&rest, ';'));
                if (str_starts(parameter, STR("q=")))
                    str_to_double((struct str){parameter.p + 2, parameter.n - 2}, &q);
            }
            if (str_eq_nocase(coding, STR("gzip")) || str_eq(coding, STR("*")))
                return q > 0;
        }
    }
    return false;
}

// If-None-Match compares weakly, and either coding's tag names the same content.
static bool known(const struct http_req *req, const char *etag, const char *etag_gzip)
{
    size_t pos = 0;
    struct str value;
    while (http_header_next(req, "If-None-Match", &pos, &value)) {
        while (value.p) {
            struct str tag = str_trim(str_split(&value, ','));
            if (str_starts(tag, STR("W/")))
                tag = (struct str){tag.p + 2, tag.n - 2};
            if (str_eq(tag, STR("*")) || str_eq(tag, str_from(etag)) || str_eq(tag, str_from(etag_gzip)))
                return true;
        }
    }
    return false;
}

void asset_reply(struct http_req *req, const struct asset *asset, const char *cache)
{
    bool gzip = asset->gzip && takes_gzip(req);
    // A strong tag names the bytes, so the two codings have two.
    const char *etag_gzip = arena_printf(http_arena(req), "%.*s-gz\"", (int)strlen(asset->etag) - 1, asset->etag);
    http_header(req, "ETag", gzip ? etag_gzip : asset->etag);
    http_header(req, "Cache-Control", cache);
    http_header(req, "Vary", "Accept-Encoding");
    if (known(req, asset->etag, etag_gzip)) {
        http_reply_static(req, 304, NULL, STR_NULL);
        return;
    }
    if (gzip)
        http_header(req, "Content-Encoding", "gzip");
    struct str body = {(const char *)(gzip ? asset->gzip : asset->plain), gzip ? asset->gzip_n : asset->plain_n};
    http_reply_static(req, 200, asset->content_type, body);
}
