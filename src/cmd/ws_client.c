// SPDX-License-Identifier: Apache-2.0
// Received bytes gather in `in` until a frame is whole; a message is one frame's payload there, or `message` when it
// came in fragments.
#include "cmd/ws_client.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/utf8.h"
#include "http/ws_codec.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdlib.h>

enum {
    LARGEST_MESSAGE = 8 << 20,
    LARGEST_HEAD = 16 << 10,
    LARGEST_REFUSAL = 8 << 10,
    SEND_MS = 10000,
    READ = 16 << 10
};

struct ws_client {
    CURL *curl;
    int fd;
    struct buf in, message, out;
    size_t used;    // bytes of `in` that the last message took
    bool fragments; // `message` is under way
    bool binary;    // the message under way is, and will be passed over
    bool gone;      // nothing more can be sent
    int64_t heard;
};

static CURL *curl_for(const struct ws_target *target, const char *path, struct err *err)
{
    CURL *curl = curl_easy_init();
    if (!curl) {
        (void)err_set(err, ERR_IO, "libcurl cannot start");
        return NULL;
    }
    char url[2048];
    (void)snprintf(url, sizeof url, "%s://%s%s%s", target->secure ? "https" : "http", target->authority, target->path,
                   path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (strcmp(target->host, "localhost") == 0 || strncmp(target->host, "127.", 4) == 0 ||
        strcmp(target->host, "[::1]") == 0)
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    const char *trusted = getenv("SSL_CERT_FILE");
    if (trusted && *trusted)
        curl_easy_setopt(curl, CURLOPT_CAINFO, trusted);
    return curl;
}

static int curl_fault(CURLcode code, const struct ws_target *target, const char *detail, struct err *err)
{
    return err_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "%s: %s", target->authority,
                   detail && *detail ? detail : curl_easy_strerror(code));
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    return buf_add(arg, bytes, size * n) ? size * n : 0;
}

int ws_target_get(const struct ws_target *target, const char *path, int64_t timeout_ms, struct arena *arena,
                  long *ret_status, struct str *ret_body, struct err *err)
{
    CURL *curl = curl_for(target, path, err);
    if (!curl)
        return ERR_IO;
    AUTO_BUF struct buf body = BUF_INIT(LARGEST_MESSAGE);
    char detail[CURL_ERROR_SIZE] = "";
    bool key = strncmp(target->key, "sk_", 3) == 0;
    struct curl_slist *head = curl_slist_append(NULL, "Accept: application/json");
    if (*target->key)
        head = curl_slist_append(
            head, arena_printf(arena, "%s%s", key ? "X-API-Key: " : "Authorization: Bearer ", target->key));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(head);
    curl_easy_cleanup(curl);
    if (body.overflow)
        return err_set(err, ERR_LIMIT, "%s: the reply is too large", target->authority);
    if (code != CURLE_OK)
        return curl_fault(code, target, detail, err);
    *ret_body = arena_str(arena, buf_str(&body));
    return 0;
}

// Waits until the socket is ready; false at the deadline.
static bool wait_socket(const struct ws_client *client, short events, int64_t deadline)
{
    int64_t left = deadline - clock_mono_ms();
    struct pollfd fd = {client->fd, events, 0};
    return left > 0 && poll(&fd, 1, (int)(left > 60000 ? 60000 : left)) >= 0;
}

static bool send_all(struct ws_client *client, struct str bytes)
{
    int64_t deadline = clock_mono_ms() + SEND_MS;
    while (bytes.n && !client->gone) {
        size_t n = 0;
        CURLcode code = curl_easy_send(client->curl, bytes.p, bytes.n, &n);
        if (code == CURLE_OK)
            bytes = (struct str){bytes.p + n, bytes.n - n};
        else if (code != CURLE_AGAIN || !wait_socket(client, POLLOUT, deadline))
            client->gone = true;
    }
    return !client->gone;
}

// More bytes into `in`: 1, 0 when there are none now, -1 at the end of the connection.
static int read_more(struct ws_client *client)
{
    size_t n = 0;
    if (!buf_reserve(&client->in, READ))
        return -1;
    CURLcode code = curl_easy_recv(client->curl, client->in.p + client->in.n, READ, &n);
    if (code == CURLE_AGAIN)
        return 0;
    if (code != CURLE_OK || n == 0)
        return -1;
    client->in.n += n;
    client->in.p[client->in.n] = 0;
    client->heard = clock_mono_ms();
    return 1;
}

static struct str field_of(struct str head, struct str name)
{
    while (head.p) {
        struct str line = str_split(&head, '\n'), value = line;
        if (str_eq_nocase(str_trim(str_split(&value, ':')), name) && value.p)
            return str_trim(value);
    }
    return STR_NULL;
}

