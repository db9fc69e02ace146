// SPDX-License-Identifier: Apache-2.0
// TLS over memory for the fake (--tls), with a certificate made at start and signed by itself.
#pragma once

#include "base/buf.h"

struct tls_server;
struct tls;

// h2: it is preferred to HTTP/1.1. Writes the certificate (PEM) to `cert_out` when that is not NULL. NULL on failure.
struct tls_server *tls_server_new(const char *host, const char *cert_out, bool h2);
void tls_server_free(struct tls_server *server);
struct tls *tls_new(struct tls_server *server);
void tls_free(struct tls *tls); // NULL is fine
const char *tls_alpn(const struct tls *tls);
// Takes bytes off the wire; appends what they say to `plain` and what must be sent to `wire`. False: it has ended.
bool tls_read(struct tls *tls, struct str bytes, struct buf *plain, struct buf *wire);
void tls_write(struct tls *tls, struct str plain, struct buf *wire);
