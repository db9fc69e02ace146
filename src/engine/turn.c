// SPDX-License-Identifier: Apache-2.0
// The turn as a table of steps, its text and its watchers, and the lanes of conversations. A step runs where the one
// before it ended: on the thread that started the turn, on the worker that took it up after the model.
#include "engine/turn_internal.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { WAKE_FEW = 16 };

static enum step_result step_greet(struct turn *turn);
static enum step_result step_finish(struct turn *turn);

static const struct step {
    const char *name;
    enum step_result (*run)(struct turn *turn);
} steps[] = {
    {"open", turn_step_open},         // the visitor's message is committed
    {"greet", step_greet},            // readers learn of the conversation
    {"resolve", turn_step_resolve},   // history, references
    {"embed", turn_step_embed},       // vectors of what is searched for
    {"retrieve", turn_step_retrieve}, // products, passages
    {"answer", turn_step_answer},     // the model streams, or it is known that sentences are quoted
    {"tools", turn_step_tools},       // what the model calls is run, and it is asked again
    {"settle", turn_step_settle},     // how did it end
    {"weigh", turn_step_weigh},       // vectors of the sentences that may be quoted
    {"quote", turn_step_quote},       // sentences, where no model answered
    {"check", turn_step_check},       // prices
    {"products", turn_step_products}, // rows as they are now
    {"commit", turn_step_commit},     // the answer and all that belongs to it
    {"finish", step_finish},          // readers, the next turn of the conversation
};

// ---- text and watchers ---------------------------------------------------------------------------------------------

void turn_wake(struct turn *turn)
{
    struct watcher few[WAKE_FEW], *list = few;
    pthread_mutex_lock(&turn->lock);
    size_t n = turn->watchers.n;
    if (n > WAKE_FEW)
        list = mem_calloc(n, sizeof *list);
    if (n)
        memcpy(list, turn->watchers.at, n * sizeof *list);
    turn->waking++;
    turn->woken_at = clock_mono_ms();
    turn->flush_due = false;
    pthread_mutex_unlock(&turn->lock);
    for (size_t i = 0; i < n; i++)
        list[i].wake(turn, list[i].arg);
    if (list != few)
        free(list);
    turn_calm(turn);
}

void turn_calm(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    if (--turn->waking == 0)
        pthread_cond_broadcast(&turn->calm);
    pthread_mutex_unlock(&turn->lock);
}

// True: the readers are to be woken now.
static bool add_text(struct turn *turn, struct str text)
{
    int64_t flush_ms = settings_int(turn->engine->with.settings, SET_WS_FLUSH), now = clock_mono_ms();
    pthread_mutex_lock(&turn->lock);
    bool first = turn->text.n == 0, wait = false, save = false;
    if (first)
        turn->first_us = clock_mono_us();
    turn->text_full |= !buf_adds(&turn->text, text);
    int64_t at = turn->woken_at + flush_ms;
    bool wake = (first || now >= at) && !turn->input.whole;
    if (!wake && !turn->flush_due && !turn->input.whole)
        wait = turn->flush_due = true;
    if (turn->call && !turn->save_due)
        save = turn->save_due = true;
    pthread_mutex_unlock(&turn->lock);
    if (wait)
        clock_flush(turn, at);
    if (save)
        clock_save(turn);
    return wake;
}

void turn_append(struct turn *turn, struct str text)
{
    if (text.n && add_text(turn, text))
        turn_wake(turn);
}

void turn_append_soon(struct turn *turn, struct str text)
{
    if (text.n == 0 || !add_text(turn, text) || turn->gathered)
        return;
    vec_add(&turn->engine->gathered, turn);
    turn->gathered = turn->engine->gathered.n;
}

void turn_settled(struct turn *turn)
{
    if (!turn->gathered)
        return;
    turn->engine->gathered.at[turn->gathered - 1] = NULL;
    turn->gathered = 0;
    turn_wake(turn);
}

// The model client has nothing more at hand.
static void wake_gathered(void *arg)
{
    struct engine *engine = arg;
    for (size_t i = 0; i < engine->gathered.n; i++)
        if (engine->gathered.at[i])
            turn_settled(engine->gathered.at[i]);
    engine->gathered.n = 0;
}

