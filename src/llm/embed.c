// SPDX-License-Identifier: Apache-2.0
// Embeddings on the loop: an order is worked through in batches, four at once. All vectors of one order come from one
// model; another provider is asked only if it serves the same model by name. A model that no provider has by name is
// one of before: the servers that make embeddings now may still have it.
#include "llm/client.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "llm/vectors.h"

#include <stdio.h>
#include <string.h>

#define BATCH_TEXTS 64
#define BATCH_TOKENS 8000
#define AT_ONCE 4
#define FULL_MS 200 // a provider with too many waiting calls is asked again
#define MAX_BODY (32 << 20)
#define LEAST_TEXT 16 // bytes; a text is not cut below

struct batch {
    struct embed *embed;
    struct batch *next, **link;
    size_t from, n;
    int tries;
    int64_t sent; // by now_ms
    bool waiting; // for its turn
    bool busy;    // under way, or waits for a place
    struct seat seat;
    struct transfer *transfer;
    struct buf reply;
    uv_timer_t timer;
};

struct embed {
    struct llm *llm;
    struct embed *next, **link;
    struct provider_set *set;
    const struct llm_provider *provider;
    char model[LLM_EMBEDDING_MODEL];
    int64_t dimensions; // to ask for; 0: the server's own
    bool by_name;       // some provider has the model by name
    struct lane *lane;
    size_t at;
    struct embed_order order;
    // Under way
    struct arena *arena;
    size_t *lengths; // of the texts, after cutting
    float **vectors;
    size_t dims, running, left;
    struct batch *batches;
    uv_timer_t timer;
    int handles;
    bool failed; // this provider has: what is under way there may end, nothing more begins
    bool over;
};

static void embed_run(struct embed *embed);
static void next_provider(struct embed *embed);

// ---- the end

static void released(struct embed *embed)
{
    arena_free(embed->arena);
    free(embed);
}

static void on_batch_closed(uv_handle_t *handle)
{
    struct batch *batch = handle->data;
    struct embed *embed = batch->embed;
    buf_done(&batch->reply);
    free(batch);
    if (--embed->handles == 0)
        released(embed);
}

static void on_embed_closed(uv_handle_t *handle)
{
    struct embed *embed = handle->data;
    if (--embed->handles == 0)
        released(embed);
}

static void batch_stop(struct batch *batch)
{
    if (!batch->busy)
        return;
    batch->busy = false;
    batch->embed->running--;
    transfer_free(batch->transfer);
    batch->transfer = NULL;
    seat_leave(&batch->seat);
}

static void batch_free(struct batch *batch)
{
    batch_stop(batch);
    *batch->link = batch->next;
    if (batch->next)
        batch->next->link = batch->link;
    uv_close((uv_handle_t *)&batch->timer, on_batch_closed);
}

static void embed_finish(struct embed *embed, int error)
{
    if (embed->over)
        return;
    embed->over = true;
    while (embed->batches)
        batch_free(embed->batches);
    *embed->link = embed->next;
    if (embed->next)
        embed->next->link = embed->link;
    set_unref(embed->llm, embed->set);
    uv_close((uv_handle_t *)&embed->timer, on_embed_closed);
    embed->order.done(embed->order.arg, error, embed->vectors, embed->dims);
}

void embeds_cancel(struct llm *llm)
{
    while (llm->embeds)
        embed_finish(llm->embeds, ERR_CANCELLED);
}

// ---- batches

static void batch_new(struct embed *embed, size_t from, size_t n)
{
    struct batch *batch = mem_zalloc(sizeof *batch);
    *batch = (struct batch){.embed = embed, .from = from, .n = n, .reply = BUF_INIT(MAX_BODY), .waiting = true};
    uv_timer_init(&embed->llm->loop, &batch->timer);
    batch->timer.data = batch;
    embed->handles++;
    struct batch **end = &embed->batches;
    while (*end)
        end = &(*end)->next;
    batch->link = end;
    *end = batch;
}

static struct str text_of(const struct embed *embed, size_t i)
{
    return (struct str){embed->order.texts[i].p ? embed->order.texts[i].p : "", embed->lengths[i]};
}

