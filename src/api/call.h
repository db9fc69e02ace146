// SPDX-License-Identifier: Apache-2.0
// One request as a handler sees it, and the row that declares its endpoint. Everything that endpoints share happens
// before the handler, in this order: path and method, size, limit by address, credentials, limit by user, brand,
// origin, body (call.c). A handler decodes nothing itself: it finds the resource decoded by its row's model.
#pragma once

#include "api/app.h"
#include "model/fault.h"
#include "model/model.h"

enum who { // who may call; the rights of those under /api/v1 are the table in access_object.c
    WHO_ANYBODY,
    WHO_PUBLIC, // the brand is open to all, or the caller has a key of it or is a member
    WHO_ADMIN, // admin of the brand, super_admin
    WHO_USER, // any signed-in user; no chatbot's key
    WHO_MAKER, // admin of some brand (setting brands.create)
    WHO_SEE, // V: the chatbot's creator, admins of its brand, every member if it is public
    WHO_CHANGE, // C: its creator, admins of its brand
    WHO_OUTSIDE, // X: C with the role developer or more: makes the server talk to the outside
    WHO_TALK, // V, or a key of that chatbot
    WHO_KEY, // U, or any chatbot's key; call->chatbot is that one then
    WHO_MEMBER, // M: of the brand
    WHO_MEMBER_TALK, // M, or any chatbot's key; with a chatbot that is named: V, or its key
    WHO_WRITER, // W: developers and admins of the brand
    WHO_BRAND_ADMIN, // A
    WHO_USERS, // A; a super_admin who names no brand asks about the whole installation
    WHO_BRAND_SUPER, // S, on the brand that the path names
    WHO_SUPER, // S
    WHO_OPERATOR, // S, or the bearer of metrics.token
    WHO_RIGHTS
};

// BY_USER is looked at after the credentials; without a user it is the address.
struct right { // who may call an endpoint under /api/v1
    const char *letter, *text; // as in the contract, for the documents
    bool open; // nobody is asked
    enum role least; // in the brand
    enum role creator; // role with which the chatbot's creator may
    bool shared; // members may when the chatbot is public
    bool key; // the chatbot's keys may
    bool brand; // without an object in the path: of the current brand
    bool whole; // a super_admin needs no brand
    bool token; // the bearer of metrics.token may
};
extern const struct right rights[WHO_RIGHTS];

enum limit_by {
    BY_ADDRESS,
    BY_ADDRESS_AND_FAMILY,
    BY_USER,
    BY_BRAND_AND_ADDRESS,
    BY_USER_AND_FAMILY,
    BY_CALLER_AND_CHATBOT,
    BY_KEY
};

struct limit_class { // a sliding window of 60 s
    const char *name;
    enum setting_id setting; // how many in it; 0 = no limit
    enum limit_by by;
};
extern const struct limit_class LIMIT_CHAT, LIMIT_READ, LIMIT_MANAGE, LIMIT_CONNECT, LIMIT_LOGIN, LIMIT_REFRESH,
    LIMIT_LOGOUT, LIMIT_MANAGEMENT, LIMIT_CONVERSATION, LIMIT_REGISTER,
    LIMIT_RESET, LIMIT_UPLOAD, LIMIT_EXTERNAL;

struct call;
struct surface;

enum endpoint_flags {
    ENDPOINT_QUERY_FIELDS = 1, // body fields may come as query parameters
    ENDPOINT_PATCH = 2, // nothing is required
    ENDPOINT_NO_BODY_NEEDED = 8, // an absent body is an empty object
    ENDPOINT_LIST = 32, // the reply is a plain array of `reply`
    ENDPOINT_HIDDEN = 64, // not in the OpenAPI document
    ENDPOINT_BODY_LIST = 4, // the raw body is a list of `raw_model`
    ENDPOINT_TOKEN = 256, // a user's key does not do: an access token is needed
    ENDPOINT_DELETED = 512, // finds a deleted chatbot too
    ENDPOINT_ERASED = 8192, // knows also what is erased, and answers by the id alone
    ENDPOINT_PAGED = 1024, // /api/v1: the reply is a list with pagination, read with page and limit
    ENDPOINT_CREATED = 2048, // replies 201
    ENDPOINT_EXISTS = 4096, // or 200, when it was there already
    ENDPOINT_HASHES = 32768, // hashes a password: runs on threads of its own, so that sign-ins do not hold up chats
    // /api: chatbotId of the query, or of the body, names the chatbot (id or slug) on which the row's right is asked;
    // without it the right is asked in the current brand.
    ENDPOINT_CHATBOT_QUERY = 524288,
    ENDPOINT_CHATBOT_BODY = 1048576, // a form's handler asks itself (access_named)
    ENDPOINT_READS_FILES = 262144, // reads a file to its end: on threads of its own too
    ENDPOINT_FORM = 16384, // the body is an HTML form; its faults are the handler's to show
    ENDPOINT_ACCEPTED = 65536, // replies 202
    ENDPOINT_NO_CONTENT = 131072, // replies 204 without a body
};

