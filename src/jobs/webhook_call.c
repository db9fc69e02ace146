// SPDX-License-Identifier: Apache-2.0
#include "jobs/webhook_call.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"

#include <stdio.h>

enum { LONGEST_WAIT_MS = 86400000 };

// ---- signatures ----------------------------------------------------------------------------------------------------

static int open_text(const struct crypto_keys *keys, struct arena *arena, struct str id, struct str sealed,
                     struct str *ret)
{
    struct str bytes;
    int rc = crypto_base64_decode(arena, sealed, &bytes);
    return rc ? rc : crypto_open(keys, arena, id, bytes, ret);
}

static const char *standard_signature(struct arena *arena, struct str secret, const char *message_id, int64_t seconds,
                                      struct str body)
{
    uint8_t mac[CRYPTO_SHA256];
    struct str text = arena_strf(arena, "%s.%lld." STR_FMT, message_id, (long long)seconds, STR_ARG(body));
    crypto_hmac_sha256(webhook_key(arena, secret), text, mac);
    return arena_printf(arena, "v1,%s", crypto_base64(arena, (struct str){(const char *)mac, sizeof mac}).p);
}

static const char *legacy_signature(struct arena *arena, struct str secret, struct str body)
{
    uint8_t mac[CRYPTO_SHA256];
    char *hex = arena_alloc(arena, 7 + 2 * sizeof mac + 1);
    crypto_hmac_sha256(secret, body, mac);
    memcpy(hex, "sha256=", 7);
    for (size_t i = 0; i < sizeof mac; i++)
        (void)snprintf(hex + 7 + 2 * i, 3, "%02x", mac[i]);
    return hex;
}

// ---- the request ---------------------------------------------------------------------------------------------------

static void add_field(struct webhook_call *call, struct arena *arena, const char *name, struct str value)
{
    // libcurl drops a field without value unless it is written so.
    const char *line =
        value.n ? arena_printf(arena, "%s: " STR_FMT, name, STR_ARG(value)) : arena_printf(arena, "%s;", name);
    struct curl_slist *list = curl_slist_append(call->fields, line);
    call->fields = list ? list : call->fields;
}

static int add_own_fields(struct webhook_call *call, struct arena *arena, const struct crypto_keys *keys,
                          const struct webhook *webhook)
{
    struct str text;
    yyjson_val *fields = NULL, *key, *value;
    size_t i, max;
    if (!webhook->header_values.n)
        return 0;
    int rc = open_text(keys, arena, webhook->id, webhook->header_values, &text);
    rc = rc ? rc : json_parse(arena, text, 0, &fields, NULL);
    if (rc)
        return rc;
    yyjson_obj_foreach(fields, i, max, key, value) add_field(call, arena, yyjson_get_str(key), json_str(value));
    return 0;
}

static int add_signatures(struct webhook_call *call, struct arena *arena, const struct crypto_keys *keys,
                          const struct webhook *webhook, const struct event *event)
{
    struct str secret, old;
    int64_t seconds = call->started_wall / 1000;
    const char *message_id = webhook_message_id(arena, event->id).p;
    int rc = open_text(keys, arena, webhook->id, webhook->sealed_secret, &secret);
    if (rc)
        return rc;
    const char *signatures = standard_signature(arena, secret, message_id, seconds, call->body);
    if (webhook->old_secret.n && webhook->old_secret_until > call->started_wall &&
        open_text(keys, arena, webhook->id, webhook->old_secret, &old) == 0)
        signatures =
            arena_printf(arena, "%s %s", signatures, standard_signature(arena, old, message_id, seconds, call->body));
    add_field(call, arena, "X-Chatbots-Event", event->name);
    add_field(call, arena, "X-Chatbots-Delivery", str_from(call->attempt_id));
    add_field(call, arena, "X-Chatbots-Signature", str_from(legacy_signature(arena, secret, call->body)));
    add_field(call, arena, "webhook-id", str_from(message_id));
    add_field(call, arena, "webhook-timestamp", arena_strf(arena, "%lld", (long long)seconds));
    add_field(call, arena, "webhook-signature", str_from(signatures));
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct webhook_call *call = arg;
    size_t left = sizeof call->excerpt - call->n, take = size * n < left ? size * n : left;
    memcpy(call->excerpt + call->n, bytes, take);
    call->n += take;
    return call->n < sizeof call->excerpt ? size * n : 0; // no more is read: the status has been received
}

int webhook_call_init(struct webhook_call *call, CURL *easy, struct arena *arena, const struct crypto_keys *keys,
                      const struct webhook *webhook, struct str brand, const struct event *event, int timeout_ms,
                      struct err *err)
{
    *call = (struct webhook_call){.easy = easy, .started_wall = clock_wall_ms(), .started_mono = clock_mono_ms()};
    call->body = webhook_payload(arena, brand, event);
    id_v4(call->attempt_id);
    add_field(call, arena, "Content-Type", STR("application/json"));
    int rc = add_own_fields(call, arena, keys, webhook);
    rc = rc ? rc : add_signatures(call, arena, keys, webhook, event);
    if (rc)
        return err_set(err, ERR_FORMAT, "the secrets of webhook " STR_FMT " cannot be opened", STR_ARG(webhook->id));
    struct curl_slist *list = curl_slist_append(call->fields, "Expect:");
    call->fields = list ? list : call->fields;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.p);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Parley-Webhooks/1");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->fields);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
    // One attempt is one request: on a kept connection that turns out dead, libcurl would send it again by itself.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return 0;
}

