// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as a URL. What is taken has one reading: its canonical text gives the same parts again, libcurl sees
// the same host and port, and a literal that is not public is never a name.
#include "fuzz.h"

#include "outbound/url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static void same_as_curl(const char *text, const struct url *url)
{
    CURLU *parts = curl_url();
    char *host = NULL, *port = NULL, bracketed[260];
    (void)snprintf(bracketed, sizeof bracketed, strchr(url->host, ':') ? "[%s]" : "%s", url->host);
    if (curl_url_set(parts, CURLUPART_URL, text, CURLU_PATH_AS_IS) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, 0) != CURLUE_OK)
        abort();
    if (strcmp(host, bracketed) != 0 || strtol(port, NULL, 10) != url->port)
        abort();
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct url url, again;
    struct network network;
    struct ip ip;
    struct str text = {(const char *)data, size};
    (void)network_parse(text, &network);
    if (url_parse(text, &url, NULL) != 0)
        return 0;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str canonical = url_text(arena, &url);
    if (url_parse(canonical, &again, NULL) != 0 || strcmp(again.host, url.host) != 0 || again.port != url.port ||
        again.literal != url.literal || !str_eq(url_text(arena, &again), canonical))
        abort();
    if (ip_parse(str_from(url.host), &ip) != url.literal)
        abort();
    same_as_curl(canonical.p, &url);
    return 0;
}
