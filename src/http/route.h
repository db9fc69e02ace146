// SPDX-License-Identifier: Apache-2.0
// The router: rows become a tree of path segments once; a look-up visits only what matches.
#pragma once

#include "http/http.h"

enum { ROUTE_SEGMENTS = 32, ROUTE_PARAMS = 8 };

struct router;

struct route_match {
    const struct http_route *route; // NULL: nothing for this method
    const struct http_route *other; // some row of the path when it exists with other methods
    unsigned allow;                 // methods of the path, HEAD included where GET is; 0 = unknown path
    size_t n_params;
    struct str params[ROUTE_PARAMS]; // decoded, in order of the path; memory is `scratch`
};

// ERR_INVALID: two rows for one method and path, or a path that is not of the form of http.h.
int router_new(const struct http_route *rows, size_t n, struct router **ret, struct err *err);
void router_free(struct router *router);
// `path` begins with "/" and has no query. `scratch` has path.n + 1 bytes and must live as long as the match.
void router_match(const struct router *router, unsigned method, struct str path, char *scratch,
                  struct route_match *ret);
struct str route_param(const struct route_match *match, struct str name);
// "GET, HEAD, OPTIONS" for an Allow field.
void route_methods(unsigned methods, char out[64]);

// Decodes percent escapes (and + as a blank where `plus`) into out (at least in.n bytes); -1 for a broken escape.
ptrdiff_t percent_decode(struct str in, bool plus, char *out);