void webhook_call_done(struct webhook_call *call)
{
    curl_slist_free_all(call->fields);
    call->fields = NULL;
}

// ---- what came of it -----------------------------------------------------------------------------------------------

// Why the certificate did not hold. `verified`: what OpenSSL found in the chain (X509_V_ERR_*), else what libcurl
// begins with (unspecified): then the name was another one.
static const char *certificate_error(long verified)
{
    enum { FINE = 0, UNSPECIFIED = 1, NOT_YET_VALID = 9, EXPIRED = 10, OTHER_NAME = 62 };
    switch (verified) {
    case FINE:
    case UNSPECIFIED:
    case OTHER_NAME:
        return "certificate_wrong_host";
    case NOT_YET_VALID:
    case EXPIRED:
        return "certificate_expired";
    default:
        return "certificate_untrusted";
    }
}

static const char *error_of(CURL *easy, CURLcode code)
{
    long verified = 0;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return "timeout";
    case CURLE_COULDNT_CONNECT:
        return "connection_failed";
    case CURLE_PEER_FAILED_VERIFICATION:
        curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
        return certificate_error(verified);
    case CURLE_SSL_CACERT_BADFILE: // outbound.ca_file
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
        return "tls_failed";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return "connection_lost";
    default:
        return "invalid_answer";
    }
}

static void set_attempt(const struct webhook_call *call, struct arena *arena, struct attempt *ret)
{
    *ret = (struct attempt){.set = UINT64_C(1) | 1 << 1 | 1 << 3,
                            .id = arena_str(arena, str_from(call->attempt_id)),
                            .at = call->started_wall,
                            .duration = clock_mono_ms() - call->started_mono};
}

bool webhook_succeeded(const struct attempt *attempt)
{
    return attempt->status_code >= 200 && attempt->status_code < 300;
}

static void set_error(struct attempt *attempt, struct str error)
{
    attempt->error = error;
    attempt->set |= 1 << 4;
}

// Any bytes become a text that can be stored and shown.
static struct str excerpt_text(struct arena *arena, const char *bytes, size_t n)
{
    struct buf out = BUF_INIT(WEBHOOK_EXCERPT * 3 + 1);
    size_t whole = utf8_whole((struct str){bytes, n});
    for (size_t pos = 0; pos < whole;) {
        uint32_t rune = utf8_next((struct str){bytes, whole}, &pos);
        buf_add_rune(&out, rune < 32 && rune != '\n' && rune != '\t' ? ' ' : rune);
    }
    struct str text = buf_str(&out);
    if (text.n > WEBHOOK_EXCERPT)
        text.n = utf8_whole((struct str){text.p, WEBHOOK_EXCERPT});
    text = arena_str(arena, text);
    buf_done(&out);
    return text;
}

void webhook_call_result(const struct webhook_call *call, CURLcode code, struct arena *arena, struct attempt *ret,
                         int64_t *ret_retry_after)
{
    long status = 0;
    curl_off_t after = 0;
    set_attempt(call, arena, ret);
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &after);
    *ret_retry_after = status == 429 || (status >= 502 && status <= 504) ? (int64_t)after : 0;
    if (status >= 200 && status <= 999) {
        ret->status_code = status;
        ret->excerpt = excerpt_text(arena, call->excerpt, call->n);
        ret->set |= 1 << 2 | 1 << 5;
    }
    if (!ret->status_code)
        set_error(ret, str_from(error_of(call->easy, code)));
    else if (!webhook_succeeded(ret))
        set_error(ret, arena_strf(arena, "http_%ld", status));
}

void webhook_call_failed(const struct webhook_call *call, const char *error, struct arena *arena, struct attempt *ret)
{
    set_attempt(call, arena, ret);
    set_error(ret, arena_str(arena, str_from(error)));
}

// ---- the schedule --------------------------------------------------------------------------------------------------

bool webhook_wait_parse(struct str text, int64_t *ret_ms)
{
    static const struct {
        char suffix;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}};
    struct str digits = str_trim(text);
    int64_t unit = 1000, n;
    for (size_t i = 0; i < sizeof units / sizeof *units && digits.n; i++)
        if (digits.p[digits.n - 1] == units[i].suffix) {
            unit = units[i].ms;
            digits.n--;
            break;
        }
    if (!str_to_int(digits, 0, LONGEST_WAIT_MS / unit, &n))
        return false;
    *ret_ms = n * unit;
    return true;
}

int64_t webhook_wait(const struct settings *settings, const struct webhook *webhook, int64_t tries)
{
    size_t n;
    int64_t ms = 0;
    if (model_has(&webhook_model, webhook, "retryConfig")) {
        const struct retry_config *retry = &webhook->retry_config;
        if (tries > retry->max_retries)
            return -1;
        ms = retry->retry_interval << (tries - 1 < 20 ? tries - 1 : 20);
        return ms < LONGEST_WAIT_MS ? ms : LONGEST_WAIT_MS;
    }
    const struct str *waits = settings_list(settings, SET_WEBHOOK_SCHEDULE, &n);
    if (tries < 1 || (size_t)tries > n || !webhook_wait_parse(waits[tries - 1], &ms))
        return -1;
    return ms;
}

int64_t webhook_jitter(int64_t ms, uint32_t random)
{
    return ms + ms * ((int64_t)(random % 2001) - 1000) / 10000;
}
