// SPDX-License-Identifier: Apache-2.0
#include "cmd/notify.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

static void send_state(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    close(fd);
}

static void *watchdog(void *arg)
{
    long us = (long)(size_t)arg;
    for (;;) {
        struct timespec half = {us / 2000000, us / 2 % 1000000 * 1000};
        (void)nanosleep(&half, NULL);
        send_state("WATCHDOG=1");
    }
    return NULL;
}

void notify_ready(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    long us = usec ? strtol(usec, NULL, 10) : 0;
    pthread_t thread;
    send_state("READY=1");
    if (us > 0 && getenv("NOTIFY_SOCKET") && pthread_create(&thread, NULL, watchdog, (void *)(size_t)us) == 0)
        pthread_detach(thread);
}

void notify_stopping(void)
{
    send_state("STOPPING=1");
}

size_t notify_inherited(int *fds, size_t most)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    if (!pid || !count || strtol(pid, NULL, 10) != getpid())
        return 0;
    size_t n = (size_t)strtoul(count, NULL, 10);
    n = n < most ? n : most;
    for (size_t i = 0; i < n; i++) {
        fds[i] = FIRST_FD + (int)i;
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    }
    return n;
}
