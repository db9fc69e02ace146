// SPDX-License-Identifier: Apache-2.0
#include "llm/client.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>

#define QUIRKS_MS (24 * 3600 * 1000LL)
#define MAX_LANES 2000
#define RATIO_MOST 8 // tokens are a byte at least, estimated are four

static uint64_t mix(uint64_t h, const char *text)
{
    return (h * 0x9e3779b97f4a7c15U) ^ str_hash(text ? str_from(text) : STR("\x01"));
}

// What makes a server another one, or a fault of it cured: a change starts the provider afresh.
static uint64_t config_of(const struct llm_provider *provider)
{
    uint64_t h = mix(0, provider->base_url);
    h = mix(h, provider->kind);
    h = mix(h, provider->api_key);
    h = mix(h, provider->embedding_key);
    h = mix(h, provider->key_header);
    h = mix(h, provider->api_version);
    h = mix(h, provider->extra_body);
    h = mix(h, provider->proxy);
    h = mix(h, provider->ca_file);
    h = mix(h, provider->client_cert);
    h = mix(h, provider->client_key);
    h ^= (uint64_t)provider->tls_no_verify | (uint64_t)provider->no_http2 << 1;
    h = h * 31 + (uint64_t)provider->context_window;
    for (size_t i = 0; i < provider->n_models; i++)
        h = mix(mix(h, provider->models[i].name), provider->models[i].value);
    for (size_t i = 0; i < provider->n_extra_headers; i++)
        h = mix(mix(h, provider->extra_headers[i].name), provider->extra_headers[i].value);
    return h;
}

static struct peer *peer_get(struct llm *llm, const struct llm_provider *provider)
{
    struct peer *peer = map_get(llm->peers, str_from(provider->id));
    if (!peer) {
        peer = mem_zalloc(sizeof *peer);
        snprintf(peer->id, sizeof peer->id, "%s", provider->id);
        peer->config = config_of(provider);
        peer->shares = map_new();
        map_set(llm->peers, str_from(peer->id), peer);
    }
    peer->max = provider->max_concurrent > 0 ? provider->max_concurrent : 32;
    return peer;
}

static struct str lane_key(char out[160], const char *id, const char *model)
{
    int n = snprintf(out, 160, "%s\n%.100s", id, model);
    return (struct str){out, (size_t)n};
}

// A name beyond the bound shares one lane: names come from tenants and must not grow this map for ever.
struct lane *lane_get(struct llm *llm, const struct llm_provider *provider, const char *model)
{
    char key[160];
    struct lane *lane = map_get(llm->lanes, lane_key(key, provider->id, model));
    if (lane)
        return lane;
    if (map_count(llm->lanes) >= MAX_LANES && (lane = map_get(llm->lanes, lane_key(key, provider->id, "*"))))
        return lane;
    if (map_count(llm->lanes) >= MAX_LANES)
        model = "*";
    lane = mem_zalloc(sizeof *lane);
    snprintf(lane->model, sizeof lane->model, "%s", model);
    lane->factor = 1;
    pthread_mutex_lock(&llm->lock);
    lane->peer = peer_get(llm, provider);
    map_set(llm->lanes, lane_key(key, provider->id, model), lane);
    pthread_mutex_unlock(&llm->lock);
    return lane;
}

static void reset_lanes(struct llm *llm, const struct peer *peer)
{
    size_t pos = 0;
    struct str key;
    void *value;
    while (map_next(llm->lanes, &pos, &key, &value)) {
        struct lane *lane = value;
        if (lane->peer != peer)
            continue;
        *lane = (struct lane){.peer = lane->peer, .factor = 1};
        ptrdiff_t end = str_find(key, STR("\n"));
        snprintf(lane->model, sizeof lane->model, STR_FMT,
                 STR_ARG(((struct str){key.p + end + 1, key.n - (size_t)end - 1})));
    }
}

void lanes_new_set(struct llm *llm, const struct provider_set *set)
{
    pthread_mutex_lock(&llm->lock);
    for (size_t i = 0; i < set->n; i++) {
        struct peer *peer = peer_get(llm, &set->at[i]);
        uint64_t config = config_of(&set->at[i]);
        if (peer->config == config)
            continue;
        peer->config = config;
        peer->closed_until = 0;
        peer->probed = false;
        reset_lanes(llm, peer);
    }
    pthread_mutex_unlock(&llm->lock);
}

static void free_values(struct map *map)
{
    size_t pos = 0;
    struct str key;
    void *value;
    while (map_next(map, &pos, &key, &value))
        free(value);
    map_free(map);
}

void lanes_free(struct llm *llm)
{
    size_t pos = 0;
    struct str key;
    void *peer;
    while (map_next(llm->peers, &pos, &key, &peer))
        map_free(((struct peer *)peer)->shares); // empty: no call is left
    free_values(llm->lanes);
    free_values(llm->peers);
}

