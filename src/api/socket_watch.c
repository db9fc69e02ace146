// SPDX-License-Identifier: Apache-2.0
// Sockets whose credential ends while they are open. Nothing is asked of the store while they talk: whoever ends a key,
// a sign-in, a user or a membership tells of it with the commit (CHANGE_KEY, CHANGE_USER, CHANGE_CHATBOT; another
// process's within a second), and then a worker looks again at the sockets it may concern. What ends by the clock is a
// deadline of the socket itself (http_ws_end_at).
#include "api/access.h"
#include "api/socket_items.h"
#include "api/sockets.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"

static const char NO_LONGER[] = "Could not validate credentials";

static struct http_ws *handle(struct socket *socket)
{
    pthread_mutex_lock(&socket->lock);
    struct http_ws *ws = socket->ws;
    pthread_mutex_unlock(&socket->lock);
    return ws;
}

// By the clock it ends after the turn that runs: that was begun in time.
static void set_end(struct http_ws *ws, int64_t until)
{
    int64_t left = until - clock_wall_ms();
    http_ws_end_at(ws, until ? clock_mono_ms() + (left > 0 ? left : 0) : 0, CLOSE_NO_CREDENTIAL);
}

// Of a member who is none any more it is the brand that is gone.
static void see_brand(struct socket *socket, const struct caller *caller)
{
    AUTO_BRAND struct brand_ref *brand = NULL;
    struct err err;
    pthread_mutex_lock(&socket->lock);
    socket->super_admin = caller->user.super_admin;
    pthread_mutex_unlock(&socket->lock);
    int rc = brands_get(socket->app->brands, socket->scope.brand, &brand, &err);
    if (rc == 0 || (rc == 1 && !socket_may_ask(socket, brand)))
        socket_bid_farewell(socket);
}

bool socket_watch(struct socket *socket)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct http_ws *ws = handle(socket);
    struct caller now;
    struct err err = {0};
    struct str user = socket->caller_kind == CALLER_USER ? socket->scope.actor : STR_NULL;
    if (!ws)
        return true; // its opening will look
    int rc = accounts_still(socket->app->accounts, arena, socket->mark, user, &now, &err);
    if (rc != 1) {
        http_ws_close(ws, rc < 0 ? 1011 : CLOSE_NO_CREDENTIAL, rc < 0 ? "" : NO_LONGER);
        return false;
    }
    set_end(ws, now.sign_in_id.p ? socket->until : now.until);
    see_brand(socket, &now);
    return true;
}

// ---- those that a change concerns ----------------------------------------------------------------------------------

struct search {
    const struct map *who;
    VEC(struct socket *) found;
};

static void find(struct socket *socket, void *arg)
{
    struct search *s = arg;
    bool meant = map_get(s->who, SOCKETS_ALL) || map_get(s->who, socket->scope.actor) ||
                 map_get(s->who, socket->mark) || map_get(s->who, socket->scope.brand);
    if (socket->mark.p && meant)
        vec_add(&s->found, socket_ref(socket));
}

static void look(void *arg)
{
    struct app *app = arg;
    struct map *who;
    while ((who = sockets_noted(app->sockets))) {
        struct search search = {.who = who};
        sockets_each(app->sockets, STR_NULL, find, &search);
        for (size_t i = 0; i < search.found.n; i++) {
            (void)socket_watch(search.found.at[i]);
            socket_unref(search.found.at[i]);
        }
        vec_done(&search.found);
        map_free(who);
    }
}

void sockets_changed(struct app *app, const struct change *change)
{
    struct str who = change->id.p ? change->id : change->brand;
    bool all = change->kind == CHANGE_OUTSIDE || !who.p;
    if (!all && change->kind != CHANGE_KEY && change->kind != CHANGE_USER && change->kind != CHANGE_CHATBOT)
        return;
    if (sockets_note(app->sockets, all ? SOCKETS_ALL : who))
        pool_must_run(app->workers, look, app);
}
