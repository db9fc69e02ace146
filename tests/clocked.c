// SPDX-License-Identifier: Apache-2.0
// parley-clocked: the server as it is, with a clock that tests move. It reads whole numbers of milliseconds, a line
// each, from the pipe that PARLEY_CLOCK names and adds them to the clock. Never installed.
#include "base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void *follow(void *arg)
{
    long long ms;
    FILE *pipe = fopen(arg, "r+e"); // never at its end
    while (pipe && fscanf(pipe, "%lld", &ms) == 1)
        clock_advance(ms);
    if (pipe)
        (void)fclose(pipe);
    return NULL;
}

__attribute__((constructor)) static void begin(void)
{
    char *path = getenv("PARLEY_CLOCK");
    pthread_t thread;
    sigset_t all, before;
    if (!path)
        return;
    sigfillset(&all); // signals are the main thread's
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (pthread_create(&thread, NULL, follow, path) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
