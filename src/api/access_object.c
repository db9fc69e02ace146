// SPDX-License-Identifier: Apache-2.0
// Objects and rights under /api/v1 (003-platform 1.3, 000-management 1.2): one table says who may do what. An object
// that the caller may not see is not found, in the same words as one that does not exist.
#include "api/access.h"

#include "api/resource.h"
#include "base/id.h"
#include "base/utf8.h"
#include "store/chatbot.h"
#include "store/place.h"

const struct right rights[WHO_RIGHTS] = {
    [WHO_ANYBODY] = {"none", "anybody", .open = true},
    // Of surface 001, whose paths name brands: access.c.
    [WHO_PUBLIC] = {"P", "anybody while the brand is open to the public, else its members and its chatbots' keys"},
    [WHO_ADMIN] = {"A", "admins of the brand", .least = ROLE_ADMIN},
    [WHO_MAKER] = {"B", "admins of any brand, or super_admin alone (setting brands.create)"},
    // Under /api.
    [WHO_USER] = {"U", "any signed-in user"},
    [WHO_SEE] = {"V", "who may change the chatbot; every member of its brand if it is public", .least = ROLE_ADMIN,
                 .creator = ROLE_USER, .shared = true},
    [WHO_CHANGE] = {"C", "the chatbot's creator, admins of its brand", .least = ROLE_ADMIN, .creator = ROLE_USER},
    [WHO_OUTSIDE] = {"X", "C, with the role developer or more", .least = ROLE_ADMIN, .creator = ROLE_DEVELOPER},
    [WHO_TALK] = {"V or K", "who may see the chatbot, and its keys", .least = ROLE_ADMIN, .creator = ROLE_USER,
                  .shared = true, .key = true},
    [WHO_KEY] = {"U or K", "any signed-in user, and a chatbot's key as its chatbot", .key = true},
    [WHO_MEMBER] = {"M", "members of the brand", .least = ROLE_USER, .creator = ROLE_USER, .brand = true},
    [WHO_MEMBER_TALK] = {"M or K",
                         "members of the brand, and a chatbot's key as its chatbot; of a chatbot that is named, who "
                         "may see it, and its keys",
                         .least = ROLE_USER, .creator = ROLE_USER, .shared = true, .key = true, .brand = true},
    [WHO_WRITER] = {"W", "developers and admins of the brand", .least = ROLE_DEVELOPER, .creator = ROLE_USER,
                    .brand = true},
    [WHO_BRAND_ADMIN] = {"A", "admins of the brand", .least = ROLE_ADMIN, .creator = ROLE_SUPER_ADMIN, .brand = true},
    [WHO_USERS] = {"A", "admins of the brand", .least = ROLE_ADMIN, .creator = ROLE_SUPER_ADMIN, .brand = true,
                   .whole = true},
    [WHO_BRAND_SUPER] = {"S", "super_admin", .least = ROLE_SUPER_ADMIN, .creator = ROLE_SUPER_ADMIN, .brand = true},
    [WHO_SUPER] = {"S", "super_admin", .least = ROLE_SUPER_ADMIN, .creator = ROLE_SUPER_ADMIN},
    [WHO_OPERATOR] = {"S or token", "super_admin, and the bearer of metrics.token", .least = ROLE_SUPER_ADMIN,
                      .creator = ROLE_SUPER_ADMIN, .token = true},
};

// ---- where it is ---------------------------------------------------------------------------------------------------

struct location {
    struct call *call;
    const char *kind;
    struct str name;
    struct place place;
    struct str chatbot_id;
};

static int find(struct tx *tx, void *arg, struct err *err)
{
    struct location *l = arg;
    int rc = place_find(tx, l->call->arena, l->kind, l->name, &l->place, err);
    return rc < 0 ? rc : 0;
}

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct location *l = arg;
    struct call *call = l->call;
    const struct resource *resource = call->endpoint->resource;
    int rc = 0;
    if (!l->chatbot_id.p) {
        void *row = arena_zalloc(call->arena, resource->model->size);
        rc = resource_load(tx, call->arena, resource, l->place.object_id, row, err);
        if (rc != 1)
            return rc < 0 ? rc : 0;
        call->object = row;
        if (model_has(resource->model, row, "chatbotId"))
            l->chatbot_id = *(const struct str *)model_at(resource->model, row, "chatbotId");
    }
    if (!l->chatbot_id.p)
        return 0;
    struct chatbot *chatbot = ARENA_NEW(call->arena, struct chatbot);
    rc = chatbot_get(tx, call->arena, l->chatbot_id, chatbot, err);
    bool there =
        rc == 1 && (!model_has(&chatbot_model, chatbot, "deletedAt") || call->endpoint->flags & ENDPOINT_DELETED);
    call->chatbot = there ? chatbot : NULL;
    call->object = there ? call->object : NULL;
    return rc < 0 ? rc : 0;
}

