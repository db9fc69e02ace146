// SPDX-License-Identifier: Apache-2.0
// Open chat sockets, counted and found by brand and by client address. Thread-safe.
#pragma once

#include "base/str.h"

struct sockets;
struct socket;

struct sockets *sockets_new(void);
void sockets_free(struct sockets *sockets);
// False: over either bound (nothing is added). The registry holds no reference: remove a socket before it is freed.
bool sockets_add(struct sockets *sockets, struct socket *socket, struct str brand, struct str address, size_t per_brand,
                 size_t per_address);
void sockets_remove(struct sockets *sockets, struct socket *socket, struct str brand, struct str address);
size_t sockets_of_brand(struct sockets *sockets, struct str brand);
// Calls `fn` for each open socket of the brand, under the registry's lock: it must not add or remove sockets.
void sockets_each(struct sockets *sockets, struct str brand, void (*fn)(struct socket *socket, void *arg), void *arg);
