// SPDX-License-Identifier: Apache-2.0
// libcurl tells which sockets to watch and when to wake it; libuv does both. One uv_poll_t a socket, one timer in all,
// which is only moved when it would come too late: libcurl names a time at every chunk.
#include "llm/client.h"

#include <strings.h>

struct watched {
    uv_poll_t poll;
    struct llm *llm;
    curl_socket_t fd;
};

#define MAX_SPARE 64
#define BUFFER 4096L // a waiting call keeps it
// Where a read does not fit into the buffer, libcurl 7.88 forgets the rest of it until the next byte comes; it reads at
// most 32 KiB of HTTP/2 at once.
#define HTTP2_BUFFER 40960L
#define GET_TIMEOUT_MS 5000L
#define MAX_IDLE 16 // connections kept for each provider

static void collect(struct llm *llm)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(llm->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; // `message` dies with the next call
        struct transfer *transfer;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        curl_multi_remove_handle(llm->multi, transfer->easy);
        transfer->over = true;
        transfer->ops->done(transfer->arg, code);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watched *watched = poll->data;
    struct llm *llm = watched->llm;
    int flags = 0, running;
    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(llm->multi, watched->fd, flags, &running);
    collect(llm);
}

static void on_watched_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
    (void)easy;
    struct llm *llm = arg;
    struct watched *watched = mine;
    if (what == CURL_POLL_REMOVE) {
        if (watched) {
            uv_poll_stop(&watched->poll);
            uv_close((uv_handle_t *)&watched->poll, on_watched_closed);
            curl_multi_assign(llm->multi, fd, NULL);
        }
        return 0;
    }
    if (!watched) {
        watched = mem_zalloc(sizeof *watched);
        watched->llm = llm;
        watched->fd = fd;
        if (uv_poll_init_socket(&llm->loop, &watched->poll, fd) != 0) {
            free(watched);
            return -1;
        }
        watched->poll.data = watched;
        curl_multi_assign(llm->multi, fd, watched);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watched->poll, events, on_poll);
    return 0;
}

static void on_timeout(uv_timer_t *timer)
{
    struct llm *llm = timer->data;
    int running;
    llm->curl_at = INT64_MAX;
    curl_multi_socket_action(llm->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(llm);
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct llm *llm = arg;
    int64_t at = ms < 0 ? INT64_MAX : now_ms(llm) + ms;
    if (at >= llm->curl_at)
        return 0; // a timer that is too early finds nothing, and is told anew
    llm->curl_at = at;
    uv_update_time(&llm->loop);
    uv_timer_start(&llm->curl_timer, on_timeout, (uint64_t)ms, 0);
    return 0;
}

// libcurl bounds used and idle connections together, so the bound follows the number of transfers.
static void bound_idle(struct llm *llm)
{
    size_t peers = map_count(llm->peers);
    curl_multi_setopt(llm->multi, CURLMOPT_MAXCONNECTS, (long)(llm->transfers + MAX_IDLE * (peers > 1 ? peers : 1)));
}

int transfer_setup(struct llm *llm)
{
    llm->multi = curl_multi_init();
    if (!llm->multi)
        return ERR_IO;
    uv_timer_init(&llm->loop, &llm->curl_timer);
    llm->curl_at = INT64_MAX;
    llm->curl_timer.data = llm;
    curl_multi_setopt(llm->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(llm->multi, CURLMOPT_SOCKETDATA, llm);
    curl_multi_setopt(llm->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(llm->multi, CURLMOPT_TIMERDATA, llm);
    // Streams that share an HTTP/2 connection stall and crash in libcurl 7.88 when one of them is not read, so each
    // call has a connection of its own.
    curl_multi_setopt(llm->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return 0;
}

void transfer_teardown(struct llm *llm)
{
    for (size_t i = 0; i < llm->spare.n; i++)
        curl_easy_cleanup(llm->spare.at[i]);
    vec_done(&llm->spare);
    curl_multi_cleanup(llm->multi);
    uv_close((uv_handle_t *)&llm->curl_timer, NULL);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *transfer = arg;
    switch (transfer->ops->body(transfer->arg, (struct str){bytes, size * n})) {
    case BODY_PAUSE:
        return CURL_WRITEFUNC_PAUSE;
    case BODY_STOP:
        return 0;
    default:
        return size * n;
    }
}

static bool take(struct str line, const char *name, char *out, size_t room)
{
    size_t n = strlen(name);
    if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
        return false;
    struct str value = str_trim((struct str){line.p + n + 1, line.n - n - 1});
    if (value.n >= room)
        value.n = room - 1;
    memcpy(out, value.p, value.n);
    out[value.n] = '\0';
    return true;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *transfer = arg;
    struct str line = str_trim((struct str){bytes, size * n});
    transfer->answered = true;
    if (str_starts(line, STR("HTTP/"))) { // also after 100 and after a proxy's CONNECT: the last one counts
        transfer->content_type[0] = transfer->retry_after[0] = transfer->should_retry[0] = '\0';
        transfer->retry_after_ms[0] = '\0';
        const char *space = memchr(line.p, ' ', line.n);
        int64_t status = 0;
        if (space && line.p + line.n - space >= 4)
            str_to_int((struct str){space + 1, 3}, 100, 599, &status);
        transfer->status = (int)status;
        return size * n;
    }
    if (!take(line, "content-type", transfer->content_type, sizeof transfer->content_type) &&
        !take(line, "retry-after-ms", transfer->retry_after_ms, sizeof transfer->retry_after_ms) &&
        !take(line, "retry-after", transfer->retry_after, sizeof transfer->retry_after))
        take(line, "x-should-retry", transfer->should_retry, sizeof transfer->should_retry);
    return size * n;
}

static void add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *list = curl_slist_append(transfer->headers, line);
    if (list)
        transfer->headers = list;
}

static void add_headers(struct transfer *transfer, const struct llm_provider *provider, const char *what,
                        const char *accept)
{
    struct arena *arena = transfer->arena;
    bool own = provider->embedding_key && provider->embedding_key[0] && strcmp(what, "embeddings") == 0;
    const char *key = own ? provider->embedding_key : provider->api_key;
    add_header(transfer, "Content-Type: application/json");
    add_header(transfer, arena_printf(arena, "Accept: %s", accept));
    add_header(transfer, "Expect:");
    if (key && key[0]) {
        const char *name =
            provider->key_header ? provider->key_header : llm_kind_find(str_from(provider->kind))->key_header;
        bool bearer = strcasecmp(name, "authorization") == 0;
        add_header(transfer, arena_printf(arena, "%s: %s%s", name, bearer ? "Bearer " : "", key));
    }
    for (size_t i = 0; i < provider->n_extra_headers; i++) {
        const struct llm_pair *pair = &provider->extra_headers[i];
        // An empty value needs libcurl's own form, or the header would be left out.
        add_header(transfer, arena_printf(arena, pair->value[0] ? "%s: %s" : "%s;%s", pair->name, pair->value));
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_connection(CURL *easy, const struct llm *llm, const struct llm_provider *provider, const char *url)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, 250L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 60L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 55L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)provider_time(provider, 'c'));
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(provider->no_http2 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, provider->tls_no_verify ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, provider->tls_no_verify ? 0L : 2L);
    if (provider->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, provider->ca_file);
    if (provider->client_cert)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, provider->client_cert);
    if (provider->client_key)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, provider->client_key);
    if (provider->proxy) { // said for this provider: no list of exceptions applies
        curl_easy_setopt(easy, CURLOPT_PROXY, provider->proxy);
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    } else if (llm->http_proxy && strncasecmp(url, "http:", 5) == 0) {
        curl_easy_setopt(easy, CURLOPT_PROXY, llm->http_proxy);
    }
}

