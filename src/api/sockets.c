// SPDX-License-Identifier: Apache-2.0
#include "api/sockets.h"

#include "base/map.h"
#include "base/vec.h"

#include <pthread.h>
#include <stdlib.h>

struct group {
    VEC(struct socket *) open;
};

enum { NOTED_MOST = 256 };

struct sockets {
    pthread_mutex_t lock;
    size_t keyed;          // opened by a credential
    struct map *noted;     // as a set; NULL: none
    bool looking;          // somebody calls sockets_noted
    struct map *brands;    // id → group
    struct map *addresses; // key → count as pointer
};

struct sockets *sockets_new(void)
{
    struct sockets *s = mem_zalloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->brands = map_new();
    s->addresses = map_new();
    return s;
}

void sockets_free(struct sockets *s)
{
    if (!s)
        return;
    size_t pos = 0;
    void *value;
    while (map_next(s->brands, &pos, NULL, &value)) {
        struct group *group = value;
        vec_done(&group->open);
        free(group);
    }
    map_free(s->brands);
    if (s->noted)
        map_free(s->noted);
    map_free(s->addresses);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

bool sockets_add(struct sockets *s, struct socket *socket, struct str brand, struct str address, size_t per_brand,
                 size_t per_address, bool keyed)
{
    pthread_mutex_lock(&s->lock);
    struct group *group = map_get(s->brands, brand);
    size_t of_address = (size_t)map_get(s->addresses, address);
    bool room = (!group || group->open.n < per_brand) && of_address < per_address;
    if (room) {
        if (!group) {
            group = mem_zalloc(sizeof *group);
            (void)map_set(s->brands, brand, group);
        }
        vec_add(&group->open, socket);
        s->keyed += keyed;
        (void)map_set(s->addresses, address, (void *)(of_address + 1));
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

void sockets_remove(struct sockets *s, struct socket *socket, struct str brand, struct str address, bool keyed)
{
    pthread_mutex_lock(&s->lock);
    s->keyed -= keyed;
    struct group *group = map_get(s->brands, brand);
    for (size_t i = 0; group && i < group->open.n; i++)
        if (group->open.at[i] == socket) {
            group->open.at[i] = group->open.at[--group->open.n];
            break;
        }
    if (group && group->open.n == 0) {
        (void)map_remove(s->brands, brand);
        vec_done(&group->open);
        free(group);
    }
    size_t of_address = (size_t)map_get(s->addresses, address);
    if (of_address > 1)
        (void)map_set(s->addresses, address, (void *)(of_address - 1));
    else
        (void)map_remove(s->addresses, address);
    pthread_mutex_unlock(&s->lock);
}

size_t sockets_of_brand(struct sockets *s, struct str brand)
{
    pthread_mutex_lock(&s->lock);
    const struct group *group = map_get(s->brands, brand);
    size_t n = group ? group->open.n : 0;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void each(const struct group *group, void (*fn)(struct socket *socket, void *arg), void *arg)
{
    for (size_t i = 0; group && i < group->open.n; i++)
        fn(group->open.at[i], arg);
}

void sockets_each(struct sockets *s, struct str brand, void (*fn)(struct socket *socket, void *arg), void *arg)
{
    size_t pos = 0;
    void *value;
    pthread_mutex_lock(&s->lock);
    if (brand.p)
        each(map_get(s->brands, brand), fn, arg);
    while (!brand.p && map_next(s->brands, &pos, NULL, &value))
        each(value, fn, arg);
    pthread_mutex_unlock(&s->lock);
}

bool sockets_note(struct sockets *s, struct str who)
{
    pthread_mutex_lock(&s->lock);
    bool wanted = s->keyed > 0, tell = wanted && !s->looking;
    if (wanted) {
        s->noted = s->noted ? s->noted : map_new();
        bool room = map_count(s->noted) < NOTED_MOST;
        (void)map_set(s->noted, room ? who : SOCKETS_ALL, s);
        s->looking = true;
    }
    pthread_mutex_unlock(&s->lock);
    return tell;
}

struct map *sockets_noted(struct sockets *s)
{
    pthread_mutex_lock(&s->lock);
    struct map *noted = s->noted;
    s->noted = NULL;
    s->looking = noted != NULL;
    pthread_mutex_unlock(&s->lock);
    return noted;
}