size_t turn_text(struct turn *turn, size_t offset, size_t room, struct buf *out)
{
    pthread_mutex_lock(&turn->lock);
    size_t length = turn->text.n;
    if (offset < length) {
        struct str rest = {turn->text.p + offset, length - offset};
        if (rest.n > room)
            rest.n = utf8_whole((struct str){rest.p, room});
        buf_adds(out, rest);
    }
    pthread_mutex_unlock(&turn->lock);
    return length;
}

void turn_watch(struct turn *turn, turn_watcher *wake, void *arg)
{
    pthread_mutex_lock(&turn->lock);
    vec_push(&turn->watchers, wake, arg);
    pthread_mutex_unlock(&turn->lock);
}

// Under turn->lock: bytes that the slowest reader who reports has not taken.
static size_t ahead(const struct turn *turn)
{
    size_t most = 0;
    for (size_t i = 0; i < turn->watchers.n; i++) {
        const struct watcher *watcher = &turn->watchers.at[i];
        if (watcher->reports && turn->text.n > watcher->read && turn->text.n - watcher->read > most)
            most = turn->text.n - watcher->read;
    }
    return most;
}

// Under turn->lock. A quarter of room, so that pauses are long and few.
static void let_go(struct turn *turn)
{
    if (!turn->held || ahead(turn) > TURN_AHEAD_MOST / 4 * 3)
        return;
    turn->held = false;
    if (turn->call)
        llm_call_resume(turn->call);
}

bool turn_has_room(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    turn->held = ahead(turn) > TURN_AHEAD_MOST;
    bool room = !turn->held;
    pthread_mutex_unlock(&turn->lock);
    return room;
}

static struct watcher *watcher_of(struct turn *turn, turn_watcher *wake, const void *arg)
{
    for (size_t i = 0; i < turn->watchers.n; i++)
        if (turn->watchers.at[i].wake == wake && turn->watchers.at[i].arg == arg)
            return &turn->watchers.at[i];
    return NULL;
}

void turn_read_to(struct turn *turn, turn_watcher *wake, void *arg, size_t offset)
{
    pthread_mutex_lock(&turn->lock);
    struct watcher *watcher = watcher_of(turn, wake, arg);
    if (watcher) {
        watcher->reports = true;
        watcher->read = offset;
        let_go(turn);
    }
    pthread_mutex_unlock(&turn->lock);
}

void turn_unwatch(struct turn *turn, turn_watcher *wake, void *arg)
{
    pthread_mutex_lock(&turn->lock);
    struct watcher *watcher = watcher_of(turn, wake, arg);
    if (watcher)
        *watcher = turn->watchers.at[--turn->watchers.n];
    let_go(turn);
    while (turn->waking)
        pthread_cond_wait(&turn->calm, &turn->lock);
    pthread_mutex_unlock(&turn->lock);
}

bool turn_ended(const struct turn *turn)
{
    struct turn *t = (struct turn *)(uintptr_t)turn;
    pthread_mutex_lock(&t->lock);
    bool ended = t->ended;
    pthread_mutex_unlock(&t->lock);
    return ended;
}

void turn_wait(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    while (!turn->ended)
        pthread_cond_wait(&turn->calm, &turn->lock);
    pthread_mutex_unlock(&turn->lock);
}

const struct turn_outcome *turn_outcome(const struct turn *turn)
{
    return &turn->outcome;
}

struct str turn_conversation(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    struct str id = turn->conversation_known ? turn->outcome.conversation_id : STR_NULL;
    pthread_mutex_unlock(&turn->lock);
    return id;
}

struct turn *turn_ref(struct turn *turn)
{
    atomic_fetch_add(&turn->refs, 1);
    return turn;
}

void turn_unref(struct turn *turn)
{
    if (!turn || atomic_fetch_sub(&turn->refs, 1) != 1)
        return;
    if (turn->release)
        turn->release(turn->release_arg);
    chatbot_ref_drop(turn->input.chatbot);
    buf_done(&turn->text);
    voice_done(&turn->voice);
    vec_done(&turn->watchers);
    turn_tools_done(turn);
    pthread_cond_destroy(&turn->calm);
    pthread_mutex_destroy(&turn->lock);
    arena_free(turn->arena); // the turn lives in it
}

// ---- running -------------------------------------------------------------------------------------------------------

static _Thread_local struct turn *stepping; // whose step runs on this thread; NULL once it was resumed