struct parameter { // of the query; under /api it is checked by its row before the handler runs (query.c)
    const char *name, *type, *help; // "integer", "number", "string", "boolean", "time", "uuid"
    int64_t low, high; // integers and numbers; strings: characters when trimmed; both 0 = no bound
    const char *choices; // strings: a|b|c
    const char *pattern; // strings, for the document
    const char *other; // another name of it
    bool required;
    bool many; // strings: `choices`, any of them, comma separated
};

struct form_part { // a file of a multipart form, for the document; its other parts are `raw_model`
    const char *name, *help;
    bool required;
};

struct endpoint {
    unsigned method;
    const char *path;
    const struct surface *surface;
    const char *tag, *summary;
    enum who who;
    const struct limit_class *limit; // NULL: none
    const struct model *body; // NULL: none is read, or the handler reads it itself (`raw_body`)
    unsigned flags;
    const struct model *raw_model; // what the document says of a raw body, or of a form beside its files
    bool raw_body; // JSON of another form: call->json
    enum http_route_kind kind;
    bool (*before_body)(struct call *call); // what it refuses before the body is read, answered; NULL: nothing
    size_t max_body; // 0: 1 MiB where a body is read
    const struct form_part *form;
    size_t n_form;
    enum setting_id most_form; // how large the form's files may be, where max_body is 0 (endpoint_routes_bound)
    const struct parameter *query;
    size_t n_query;
    const struct model *reply; // NULL: described by `reply_example`
    const char *reply_example; // JSON
    void (*run)(struct call *call);
    const char *media; // of the reply, where it is not JSON; with `reply` or `reply_example`: or also this
    const char *family; // of the limit `management`: its bucket
    const struct resource *resource; // of the object that {id} names; NULL: {chatbotId}, if any, is the object
};

struct surface { // how it authenticates, shapes success, errors and faults
    const char *name, *prefix; // prefix: of its paths; "": all others
    const char *shape; // component of its errors in the document
    int faults_status;
    bool rights; // by the table of rights, with objects and chatbots by the path; replies tell the whole of limits
    bool demo; // admin endpoints accept requests without credentials in demo mode
    bool lenient; // numbers as text, unknown fields ignored
    // An error's body, without sending it.
    yyjson_mut_val *(*body)(yyjson_mut_doc *doc, const char *request_id, int status, const char *code,
                            const char *text);
    // Both answer the request; on a loop too, so they must not block. `code` NULL: the usual one of the status.
    void (*error)(struct http_req *req, int status, const char *code, const char *text);
    void (*faults)(struct http_req *req, const struct faults *faults);
    void (*quota)(struct http_req *req, const char *text); // 409: as many as there may be; NULL: a plain error
};
extern const struct surface surface_brands; // 001, at the root
extern const struct surface surface_platform; // /api/v1
extern const struct surface surface_pages; // pages for people, as HTML (pages.c)
extern const struct surface surface_external; // /api/external
const struct surface *surface_of_path(struct str path);

struct call {
    struct http_req *req;
    struct app *app;
    const struct endpoint *endpoint;
    struct arena *arena;
    struct caller caller;
    bool operator; // came with metrics.token
    enum role role; // in the brand, or ROLE_SUPER_ADMIN
    struct brand_ref *brand; // NULL: the endpoint has none
    struct scope scope; // of the brand and the caller
    struct chatbot *chatbot; // that the path names, or that the object belongs to; NULL: none
    void *object; // of the endpoint's resource; NULL: none
    struct faults *faults; // never NULL
    yyjson_val *json; // the body; NULL: none came
    struct model_input input; // what `body` was decoded from
    void *body; // decoded by endpoint->body
    struct first_reply *first; // of its Idempotency-Key (idempotency.h); NULL: none counts
    struct err err;
};

void call_handle(struct http_req *req); // the http_handler of every endpoint
void call_refuse(struct http_req *req, int status, const void *row); // http_options.refuse: on a loop
void call_preflight(struct http_req *req); // http_options.preflight (access.c)