// The texts that have no vector yet, cut into batches.
static void make_batches(struct embed *embed)
{
    size_t i = 0;
    while (i < embed->order.n) {
        if (embed->vectors[i]) {
            i++;
            continue;
        }
        size_t from = i;
        int64_t tokens = 0;
        while (i < embed->order.n && !embed->vectors[i] && i - from < BATCH_TEXTS) {
            tokens += llm_estimate(text_of(embed, i));
            if (i > from && tokens > BATCH_TOKENS)
                break;
            i++;
        }
        batch_new(embed, from, i - from);
    }
}

static void write_body(const struct batch *batch, struct buf *out)
{
    const struct embed *embed = batch->embed;
    const struct llm_provider *provider = embed->provider;
    const char *prefix = embed->order.query ? provider->query_prefix : provider->passage_prefix;
    struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *input = yyjson_mut_arr(doc);
    json_add_cstr(doc, root, "model", embed->model);
    for (size_t i = 0; i < batch->n; i++) {
        struct str text = text_of(embed, batch->from + i);
        if (prefix)
            text = arena_strf(arena, "%s" STR_FMT, prefix, STR_ARG(text));
        yyjson_mut_arr_append(input, json_new_str(doc, text));
    }
    json_add(doc, root, "input", input);
    json_add_cstr(doc, root, "encoding_format", "float");
    if (embed->dimensions > 0)
        json_add_int(doc, root, "dimensions", embed->dimensions);
    json_write_buf(out, root);
    arena_free(arena);
}

static int on_body(void *arg, struct str bytes)
{
    struct batch *batch = arg;
    return buf_adds(&batch->reply, bytes) ? BODY_GO_ON : BODY_STOP;
}

static enum fault take_vectors(struct batch *batch)
{
    struct embed *embed = batch->embed;
    struct arena *arena = arena_new(0);
    float *vectors;
    size_t dims;
    int error = vectors_read(arena, buf_str(&batch->reply), batch->n, &vectors, &dims);
    if (!error && embed->dims != 0 && embed->dims != dims)
        error = ERR_FORMAT;
    for (size_t i = 0; !error && i < batch->n; i++) {
        embed->dims = dims;
        embed->vectors[batch->from + i] = arena_alloc(embed->arena, dims * sizeof(float));
        memcpy(embed->vectors[batch->from + i], vectors + i * dims, dims * sizeof(float));
        embed->left--;
    }
    enum fault fault = FAULT_NONE;
    struct fault_text text;
    if (error) { // an error text at status 200?
        fault_read(arena, buf_str(&batch->reply), &text);
        fault = text.found ? fault_classify(200, &text) : FAULT_BROKEN;
    }
    arena_free(arena);
    return fault;
}

static enum fault verdict(struct batch *batch, CURLcode code)
{
    int status = batch->transfer->status;
    if (code != CURLE_OK || status == 0)
        return code == CURLE_WRITE_ERROR || code == CURLE_OK ? FAULT_BROKEN : transfer_fault(code);
    if (status >= 200 && status < 300)
        return take_vectors(batch);
    struct arena *arena = arena_new(0);
    struct fault_text text;
    struct str body = buf_str(&batch->reply);
    if (body.n > 65536)
        body.n = 65536;
    fault_read(arena, body, &text);
    enum fault fault = fault_classify(status, &text);
    arena_free(arena);
    return fault;
}

// A batch that is too long: halves of it, or the only text cut to half.
static bool split(struct batch *batch)
{
    struct embed *embed = batch->embed;
    if (batch->n > 1) {
        size_t half = batch->n / 2;
        batch_new(embed, batch->from + half, batch->n - half);
        batch->n = half;
    } else {
        size_t n = embed->lengths[batch->from] / 2;
        if (n < LEAST_TEXT)
            return false;
        embed->lengths[batch->from] = utf8_whole((struct str){embed->order.texts[batch->from].p, n});
    }
    batch->waiting = true;
    return true;
}

static void on_retry(uv_timer_t *timer)
{
    struct batch *batch = timer->data;
    batch->waiting = true;
    embed_run(batch->embed);
}

static void give_up(struct embed *embed)
{
    embed->failed = true;
    for (struct batch *batch = embed->batches; batch; batch = batch->next)
        if (!batch->transfer)
            batch_stop(batch);
}

