// SPDX-License-Identifier: Apache-2.0
// The public side: what other threads may call, the inbox between them and the loop, and the provider rows.
#include "llm/client.h"

#include "base/crypto.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int64_t now_ms(struct llm *llm)
{
    (void)llm;
    return (int64_t)(uv_hrtime() / 1000000);
}

// ---- inbox

void llm_post(struct llm *llm, struct job *job, unsigned signal)
{
    pthread_mutex_lock(&llm->lock);
    job->signals |= signal;
    if (!job->queued) {
        job->queued = true;
        job->next = NULL;
        *llm->inbox_end = job;
        llm->inbox_end = &job->next;
    }
    uv_async_send(&llm->wake);
    pthread_mutex_unlock(&llm->lock);
}

void llm_forget(struct llm *llm, struct job *job)
{
    pthread_mutex_lock(&llm->lock);
    if (job->queued) {
        struct job **at = &llm->inbox;
        while (*at != job)
            at = &(*at)->next;
        *at = job->next;
        if (llm->inbox_end == &job->next)
            llm->inbox_end = at;
        job->queued = false;
    }
    pthread_mutex_unlock(&llm->lock);
}

static void take_inbox(struct llm *llm)
{
    for (;;) {
        pthread_mutex_lock(&llm->lock);
        struct job *job = llm->inbox;
        unsigned signals = 0;
        if (job) {
            llm->inbox = job->next;
            if (!llm->inbox)
                llm->inbox_end = &llm->inbox;
            job->queued = false;
            signals = job->signals;
            job->signals = 0;
        }
        pthread_mutex_unlock(&llm->lock);
        if (!job)
            return;
        job->run(job, signals);
    }
}

static void cancel_all(struct llm *llm)
{
    llm->ending = true;
    while (llm->calls)
        call_signal(&llm->calls->job, SIGNAL_CANCEL);
    questions_cancel(llm);
    embeds_cancel(llm);
    probes_cancel(llm);
}

static void on_quit(struct job *job, unsigned signals)
{
    (void)signals;
    cancel_all((struct llm *)(void *)((char *)job - offsetof(struct llm, quit)));
}

void llm_quit(struct llm *llm)
{
    llm_post(llm, &llm->quit, SIGNAL_START);
}

static void on_wake(uv_async_t *wake)
{
    struct llm *llm = wake->data;
    pthread_mutex_lock(&llm->lock);
    bool changed = llm->set_changed, stopping = llm->stopping;
    llm->set_changed = false;
    pthread_mutex_unlock(&llm->lock);
    if (changed) {
        struct provider_set *set = set_ref(llm);
        lanes_new_set(llm, set);
        set_unref(llm, set);
    }
    take_inbox(llm);
    if (!stopping || uv_is_closing((uv_handle_t *)&llm->wake))
        return;
    cancel_all(llm);
    take_inbox(llm); // what their ends have asked for ends at once
    transfer_teardown(llm);
    uv_close((uv_handle_t *)&llm->wake, NULL);
    uv_close((uv_handle_t *)&llm->pause, NULL);
    uv_close((uv_handle_t *)&llm->gather, NULL);
}

static void on_pause(uv_prepare_t *pause)
{
    struct llm *llm = pause->data;
    pthread_mutex_lock(&llm->pause_lock);
    if (llm->on_pause)
        llm->on_pause(llm->on_pause_arg);
    pthread_mutex_unlock(&llm->pause_lock);
}

void llm_on_pause(struct llm *llm, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&llm->pause_lock);
    llm->on_pause = fn;
    llm->on_pause_arg = arg;
    pthread_mutex_unlock(&llm->pause_lock);
}

// ---- provider rows

static const char *copy(struct arena *arena, const char *text)
{
    return text ? arena_cstr(arena, str_from(text)) : NULL;
}

static const struct llm_pair *copy_pairs(struct arena *arena, const struct llm_pair *pairs, size_t n)
{
    struct llm_pair *out = arena_calloc(arena, n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct llm_pair){copy(arena, pairs[i].name), copy(arena, pairs[i].value)};
    return out;
}

static void copy_provider(struct arena *arena, const struct llm_provider *from, struct llm_provider *to)
{
    *to = *from;
    to->kind = copy(arena, from->kind);
    to->base_url = copy(arena, from->base_url);
    to->api_key = copy(arena, from->api_key);
    to->key_header = copy(arena, from->key_header);
    to->api_version = copy(arena, from->api_version);
    to->models = copy_pairs(arena, from->models, from->n_models);
    to->embedding_model = copy(arena, from->embedding_model);
    to->query_prefix = copy(arena, from->query_prefix);
    to->passage_prefix = copy(arena, from->passage_prefix);
    to->extra_headers = copy_pairs(arena, from->extra_headers, from->n_extra_headers);
    to->extra_body = copy(arena, from->extra_body);
    to->prefill = copy(arena, from->prefill);
    to->embedding_key = copy(arena, from->embedding_key);
    to->transcription_model = copy(arena, from->transcription_model);
    to->proxy = copy(arena, from->proxy);
    to->ca_file = copy(arena, from->ca_file);
    to->client_cert = copy(arena, from->client_cert);
    to->client_key = copy(arena, from->client_key);
}

