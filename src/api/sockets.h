// SPDX-License-Identifier: Apache-2.0
// Open chat sockets, counted and found by brand and by client address. Thread-safe.
#pragma once

#include "base/str.h"

struct app;
struct change;
struct map;
struct sockets;
struct socket;

struct sockets *sockets_new(void);
void sockets_free(struct sockets *sockets);
// False: over either bound (nothing is added). The registry holds no reference: remove a socket before it is freed.
// `keyed`: opened by a credential.
bool sockets_add(struct sockets *sockets, struct socket *socket, struct str brand, struct str address, size_t per_brand,
                 size_t per_address, bool keyed);
void sockets_remove(struct sockets *sockets, struct socket *socket, struct str brand, struct str address, bool keyed);
size_t sockets_of_brand(struct sockets *sockets, struct str brand);
// Calls `fn` for each open socket of the brand (STR_NULL: of all), under the registry's lock: it must not add or remove
// sockets.
void sockets_each(struct sockets *sockets, struct str brand, void (*fn)(struct socket *socket, void *arg), void *arg);

// What was changed about credentials: the id of a user, a sign-in or a chatbot, a brand, or SOCKETS_ALL. Nothing is
// noted while no socket was opened by one. True: the caller must see to it that sockets_noted is called until NULL.
#define SOCKETS_ALL STR("*")
bool sockets_note(struct sockets *sockets, struct str who);
// The set of what was noted since (map_free), or NULL: nothing, and the next note is told again.
struct map *sockets_noted(struct sockets *sockets);
// For the store's listener: sockets whose credential this may have ended are looked at on a worker (socket_watch.c).
void sockets_changed(struct app *app, const struct change *change);