// A path beside the base's: {scheme}://{authority}{path}.
static const char *at_origin(struct arena *arena, const struct llm_provider *provider, const char *path)
{
    const char *host = strstr(provider->base_url, "://") + 3;
    size_t n = (size_t)(host - provider->base_url) + strcspn(host, "/");
    return arena_printf(arena, STR_FMT "%s", STR_ARG(((struct str){provider->base_url, n})), path);
}

struct transfer *transfer_new(struct llm *llm, const struct llm_provider *provider, const char *what, const char *model,
                              struct buf *body, const char *accept, const struct transfer_ops *ops, void *arg)
{
    struct arena *arena = arena_new(512);
    struct transfer *transfer = ARENA_NEW(arena, struct transfer);
    *transfer = (struct transfer){.llm = llm, .arena = arena, .ops = ops, .arg = arg};
    if (body) {
        transfer->body = *body;
        *body = BUF_INIT(body->max);
    }
    CURL *easy = llm->spare.n > 0 ? llm->spare.at[--llm->spare.n] : curl_easy_init();
    if (!easy)
        abort(); // out of memory, as in base/mem
    transfer->easy = easy;
    const char *url = what[0] == '/' ? at_origin(arena, provider, what) : llm_url(arena, provider, what, model);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    if (body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.p);
    } else {
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, GET_TIMEOUT_MS);
    }
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Parley/" PARLEY_VERSION);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity"); // sends that, and still decodes what comes
    bool may_http2 = !provider->no_http2 && strncasecmp(url, "https:", 6) == 0;
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, may_http2 ? HTTP2_BUFFER : BUFFER);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    add_headers(transfer, provider, what, accept);
    set_connection(easy, llm, provider, url);
    llm->transfers++;
    bound_idle(llm);
    curl_multi_add_handle(llm->multi, easy);
    return transfer;
}

void transfer_free(struct transfer *transfer)
{
    if (!transfer)
        return;
    struct llm *llm = transfer->llm;
    // libcurl keeps the reset of an HTTP/2 stream to itself until the connection is used again: it is closed instead.
    if (!transfer->over)
        curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
    curl_multi_remove_handle(llm->multi, transfer->easy);
    llm->transfers--;
    bound_idle(llm);
    if (llm->spare.n < MAX_SPARE) {
        curl_easy_reset(transfer->easy);
        vec_push(&llm->spare, transfer->easy);
    } else {
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    buf_done(&transfer->body);
    arena_free(transfer->arena);
}

bool transfer_reused(const struct transfer *transfer)
{
    long made = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &made);
    return made == 0;
}

void transfer_resume(struct transfer *transfer)
{
    curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

enum fault transfer_fault(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return FAULT_NONE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return FAULT_CERTIFICATE;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return FAULT_BAD_REQUEST;
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
        return FAULT_BROKEN;
    default:
        return FAULT_NETWORK;
    }
}