static struct str chatbot_name(const struct call *call)
{
    struct str path = http_param(call->req, "chatbotId"), query = http_query(call->req, "chatbotId");
    return path.p ? path : call->endpoint->flags & ENDPOINT_CHATBOT_QUERY && query.n ? query : STR_NULL;
}

// What {chatbotId}, chatbotId of the query or {id} names, if this is a place at all.
static bool named(struct call *call, struct location *l)
{
    const struct resource *resource = call->endpoint->resource;
    l->name = chatbot_name(call);
    l->kind = id_valid(l->name) ? "chatbot" : "slug";
    if (!l->name.p && resource) {
        l->name = http_param(call->req, "id");
        l->kind = resource->kind;
    }
    return l->name.p && (id_valid(l->name) || strcmp(l->kind, "slug") == 0) && utf8_valid(l->name);
}

static bool locate(struct call *call, struct location *l, bool is_chatbot)
{
    l->name = arena_lower(call->arena, l->name);
    brand_ref_drop(call->brand);
    call->brand = NULL;
    struct scope everywhere = scope_installation(call->scope.actor);
    int rc = store_read(call->app->store, &everywhere, find, l, &call->err);
    if (!rc && l->place.brand.p)
        rc = brands_get(call->app->brands, l->place.brand, &call->brand, &call->err);
    if (rc == 1) {
        call->scope.brand = call->brand->row.brand.id;
        if (is_chatbot)
            l->chatbot_id = l->place.object_id;
        rc = call_store_read(call, load, l);
    }
    return !call_failed(call, rc);
}

bool access_locate(struct call *call)
{
    struct location l = {.call = call};
    if (!call->endpoint->surface->rights || !named(call, &l))
        return true;
    return locate(call, &l, chatbot_name(call).p);
}

struct str access_chatbot_key(struct call *call)
{
    return call->chatbot ? call->chatbot->id : chatbot_name(call);
}

// ---- the current brand ---------------------------------------------------------------------------------------------

struct own_brand {
    struct call *call;
    struct str brand;
};

static int find_own(struct tx *tx, void *arg, struct err *err)
{
    struct own_brand *o = arg;
    struct membership *all;
    size_t n;
    int rc = membership_list(tx, o->call->arena, o->call->caller.user.id, &all, &n, err);
    for (size_t i = 0; i < n && !rc; i++)
        if (!o->brand.p || all[i].own) {
            o->brand = all[i].brand;
            if (all[i].own)
                break;
        }
    return rc;
}

static bool names_brand(struct call *call)
{
    return http_param(call->req, "brandId").p || http_header_in(call->req, "x-brand-id").p ||
           http_query(call->req, "brandId").p;
}

bool access_home_brand(struct call *call, struct str *ret)
{
    struct own_brand own = {.call = call};
    struct scope everywhere = scope_installation(call->scope.actor);
    if (call_failed(call, store_read(call->app->store, &everywhere, find_own, &own, &call->err)))
        return false;
    *ret = own.brand;
    return true;
}

// That of the path, X-Brand-Id or brandId, else the user's own brand, else the oldest membership.
static bool current_brand(struct call *call)
{
    static const struct loc query = {NULL, STR("query"), 0};
    struct str header = http_header_in(call->req, "x-brand-id"), named_so = http_query(call->req, "brandId");
    struct loc at = {&query, STR("brandId"), 0};
    struct str path = http_param(call->req, "brandId");
    if (path.p)
        header = named_so = path;
    struct str name = header.p ? header : named_so;
    if (header.p && named_so.p && !str_eq(header, named_so)) {
        fault_add(call->faults, FAULT_FORM, &at, NULL, 0, "the same as X-Brand-Id");
        call_faults(call);
        return false;
    }
    if (!name.p && !access_home_brand(call, &name))
        return false;
    if (name.p && call_failed(call, brands_get(call->app->brands, name, &call->brand, &call->err)))
        return false;
    if (call->brand)
        call->scope.brand = call->brand->row.brand.id;
    return true;
}

// ---- the table, applied --------------------------------------------------------------------------------------------

static bool not_found(struct call *call)
{
    call_error(call, 404, "Not found");
    return false;
}

static bool forbidden(struct call *call)
{
    call_error(call, 403, "You are not allowed to do this");
    return false;
}

