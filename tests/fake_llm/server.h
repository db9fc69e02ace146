// SPDX-License-Identifier: Apache-2.0
// The sockets of the fake: listening, reading requests, sending replies piece by piece, noticing who left and when.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct server_options {
    int port; // 0 = any
    bool tls, h2; // h2 over TLS alone
    const char *cert_host, *cert_out; // of the self-signed certificate
    uint64_t seed;
    bool until_eof; // ends when its standard input does
};

// Prints "listening 127.0.0.1:PORT" and serves until SIGTERM or SIGINT. Returns the exit code.
int server_run(const struct server_options *options);
