// SPDX-License-Identifier: Apache-2.0
// The query of an endpoint under /api, checked by the rows that declare it: what the document says of a parameter is
// what is refused. Handlers read the same parameters afterwards, and find no fault.
#include "api/envelope.h"

#include "base/id.h"
#include "base/utf8.h"

static const struct loc query = {NULL, STR("query"), 0};
static const struct parameter paging[] = {
    {"page", "integer", "Which page", 1, INT32_MAX},
    {"limit", "integer", "Objects of a page", 1, 100},
};

const struct parameter *endpoint_parameter(const struct endpoint *e, size_t i)
{
    size_t pages = e->flags & ENDPOINT_PAGED ? sizeof paging / sizeof *paging : 0;
    return i < pages ? &paging[i] : i - pages < e->n_query ? &e->query[i - pages] : NULL;
}

static void check_choices(struct call *call, const struct parameter *p)
{
    struct str rest = http_query(call->req, p->name);
    struct loc at = {&query, str_from(p->name), 0};
    while (rest.p)
        if (!str_is_choice(p->choices, str_split(&rest, ','))) {
            fault_add(call->faults, FAULT_ENUM, &at, NULL, 0, p->choices);
            return;
        }
}

static void check_id(struct call *call, const struct parameter *p)
{
    struct str text = http_query(call->req, p->name);
    struct loc at = {&query, str_from(p->name), 0};
    if (text.n && !id_valid(text))
        fault_add(call->faults, FAULT_FORM, &at, NULL, 0, "an id")->input_text = text;
}

static void check_text(struct call *call, const struct parameter *p)
{
    size_t high = p->high ? (size_t)p->high : SIZE_MAX, before = call->faults->n;
    struct str text = call_query_text(call, p->name, p->other, high, p->required);
    struct loc at = {&query, str_from(p->name), 0};
    if (text.p && call->faults->n == before && (int64_t)utf8_count(text) < p->low)
        fault_add(call->faults, FAULT_SHORT, &at, NULL, (double)p->low, NULL);
    if (text.p && p->choices && !p->many)
        (void)call_query_choice(call, p->name, p->choices);
    if (text.p && p->choices && p->many)
        check_choices(call, p);
}

static void check(struct call *call, const struct parameter *p)
{
    bool bounded = p->low || p->high, yes;
    if (strcmp(p->type, "integer") == 0)
        (void)call_query_int(call, p->name, bounded ? p->low : INT64_MIN, bounded ? p->high : INT64_MAX, 0);
    else if (strcmp(p->type, "number") == 0)
        (void)call_query_number(call, p->name, bounded ? (double)p->low : -9e15, bounded ? (double)p->high : 9e15, 0);
    else if (strcmp(p->type, "boolean") == 0)
        (void)call_query_bool(call, p->name, &yes);
    else if (strcmp(p->type, "uuid") == 0)
        check_id(call, p);
    else if (strcmp(p->type, "time") == 0)
        (void)call_query_time(call, p->name, 0);
    else
        check_text(call, p);
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
