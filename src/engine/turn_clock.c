// SPDX-License-Identifier: Apache-2.0
// The one clock of all turns. What comes soon after an event stands in lists by its time (text to flush in the slots of
// a small wheel, text to save in one list, as it always waits equally long), so that a round costs what is due and not
// what runs; what is rare (silence, waiting too long) is looked for in all turns a few times a second. The clock is
// only woken for something earlier than what it sleeps for.
//
// Whom it wakes or saves it claims under the turn's lock (`waking`, `saving`), and a turn that ends leaves the lists
// first and then waits for its claims: behind its end nothing of it is called.
#include "engine/turn_internal.h"

#include "base/clock.h"

#include <stdlib.h>

enum { ROUND_MS = 10, SAVE_ROUND_MS = 50, WALK_MS = 250, SAVE_MS = 250, TYPING_MS = 5000 };

// ---- lists, under engine.pace
// ----------------------------------------------------------------------------------------

static void list_add(struct due_list *list, struct due *due, struct turn *turn, int64_t at)
{
    *due = (struct due){.turn = turn, .at = at, .listed = true, .before = list->last};
    *(list->last ? &list->last->after : &list->first) = due;
    list->last = due;
}

static void list_remove(struct due_list *list, struct due *due)
{
    if (!due->listed)
        return;
    *(due->before ? &due->before->after : &list->first) = due->after;
    *(due->after ? &due->after->before : &list->last) = due->before;
    due->listed = false;
}

static void sleep_until(struct engine *engine, int64_t at)
{
    if (at >= engine->wake_at)
        return;
    engine->wake_at = at;
    pthread_cond_signal(&engine->tick);
}

static struct due_list *slot_of(struct engine *engine, int64_t at)
{
    return &engine->flushes[at / ROUND_MS % FLUSH_SLOTS];
}

void clock_flush(struct turn *turn, int64_t at)
{
    struct engine *engine = turn->engine;
    at = (at + ROUND_MS - 1) / ROUND_MS * ROUND_MS;
    pthread_mutex_lock(&engine->pace);
    if (!turn->flush.listed) {
        list_add(slot_of(engine, at), &turn->flush, turn, at);
        sleep_until(engine, at);
    }
    pthread_mutex_unlock(&engine->pace);
}

void clock_save(struct turn *turn)
{
    struct engine *engine = turn->engine;
    pthread_mutex_lock(&engine->pace);
    if (!turn->save.listed) {
        int64_t at = clock_mono_ms() + SAVE_MS;
        list_add(&engine->saves, &turn->save, turn, at);
        sleep_until(engine, at);
    }
    pthread_mutex_unlock(&engine->pace);
}

void clock_forget(struct turn *turn)
{
    struct engine *engine = turn->engine;
    pthread_mutex_lock(&engine->pace);
    list_remove(slot_of(engine, turn->flush.at), &turn->flush);
    list_remove(&engine->saves, &turn->save);
    pthread_mutex_unlock(&engine->pace);
}

void clock_begin(struct engine *engine)
{
    if (!atomic_load(&engine->dormant))
        return;
    pthread_mutex_lock(&engine->pace);
    sleep_until(engine, 0);
    pthread_mutex_unlock(&engine->pace);
}

// ---- a round
// ---------------------------------------------------------------------------------------------------------

struct turn_list {
    struct turn **at;
    size_t n, cap;
};

static void claim_flush(struct due_list *slot, struct turn_list *ret)
{
    struct turn *turn = slot->first->turn;
    list_remove(slot, slot->first);
    pthread_mutex_lock(&turn->lock);
    bool wanted = turn->flush_due; // nobody was quicker
    turn->waking += wanted;
    pthread_mutex_unlock(&turn->lock);
    if (wanted)
        vec_push(ret, turn_ref(turn));
}

// Under engine.pace.
static void claim_flushes(struct engine *engine, int64_t now, struct turn_list *ret)
{
    for (size_t i = 0; i < FLUSH_SLOTS; i++)
        while (engine->flushes[i].first && engine->flushes[i].first->at <= now)
            claim_flush(&engine->flushes[i], ret);
}

// Under engine.pace.
static void claim_saves(struct engine *engine, int64_t now, struct turn_list *ret)
{
    for (struct due *due; (due = engine->saves.first) && due->at <= now;) {
        struct turn *turn = due->turn;
        list_remove(&engine->saves, due);
        pthread_mutex_lock(&turn->lock);
        bool again = turn->saving; // the last one is still under way
        bool wanted = !again && turn->call && turn->conversation_known && turn->text.n > turn->saved;
        turn->saving |= wanted;
        turn->save_due = again;
        pthread_mutex_unlock(&turn->lock);
        if (wanted)
            vec_push(ret, turn_ref(turn));
        if (again)
            list_add(&engine->saves, due, turn, now + SAVE_MS);
    }
}