// What a refusing body says: {"detail": "…"}, {"error": "…"} or {"message": "…"}.
static int refused(struct str body, int status, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *root = NULL;
    struct str text = STR_NULL;
    if (json_parse(arena, body, 0, &root, NULL) == 0) {
        static const char *const names[] = {"detail", "error", "message"};
        for (size_t i = 0; i < 3 && !text.p; i++)
            text = json_get_str(root, names[i]);
    }
    return err_set(err, ERR_DENIED, "HTTP %d%s" STR_FMT, status, text.n ? ": " : "", STR_ARG(text));
}

static int check_head(struct ws_client *client, struct str head, struct str key, int *ret_status, struct err *err)
{
    char accept[29];
    int64_t status = 0;
    struct str first = head, version = str_split(&first, ' '), code = str_split(&first, ' ');
    if (!str_starts(version, STR("HTTP/1.")) ||
        !str_to_int((struct str){code.p, code.n < 3 ? code.n : 3}, 100, 599, &status))
        return err_set(err, ERR_FORMAT, "the server does not speak HTTP");
    if (status != 101) {
        *ret_status = (int)status;
        return refused(buf_str(&client->in), (int)status, err);
    }
    if (!ws_accept_key(key, accept) || !str_eq(field_of(head, STR("Sec-WebSocket-Accept")), str_from(accept)) ||
        !str_eq_nocase(field_of(head, STR("Upgrade")), STR("websocket")) ||
        field_of(head, STR("Sec-WebSocket-Extensions")).n)
        return err_set(err, ERR_FORMAT, "the server does not speak WebSocket");
    return 0;
}

// Reads the head of the reply; for a refusal also as much of its body as comes.
static int read_reply(struct ws_client *client, struct str key, int64_t deadline, int *ret_status, struct err *err)
{
    ptrdiff_t end = -1;
    for (;;) {
        int got = read_more(client);
        end = end >= 0 ? end : str_find(buf_str(&client->in), STR("\r\n\r\n"));
        struct str head = {client->in.p, end >= 0 ? (size_t)end : 0};
        int64_t length = 0;
        bool upgraded = end >= 0 && str_starts(head, STR("HTTP/1.1 101"));
        (void)str_to_int(field_of(head, STR("Content-Length")), 0, LARGEST_REFUSAL, &length);
        bool whole = end >= 0 && (upgraded || client->in.n - (size_t)end - 4 >= (size_t)length);
        if (whole || (end >= 0 && got < 0)) {
            AUTO_ARENA struct arena *arena = arena_new(0);
            head = arena_str(arena, head);
            buf_consume(&client->in, (size_t)end + 4);
            return check_head(client, head, key, ret_status, err);
        }
        if (got < 0 || client->in.n > LARGEST_HEAD + LARGEST_REFUSAL)
            return err_set(err, ERR_IO, "the server closed the connection");
        if (got == 0 && !wait_socket(client, POLLIN, deadline))
            return err_set(err, ERR_TIMEOUT, "the server does not answer");
    }
}

static int shake_hands(struct ws_client *client, const struct ws_target *target, const char *path, int64_t deadline,
                       int *ret_status, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    char nonce[16];
    crypto_random(nonce, sizeof nonce);
    struct str key = crypto_base64(arena, (struct str){nonce, sizeof nonce});
    const char *credential = strncmp(target->key, "sk_", 3) == 0 ? "X-API-Key: " : "Authorization: Bearer ";
    struct str request = arena_strf(arena,
                                    "GET %s%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s%s%s\r\n",
                                    target->path, path, target->authority, key.p, *target->key ? credential : "",
                                    target->key, *target->key ? "\r\n" : "");
    if (!send_all(client, request))
        return err_set(err, ERR_IO, "the server closed the connection");
    return read_reply(client, key, deadline, ret_status, err);
}

