// SPDX-License-Identifier: Apache-2.0
// The guard before every call to an address that a user chose: webhooks, plugins, crawled pages, images
// (002-site-widget 5, 003-platform 7). A name is resolved once, each of its addresses is judged, and the connection
// goes to one of those and to nothing else. Redirects are not followed, proxies of the environment are not used. What
// the operator allows (`outbound.allow`) is read at each use. Any thread; look-ups run on threads of their own.
#pragma once

#include "base/settings.h"
#include "outbound/url.h"

#include <curl/curl.h>

enum { OUTBOUND_ADDRESSES = 16 }; // of a name that are judged and tried; one with more is cut after judging 64

enum outbound_ports {
    OUTBOUND_WEB,     // 80 and 443
    OUTBOUND_SERVICE, // 1024..65535 too
};

struct outbound;
// ERR_INVALID names the entry of outbound.allow that is neither host:port nor CIDR:port.
int outbound_new(const struct settings *settings, struct outbound **ret, struct err *err);
// Nobody may ask any more; look-ups under way are told ERR_CANCELLED when they end, or never if the process ends first.
void outbound_free(struct outbound *outbound);

// What can be said without the network, when a URL is saved. ERR_INVALID: no URL, or a port that is not possible.
// ERR_DENIED: a host, an address or a scheme that is not allowed.
int outbound_check(const struct outbound *outbound, enum outbound_ports ports, struct str url, struct err *err);

// A URL with the addresses that it may be called at.
struct outbound_target {
    struct url url;
    struct ip ips[OUTBOUND_ADDRESSES];
    size_t n;
    struct arena *arena; // of the texts
    const char *ca_file; // trusted besides the system's; NULL: none
    struct curl_slist *resolve;
};
void outbound_target_free(struct outbound_target *target); // NULL is fine

// Resolves and judges. `done` is called exactly once, on this or another thread, and must not block; the target is the
// callee's (NULL on failure). ERR_INVALID, ERR_DENIED: as above, or some address of the name is not allowed (nothing
// may be called then). ERR_NOT_FOUND: no such name. ERR_LIMIT: 64 look-ups are under way. There is no deadline but the
// resolver's own: who waits keeps one.
typedef void (*outbound_done)(void *arg, int rc, struct outbound_target *target, const struct err *err);
void outbound_find(struct outbound *outbound, enum outbound_ports ports, struct str url, outbound_done done, void *arg);
// The same for threads that may block. ERR_TIMEOUT.
int outbound_find_wait(struct outbound *outbound, enum outbound_ports ports, struct str url, int timeout_ms,
                       struct outbound_target **ret, struct err *err);

// Sets URL, addresses, and everything that keeps the transfer from going elsewhere. The target must outlive it.
void outbound_apply(const struct outbound_target *target, CURL *easy);

// Takes the place of the system's resolver: fills `out`, returns how many (0: no such name). Tests only.
typedef size_t (*outbound_resolver)(void *arg, const char *host, struct ip *out, size_t max);
void outbound_use_resolver(struct outbound *outbound, outbound_resolver resolver, void *arg);
