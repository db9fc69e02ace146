// SPDX-License-Identifier: Apache-2.0
// Administration of users (003-platform 2.4). A super_admin sees and changes accounts; an admin sees the members of the
// current brand and changes what they are there.
#include "api/access.h"
#include "api/accounts.h"

#include "base/id.h"
#include "model/text.h"

enum { PAGE = 10 };

struct listing {
    struct call *call;
    struct user_query query;
    struct page page;
    struct user_entry *at;
    size_t n;
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    return user_page(tx, l->call->arena, &l->query, &l->at, &l->n, &l->page.total, err);
}

// One line of the list: of its brands only the one that it is about.
static yyjson_mut_val *entry_json(struct call *call, yyjson_mut_doc *doc, struct user_entry *entry)
{
    struct membership *one = ARENA_NEW(call->arena, struct membership);
    *one = (struct membership){.brand = entry->brand, .brand_name = entry->brand_name, .role = entry->role};
    struct account account = {entry->user, one, entry->brand.p ? 1 : 0, entry->brand, entry->role};
    return account_json(call, doc, &account);
}

static void read_query(struct call *call, struct listing *l)
{
    bool active = false;
    l->query.role = call_query_text(call, "role");
    l->query.active = call_query_bool(call, "active", &active) ? active : -1;
    struct str q = str_trim(http_query(call->req, "q"));
    l->query.q = q.n ? text_fold_case(call->arena, q) : STR_NULL;
    l->query.sort = (enum user_sort)call_sort(call, 15, &l->query.descending);
    l->page = call_page(call, PAGE);
    l->query.limit = l->page.limit;
    l->query.offset = page_offset(&l->page);
}

static void list_users(struct call *call)
{
    struct listing l = {.call = call};
    read_query(call, &l);
    if (call_failed(call, call_store_read(call, load, &l)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < l.n; i++)
        (void)yyjson_mut_arr_append(list, entry_json(call, doc, &l.at[i]));
    call_list(call, doc, list, &l.page);
}

static bool is_super(const struct call *call)
{
    return call->caller.user.super_admin;
}

// The id in the path. STR_NULL: none, and 404 was answered.
static struct str user_id(struct call *call)
{
    struct str id = http_param(call->req, "id");
    if (id_valid(id))
        return arena_lower(call->arena, id);
    call_error(call, 404, "Not found");
    return STR_NULL;
}

static void reply_user(struct call *call, struct str id)
{
    struct account account;
    int rc =
        accounts_read(call->app->accounts, call->arena, id, call->scope.brand, !is_super(call), &account, &call->err);
    if (rc == 0) {
        call_error(call, 404, "Not found");
    } else if (!call_failed(call, rc)) {
        yyjson_mut_doc *doc = call_doc(call);
        call_data(call, 200, NULL, doc, account_json(call, doc, &account));
    }
}

static void get_user(struct call *call)
{
    struct str id = user_id(call);
    if (id.p)
        reply_user(call, id);
}

// Before the body is read.
static bool user_there(struct call *call)
{
    struct account account;
    struct str id = user_id(call);
    if (!id.p)
        return false;
    int rc =
        accounts_read(call->app->accounts, call->arena, id, call->scope.brand, !is_super(call), &account, &call->err);
    if (rc == 0)
        call_error(call, 404, "Not found");
    return rc != 0 && !call_failed(call, rc);
}

static void put_user(struct call *call)
{
    const struct user_object *body = call->body;
    struct str id = user_id(call);
    if (model_has(&user_model, body, "password") && !account_password(call, "password", body->password)) {
        call_faults(call);
        return;
    }
    // A role is one in the current brand, said or not.
    bool role = model_has(&user_model, body, "role") && role_of(body->role) != ROLE_NONE;
    struct str home = STR_NULL;
    if (role && !call->scope.brand.p && !access_home_brand(call, &home))
        return;
    int rc = accounts_change(call->app->accounts, call->arena, &call->scope, is_super(call), call->scope.brand, home,
                             id, body, &call->err);
    if (!call_failed(call, rc))
        reply_user(call, id);
}

static void delete_user(struct call *call)
{
    struct str id = user_id(call);
    if (!id.p)
        return;
    int rc = accounts_remove(call->app->accounts, call->arena, &call->scope, is_super(call), call->scope.brand, id,
                             &call->err);
    if (!call_failed(call, rc))
        call_done(call, is_super(call) ? "User deleted" : "Member removed");
}

static const struct parameter filters[] = {
    {"sort", "string", "By what", .choices = "createdAt|username|email|lastLogin"},
    {"order", "string", "By default descending", .choices = "asc|desc"},
    {"role", "string", "Only users with this role", .choices = "user|developer|admin|super_admin"},
    {"active", "boolean", "Only active or disabled ones"},
    {"q", "string", "Part of the username or e-mail"},
    {"brandId", "string", "The current brand; a super_admin who names none asks about the whole installation"},
};

#define USERS                                                                                                          \
    .surface = &surface_platform, .tag = "Users", .who = WHO_USERS, .limit = &LIMIT_MANAGEMENT, .family = "users"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/admin/users", USERS, .summary = "Members of the brand; for a super_admin all users",
     .flags = ENDPOINT_TOKEN | ENDPOINT_PAGED, .query = filters, .n_query = sizeof filters / sizeof *filters,
     .reply = &user_model, .run = list_users},
    {HTTP_GET, "/api/v1/admin/users/{id}", USERS, .summary = "One user", .flags = ENDPOINT_TOKEN, .reply = &user_model,
     .run = get_user},
    {HTTP_PUT, "/api/v1/admin/users/{id}", USERS,
     .summary = "Change a member's role or let the membership rest; a super_admin changes the account",
     .flags = ENDPOINT_TOKEN | ENDPOINT_PATCH | ENDPOINT_HASHES, .before_body = user_there, .body = &user_model,
     .reply = &user_model, .run = put_user},
    {HTTP_DELETE, "/api/v1/admin/users/{id}", USERS, .summary = "End a membership; a super_admin deletes the account",
     .flags = ENDPOINT_TOKEN, .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"User deleted\"}",
     .run = delete_user},
};

struct endpoints users_endpoints(void)
{
    return ENDPOINTS(rows);
}