static int by_order(const void *a, const void *b)
{
    const struct llm_provider *one = a, *other = b;
    if (one->order != other->order)
        return one->order < other->order ? -1 : 1;
    return strcmp(one->id, other->id);
}

static int set_new(const struct llm_provider *providers, size_t n, struct provider_set **ret, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct err why = {0};
        if (llm_provider_check(&providers[i], &why) != 0)
            return err_set(err, ERR_INVALID, "%s: %s", providers[i].id, why.text);
        for (size_t k = 0; k < i; k++)
            if (strcmp(providers[k].id, providers[i].id) == 0)
                return err_set(err, ERR_INVALID, "%s: id: twice", providers[i].id);
    }
    struct arena *arena = arena_new(0);
    struct provider_set *set = ARENA_NEW(arena, struct provider_set);
    set->arena = arena;
    set->refs = 1;
    set->at = arena_calloc(arena, n + 1, sizeof *set->at);
    for (size_t i = 0; i < n; i++)
        if (!providers[i].disabled)
            copy_provider(arena, &providers[i], &set->at[set->n++]);
    qsort(set->at, set->n, sizeof *set->at, by_order);
    *ret = set;
    return 0;
}

struct provider_set *set_ref(struct llm *llm)
{
    pthread_mutex_lock(&llm->lock);
    struct provider_set *set = llm->set;
    set->refs++;
    pthread_mutex_unlock(&llm->lock);
    return set;
}

static void wipe(const char *key)
{
    if (key)
        crypto_wipe((char *)(uintptr_t)key, strlen(key));
}

void set_unref(struct llm *llm, struct provider_set *set)
{
    pthread_mutex_lock(&llm->lock);
    bool last = --set->refs == 0;
    pthread_mutex_unlock(&llm->lock);
    if (!last)
        return;
    for (size_t i = 0; i < set->n; i++) {
        wipe(set->at[i].api_key);
        wipe(set->at[i].embedding_key);
    }
    arena_free(set->arena);
}

int llm_set_providers(struct llm *llm, const struct llm_provider *providers, size_t n, struct err *err)
{
    struct provider_set *set;
    int error = set_new(providers, n, &set, err);
    if (error)
        return error;
    pthread_mutex_lock(&llm->lock);
    struct provider_set *old = llm->set;
    llm->set = set;
    llm->set_changed = true;
    uv_async_send(&llm->wake);
    pthread_mutex_unlock(&llm->lock);
    set_unref(llm, old);
    return 0;
}

bool llm_has_model(const struct llm *llm)
{
    struct llm *mine = (struct llm *)(uintptr_t)llm;
    pthread_mutex_lock(&mine->lock);
    bool any = mine->set->n > 0;
    pthread_mutex_unlock(&mine->lock);
    return any;
}

// Under the lock: what is known of this model at the provider that is asked first; NULL: nothing yet.
static const struct lane *first_lane(const struct llm *llm, struct str model)
{
    char name[101], key[160];
    if (llm->set->n == 0)
        return NULL;
    const struct llm_provider *provider = &llm->set->at[0];
    snprintf(name, sizeof name, STR_FMT, STR_ARG(model));
    const char *mapped = llm_map_model(provider, name);
    snprintf(key, sizeof key, "%s\n%.100s", provider->id, mapped[0] ? mapped : "default");
    return map_get(llm->lanes, str_from(key));
}

int64_t llm_context_window(const struct llm *llm, struct str model)
{
    struct llm *mine = (struct llm *)(uintptr_t)llm;
    pthread_mutex_lock(&mine->lock);
    int64_t window = mine->set->n > 0 ? provider_window(&mine->set->at[0], first_lane(mine, model)) : 4096;
    pthread_mutex_unlock(&mine->lock);
    return window;
}

double llm_estimate_factor(const struct llm *llm, struct str model)
{
    struct llm *mine = (struct llm *)(uintptr_t)llm;
    pthread_mutex_lock(&mine->lock);
    const struct lane *lane = first_lane(mine, model);
    double factor = lane ? lane_factor(lane) : 1;
    pthread_mutex_unlock(&mine->lock);
    return factor;
}