int ws_client_open(const struct ws_target *target, const char *path, int64_t deadline, struct ws_client **ret,
                   int *ret_status, struct err *err)
{
    *ret_status = 0;
    struct ws_client *client = mem_zalloc(sizeof *client);
    client->in = BUF_INIT(LARGEST_MESSAGE + 2 * READ);
    client->message = BUF_INIT(LARGEST_MESSAGE);
    client->out = BUF_INIT(LARGEST_MESSAGE);
    client->heard = clock_mono_ms();
    client->gone = true;
    client->curl = curl_for(target, path, err);
    int rc = client->curl ? 0 : ERR_IO;
    if (!rc) {
        char detail[CURL_ERROR_SIZE] = "";
        int64_t left = deadline - clock_mono_ms();
        curl_socket_t fd = CURL_SOCKET_BAD;
        curl_easy_setopt(client->curl, CURLOPT_CONNECT_ONLY, 1L);
        curl_easy_setopt(client->curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
        curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(left > 1 ? left : 1));
        curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, detail);
        CURLcode code = curl_easy_perform(client->curl);
        if (code == CURLE_OK)
            code = curl_easy_getinfo(client->curl, CURLINFO_ACTIVESOCKET, &fd);
        client->fd = fd;
        client->gone = code != CURLE_OK;
        rc = code == CURLE_OK ? shake_hands(client, target, path, deadline, ret_status, err)
                              : curl_fault(code, target, detail, err);
        curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    }
    if (rc)
        ws_client_free(client, 0);
    else
        *ret = client;
    return rc;
}

static bool send_frame(struct ws_client *client, unsigned opcode, struct str payload)
{
    uint8_t head[WS_HEAD_MAX], mask[4];
    size_t n = ws_frame_head(head, opcode, payload.n);
    head[1] |= 0x80;
    crypto_random(mask, sizeof mask);
    buf_clear(&client->out);
    if (!buf_add(&client->out, head, n) || !buf_add(&client->out, mask, sizeof mask) ||
        !buf_adds(&client->out, payload))
        return false;
    char *bytes = client->out.p + n + sizeof mask;
    for (size_t i = 0; i < payload.n; i++)
        bytes[i] = (char)(bytes[i] ^ mask[i & 3]);
    return send_all(client, buf_str(&client->out));
}

bool ws_client_send(struct ws_client *client, struct str text)
{
    return send_frame(client, WS_OPCODE_TEXT, text);
}

static void send_close(struct ws_client *client, int code)
{
    char bytes[2] = {(char)(code >> 8), (char)code};
    if (!client->gone)
        (void)send_frame(client, WS_OPCODE_CLOSE, (struct str){bytes, ws_close_code_valid((unsigned)code) ? 2 : 0});
    client->gone = true;
}

void ws_client_free(struct ws_client *client, uint16_t code)
{
    if (!client)
        return;
    if (code)
        send_close(client, code);
    curl_easy_cleanup(client->curl);
    buf_done(&client->in);
    buf_done(&client->message);
    buf_done(&client->out);
    free(client);
}

int64_t ws_client_heard(const struct ws_client *client)
{
    return client->heard;
}

struct frame {
    bool fin;
    unsigned opcode;
    struct str payload;
    size_t size; // with its head
};

// The frame at the front of `in`: 1 when it is whole, 0 when bytes are missing, else the close code to fail with.
static int parse_frame(const struct ws_client *client, struct frame *ret)
{
    const uint8_t *p = (const uint8_t *)client->in.p + client->used;
    size_t have = client->in.n - client->used;
    if (have < 2)
        return 0;
    unsigned opcode = p[0] & 0x0f;
    uint64_t n = p[1] & 0x7f;
    size_t wide = n == 126 ? 2 : n == 127 ? 8 : 0;
    bool known = opcode <= WS_OPCODE_BINARY || (opcode >= WS_OPCODE_CLOSE && opcode <= WS_OPCODE_PONG);
    if ((p[0] & 0x70) || (p[1] & 0x80) || !known || ((opcode & 8) && (!(p[0] & 0x80) || n > WS_CONTROL_MAX)))
        return 1002;
    if (have < 2 + wide)
        return 0;
    if (wide)
        n = 0;
    for (size_t i = 0; i < wide; i++)
        n = n << 8 | p[2 + i];
    if (n > LARGEST_MESSAGE)
        return 1009;
    if (have - 2 - wide < n)
        return 0;
    *ret = (struct frame){p[0] & 0x80, opcode, {(const char *)p + 2 + wide, (size_t)n}, 2 + wide + (size_t)n};
    return 1;
}

// A data frame: 1 when *ret_text is a whole message, 0 to go on, else the close code to fail with.
static int take_data(struct ws_client *client, const struct frame *frame, struct str *ret_text)
{
    if ((frame->opcode == WS_OPCODE_CONTINUATION) != client->fragments)
        return 1002;
    if (!client->fragments) {
        client->binary = frame->opcode == WS_OPCODE_BINARY;
        buf_clear(&client->message);
    }
    if (!(frame->fin && !client->fragments) && !buf_adds(&client->message, frame->payload))
        return 1009;
    *ret_text = client->fragments ? buf_str(&client->message) : frame->payload;
    client->fragments = !frame->fin;
    if (!frame->fin || client->binary)
        return 0;
    return utf8_valid(*ret_text) ? 1 : 1007;
}

