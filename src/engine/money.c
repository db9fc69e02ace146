// SPDX-License-Identifier: Apache-2.0
// A number is first copied into a small buffer as ASCII digits and marks ("." and ",", "_" for spaces and apostrophes
// between groups), then read by the rules of 12.3. Whole values and running text share that; they differ in what may
// stand around the number.
#include "engine/money.h"

#include "base/utf8.h"
#include "engine/money_words.h"

#include <stdio.h>
#include <unicode/uchar.h>

#define NUMBER_MAX 40

struct number {
    char at[NUMBER_MAX + 1];
    size_t n;
    bool too_long;
};

static int digit_of(uint32_t rune)
{
    return rune < 0x80 ? (rune >= '0' && rune <= '9' ? (int)rune - '0' : -1) : u_charDigitValue((UChar32)rune);
}

static bool is_digit_at(struct str text, size_t pos)
{
    return pos < text.n && digit_of(utf8_next(text, &pos)) >= 0;
}

// Exactly three digits at pos?
static bool group_at(struct str text, size_t pos)
{
    for (int i = 0; i < 3; i++)
        if (pos >= text.n || digit_of(utf8_next(text, &pos)) < 0)
            return false;
    return !is_digit_at(text, pos);
}

static char mark_of(uint32_t rune)
{
    switch (rune) {
    case '.':
    case 0xFF0E:
    case 0x066B:
        return '.';
    case ',':
    case 0xFF0C:
    case 0x066C:
        return ',';
    case 0xA0:
    case 0x202F:
    case 0x2009:
    case '\'':
    case 0x2019:
        return '_';
    default:
        return 0;
    }
}

// Copies the number at pos (which is a digit or a mark before one); returns where it ends.
static size_t number_copy(struct str text, size_t pos, bool spaces, struct number *number)
{
    *number = (struct number){.n = 0};
    while (pos < text.n) {
        size_t next = pos;
        uint32_t rune = utf8_next(text, &next);
        int digit = digit_of(rune);
        char mark = digit >= 0 ? (char)('0' + digit) : rune == ' ' && spaces ? '_' : mark_of(rune);
        if (!mark || (digit < 0 && !is_digit_at(text, next)) || (mark == '_' && !group_at(text, next)))
            break;
        if (number->n < NUMBER_MAX)
            number->at[number->n++] = mark;
        else
            number->too_long = true;
        pos = next;
    }
    return pos;
}

// Thousands groups: one to three digits, two or three (India) between, three at the end.
static bool groups_right(const char *at, size_t n, char mark)
{
    size_t group = 0, groups = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && at[i] != mark) {
            if (at[i] < '0' || at[i] > '9')
                return false;
            group++;
            continue;
        }
        bool last = i == n, first = groups++ == 0;
        if (group > 3 || (last ? group != 3 : group < (first ? 1 : 2)))
            return false;
        group = 0;
    }
    return true;
}

static size_t count(const struct number *number, char mark)
{
    size_t found = 0;
    for (size_t i = 0; i < number->n; i++)
        found += number->at[i] == mark;
    return found;
}

// The decimal mark of a number by 12.3; 0 = it has none. False: not one number.
static bool decimal_mark(const struct number *number, bool free_text, char *ret)
{
    size_t points = count(number, '.'), commas = count(number, ','), gaps = count(number, '_');
    const char *at = number->at, *point = memchr(at, '.', number->n), *comma = memchr(at, ',', number->n);
    *ret = 0;
    if (points && commas) {
        char decimal = point > comma ? '.' : ',';
        *ret = decimal;
        return (decimal == '.' ? points : commas) == 1 && !gaps;
    }
    if (points + commas == 0 || points + commas > 1)
        return points + commas == 0 || !gaps;
    char mark = points ? '.' : ',';
    size_t before = (size_t)((points ? point : comma) - at), after = number->n - before - 1;
    bool thousands = after == 3 && before >= 1 && before <= 3 && at[0] != '0' && (free_text || mark == ',');
    if (gaps || !thousands)
        *ret = mark;
    return true;
}

static bool number_read(const struct number *number, bool free_text, int64_t *ret)
{
    char decimal, whole[NUMBER_MAX + 1];
    if (number->too_long || number->n == 0 || !decimal_mark(number, free_text, &decimal))
        return false;
    size_t end = number->n;
    const char *at = number->at, *dot = decimal ? memchr(at, decimal, number->n) : NULL;
    if (dot)
        end = (size_t)(dot - at);
    char mark = memchr(at, '.', end) ? '.' : memchr(at, ',', end) ? ',' : memchr(at, '_', end) ? '_' : 0;
    if (mark && !groups_right(at, end, mark))
        return false;
    size_t n = 0;
    for (size_t i = 0; i < end; i++)
        if (at[i] != mark)
            whole[n++] = at[i];
    int64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value * 10 + (whole[i] - '0');
        if (value > MONEY_MAX / MONEY_ONE)
            return false;
    }
    value *= MONEY_ONE;
    int64_t place = MONEY_ONE / 10;
    for (size_t i = end + 1; dot && i < number->n; i++, place /= 10) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        if (place == 0) {
            value += at[i] >= '5';
            break;
        }
        value += (at[i] - '0') * place;
    }
    if (value > MONEY_MAX)
        return false;
    *ret = value;
    return true;
}