// ---- for handlers: answers ------------------------------------------------------------------------------------------
void call_json(struct call *call, int status, yyjson_mut_val *root);
void call_reply(struct call *call, const struct model *model, const void *row); // 200
void call_no_content(struct call *call); // 204
void call_message(struct call *call, const char *text); // {"message": …}
void call_error(struct call *call, int status, const char *text); // the surface's shape
void call_faults(struct call *call);
// What a domain call said: conflict 409, not found 404, unavailable 503 …; the text is err's. True: there was an error.
bool call_failed(struct call *call, int rc);
void call_unavailable(struct http_req *req, const struct surface *surface, const char *text); // 503 with Retry-After: 5
void call_brand_gone(struct call *call); // 404 for a brand that is not there, or not for this caller (access.c)

// The i-th parameter of the endpoint's query, those of its pages first; NULL: there are no more (query.c).
const struct parameter *endpoint_parameter(const struct endpoint *endpoint, size_t i);
const struct parameter *call_parameter(const struct call *call, const char *name); // NULL: none of that name
bool call_query_check(struct call *call); // false: a parameter is not as declared, and that was answered

// ---- for handlers: input --------------------------------------------------------------------------------------------
// Parameters of the query by their rows; what is not declared is absent. A bad one is added to call->faults: under /api
// there is none any more (call_query_check).
int64_t call_query_int(struct call *call, const char *name, int64_t otherwise); // `otherwise`: absent
double call_query_number(struct call *call, const char *name, double otherwise);
int64_t call_query_time(struct call *call, const char *name, int64_t otherwise); // RFC 3339; wall ms
bool call_query_bool(struct call *call, const char *name, bool *ret);            // false: absent or bad, *ret stays
struct str call_query_text(struct call *call, const char *name);                 // trimmed; STR_NULL: absent or bad
yyjson_mut_doc *call_doc(struct call *call); // in the call's arena
// The store with the call's scope; what failed is in call->err. For call_failed.
int call_store_read(struct call *call, store_fn fn, void *arg);
int call_store_write(struct call *call, store_fn fn, void *arg);
// The sender's credential: X-API-Key, Authorization (with "Bearer" or bare), or (query_too) query api_key. STR_NULL:
// none (access.c).
struct str call_credential(struct http_req *req, bool query_too, bool *ret_two); // *ret_two: two that differ

// ---- endpoints of the files -----------------------------------------------------------------------------------------
struct endpoints {
    const struct endpoint *at;
    size_t n;
};
struct endpoints brands_endpoints(void);
struct endpoints config_endpoints(void);
struct endpoints stats_endpoints(void);
struct endpoints products_endpoints(void);
struct endpoints search_endpoints(void);
struct endpoints chat_endpoints(void);
struct endpoints conversation_endpoints(void);
struct endpoints socket_endpoints(void);
struct endpoints auth_endpoints(void);
struct endpoints accounts_endpoints(void);
struct endpoints users_endpoints(void);
struct endpoints invites_endpoints(void);
struct endpoints pages_endpoints(void);
struct endpoints personalities_endpoints(void);
struct endpoints health_endpoints(void);
struct endpoints metrics_endpoints(void);
struct endpoints chatbots_endpoints(void);
struct endpoints chatbot_keys_endpoints(void);
struct endpoints chatbot_file_endpoints(void);
struct endpoints prompts_endpoints(void);
struct endpoints audit_log_endpoints(void);
struct endpoints activities_endpoints(void);
struct endpoints knowledge_bases_endpoints(void);
struct endpoints knowledge_items_endpoints(void);
struct endpoints knowledge_sources_endpoints(void);
struct endpoints suppliers_endpoints(void);
struct endpoints ingredients_endpoints(void);
struct endpoints models_endpoints(void);
struct endpoints uploads_endpoints(void);
struct endpoints budgets_endpoints(void);
struct endpoints documents_endpoints(void);
struct endpoints root_endpoints(void);
struct endpoints webhooks_endpoints(void);
struct endpoints webhook_deliveries_endpoints(void);
struct endpoints external_endpoints(void);
#define ENDPOINTS(rows) ((struct endpoints){(rows), sizeof(rows) / sizeof *(rows)})
// Every endpoint, as routes for the server (owned by the caller, free()).
struct http_route *endpoint_routes(size_t *ret_n);
// Bounds of forms, from the settings as they are now; at the start and when they were read again.
void endpoint_routes_bound(struct http_route *routes, size_t n, const struct settings *settings);
const struct endpoint *endpoint_at(size_t i); // NULL past the last
size_t endpoint_index(const struct endpoint *endpoint); // of one of them
