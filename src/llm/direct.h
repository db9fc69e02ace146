// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 exchanges over connections of our own, for servers without TLS and without a proxy. All on the loop thread.
#pragma once

#include "llm/client.h"

struct direct; // one exchange

// Whether a request to `url` can go this way. If so the transfer, whose headers and body are set, is begun; it ends as
// any other does.
bool direct_begin(struct transfer *transfer, const struct llm_provider *provider, const char *url);
void direct_connected(struct transfer *transfer, CURLcode code); // libcurl is done with its connection
void direct_resume(struct direct *direct);
bool direct_reused(const struct direct *direct); // the connection had served before
void direct_free(struct direct *direct);         // closes the connection, if it still has one
void lines_close(struct llm *llm);               // all that wait for another exchange
