// SPDX-License-Identifier: Apache-2.0
#include "http/route.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>

enum { METHODS = 7 };

struct node {
    struct str literal;
    VEC(struct node *) children; // sorted by literal
    struct node *param;
    const struct http_route *routes[METHODS];
};

struct router {
    struct node root;
};

struct path {
    struct str segments[ROUTE_SEGMENTS];
    size_t n;
    bool doubled; // has empty segments
};

struct search {
    const struct path *path;
    unsigned method;
    bool collapsed, stop; // collapsed: only rows that take doubled slashes
    struct str params[ROUTE_PARAMS];
    size_t n_params;
    struct route_match *ret;
};

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

ptrdiff_t percent_decode(struct str in, bool plus, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            if (in.n - i < 3 || hex(in.p[i + 1]) < 0 || hex(in.p[i + 2]) < 0)
                return -1;
            c = (char)(hex(in.p[i + 1]) << 4 | hex(in.p[i + 2]));
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    return (ptrdiff_t)n;
}

static unsigned method_index(unsigned method)
{
    return (unsigned)__builtin_ctz(method);
}

static size_t child_at(const struct node *node, struct str literal, bool *ret_found)
{
    size_t low = 0, high = node->children.n;
    *ret_found = false;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = str_cmp(node->children.at[mid]->literal, literal);
        if (order == 0) {
            *ret_found = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct node *child(struct node *node, struct str literal)
{
    bool found;
    size_t at = child_at(node, literal, &found);
    if (found)
        return node->children.at[at];
    struct node *new = mem_zalloc(sizeof *new);
    new->literal = literal;
    vec_reserve(&node->children, 1);
    memmove(node->children.at + at + 1, node->children.at + at, (node->children.n - at) * sizeof(struct node *));
    node->children.at[at] = new;
    node->children.n++;
    return new;
}

static int add(struct router *router, const struct http_route *row, struct err *err)
{
    struct node *node = &router->root;
    struct str rest = str_from(row->path);
    size_t params = 0;
    if (rest.n == 0 || rest.p[0] != '/' || row->method == 0 || (row->method & (row->method - 1)) ||
        row->method > HTTP_OPTIONS)
        return err_set(err, ERR_INVALID, "route '%s' has no path or not one method", row->path ? row->path : "");
    rest = (struct str){rest.p + 1, rest.n - 1};
    while (rest.n > 0) {
        struct str part = str_split(&rest, '/');
        if (part.n > 2 && part.p[0] == '{' && part.p[part.n - 1] == '}') {
            params++;
            if (!node->param)
                node->param = mem_zalloc(sizeof *node->param);
            node = node->param;
        } else if (part.n == 0) {
            return err_set(err, ERR_INVALID, "route '%s' has an empty segment", row->path);
        } else {
            node = child(node, part);
        }
    }
    const struct http_route **slot = &node->routes[method_index(row->method)];
    if (*slot || params > ROUTE_PARAMS)
        return err_set(err, ERR_INVALID, "route '%s' is there twice or has too many parameters", row->path);
    *slot = row;
    return 0;
}

static void node_done(struct node *node)
{
    for (size_t i = 0; i < node->children.n; i++) {
        node_done(node->children.at[i]);
        free(node->children.at[i]);
    }
    vec_done(&node->children);
    if (node->param)
        node_done(node->param);
    free(node->param);
}

int router_new(const struct http_route *rows, size_t n, struct router **ret, struct err *err)
{
    struct router *router = mem_zalloc(sizeof *router);
    for (size_t i = 0; i < n; i++) {
        int rc = add(router, &rows[i], err);
        if (rc < 0) {
            router_free(router);
            return rc;
        }
    }
    *ret = router;
    return 0;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    node_done(&router->root);
    free(router);
}

// Splits and decodes; false: a broken escape or too many segments (matches nothing).
static bool path_split(struct str path, char *scratch, struct path *ret)
{
    *ret = (struct path){0};
    struct str rest = {path.p + 1, path.n - 1};
    if (rest.n > 0 && rest.p[rest.n - 1] == '/')
        rest.n--;
    while (rest.p && rest.n > 0) {
        struct str part = str_split(&rest, '/');
        if (ret->n == ROUTE_SEGMENTS)
            return false;
        ptrdiff_t n = percent_decode(part, false, scratch);
        if (n < 0)
            return false;
        ret->doubled |= n == 0;
        ret->segments[ret->n++] = (struct str){scratch, (size_t)n};
        scratch += n;
    }
    return true;
}

static void visit_end(const struct node *node, struct search *search)
{
    struct route_match *ret = search->ret;
    const struct http_route *found = NULL;
    bool owns = false;
    for (unsigned i = 0; i < METHODS; i++) {
        const struct http_route *row = node->routes[i];
        if (!row || (search->collapsed && !(row->flags & HTTP_ROUTE_SLASHES)))
            continue;
        ret->allow |= row->method | (row->method == HTTP_GET ? HTTP_HEAD : 0u);
        owns |= (row->flags & HTTP_ROUTE_OWNS) != 0;
        ret->other = ret->other ? ret->other : row;
        if (row->method == search->method || (search->method == HTTP_HEAD && row->method == HTTP_GET && !found))
            found = row;
    }
    if (found) {
        ret->route = found;
        ret->n_params = search->n_params;
        memcpy(ret->params, search->params, sizeof ret->params);
    }
    search->stop = found || owns;
}

static void visit(const struct node *node, size_t i, struct search *search)
{
    if (i == search->path->n) {
        visit_end(node, search);
        return;
    }
    struct str segment = search->path->segments[i];
    bool found;
    size_t at = child_at(node, segment, &found);
    if (found)
        visit(node->children.at[at], i + 1, search);
    if (search->stop || !node->param || segment.n == 0 || memchr(segment.p, '\0', segment.n) || !utf8_valid(segment))
        return;
    search->params[search->n_params++] = segment;
    visit(node->param, i + 1, search);
    search->n_params--;
}

void router_match(const struct router *router, unsigned method, struct str path, char *scratch, struct route_match *ret)
{
    struct path split;
    *ret = (struct route_match){0};
    if (path.n == 0 || path.p[0] != '/' || !path_split(path, scratch, &split))
        return;
    struct search search = {.path = &split, .method = method, .ret = ret};
    visit(&router->root, 0, &search);
    if (ret->allow || !split.doubled)
        return;
    size_t n = 0;
    for (size_t i = 0; i < split.n; i++)
        if (split.segments[i].n > 0)
            split.segments[n++] = split.segments[i];
    split.n = n;
    search.collapsed = true;
    search.stop = false;
    visit(&router->root, 0, &search);
}

struct str route_param(const struct route_match *match, struct str name)
{
    const struct http_route *row = match->route ? match->route : match->other;
    struct str rest = row ? str_from(row->path) : STR_NULL;
    size_t i = 0;
    while (rest.p) {
        struct str part = str_split(&rest, '/');
        if (part.n <= 2 || part.p[0] != '{')
            continue;
        if (str_eq((struct str){part.p + 1, part.n - 2}, name) && i < match->n_params)
            return match->params[i];
        i++;
    }
    return STR_NULL;
}

void route_methods(unsigned methods, char out[64])
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{HTTP_GET, "GET"},     {HTTP_HEAD, "HEAD"},     {HTTP_POST, "POST"},      {HTTP_PUT, "PUT"},
                 {HTTP_PATCH, "PATCH"}, {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"}};
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (methods & names[i].bit)
            n += (size_t)snprintf(out + n, 64 - n, "%s%s", n ? ", " : "", names[i].name);
}