int64_t lane_closed(const struct lane *lane, int64_t now, int64_t *ret_since)
{
    int64_t until = lane->peer->closed_until > lane->closed_until ? lane->peer->closed_until : lane->closed_until;
    *ret_since = now; // an explicit wish of the server is not tried early
    if (until > now)
        return until;
    if (breaker_state(&lane->breaker, now) == BREAKER_OPEN) {
        *ret_since = lane->breaker.opened;
        return lane->breaker.until;
    }
    if (breaker_state(&lane->breaker, now) == BREAKER_TRIAL && lane->breaker.trial)
        return now + 1;
    return 0;
}

void lane_close(struct lane *lane, enum fault fault, int64_t wait_ms)
{
    int64_t ms = wait_ms > 0 ? wait_ms : fault_rows[fault].closed_ms;
    if (ms <= 0)
        return;
    int64_t until = clock_mono_ms() + ms;
    if (fault_rows[fault].whole_provider)
        lane->peer->closed_until = until;
    else
        lane->closed_until = until;
}

unsigned lane_quirks(struct lane *lane)
{
    if (lane->quirks && clock_mono_ms() >= lane->quirks_until)
        lane->quirks = 0;
    return lane->quirks;
}

void lane_learn_quirk(struct lane *lane, unsigned bit)
{
    lane->quirks |= bit;
    lane->quirks_until = clock_mono_ms() + QUIRKS_MS;
}

void lane_learn_window(struct llm *llm, struct lane *lane, int64_t window)
{
    pthread_mutex_lock(&llm->lock);
    lane->window = window < 256 ? 256 : window;
    pthread_mutex_unlock(&llm->lock);
}

void lane_learn_usage(struct llm *llm, struct lane *lane, int64_t estimated, int64_t reported)
{
    if (estimated <= 0 || reported <= 0)
        return;
    pthread_mutex_lock(&llm->lock);
    double ratio = (double)reported / (double)estimated;
    double factor = lane->factor * 0.8 + ratio * 0.2;
    lane->factor = factor < 0.3 ? 0.3 : factor > 1.5 ? 1.5 : factor;
    lane->ratio = lane->ratio * 0.8 + ratio * 0.2;
    if (lane->ratio <= lane->factor)
        lane->ratio = 0;
    pthread_mutex_unlock(&llm->lock);
}

double lane_factor(const struct lane *lane)
{
    double factor = lane->factor > 0 ? lane->factor : 1;
    return lane->ratio > factor ? lane->ratio : factor;
}

// A server that counts the prompt tells how far the estimate is off. One that only tells its window, of a prompt that
// by our measure fits into it, has told that the measure is too small.
void lane_learn_refusal(struct llm *llm, const struct llm_provider *provider, struct lane *lane,
                        const struct refusal *refusal)
{
    double factor = lane_factor(lane), ratio = 0;
    int64_t sent = (int64_t)((double)refusal->estimated * factor), window = refusal->window;
    if (refusal->prompt > 0 && refusal->estimated > 0)
        ratio = (double)refusal->prompt / (double)refusal->estimated;
    else if (window > 0 && sent + refusal->output <= window)
        ratio = factor * 2;
    if (window <= 0) { // surely below what was sent
        window = provider_window(provider, lane);
        window = (sent < window ? sent : window) * (refusal->again ? 5 : 7) / 10;
    }
    pthread_mutex_lock(&llm->lock);
    if (ratio > factor)
        lane->ratio = ratio < RATIO_MOST ? ratio : RATIO_MOST;
    pthread_mutex_unlock(&llm->lock);
    lane_learn_window(llm, lane, window);
}

int provider_time(const struct llm_provider *provider, char which)
{
    switch (which) {
    case 'c':
        return provider->connect_ms > 0 ? provider->connect_ms : 3000;
    case 'f':
        return provider->first_token_ms > 0 ? provider->first_token_ms
                                            : llm_kind_find(str_from(provider->kind))->first_token_ms;
    case 'i':
        return provider->inter_token_ms > 0 ? provider->inter_token_ms : 15000;
    default:
        return provider->total_ms > 0 ? provider->total_ms : 120000;
    }
}

int64_t provider_window(const struct llm_provider *provider, const struct lane *lane)
{
    if (lane && lane->window > 0)
        return lane->window;
    return provider->context_window > 0 ? provider->context_window
                                        : llm_kind_find(str_from(provider->kind))->context_window;
}

// Rounded up: what is cheap is not free.
static int64_t cost_of(int64_t tokens, int64_t per_million)
{
    return (int64_t)ceil((double)tokens * (double)per_million / 1e6);
}

int64_t provider_cost(const struct llm_provider *provider, int64_t prompt, int64_t completion)
{
    return cost_of(prompt, provider->price_in) + cost_of(completion, provider->price_out);
}

int64_t llm_most_cost(const struct llm *llm, int64_t prompt, int64_t completion)
{
    struct llm *mine = (struct llm *)(uintptr_t)llm;
    struct provider_set *set = set_ref(mine);
    int64_t most = 0;
    for (size_t i = 0; i < set->n; i++) {
        int64_t cost = provider_cost(&set->at[i], prompt, completion);
        most = cost > most ? cost : most;
    }
    set_unref(mine, set);
    return most;
}