static void run(void *arg)
{
    struct turn *turn = arg, *outer = stepping;
    enum step_result result;
    // A step that parks has handed the turn on: it must not be touched here any more, unless it was resumed on this
    // very thread meanwhile.
    do {
        stepping = turn;
        result = steps[turn->step].run(turn);
        if (result == STEP_PARK && stepping)
            break;
        turn->step++;
    } while (turn->step < sizeof steps / sizeof *steps);
    bool parked = result == STEP_PARK && stepping;
    stepping = outer;
    if (!parked)
        turn_unref(turn);
}

void turn_resume(struct turn *turn)
{
    if (stepping == turn) {
        stepping = NULL;
        return;
    }
    turn->step++;
    pool_must_run(turn->engine->with.workers, run, turn);
}

void turn_stay(struct turn *turn)
{
    turn->step--;
}

void turn_fail(struct turn *turn, int code, const struct err *err)
{
    (void)err; // the code is what surfaces show; the store's own text stays inside
    if (turn->outcome.code == 0)
        turn->outcome.code = code;
}

// ---- lanes ---------------------------------------------------------------------------------------------------------

static struct str lane_key(struct arena *arena, struct str brand, struct str chatbot, struct str session)
{
    return arena_strf(arena, STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(brand), STR_ARG(chatbot), STR_ARG(session));
}

// Under engine.lock. True: the turn may start at once.
static bool lane_enter(struct engine *engine, struct turn *turn, struct str session)
{
    struct str key =
        lane_key(turn->arena, turn->input.chatbot->brand->row.brand.id, turn->input.chatbot->row.id, session);
    struct lane *lane = map_get(engine->lanes, key);
    if (!lane) {
        lane = mem_zalloc(sizeof *lane);
        lane->key = mem_strndup(key.p, key.n);
        lane->last = &lane->first;
        lane->running = turn;
        (void)map_set(engine->lanes, key, lane);
        turn->lane = lane;
        return true;
    }
    turn->lane = lane;
    turn->waiting = true;
    *lane->last = turn;
    lane->last = &turn->behind;
    return false;
}

// Under engine.lock. Returns the turn that may start now, or NULL.
static struct turn *lane_leave(struct engine *engine, struct turn *turn)
{
    struct lane *lane = turn->lane;
    if (!lane)
        return NULL;
    turn->lane = NULL;
    struct turn *next = lane->first;
    if (!next) {
        (void)map_remove(engine->lanes, str_from(lane->key));
        free(lane->key);
        free(lane);
        return NULL;
    }
    lane->first = next->behind;
    if (!lane->first)
        lane->last = &lane->first;
    next->behind = NULL;
    next->waiting = false;
    lane->running = next;
    return next;
}

// Under engine.lock: takes a waiting turn out of its lane.
static void lane_give_up(struct turn *turn)
{
    struct lane *lane = turn->lane;
    for (struct turn **at = &lane->first; *at; at = &(*at)->behind)
        if (*at == turn) {
            *at = turn->behind;
            break;
        }
    lane->last = &lane->first;
    while (*lane->last)
        lane->last = &(*lane->last)->behind;
    turn->behind = NULL;
    turn->waiting = false;
    turn->lane = NULL;
}

void turn_know_conversation(struct turn *turn)
{
    struct str session = turn->begin.conversation.session_id;
    struct str prefix = turn->input.prefix;
    struct engine *engine = turn->engine;
    struct turn *next = NULL;
    pthread_mutex_lock(&engine->lock);
    if (!str_eq(session, turn->input.session)) {
        // A new id, also where one was given that may not be used: nobody can stand before it, as nobody knows it yet.
        next = lane_leave(engine, turn);
        (void)lane_enter(engine, turn, session);
    }
    pthread_mutex_unlock(&engine->lock);
    pthread_mutex_lock(&turn->lock);
    turn->outcome.conversation_id =
        str_starts(session, prefix) ? (struct str){session.p + prefix.n, session.n - prefix.n} : session;
    turn->outcome.row_id = turn->begin.conversation.id;
    turn->outcome.session_id = session;
    turn->outcome.user_message_id = turn->begin.user_message_id;
    turn->outcome.answer_id = turn->begin.answer_id;
    turn->outcome.message_metadata = turn->input.metadata;
    turn->outcome.asked_at = turn->begin.now;
    turn->conversation_known = true;
    pthread_mutex_unlock(&turn->lock);
    if (next)
        pool_must_run(engine->with.workers, run, next);
}