static bool is_space(uint32_t rune)
{
    return rune == ' ' || rune == '\t' || rune == 0xA0 || rune == 0x202F || rune == 0x2009 || rune == 0x3000;
}

static size_t skip_spaces(struct str text, size_t pos)
{
    while (pos < text.n) {
        size_t next = pos;
        if (!is_space(utf8_next(text, &next)))
            break;
        pos = next;
    }
    return pos;
}

// Spaces and currency marks; *ret_marked when there was one of these.
static size_t skip_marks(struct str text, size_t pos, bool *ret_marked)
{
    for (;;) {
        pos = skip_spaces(text, pos);
        size_t n = money_currency_at(text, pos);
        if (n == 0)
            return pos;
        *ret_marked = true;
        pos += n;
    }
}

// 1.5e3, as JSON may write a number: the point is moved in the digits, so nothing is lost to binary fractions.
static bool read_exponent(struct str text, int64_t *ret)
{
    size_t e = 0;
    while (e < text.n && text.p[e] != 'e' && text.p[e] != 'E')
        e++;
    if (e == 0 || e >= text.n || e > 24)
        return false;
    int64_t exponent;
    struct str tail = {text.p + e + 1, text.n - e - 1};
    if (tail.n && tail.p[0] == '+')
        tail = (struct str){tail.p + 1, tail.n - 1};
    if (!str_to_int(tail, -30, 15, &exponent))
        return false;
    char digits[72] = "000000000000000000000000000000"; // 30 zeros for negative exponents
    size_t n = 30, point = 0;
    for (size_t i = 0; i < e; i++) {
        if (text.p[i] == '.' && !point && i > 0 && i + 1 < e)
            point = n;
        else if (text.p[i] >= '0' && text.p[i] <= '9')
            digits[n++] = text.p[i];
        else
            return false;
    }
    point = point ? point : n;
    while (n < 70 && n < point + 15)
        digits[n++] = '0';
    point = (size_t)((int64_t)point + exponent);
    struct number number = {.n = 0};
    for (size_t i = 0; i < n && number.n < NUMBER_MAX; i++) {
        if (i == point)
            number.at[number.n++] = '.';
        if (i >= point || digits[i] != '0' || number.n)
            number.at[number.n++] = digits[i];
    }
    if (point == n || number.n == 0 || number.at[0] == '.') {
        memmove(number.at + 1, number.at, number.n < NUMBER_MAX ? number.n : NUMBER_MAX - 1);
        number.at[0] = '0';
        number.n += number.n < NUMBER_MAX;
    }
    return number_read(&number, false, ret);
}

int money_read(struct str text, enum money_kind kind, int64_t *ret, struct err *err)
{
    struct str value = utf8_trim(text);
    bool marked = false;
    size_t pos = skip_marks(value, 0, &marked);
    struct number number;
    size_t end = number_copy(value, pos, true, &number), rest = end;
    rest = skip_marks(value, rest, &marked);
    // "12,-", "12.-" and "12/-" are ways to write a round price, and a price may end a sentence.
    if (rest < value.n && strchr(".,/", value.p[rest]))
        rest++;
    while (rest > end && rest < value.n && value.p[rest] == '-')
        rest++;
    rest = skip_marks(value, rest, &marked);
    int64_t amount;
    bool one = number.n > 0 && rest == value.n && number_read(&number, kind == MONEY_FREE_TEXT || marked, &amount);
    if (!one && kind == MONEY_MACHINE)
        one = read_exponent(value, &amount);
    if (!one)
        return err_set(err, ERR_INVALID, "Price '%.*s' is not a number", (int)utf8_offset(value, 40),
                       value.p ? value.p : "");
    *ret = amount;
    return 0;
}

static uint32_t rune_before(struct str text, size_t pos, size_t *ret_start)
{
    if (pos == 0)
        return 0;
    size_t start = pos - 1;
    while (start > 0 && ((unsigned char)text.p[start] & 0xC0) == 0x80)
        start--;
    *ret_start = start;
    return utf8_next(text, &(size_t){start});
}

