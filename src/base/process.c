// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

static int64_t resident(void)
{
    long long total, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    int n = fscanf(file, "%lld %lld", &total, &pages);
    (void)fclose(file);
    return n == 2 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

static int64_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t n = 0;
    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n > 3 ? n - 3 : 0; // ".", ".." and the directory itself
}

// Since the machine's start, in seconds: field 22 of stat, behind the name in parentheses.
static double begun(void)
{
    char text[1024];
    unsigned long long ticks = 0;
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[n] = '\0';
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at || sscanf(at, "%llu", &ticks) != 1)
        return 0;
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double machine_uptime(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_BOOTTIME, &now) == 0 ? (double)now.tv_sec + (double)now.tv_nsec / 1e9 : 0;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void read_machine(struct process_facts *ret)
{
    struct sysinfo machine;
    struct timespec now;
    ret->machine_uptime_s = machine_uptime();
    double start = begun();
    if (start > 0 && clock_gettime(CLOCK_REALTIME, &now) == 0)
        ret->start_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - ret->machine_uptime_s + start;
    if (sysinfo(&machine) != 0)
        return;
    ret->memory_total = (int64_t)machine.totalram * machine.mem_unit;
    ret->memory_free = (int64_t)(machine.freeram + machine.bufferram) * machine.mem_unit;
    // What the kernel could free at once counts as free too.
    char line[128];
    long long kib;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld kB", &kib) == 1)
            ret->memory_free = kib * 1024;
    if (file)
        (void)fclose(file);
}

void process_read(struct process_facts *ret)
{
    struct rusage usage;
    struct mallinfo2 heap = mallinfo2();
    *ret = (struct process_facts){
        .rss = resident(),
        .heap_total = (int64_t)(heap.arena + heap.hblkhd),
        .heap_used = (int64_t)(heap.uordblks + heap.hblkhd),
        .heap_mapped = (int64_t)heap.hblkhd,
        .open_files = open_files(),
    };
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        ret->cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    read_machine(ret);
}