// ---- life

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void run(void *arg)
{
    struct llm *llm = arg;
    // OpenSSL writes to sockets that the server may have closed.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    uv_run(&llm->loop, UV_RUN_DEFAULT);
}

int llm_new(const struct llm_provider *providers, size_t n, struct llm **ret, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct provider_set *set;
    int error = set_new(providers, n, &set, err);
    if (error)
        return error;
    pthread_once(&once, init_curl);
    struct llm *llm = mem_zalloc(sizeof *llm);
    llm->set = set;
    llm->inbox_end = &llm->inbox;
    llm->quit.run = on_quit;
    llm->peers = map_new();
    llm->lanes = map_new();
    llm->http_proxy = getenv("http_proxy") ? NULL : getenv("HTTP_PROXY");
    pthread_mutex_init(&llm->lock, NULL);
    pthread_mutex_init(&llm->pause_lock, NULL);
    uv_loop_init(&llm->loop);
    uv_async_init(&llm->loop, &llm->wake, on_wake);
    uv_prepare_init(&llm->loop, &llm->pause);
    llm->wake.data = llm->pause.data = llm;
    uv_prepare_start(&llm->pause, on_pause);
    questions_setup(llm);
    error = transfer_setup(llm);
    if (!error && uv_thread_create(&llm->thread, run, llm) != 0)
        error = ERR_IO;
    if (error)
        return err_set(err, error, "the upstream client cannot start");
    *ret = llm;
    return 0;
}

void llm_free(struct llm *llm)
{
    if (!llm)
        return;
    pthread_mutex_lock(&llm->lock);
    llm->stopping = true;
    uv_async_send(&llm->wake);
    pthread_mutex_unlock(&llm->lock);
    uv_thread_join(&llm->thread);
    uv_loop_close(&llm->loop);
    lanes_free(llm);
    set_unref(llm, llm->set);
    pthread_mutex_destroy(&llm->lock);
    pthread_mutex_destroy(&llm->pause_lock);
    free(llm);
}

// ---- calls

static size_t message_room(const struct llm_message *message)
{
    size_t room = message->content.n + strlen(message->role) + message->call_id.n + sizeof *message + 64;
    for (size_t i = 0; i < message->n_calls; i++)
        room += message->calls[i].id.n + message->calls[i].name.n + message->calls[i].arguments.n +
                sizeof *message->calls + 48;
    return room;
}

static struct llm_message message_copy(struct arena *arena, const struct llm_message *message)
{
    struct llm_message copy = {arena_cstr(arena, str_from(message->role)), arena_str(arena, message->content)};
    copy.call_id = arena_str(arena, message->call_id);
    if (message->n_calls == 0)
        return copy;
    struct llm_tool_call *calls = arena_calloc(arena, message->n_calls, sizeof *calls);
    for (size_t i = 0; i < message->n_calls; i++)
        calls[i] =
            (struct llm_tool_call){arena_str(arena, message->calls[i].id), arena_str(arena, message->calls[i].name),
                                   arena_str(arena, message->calls[i].arguments)};
    copy.calls = calls;
    copy.n_calls = message->n_calls;
    return copy;
}

struct llm_call *llm_chat(struct llm *llm, const struct llm_request *request)
{
    // One block that holds it all: thousands of calls may wait.
    size_t room = 256;
    for (size_t i = 0; i < request->n_messages; i++)
        room += message_room(&request->messages[i]);
    struct arena *arena = arena_new(room);
    struct llm_call *call = mem_zalloc(sizeof *call);
    call->arena = arena;
    call->llm = llm;
    call->request = *request;
    struct llm_message *messages = arena_calloc(arena, request->n_messages + 1, sizeof *messages);
    for (size_t i = 0; i < request->n_messages; i++)
        messages[i] = message_copy(arena, &request->messages[i]);
    call->request.messages = messages;
    call->request.brand = arena_str(arena, request->brand);
    call->request.tools = arena_str(arena, request->tools);
    call->request.format = arena_str(arena, request->format);
    size_t n = request->model.n < sizeof call->model - 1 ? request->model.n : sizeof call->model - 1;
    memcpy(call->model, request->model.p ? request->model.p : "", n);
    call->job.run = call_signal;
    call->pending = BUF_INIT(ANSWER_MAX_BYTES);
    call->delivered = BUF_INIT(ANSWER_MAX_TEXT * 2);
    call->error_body = BUF_INIT(64 << 10);
    llm_post(llm, &call->job, SIGNAL_START);
    return call;
}

void llm_cancel(struct llm_call *call)
{
    llm_post(call->llm, &call->job, SIGNAL_CANCEL);
}

void llm_call_resume(struct llm_call *call)
{
    llm_post(call->llm, &call->job, SIGNAL_RESUME);
}
