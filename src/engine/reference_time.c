// SPDX-License-Identifier: Apache-2.0
// Days are counted from 1970-01-01 (a Thursday). Weeks begin on Monday. Day counts from dates and back as in Hinnant's
// "chrono-compatible low-level date algorithms".
#include "engine/reference_time.h"

#include "engine/script.h"

static int64_t days_of(struct reference_day date)
{
    int64_t year = date.year - (date.month <= 2), era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct reference_day date_of(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    struct reference_day date = {.day = (int)(of_year - (153 * month + 2) / 5 + 1),
                                 .month = (int)(month < 10 ? month + 3 : month - 9)};
    date.year = (int)(year + era * 400 + (date.month <= 2));
    return date;
}

static int weekday_of(int64_t days) // 0 = Monday
{
    return (int)(((days + 3) % 7 + 7) % 7);
}

static struct reference_day first_of(int64_t month) // months since year 0
{
    int64_t year = month >= 0 ? month / 12 : -((11 - month) / 12);
    return (struct reference_day){(int)year, (int)(month - year * 12) + 1, 1};
}

static struct reference_day add_months(struct reference_day date, int64_t months)
{
    int64_t index = (int64_t)date.year * 12 + date.month - 1 + months;
    struct reference_day first = first_of(index);
    int length = (int)(days_of(first_of(index + 1)) - days_of(first));
    first.day = date.day < length ? date.day : length;
    return first;
}

static struct str write_day(struct arena *arena, int64_t days)
{
    struct reference_day date = date_of(days);
    return arena_strf(arena, "%04d-%02d-%02d", date.year, date.month, date.day);
}

static struct str write_range(struct arena *arena, int64_t first, int64_t last)
{
    return arena_strf(arena, STR_FMT "/" STR_FMT, STR_ARG(write_day(arena, first)), STR_ARG(write_day(arena, last)));
}

static int index_in(struct str word, const char *list)
{
    for (int i = 0; *list; i++) {
        size_t n = strcspn(list, " ");
        if (str_eq_nocase(word, (struct str){list, n}))
            return i;
        list += n + (list[n] == ' ');
    }
    return -1;
}

static int64_t number_of(struct str word)
{
    int64_t n;
    if (str_to_int(word, 0, 1000, &n))
        return n;
    if (word_among(word, "a an"))
        return 1;
    return index_in(word, "zero one two three four five six seven eight nine ten eleven twelve");
}

// today shifted by n days, weeks, months or years; false: no such unit.
static bool shift(struct reference_day today, int64_t n, struct str unit, int64_t *ret)
{
    if (word_among(unit, "day days"))
        *ret = days_of(today) + n;
    else if (word_among(unit, "week weeks"))
        *ret = days_of(today) + 7 * n;
    else if (word_among(unit, "month months"))
        *ret = days_of(add_months(today, n));
    else if (word_among(unit, "year years"))
        *ret = days_of(add_months(today, 12 * n));
    else
        return false;
    return true;
}

// week, month or year at `step` from the one of today.
static struct str period(struct arena *arena, struct reference_day today, int step, struct str unit)
{
    int64_t days = days_of(today);
    if (word_among(unit, "week")) {
        int64_t monday = days - weekday_of(days) + 7 * step;
        return write_range(arena, monday, monday + 6);
    }
    bool year = word_among(unit, "year");
    if (!year && !word_among(unit, "month"))
        return STR_NULL;
    struct reference_day first = {today.year, year ? 1 : today.month, 1};
    first = add_months(first, year ? 12 * step : step);
    return write_range(arena, days_of(first), days_of(add_months(first, year ? 12 : 1)) - 1);
}

static int64_t weekday(int64_t today, int wanted, int step)
{
    int64_t same_week = today - weekday_of(today) + wanted;
    if (step == 0)
        return same_week;
    if (step > 0)
        return same_week > today ? same_week : same_week + 7;
    return same_week < today ? same_week : same_week - 7;
}

size_t reference_time_at(struct arena *arena, struct str text, struct tokens tokens, size_t from,
                         struct reference_day today, struct str *ret)
{
    static const char weekdays[] = "monday tuesday wednesday thursday friday saturday sunday";
    struct str words[3] = {STR(""), STR(""), STR("")};
    for (size_t i = 0; i < 3 && from + i < tokens.n; i++)
        words[i] =
            (struct str){text.p + tokens.at[from + i].start, tokens.at[from + i].end - tokens.at[from + i].start};
    int64_t days = days_of(today), then;
    static const struct {
        const char *word;
        int step;
    } simple[] = {{"now", 0}, {"today", 0}, {"tonight", 0}, {"yesterday", -1}, {"tomorrow", 1}};
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
        if (str_eq_nocase(words[0], str_from(simple[i].word))) {
            *ret = write_day(arena, days + simple[i].step);
            return 1;
        }
    int wanted = index_in(words[0], weekdays), step = index_in(words[0], "last this next") - 1;
    if (wanted >= 0) {
        *ret = write_day(arena, weekday(days, wanted, 1));
        return 1;
    }
    if (step >= -1) {
        wanted = index_in(words[1], weekdays);
        *ret = wanted >= 0 ? write_day(arena, weekday(days, wanted, step)) : period(arena, today, step, words[1]);
        return ret->p ? 2 : 0;
    }
    int64_t n = number_of(words[1]);
    if (word_among(words[0], "in") && n >= 0 && shift(today, n, words[2], &then)) {
        *ret = write_day(arena, then);
        return 3;
    }
    n = number_of(words[0]);
    if (n >= 0 && word_among(words[2], "ago") && shift(today, -n, words[1], &then)) {
        *ret = write_day(arena, then);
        return 3;
    }
    return 0;
}
