// SPDX-License-Identifier: Apache-2.0
// The one origin rule of all open surfaces: may a page of this origin use this chatbot?
#pragma once

#include "base/str.h"

enum origin_localhost { ORIGIN_LOCALHOST_ALWAYS, ORIGIN_LOCALHOST_LIST }; // LIST: the list decides

// `origin`: the header's value, STR_NULL when absent (allowed). `public_url`: Parley's own, allowed; may be STR_NULL.
// `domains` NULL = open, `n_domains` 0 = none. Entries: host (matches subdomains), *.host (subdomains only),
// scheme://host:port (exactly), *. International names are compared in their xn-- form (ICU).
bool origin_allowed(struct str origin, struct str public_url, enum origin_localhost localhost,
                    const struct str *domains, size_t n_domains);
// Host of an Origin or Host header value, lower-cased into out (256 bytes), without port and one trailing dot.
bool origin_host(struct str value, char out[256]);
// localhost, 127.0.0.1 or [::1].
bool origin_is_localhost(struct str host);