// Is the number at `start` the tail of something else: a word, a code, a date, a time, a negative number?
static bool glued_before(struct str text, size_t start)
{
    size_t at = start, at2;
    uint32_t rune = rune_before(text, start, &at);
    if (rune == 0)
        return false;
    if (money_glues(rune))
        return money_currency_before(text, start) == 0;
    if (rune == '_' || rune == '#' || rune == '@')
        return true;
    if (rune == '-' || rune == 0x2212) {
        uint32_t before = rune_before(text, at, &at2);
        return !(before && digit_of(before) >= 0) && money_currency_before(text, at) == 0;
    }
    if (rune == '/' || rune == ':') {
        uint32_t before = rune_before(text, at, &at2);
        return before && digit_of(before) >= 0;
    }
    return (rune == '.' || rune == ',') && rune_before(text, at, &at2) && digit_of(rune_before(text, at, &at2)) >= 0;
}

static bool glued_after(struct str text, size_t end)
{
    if (end >= text.n)
        return false;
    size_t next = end;
    uint32_t rune = utf8_next(text, &next);
    if ((rune == '/' || rune == ':') && is_digit_at(text, next))
        return true;
    return rune == '_' || money_glues(rune);
}

// An inch mark closes no quotation that was opened before.
static bool quote_is_open(struct str text, size_t pos)
{
    bool open = false;
    for (size_t i = 0; i < pos; i++)
        if (text.p[i] == '"' && !(i > 0 && text.p[i - 1] >= '0' && text.p[i - 1] <= '9' && !open))
            open = !open;
    return open;
}

static size_t look_after(struct str text, struct money_amount *amount)
{
    size_t end = amount->number_end, pos = skip_spaces(text, end);
    amount->factor = 1;
    size_t n = money_factor_at(text, pos, &amount->factor);
    // "2 k" may be the beginning of anything; letters that multiply stand at the number.
    if (n == 1 && pos != end)
        n = 0, amount->factor = 1;
    if (n) {
        end = pos + n;
        pos = skip_spaces(text, end);
    }
    size_t mark = money_currency_at(text, pos);
    if (mark) {
        // "500 $200": the sign belongs to the number that it touches.
        size_t after = pos + mark;
        if (pos == end || !is_digit_at(text, after)) {
            amount->marked = true;
            return after;
        }
    }
    if (n)
        return end;
    size_t hyphen = end < text.n && text.p[end] == '-' ? end + 1 : pos;
    bool quote = hyphen == end && end < text.n && text.p[end] == '"';
    size_t unit = quote && quote_is_open(text, end) ? 0 : money_unit_at(text, hyphen, hyphen != end);
    amount->unit = unit > 0;
    return unit ? hyphen + unit : end;
}

bool money_next(struct str text, size_t *pos, struct money_amount *ret)
{
    while (*pos < text.n) {
        size_t start = *pos, next = start;
        if (digit_of(utf8_next(text, &next)) < 0) {
            *pos = next;
            continue;
        }
        struct number number;
        size_t end = number_copy(text, start, false, &number);
        *pos = end;
        struct money_amount amount = {.start = start, .number_start = start, .number_end = end};
        if (glued_before(text, start))
            continue;
        size_t before = start, space = start, at;
        while (before > 0 && is_space(rune_before(text, before, &at)) && start - before < 3)
            before = space = at;
        size_t mark = money_currency_before(text, before);
        if (mark) {
            amount.marked = true;
            amount.start = space - mark;
        }
        // A currency mark makes a space between groups certain: "1 299,00 EUR".
        struct number spaced;
        size_t spaced_end = number_copy(text, start, true, &spaced), after = skip_spaces(text, spaced_end);
        if (spaced_end > end && !spaced.too_long && (mark || money_currency_at(text, after))) {
            number = spaced;
            *pos = amount.number_end = end = spaced_end;
        }
        if (!number_read(&number, true, &amount.number))
            continue;
        amount.end = look_after(text, &amount);
        if (amount.end == end && glued_after(text, end))
            continue;
        if (amount.number > MONEY_MAX / amount.factor)
            continue;
        amount.value = amount.number * amount.factor;
        *pos = amount.end > end ? amount.end : end;
        *ret = amount;
        return true;
    }
    return false;
}

void money_write(struct buf *out, int64_t amount, struct str currency)
{
    uint64_t magnitude = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    uint64_t cents = magnitude / 100 + (magnitude % 100 >= 50);
    char digits[24], text[48];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)(cents / 100)), at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    buf_addf(out, "%s%.*s.%02u", amount < 0 ? "-" : "", at, text, (unsigned)(cents % 100));
    if (currency.n)
        buf_addf(out, " " STR_FMT, STR_ARG(currency));
}

void money_number(int64_t amount, char out[MONEY_NUMBER_SIZE])
{
    uint64_t magnitude = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    int n = snprintf(out, MONEY_NUMBER_SIZE, "%s%llu.%04u", amount < 0 ? "-" : "",
                     (unsigned long long)(magnitude / MONEY_ONE), (unsigned)(magnitude % MONEY_ONE));
    while (out[n - 1] == '0')
        out[--n] = 0;
    if (out[n - 1] == '.')
        out[--n] = 0;
}