// Not where the commit is: the store's writer has others to serve.
static enum step_result step_greet(struct turn *turn)
{
    if (turn->conversation_known)
        turn_wake(turn);
    return STEP_NEXT;
}

static void list_add(struct engine *engine, struct turn *turn)
{
    turn->after = engine->turns;
    if (engine->turns)
        engine->turns->before = turn;
    engine->turns = turn;
    atomic_fetch_add(&engine->n_turns, 1);
}

static void list_remove(struct engine *engine, struct turn *turn)
{
    if (turn->before)
        turn->before->after = turn->after;
    else
        engine->turns = turn->after;
    if (turn->after)
        turn->after->before = turn->before;
    if (atomic_fetch_sub(&engine->n_turns, 1) == 1)
        pthread_cond_broadcast(&engine->none);
}

static enum step_result step_finish(struct turn *turn)
{
    struct engine *engine = turn->engine;
    clock_forget(turn);
    turn_measure(turn);
    pthread_mutex_lock(&turn->lock);
    while (turn->saving)
        pthread_cond_wait(&turn->calm, &turn->lock);
    turn->ended = true;
    pthread_mutex_unlock(&turn->lock);
    turn_wake(turn);
    // A turn counts as running until no watcher of it is called any more: who waits for all turns may then free what
    // the watchers use.
    pthread_mutex_lock(&turn->lock);
    while (turn->waking)
        pthread_cond_wait(&turn->calm, &turn->lock);
    pthread_mutex_unlock(&turn->lock);
    pthread_mutex_lock(&engine->lock);
    struct turn *next = lane_leave(engine, turn);
    if (next)
        pool_must_run(engine->with.workers, run, next);
    list_remove(engine, turn);
    pthread_mutex_unlock(&engine->lock);
    return STEP_NEXT;
}

// Of a turn that has not begun: nothing but its last step remains.
static void end_at_once(struct turn *turn, int code)
{
    turn->outcome.code = code;
    turn->outcome.finish_reason = code == ERR_CANCELLED ? "cancelled" : "error";
    turn->step = sizeof steps / sizeof *steps - 1;
}

static void copy_input(struct turn *turn, const struct turn_input *input)
{
    struct turn_input *own = &turn->input;
    *own = *input;
    own->chatbot = chatbot_ref_take(input->chatbot);
    struct str *const texts[] = {&own->metadata, &own->context,     &own->begun_by,      &own->only_of, &own->session,
                                 &own->prefix,   &own->channel,     &own->user_label,    &own->message, &own->actor,
                                 &own->address,  &own->personality, &own->personality_id};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(turn->arena, *texts[i]);
    struct stored_message *past = arena_calloc(turn->arena, own->n_past + 1, sizeof *past);
    for (size_t i = 0; i < own->n_past; i++)
        past[i] = (struct stored_message){.role = arena_str(turn->arena, input->past[i].role),
                                          .content = arena_str(turn->arena, input->past[i].content),
                                          .metadata = arena_str(turn->arena, input->past[i].metadata)};
    own->past = turn->history = past;
    turn->n_history = own->n_past;
}

struct turn *turn_start(struct engine *engine, const struct turn_input *input, turn_watcher *wake, void *arg,
                        void (*release)(void *arg))
{
    struct arena *arena = arena_new(8192);
    struct turn *turn = ARENA_NEW(arena, struct turn);
    turn->arena = arena;
    turn->engine = engine;
    turn->release = release;
    turn->release_arg = arg;
    atomic_init(&turn->refs, 2); // the caller's and the run's
    turn->text = BUF_INIT(TURN_TEXT_MOST);
    turn->began_ms = clock_wall_ms();
    turn->began_us = clock_mono_us();
    turn->began_mono = turn->woken_at = turn->began_us / 1000;
    turn->outcome.finish_reason = "stop";
    turn->status = "complete";
    pthread_mutex_init(&turn->lock, NULL);
    pthread_cond_init(&turn->calm, NULL);
    voice_init(&turn->voice);
    copy_input(turn, input);
    turn->outcome.message = turn->input.message;
    if (wake)
        vec_push(&turn->watchers, wake, arg);
    pthread_mutex_lock(&engine->lock);
    list_add(engine, turn);
    bool go = engine->closed || !turn->input.session.p || lane_enter(engine, turn, turn->input.session);
    if (engine->closed)
        end_at_once(turn, ERR_UNAVAILABLE);
    turn->wait_until = input->wait_ms ? turn->began_mono + input->wait_ms : INT64_MAX;
    pthread_mutex_unlock(&engine->lock);
    clock_begin(engine);
    if (go)
        run(turn);
    return turn;
}