static void on_done(void *arg, CURLcode code)
{
    struct batch *batch = arg;
    struct embed *embed = batch->embed;
    enum fault fault = verdict(batch, code);
    const struct fault_row *row = &fault_rows[fault];
    lane_ended(embed->lane, row->name, now_ms(embed->llm) - batch->sent, 0);
    batch_stop(batch);
    buf_clear(&batch->reply);
    if (fault == FAULT_NONE) {
        breaker_success(&embed->lane->breaker, clock_mono_ms());
        batch_free(batch);
        if (embed->left == 0)
            embed_finish(embed, 0);
        else
            embed_run(embed);
        return;
    }
    int retries = embed->provider->retries >= 0 ? embed->provider->retries : 2;
    if (row->retries >= 0 && row->retries < retries)
        retries = row->retries;
    if (fault == FAULT_CONTEXT && split(batch)) {
        embed_run(embed);
    } else if (batch->tries < retries) {
        uv_update_time(&embed->llm->loop);
        uv_timer_start(&batch->timer, on_retry, 400U << (batch->tries < 4 ? batch->tries : 4), 0);
        batch->tries++;
        embed_run(embed);
    } else {
        if (row->counts)
            breaker_fault(&embed->lane->breaker, clock_mono_ms());
        lane_close(embed->lane, fault, 0);
        give_up(embed);
        embed_run(embed);
    }
}

static const struct transfer_ops ops = {on_body, on_done};

static void send_batch(struct batch *batch)
{
    struct embed *embed = batch->embed;
    struct buf body = BUF_INIT(MAX_BODY);
    write_body(batch, &body);
    batch->sent = now_ms(embed->llm);
    batch->transfer =
        transfer_new(embed->llm, embed->provider, "embeddings", embed->model, &body, "application/json", &ops, batch);
}

static void on_seat(struct seat *seat)
{
    struct batch *batch = (struct batch *)(void *)((char *)seat - offsetof(struct batch, seat));
    if (!batch->embed->over)
        send_batch(batch);
}

static void embed_run(struct embed *embed)
{
    if (embed->failed) {
        if (embed->running == 0)
            next_provider(embed);
        return;
    }
    for (struct batch *batch = embed->batches; batch && embed->running < AT_ONCE; batch = batch->next) {
        if (!batch->waiting)
            continue;
        batch->waiting = false;
        int seat = seat_take(&batch->seat, embed->lane->peer, STR(""), on_seat);
        if (seat == SEAT_FULL) {
            uv_update_time(&embed->llm->loop);
            uv_timer_start(&batch->timer, on_retry, FULL_MS, 0);
            continue;
        }
        batch->busy = true;
        embed->running++;
        if (seat == SEAT_TAKEN)
            send_batch(batch);
    }
}

// ---- providers

// Embeddings of that model; NULL: of any.
static bool makes(const struct llm_provider *provider, const char *model)
{
    const char *name = provider->embedding_model;
    return name && name[0] && (!model || strcmp(name, model) == 0);
}

static const struct llm_provider *first_embedder(const struct provider_set *set, const char *model)
{
    for (size_t i = 0; i < set->n; i++)
        if (makes(&set->at[i], model))
            return &set->at[i];
    return NULL;
}

static void model_write(const struct llm_provider *provider, char ret[LLM_EMBEDDING_MODEL])
{
    (void)snprintf(ret, LLM_EMBEDDING_MODEL, provider->dimensions > 0 ? "%.90s#%lld" : "%.100s",
                   provider->embedding_model, (long long)provider->dimensions);
}

// The name and the dimensions of a model as model_write wrote it.
static void model_read(struct embed *embed)
{
    char *mark = strrchr(embed->model, '#');
    int64_t dimensions;
    if (!mark || !str_to_int(str_from(mark + 1), 1, 100000, &dimensions))
        return;
    *mark = 0;
    embed->dimensions = dimensions;
}