static bool in_path(const struct call *call)
{
    return chatbot_name(call).p || (call->endpoint->resource && http_param(call->req, "id").p);
}

static bool by_chatbot_key(struct call *call, const struct right *right)
{
    struct location own = {.call = call, .kind = "chatbot", .name = call->caller.chatbot_id};
    if (right->key && !in_path(call) && !locate(call, &own, true))
        return false;
    if (right->key && call->chatbot && str_eq(call->chatbot->id, call->caller.chatbot_id) &&
        str_eq(call->scope.brand, call->caller.brand))
        return true;
    access_unauthorised(call, true);
    return false;
}

static bool is_creator(const struct call *call)
{
    return model_has(&chatbot_model, call->chatbot, "createdBy") &&
           str_eq(call->chatbot->created_by, call->caller.user.id) && call->role != ROLE_NONE;
}

bool access_changes(const struct call *call)
{
    return call->role >= ROLE_ADMIN || is_creator(call);
}

int right_on_chatbot(const struct right *right, enum role role, bool creator, bool is_public)
{
    if (role < ROLE_ADMIN && !creator && !(is_public && role != ROLE_NONE))
        return 404;
    // What hangs on a chatbot is its creator's, whatever the rule for the brand's own would be.
    enum role least = right->brand && right->least < ROLE_ADMIN ? ROLE_ADMIN : right->least;
    return role >= least || (creator && role >= right->creator) || (right->shared && is_public) ? 0 : 403;
}

static bool on_chatbot(struct call *call, const struct right *right)
{
    int refusal = right_on_chatbot(right, call->role, is_creator(call), call->chatbot->is_public);
    return !refusal || (refusal == 404 ? not_found(call) : forbidden(call));
}

static bool read_role(struct call *call)
{
    if (!call->brand)
        return not_found(call);
    int rc = accounts_role(call->app->accounts, &call->caller, call->scope.brand, &call->role, &call->err);
    return !call_failed(call, rc);
}

static bool by_role(struct call *call, const struct right *right)
{
    if (!read_role(call))
        return false;
    if (call->chatbot)
        return on_chatbot(call, right);
    if (call->role == ROLE_NONE)
        return not_found(call);
    return call->role >= right->least || forbidden(call);
}

bool access_current_brand(struct call *call)
{
    if (!current_brand(call) || !read_role(call))
        return false;
    return call->role != ROLE_NONE || not_found(call);
}

static bool with_token(struct call *call)
{
    if (!(call->endpoint->flags & ENDPOINT_TOKEN))
        return true;
    if (call->caller.kind == CALLER_CHATBOT_KEY)
        access_unauthorised(call, true);
    else if (!call->caller.by_key)
        return true;
    else
        (void)forbidden(call);
    return false;
}

bool access_rights(struct call *call)
{
    const struct endpoint *e = call->endpoint;
    const struct right *right = &rights[e->who];
    bool object = in_path(call), there = object && (call->chatbot || call->object);
    bool brand = right->brand || e->flags & ENDPOINT_CHATBOT_QUERY;
    there |= object && call->brand && (e->flags & ENDPOINT_ERASED);
    if (!with_token(call))
        return false;
    if (right->open || call->operator)
        return true;
    if (call->caller.kind == CALLER_CHATBOT_KEY)
        return by_chatbot_key(call, right);
    if (e->flags & ENDPOINT_CHATBOT_BODY)
        return true; // access_named, when the body is known
    if (!object && right->whole && call->caller.user.super_admin && !names_brand(call)) {
        call->role = ROLE_SUPER_ADMIN;
        return true;
    }
    if (!object && brand && !current_brand(call))
        return false;
    if (object && !there)
        return not_found(call);
    if (!object && !brand)
        return right->least == ROLE_NONE || call->caller.user.super_admin || forbidden(call);
    return by_role(call, right);
}

bool access_named(struct call *call, struct str chatbot)
{
    struct location l = {.call = call, .name = chatbot, .kind = id_valid(chatbot) ? "chatbot" : "slug"};
    if (call->caller.kind == CALLER_CHATBOT_KEY) { // it stands for its own, named or not
        if (!chatbot.p || str_eq_nocase(chatbot, call->chatbot->id) || str_eq_nocase(chatbot, call->chatbot->slug))
            return true;
        access_unauthorised(call, true);
        return false;
    }
    if (!(chatbot.p && utf8_valid(chatbot) ? locate(call, &l, true) : current_brand(call)))
        return false;
    if (chatbot.p && !call->chatbot)
        return not_found(call);
    return by_role(call, &rights[call->endpoint->who]);
}
