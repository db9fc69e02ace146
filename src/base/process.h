// SPDX-License-Identifier: Apache-2.0
// What the system says of this process and of the machine. 0 where it says nothing. Any thread.
#pragma once

#include <stdint.h>

struct process_facts {
    int64_t rss, heap_total, heap_used, heap_mapped; // bytes
    int64_t open_files;
    double cpu_s;   // user and system
    double start_s; // Unix time
    int64_t memory_total, memory_free;
    double machine_uptime_s;
};
void process_read(struct process_facts *ret);
