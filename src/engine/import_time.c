// SPDX-License-Identifier: Apache-2.0
#include "engine/import_time.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>
#include <unicode/ucal.h>

enum { TEXT_MOST = 40, ZONE_MOST = 64 };

static bool zone_name(const char *zone, UChar out[ZONE_MOST])
{
    size_t n = strlen(zone);
    for (size_t i = 0; i <= n && n < ZONE_MOST; i++)
        out[i] = (UChar)(unsigned char)zone[i];
    return n > 0 && n < ZONE_MOST;
}

bool import_zone_valid(const char *zone)
{
    UChar name[ZONE_MOST], canonical[ZONE_MOST];
    UErrorCode status = U_ZERO_ERROR;
    if (!zone_name(zone, name))
        return false;
    (void)ucal_getCanonicalTimeZoneID(name, -1, canonical, ZONE_MOST, NULL, &status);
    return U_SUCCESS(status);
}

// What the clock on the wall showed there, given as if it had been UTC.
static int64_t from_zone(int64_t wall_ms, const char *zone)
{
    UChar name[ZONE_MOST];
    UErrorCode status = U_ZERO_ERROR;
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    UCalendar *calendar = zone_name(zone, name) ? ucal_open(name, -1, "en", UCAL_GREGORIAN, &status) : NULL;
    if (!calendar || !gmtime_r(&seconds, &tm))
        return wall_ms;
    ucal_clear(calendar);
    ucal_setDateTime(calendar, tm.tm_year + 1900, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, &status);
    UDate there = ucal_getMillis(calendar, &status);
    ucal_close(calendar);
    return U_SUCCESS(status) ? (int64_t)there + wall_ms % 1000 : wall_ms;
}

bool import_time(struct str text, const char *zone, int64_t *ret_wall_ms)
{
    char full[TEXT_MOST + 12];
    int64_t ms;
    text = str_trim(text);
    if (text.n < 10 || text.n > TEXT_MOST)
        return false;
    int n = snprintf(full, sizeof full, STR_FMT "%s", STR_ARG(text), text.n == 10 ? "T00:00:00" : "");
    if (full[10] == ' ')
        full[10] = 'T';
    if (clock_parse((struct str){full, (size_t)n}, ret_wall_ms))
        return true;
    full[n] = 'Z';
    if (!clock_parse((struct str){full, (size_t)n + 1}, &ms))
        return false;
    *ret_wall_ms = zone ? from_zone(ms, zone) : ms;
    return true;
}