static void try_from(struct embed *embed, size_t at)
{
    while (embed->batches)
        batch_free(embed->batches);
    for (; at < embed->set->n; at++) {
        const struct llm_provider *provider = &embed->set->at[at];
        if (!makes(provider, embed->by_name ? embed->model : NULL))
            continue;
        int64_t since;
        struct lane *lane = lane_get(embed->llm, provider, embed->model);
        lane->embeds = true;
        if (lane_closed(lane, clock_mono_ms(), &since) > 0 || !breaker_enter(&lane->breaker, clock_mono_ms()))
            continue;
        embed->at = at;
        embed->failed = false;
        embed->provider = provider;
        embed->lane = lane;
        make_batches(embed);
        embed_run(embed);
        return;
    }
    embed_finish(embed, ERR_UNAVAILABLE);
}

static void next_provider(struct embed *embed)
{
    breaker_leave(&embed->lane->breaker);
    try_from(embed, embed->at + 1);
}

static void on_timeout(uv_timer_t *timer)
{
    struct embed *embed = timer->data;
    bool asked = false; // or it only waited for a place
    for (const struct batch *batch = embed->batches; batch; batch = batch->next)
        asked |= batch->transfer != NULL;
    if (embed->lane && asked) {
        breaker_fault(&embed->lane->breaker, clock_mono_ms());
        breaker_leave(&embed->lane->breaker);
    }
    embed_finish(embed, ERR_TIMEOUT);
}

void embed_start(struct llm *llm, const struct embed_order *order)
{
    struct embed *embed = mem_zalloc(sizeof *embed);
    *embed = (struct embed){.llm = llm, .order = *order, .left = order->n, .arena = arena_new(0), .handles = 1};
    embed->lengths = arena_calloc(embed->arena, order->n, sizeof *embed->lengths);
    embed->vectors = arena_calloc(embed->arena, order->n, sizeof *embed->vectors);
    for (size_t i = 0; i < order->n; i++) {
        embed->lengths[i] = order->texts[i].n;
        embed->vectors[i] = NULL;
    }
    embed->next = llm->embeds;
    embed->link = &llm->embeds;
    if (embed->next)
        embed->next->link = &embed->next;
    llm->embeds = embed;
    uv_timer_init(&llm->loop, &embed->timer);
    embed->timer.data = embed;
    embed->set = set_ref(llm);
    const struct llm_provider *first = first_embedder(embed->set, NULL);
    if (llm->ending || !first) {
        embed_finish(embed, llm->ending ? ERR_CANCELLED : ERR_NOT_FOUND);
        return;
    }
    if (order->model)
        (void)snprintf(embed->model, sizeof embed->model, "%s", order->model);
    else
        model_write(first, embed->model);
    model_read(embed);
    embed->by_name = first_embedder(embed->set, embed->model) != NULL;
    uv_update_time(&llm->loop);
    uv_timer_start(&embed->timer, on_timeout, (uint64_t)(order->timeout_ms > 0 ? order->timeout_ms : 30000), 0);
    try_from(embed, 0);
}

int embed_fault(int error, struct err *err)
{
    switch (error) {
    case 0:
        return 0;
    case ERR_NOT_FOUND:
        return err_set(err, ERR_NOT_FOUND, "no provider makes embeddings");
    case ERR_TIMEOUT:
        return err_set(err, ERR_TIMEOUT, "the embeddings did not come in time");
    case ERR_CANCELLED:
        return err_set(err, ERR_CANCELLED, "the upstream client is stopping");
    default:
        return err_set(err, ERR_UNAVAILABLE, "every provider of embeddings failed");
    }
}

bool llm_embedding_model(const struct llm *llm, char ret_model[LLM_EMBEDDING_MODEL])
{
    struct llm *mine = (struct llm *)(uintptr_t)llm;
    struct provider_set *set = set_ref(mine);
    const struct llm_provider *provider = first_embedder(set, NULL);
    if (provider)
        model_write(provider, ret_model);
    set_unref(mine, set);
    return provider != NULL;
}

float llm_embedding_floor(const char *model)
{
    bool high = strcasestr(model, "text-embedding-ada-002") != NULL;
    for (const char *at = model; !high && (at = strcasestr(at, "e5")); at += 2) {
        bool starts = at == model || !((at[-1] | 32) >= 'a' && (at[-1] | 32) <= 'z');
        high = starts && !(at[2] >= '0' && at[2] <= '9');
    }
    return high ? 0.70f : 0.10f;
}
