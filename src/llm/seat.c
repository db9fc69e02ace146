// SPDX-License-Identifier: Apache-2.0
// Places among a provider's concurrent calls. A place that becomes free goes to the brand that has the fewest, and
// among equals to the one that was served longest ago: a brand with a hundred questions does not stand before one with
// a single question. Within a brand the order is that of arrival.
#include "llm/client.h"

#define MAX_WAITING 256

struct share { // a brand's part of a provider, while it has or wants one
    int seats, waiting;
    uint64_t served; // the peer's count when it last got a place
};

static struct share *share_of(struct peer *peer, struct str brand)
{
    struct share *share = map_get(peer->shares, brand);
    if (!share) {
        share = mem_zalloc(sizeof *share);
        map_set(peer->shares, brand, share);
    }
    return share;
}

static void share_drop(struct peer *peer, struct str brand, struct share *share)
{
    if (share->seats > 0 || share->waiting > 0)
        return;
    map_remove(peer->shares, brand);
    free(share);
}

static void sit_down(struct seat *seat, struct share *share)
{
    share->seats++;
    share->served = ++seat->peer->served;
    seat->seated = true;
}

int seat_take(struct seat *seat, struct peer *peer, struct str brand, void (*granted)(struct seat *seat))
{
    if (peer->running >= peer->max && peer->waiting >= MAX_WAITING)
        return SEAT_FULL;
    seat->peer = peer;
    seat->brand = brand;
    seat->granted = granted;
    struct share *share = share_of(peer, brand);
    if (peer->running < peer->max) {
        peer->running++;
        sit_down(seat, share);
        return SEAT_TAKEN;
    }
    peer->waiting++;
    share->waiting++;
    struct seat **end = &peer->first;
    while (*end)
        end = &(*end)->next;
    seat->next = NULL;
    seat->link = end;
    *end = seat;
    return SEAT_WAITING;
}

static struct share *stop_waiting(struct seat *seat)
{
    *seat->link = seat->next;
    if (seat->next)
        seat->next->link = seat->link;
    seat->peer->waiting--;
    struct share *share = share_of(seat->peer, seat->brand);
    share->waiting--;
    return share;
}

static struct seat *next_seat(struct peer *peer)
{
    struct seat *best = NULL;
    const struct share *least = NULL;
    for (struct seat *seat = peer->first; seat; seat = seat->next) {
        const struct share *share = share_of(peer, seat->brand);
        if (!least || share->seats < least->seats || (share->seats == least->seats && share->served < least->served)) {
            best = seat;
            least = share;
        }
    }
    return best;
}

void seat_leave(struct seat *seat)
{
    struct peer *peer = seat->peer;
    if (!peer)
        return;
    if (!seat->seated) {
        share_drop(peer, seat->brand, stop_waiting(seat));
        seat->peer = NULL;
        return;
    }
    struct share *share = share_of(peer, seat->brand);
    share->seats--;
    share_drop(peer, seat->brand, share);
    seat->seated = false;
    seat->peer = NULL;
    struct seat *next = peer->running > peer->max ? NULL : next_seat(peer);
    if (!next) {
        peer->running--;
        return;
    }
    sit_down(next, stop_waiting(next));
    next->granted(next);
}