static int close_code_of(struct str payload)
{
    int code = payload.n >= 2 ? (uint8_t)payload.p[0] << 8 | (uint8_t)payload.p[1] : 1005;
    return payload.n >= 2 && !ws_close_code_valid((unsigned)code) ? 1002 : code;
}

// Frames that have come: 1 with a message, 0 when more bytes are needed, else the code that the connection ends with.
static int take_frames(struct ws_client *client, struct str *ret_text)
{
    for (;;) {
        struct frame frame;
        int rc = parse_frame(client, &frame);
        if (rc == 0) {
            buf_consume(&client->in, client->used);
            client->used = 0;
            return 0;
        }
        if (rc != 1) {
            send_close(client, rc);
            return rc;
        }
        client->used += frame.size;
        if (frame.opcode == WS_OPCODE_PING) {
            (void)send_frame(client, WS_OPCODE_PONG, frame.payload);
        } else if (frame.opcode == WS_OPCODE_CLOSE) {
            int code = close_code_of(frame.payload);
            send_close(client, code);
            return code;
        } else if (frame.opcode != WS_OPCODE_PONG) {
            rc = take_data(client, &frame, ret_text);
            if (rc > 1)
                send_close(client, rc);
            if (rc)
                return rc;
        }
    }
}

enum ws_got ws_client_receive(struct ws_client *client, int input, int64_t deadline, struct str *ret_text,
                              int *ret_code)
{
    for (;;) {
        int rc = take_frames(client, ret_text);
        if (rc == 1)
            return WS_GOT_TEXT;
        int64_t left = deadline - clock_mono_ms();
        if (rc == 0 && (rc = read_more(client)) > 0) {
            if (left <= 0)
                return WS_GOT_TIMEOUT; // it talks without saying anything
            continue;
        }
        if (rc) {
            *ret_code = rc < 0 ? 1006 : rc;
            client->gone = true;
            return WS_GOT_CLOSED;
        }
        struct pollfd fds[2] = {{client->fd, POLLIN, 0}, {input, POLLIN, 0}};
        if (left <= 0)
            return WS_GOT_TIMEOUT;
        if (poll(fds, 2, (int)(left > 60000 ? 60000 : left)) > 0 && fds[1].revents && !fds[0].revents)
            return WS_GOT_INPUT;
    }
}

static int bad_target(struct err *err, const char *url)
{
    return err_set(err, ERR_INVALID, "--url must be ws://host[:port] (or wss, http, https), not '%.80s'", url);
}

static int parse_parts(CURLU *parts, struct ws_target *ret)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *user = NULL, *query = NULL;
    bool ok = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_USER, &user, 0) != CURLUE_OK &&
              curl_url_get(parts, CURLUPART_QUERY, &query, 0) != CURLUE_OK;
    (void)curl_url_get(parts, CURLUPART_PORT, &port, 0);
    if (ok) {
        size_t n = strlen(path);
        while (n && path[n - 1] == '/')
            path[--n] = 0;
        ret->secure = strcmp(scheme, "wss") == 0 || strcmp(scheme, "https") == 0;
        ok = strlen(host) < sizeof ret->host && n < sizeof ret->path;
        (void)snprintf(ret->host, sizeof ret->host, "%s", host);
        (void)snprintf(ret->authority, sizeof ret->authority, "%s%s%s", host, port ? ":" : "", port ? port : "");
        (void)snprintf(ret->path, sizeof ret->path, "%s", path);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(user);
    curl_free(query);
    return ok ? 0 : ERR_INVALID;
}

int ws_target_parse(const char *url, const char *key, struct ws_target *ret, struct err *err)
{
    static const struct str schemes[] = {STR("ws://"), STR("wss://"), STR("http://"), STR("https://")};
    bool known = false;
    *ret = (struct ws_target){0};
    for (size_t i = 0; i < 4; i++)
        known |= str_starts(str_from(url), schemes[i]);
    if (!known)
        return bad_target(err, url);
    CURLU *parts = curl_url();
    bool bad = !parts || curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
               parse_parts(parts, ret) != 0;
    curl_url_cleanup(parts);
    if (bad)
        return bad_target(err, url);
    size_t n = key ? strlen(key) : 0;
    for (size_t i = 0; i < n; i++)
        bad |= key[i] <= ' ' || key[i] > '~';
    if (bad || n >= sizeof ret->key || (key && n == 0))
        return err_set(err, ERR_INVALID, "--api-key must be 1..%zu visible ASCII characters", sizeof ret->key - 1);
    memcpy(ret->key, key ? key : "", n);
    return 0;
}
