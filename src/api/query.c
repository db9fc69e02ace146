// SPDX-License-Identifier: Apache-2.0
// The query of an endpoint, read by the rows that declare it: what the document says of a parameter is what is refused.
// Under /api all of it is checked before the handler runs, which reads the same parameters afterwards.
#include "api/call.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"

static const struct parameter paging[] = {
    {"page", "integer", "Which page", 1, INT32_MAX},
    {"limit", "integer", "Objects of a page", 1, 100},
};

const struct parameter *endpoint_parameter(const struct endpoint *e, size_t i)
{
    size_t pages = e->flags & ENDPOINT_PAGED ? sizeof paging / sizeof *paging : 0;
    return i < pages ? &paging[i] : i - pages < e->n_query ? &e->query[i - pages] : NULL;
}

const struct parameter *call_parameter(const struct call *call, const char *name)
{
    const struct parameter *p;
    for (size_t i = 0; (p = endpoint_parameter(call->endpoint, i)); i++)
        if (strcmp(p->name, name) == 0)
            break;
    return p;
}

// What is not declared is not read.
static struct str given(struct call *call, const struct parameter *p)
{
    return p ? http_query(call->req, p->name) : STR_NULL;
}

static void add_fault(struct call *call, const struct parameter *p, enum fault_code code, double bound,
                      const char *text, struct str input)
{
    static const struct loc query = {NULL, STR("query"), 0};
    struct loc at = {&query, str_from(p->name), 0};
    fault_add(call->faults, code, &at, NULL, bound, text)->input_text = input;
}

// By the bounds of its row; where it has none, by ±widest.
static bool check_bounds(struct call *call, const struct parameter *p, double n, double widest, struct str input)
{
    bool bounded = p->low || p->high;
    double low = bounded ? (double)p->low : -widest, high = bounded ? (double)p->high : widest;
    bool outside = n < low || n > high;
    if (outside)
        add_fault(call, p, n < low ? FAULT_BELOW : FAULT_ABOVE, n < low ? low : high, NULL, input);
    return !outside;
}

int64_t call_query_int(struct call *call, const char *name, int64_t otherwise)
{
    const struct parameter *p = call_parameter(call, name);
    struct str text = given(call, p);
    int64_t n;
    if (!text.p)
        return otherwise;
    if (!str_to_int(str_trim(text), INT64_MIN, INT64_MAX, &n)) {
        add_fault(call, p, FAULT_INTEGER_TEXT, 0, NULL, text);
        return otherwise;
    }
    (void)check_bounds(call, p, (double)n, 1e19, text);
    return n;
}

double call_query_number(struct call *call, const char *name, double otherwise)
{
    const struct parameter *p = call_parameter(call, name);
    struct str text = given(call, p);
    double n;
    if (!text.p)
        return otherwise;
    if (!str_to_double(text, &n))
        add_fault(call, p, FAULT_NUMBER_TEXT, 0, NULL, text);
    else if (check_bounds(call, p, n, 9e15, text))
        return n;
    return otherwise;
}

bool call_query_bool(struct call *call, const char *name, bool *ret)
{
    static const char *const words[] = {"true", "1", "yes", "on", "false", "0", "no", "off"};
    const struct parameter *p = call_parameter(call, name);
    struct str text = given(call, p);
    for (size_t i = 0; text.p && i < 8; i++)
        if (str_eq_nocase(str_trim(text), str_from(words[i]))) {
            *ret = i < 4;
            return true;
        }
    if (text.p)
        add_fault(call, p, FAULT_BOOLEAN_TEXT, 0, NULL, text);
    return false;
}

int64_t call_query_time(struct call *call, const char *name, int64_t otherwise)
{
    const struct parameter *p = call_parameter(call, name);
    struct str text = given(call, p);
    int64_t time = otherwise;
    if (text.p && !clock_parse(str_trim(text), &time))
        add_fault(call, p, FAULT_FORM, 0, "an RFC 3339 time", text);
    return time;
}

static bool are_choices(const char *choices, struct str text)
{
    while (text.p)
        if (!str_is_choice(choices, str_split(&text, ',')))
            return false;
    return true;
}

struct str call_query_text(struct call *call, const char *name)
{
    const struct parameter *p = call_parameter(call, name);
    struct str text = given(call, p);
    if (!text.p && p && p->other)
        text = http_query(call->req, p->other);
    if (!text.p && p && p->required)
        add_fault(call, p, FAULT_MISSING, 0, NULL, STR_NULL);
    if (!text.p)
        return STR_NULL;
    struct str trimmed = utf8_trim(text);
    int64_t n = (int64_t)utf8_count(trimmed);
    if (!utf8_valid(text) || memchr(text.p, 0, text.n))
        add_fault(call, p, FAULT_FORM, 0, "valid UTF-8 without NUL", STR_NULL);
    else if (n < p->low)
        add_fault(call, p, FAULT_SHORT, (double)p->low, NULL, text);
    else if (p->high && n > p->high)
        add_fault(call, p, FAULT_LONG, (double)p->high, NULL, text);
    else if (p->choices && !(p->many ? are_choices(p->choices, text) : str_is_choice(p->choices, text)))
        add_fault(call, p, FAULT_ENUM, 0, p->choices, text);
    else
        return trimmed;
    return STR_NULL;
}

static void check_id(struct call *call, const struct parameter *p)
{
    struct str text = given(call, p);
    if (text.n && !id_valid(text))
        add_fault(call, p, FAULT_FORM, 0, "an id", text);
}

static void check(struct call *call, const struct parameter *p)
{
    bool yes;
    if (strcmp(p->type, "integer") == 0)
        (void)call_query_int(call, p->name, 0);
    else if (strcmp(p->type, "number") == 0)
        (void)call_query_number(call, p->name, 0);
    else if (strcmp(p->type, "boolean") == 0)
        (void)call_query_bool(call, p->name, &yes);
    else if (strcmp(p->type, "uuid") == 0)
        check_id(call, p);
    else if (strcmp(p->type, "time") == 0)
        (void)call_query_time(call, p->name, 0);
    else
        (void)call_query_text(call, p->name);
}

bool call_query_check(struct call *call)
{
    const struct parameter *p;
    if (!call->endpoint->surface->rights) // its handlers say what is wrong, pages beside the field
        return true;
    for (size_t i = 0; (p = endpoint_parameter(call->endpoint, i)); i++)
        check(call, p);
    if (call->faults->n == 0)
        return true;
    call_faults(call);
    return false;
}