static void walk(struct engine *engine, int64_t now, struct turn_list *ret, struct turn_list *late)
{
    pthread_mutex_lock(&engine->lock);
    for (struct turn *turn = engine->turns, *after; turn; turn = after) {
        after = turn->after;
        if (turn->waiting && now >= turn->wait_until)
            turn_give_up(turn, ERR_LIMIT);
        pthread_mutex_lock(&turn->lock);
        if (turn->tool_open)
            vec_push(late, turn_ref(turn));
        bool silent = !turn->ended && (turn->text.n == 0 || turn->input.lively) && now - turn->woken_at >= TYPING_MS;
        turn->waking += silent;
        pthread_mutex_unlock(&turn->lock);
        if (silent)
            vec_push(ret, turn_ref(turn));
    }
    pthread_mutex_unlock(&engine->lock);
}

static void wake_all(struct turn_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct turn *turn = list->at[i];
        turn_wake(turn);
        turn_calm(turn);
        turn_unref(turn);
    }
    list->n = 0;
}

// Tools that take longer than they may.
static void end_late(struct turn_list *list, int64_t now)
{
    for (size_t i = 0; i < list->n; i++) {
        turn_tools_late(list->at[i], now, "timeout");
        turn_unref(list->at[i]);
    }
    list->n = 0;
}

static struct timespec at_ms(int64_t mono_ms)
{
    int64_t in_ms = mono_ms - clock_mono_ms();
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(in_ms > 0 ? in_ms % 1000 : 0) * 1000000;
    until.tv_sec += (in_ms > 0 ? in_ms / 1000 : 0) + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

// Under engine.pace: sleeps until something is due. Returns with the time of that moment.
static int64_t sleep_well(struct engine *engine, int64_t walk_at, int64_t saved_at, int64_t round_at)
{
    int64_t at = walk_at;
    for (size_t i = 0; i < FLUSH_SLOTS; i++)
        if (engine->flushes[i].first && engine->flushes[i].first->at < at)
            at = engine->flushes[i].first->at;
    if (engine->saves.first) {
        int64_t save = engine->saves.first->at, soonest = saved_at + SAVE_ROUND_MS;
        save = save > soonest ? save : soonest;
        at = save < at ? save : at;
    }
    engine->wake_at = at = at > round_at + ROUND_MS ? at : round_at + ROUND_MS;
    for (int64_t now; !engine->ending && (now = clock_mono_ms()) < engine->wake_at;) {
        struct timespec until = at_ms(engine->wake_at);
        if (engine->wake_at == INT64_MAX)
            pthread_cond_wait(&engine->tick, &engine->pace);
        else
            pthread_cond_timedwait(&engine->tick, &engine->pace, &until);
    }
    return clock_mono_ms();
}

// Under engine.pace. Without turns the clock sleeps until one begins.
static bool may_rest(struct engine *engine)
{
    atomic_store(&engine->dormant, true);
    if (atomic_load(&engine->n_turns) == 0)
        return true;
    atomic_store(&engine->dormant, false);
    return false;
}

void *clock_run(void *arg)
{
    struct engine *engine = arg;
    struct turn_list wake = {0}, save = {0}, late = {0};
    int64_t now = clock_mono_ms(), walk_at = now, saved_at = 0;
    pthread_setname_np(pthread_self(), "turns");
    pthread_mutex_lock(&engine->pace);
    while (!engine->ending) {
        bool rests = may_rest(engine);
        int64_t walked = walk_at;
        now = sleep_well(engine, rests ? INT64_MAX : walk_at, saved_at, rests ? INT64_MIN / 2 : now);
        atomic_store(&engine->dormant, false);
        claim_flushes(engine, now, &wake);
        if (now >= saved_at + SAVE_ROUND_MS) {
            claim_saves(engine, now, &save);
            saved_at = save.n ? now : saved_at;
        }
        pthread_mutex_unlock(&engine->pace);
        if (now >= walked || rests) {
            walk(engine, now, &wake, &late);
            walk_at = now + WALK_MS;
        }
        end_late(&late, now);
        wake_all(&wake);
        turn_save_partial(save.at, save.n);
        save.n = 0;
        pthread_mutex_lock(&engine->pace);
    }
    pthread_mutex_unlock(&engine->pace);
    vec_done(&wake);
    vec_done(&late);
    vec_done(&save);
    return NULL;
}
