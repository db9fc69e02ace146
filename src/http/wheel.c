// SPDX-License-Identifier: Apache-2.0
#include "http/wheel.h"

void wheel_init(struct wheel *wheel, int64_t now_ms)
{
    *wheel = (struct wheel){.tick = now_ms / WHEEL_TICK_MS};
}

static void link_entry(struct wheel_entry **head, struct wheel_entry *entry)
{
    entry->next = *head;
    entry->link = head;
    if (entry->next)
        entry->next->link = &entry->next;
    *head = entry;
}

static void unlink_entry(struct wheel_entry *entry)
{
    *entry->link = entry->next;
    if (entry->next)
        entry->next->link = entry->link;
    entry->next = NULL;
    entry->link = NULL;
}

static void place(struct wheel *wheel, struct wheel_entry *entry)
{
    int64_t tick = entry->deadline_ms / WHEEL_TICK_MS + 1;
    if (tick <= wheel->tick)
        tick = wheel->tick + 1;
    if (tick > wheel->tick + WHEEL_SLOTS - 1)
        tick = wheel->tick + WHEEL_SLOTS - 1; // comes round before its time and is placed again
    entry->tick = tick;
    link_entry(&wheel->slots[tick % WHEEL_SLOTS], entry);
}

void wheel_set(struct wheel *wheel, struct wheel_entry *entry, int64_t deadline_ms)
{
    entry->deadline_ms = deadline_ms;
    if (entry->link && deadline_ms / WHEEL_TICK_MS + 1 >= entry->tick)
        return;
    if (entry->link)
        unlink_entry(entry);
    else
        wheel->count++;
    place(wheel, entry);
}

void wheel_remove(struct wheel *wheel, struct wheel_entry *entry)
{
    if (!entry->link)
        return;
    unlink_entry(entry);
    wheel->count--;
}

void wheel_run(struct wheel *wheel, int64_t now_ms, void (*due)(struct wheel_entry *entry, void *arg), void *arg)
{
    int64_t last = now_ms / WHEEL_TICK_MS;
    if (last - wheel->tick > WHEEL_SLOTS)
        wheel->tick = last - WHEEL_SLOTS; // after a jump every slot is looked at once
    while (wheel->tick < last) {
        wheel->tick++;
        // The slot's list is moved aside: what is placed during the calls must not be met again now.
        struct wheel_entry *list = NULL, **slot = &wheel->slots[wheel->tick % WHEEL_SLOTS];
        if (*slot) {
            list = *slot;
            list->link = &list;
            *slot = NULL;
        }
        while (list) {
            struct wheel_entry *entry = list;
            unlink_entry(entry);
            if (entry->deadline_ms > now_ms) {
                place(wheel, entry);
                continue;
            }
            wheel->count--;
            due(entry, arg);
        }
    }
}

int64_t wheel_next_ms(const struct wheel *wheel)
{
    for (int64_t tick = wheel->tick + 1; wheel->count && tick <= wheel->tick + WHEEL_SLOTS; tick++)
        if (wheel->slots[tick % WHEEL_SLOTS])
            return tick * WHEEL_TICK_MS;
    return -1;
}
