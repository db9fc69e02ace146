// SPDX-License-Identifier: Apache-2.0
// The handler runs on the thread that read, between two of its instructions, and only puts zeros where the mapping was:
// one call of the kernel, which takes no lock of the C library.
#include "embed/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

static struct guarded {
    _Atomic bool taken, cut;
    _Atomic uintptr_t base; // 0: not watched
    _Atomic size_t size;
} guarded[GUARDED_MOST];
static struct sigaction before;

static bool put_zeros(uintptr_t at)
{
    for (size_t i = 0; i < GUARDED_MOST; i++) {
        struct guarded *g = &guarded[i];
        uintptr_t base = atomic_load(&g->base);
        size_t size = atomic_load(&g->size);
        if (!base || at < base || at - base >= size)
            continue;
        if (mmap((void *)base, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            return false;
        atomic_store(&g->cut, true);
        return true;
    }
    return false;
}

static void on_bus(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    (void)context;
    if (info->si_code != BUS_ADRERR || !put_zeros((uintptr_t)info->si_addr)) {
        // Nothing of ours: what is read is read again and ends as it would have. A signal that was sent does not come
        // again by itself.
        (void)sigaction(SIGBUS, &before, NULL);
        if (info->si_code <= 0)
            (void)raise(number);
    }
    errno = saved;
}

// Others may have put theirs in its place since (test frameworks do for each test).
static void watch(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_ONSTACK}, now;
    (void)sigemptyset(&action.sa_mask);
    pthread_mutex_lock(&lock);
    if (sigaction(SIGBUS, &action, &now) == 0 && now.sa_sigaction != on_bus)
        before = now;
    pthread_mutex_unlock(&lock);
}

int guard_new(void *base, size_t size)
{
    watch();
    for (int i = 0; i < GUARDED_MOST; i++) {
        struct guarded *g = &guarded[i];
        if (atomic_exchange(&g->taken, true))
            continue;
        atomic_store(&g->cut, false);
        atomic_store(&g->size, size);
        atomic_store(&g->base, (uintptr_t)base);
        return i;
    }
    return -1;
}

void guard_done(int number)
{
    if (number < 0)
        return;
    atomic_store(&guarded[number].base, 0);
    atomic_store(&guarded[number].taken, false);
}

bool guard_cut(int number)
{
    return number >= 0 && atomic_load(&guarded[number].cut);
}

void guard_enter(sigset_t *ret_mask)
{
    sigset_t bus;
    (void)sigemptyset(&bus);
    (void)sigaddset(&bus, SIGBUS);
    (void)pthread_sigmask(SIG_UNBLOCK, &bus, ret_mask);
}

void guard_leave(const sigset_t *mask)
{
    (void)pthread_sigmask(SIG_SETMASK, mask, NULL);
}
