// SPDX-License-Identifier: Apache-2.0
// A WebSocket client for commands: blocking, one thread, every wait with a deadline (clock_mono_ms). TCP, TLS and
// proxies are libcurl's; the handshake and the frames are ours, because not every libcurl has WebSockets. No extension
// and no subprotocol is asked for. Loopback hosts are always asked without a proxy.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

// Where a server is: ws://host[:port][/path] (wss, http and https too).
struct ws_target {
    bool secure;
    char host[256], authority[264]; // authority: host and port as in Host
    char path[512];                 // in front of every path, without a "/" at its end
    char key[512];                  // credential: sk_… goes into X-API-Key, another into Authorization; "" for none
};
// ERR_INVALID: not such an address, or a credential that cannot be sent.
int ws_target_parse(const char *url, const char *key, struct ws_target *ret, struct err *err);

// One GET; the reply's status and body (bounded, as long as the arena). ERR_IO: no connection, ERR_TIMEOUT, ERR_LIMIT.
int ws_target_get(const struct ws_target *target, const char *path, int64_t timeout_ms, struct arena *arena,
                  long *ret_status, struct str *ret_body, struct err *err);

struct ws_client;

// Connects and shakes hands. ERR_IO, ERR_TIMEOUT: no connection; ERR_FORMAT: that is no WebSocket server; ERR_DENIED:
// refused with an HTTP status, which *ret_status gets (0 otherwise), and err the reason from the body.
int ws_client_open(const struct ws_target *target, const char *path, int64_t deadline, struct ws_client **ret,
                   int *ret_status, struct err *err);
// Says goodbye (code 0: does not) and frees. NULL is fine.
void ws_client_free(struct ws_client *client, uint16_t code);

// False: the connection is lost.
bool ws_client_send(struct ws_client *client, struct str text);

enum ws_got {
    WS_GOT_TEXT,  // *ret_text: valid UTF-8, good until the next call
    WS_GOT_INPUT, // `input` can be read
    WS_GOT_TIMEOUT,
    WS_GOT_CLOSED, // *ret_code: the close code; 1006 without one, or what was wrong with the server's frames
};
// Waits for the next text message; answers pings on the way. `input`: a descriptor to watch beside it, or -1.
enum ws_got ws_client_receive(struct ws_client *client, int input, int64_t deadline, struct str *ret_text,
                              int *ret_code);
int64_t ws_client_heard(const struct ws_client *client); // when the last bytes came