struct turn *turn_find(struct engine *engine, struct str brand_id, struct str chatbot_id, struct str session)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    pthread_mutex_lock(&engine->lock);
    struct lane *lane = map_get(engine->lanes, lane_key(arena, brand_id, chatbot_id, session));
    struct turn *turn = lane ? turn_ref(lane->running) : NULL;
    pthread_mutex_unlock(&engine->lock);
    return turn;
}

void turn_give_up(struct turn *turn, int code)
{
    lane_give_up(turn);
    end_at_once(turn, code);
    pool_must_run(turn->engine->with.workers, run, turn);
}

void turn_cancel(struct turn *turn)
{
    atomic_store(&turn->cancelled, true);
    pthread_mutex_lock(&turn->engine->lock);
    if (turn->waiting)
        turn_give_up(turn, ERR_CANCELLED);
    pthread_mutex_unlock(&turn->engine->lock);
    // The call cannot end while the lock is held: `done` takes it to forget the call.
    pthread_mutex_lock(&turn->lock);
    if (turn->call)
        llm_cancel(turn->call);
    pthread_mutex_unlock(&turn->lock);
    turn_tools_late(turn, INT64_MAX, "cancelled");
}

// ---- engine --------------------------------------------------------------------------------------------------------

struct engine *engine_new(const struct engine_options *options)
{
    struct engine *engine = mem_zalloc(sizeof *engine);
    pthread_condattr_t attr;
    engine->with = *options;
    engine->lanes = map_new();
    engine->circuits = map_new();
    pthread_mutex_init(&engine->lock, NULL);
    pthread_mutex_init(&engine->pace, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->tick, &attr);
    pthread_cond_init(&engine->none, NULL);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&engine->clock, NULL, clock_run, engine) != 0)
        abort();
    llm_on_pause(engine->with.llm, wake_gathered, engine);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    pthread_mutex_lock(&engine->pace);
    engine->ending = true;
    pthread_cond_signal(&engine->tick);
    pthread_mutex_unlock(&engine->pace);
    pthread_join(engine->clock, NULL);
    vec_done(&engine->gathered);
    map_free(engine->lanes);
    tools_free(engine);
    pthread_cond_destroy(&engine->tick);
    pthread_cond_destroy(&engine->none);
    pthread_mutex_destroy(&engine->lock);
    pthread_mutex_destroy(&engine->pace);
    free(engine);
}

size_t engine_running(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    size_t n = engine->n_turns;
    pthread_mutex_unlock(&engine->lock);
    return n;
}

static void cancel_where(struct engine *engine, struct str brand_id)
{
    VEC(struct turn *) list = {0};
    pthread_mutex_lock(&engine->lock);
    for (struct turn *turn = engine->turns; turn; turn = turn->after)
        if (!brand_id.p || str_eq(turn->input.chatbot->brand->row.brand.id, brand_id))
            vec_push(&list, turn_ref(turn));
    pthread_mutex_unlock(&engine->lock);
    for (size_t i = 0; i < list.n; i++) {
        turn_cancel(list.at[i]);
        turn_unref(list.at[i]);
    }
    vec_done(&list);
}

void engine_cancel_all(struct engine *engine)
{
    cancel_where(engine, STR_NULL);
}

void engine_cancel_brand(struct engine *engine, struct str brand_id)
{
    cancel_where(engine, brand_id);
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    pthread_mutex_lock(&engine->lock);
    engine->closed = true;
    pthread_mutex_unlock(&engine->lock);
    engine_cancel_all(engine);
    pthread_mutex_lock(&engine->lock);
    while (engine->n_turns)
        pthread_cond_wait(&engine->none, &engine->lock);
    pthread_mutex_unlock(&engine->lock);
}
