// SPDX-License-Identifier: Apache-2.0
// Two small pages for people, without a console and without scripts: choosing a new password, and accepting an
// invitation (003-platform 2.3). Plain forms, decoded by the models of the endpoints that they stand for.
//
// A link brings its secret in the address once. The first answer moves it into a cookie that scripts cannot read and
// leads on to the bare address, so that it stays in no history, no log of a proxy and no Referer. The cookie is Lax and
// not Strict: a link in a webmail is a step from another site. A form that another site posts comes without it.
#include "api/accounts.h"

#include "base/id.h"
#include "http/asset.h"

enum { COOKIE_SECONDS = 900, PAGE_MOST = 64 * 1024 };
#define POLICY                                                                                                         \
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; img-src data:"

// ---- a page --------------------------------------------------------------------------------------------------------

static void add_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        const char *as = c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : NULL;
        if (as)
            buf_addz(out, as);
        else
            buf_addc(out, c);
    }
}

static void page_headers(struct http_req *req)
{
    http_header(req, "Content-Security-Policy", POLICY);
    http_header(req, "X-Content-Type-Options", "nosniff");
    http_header(req, "Referrer-Policy", "no-referrer");
    http_header(req, "Cache-Control", "no-store");
}

// The template with its three places filled; `message` and `form` are HTML.
static void send_page(struct http_req *req, int status, struct str title, struct str message, struct str form)
{
    AUTO_BUF struct buf out = BUF_INIT(PAGE_MOST);
    const struct asset *asset = asset_find("account/page.html");
    struct str rest = asset ? (struct str){(const char *)asset->plain, asset->plain_n} : STR("");
    while (rest.n) {
        ptrdiff_t at = str_find(rest, STR("{{"));
        buf_add(&out, rest.p, at < 0 ? rest.n : (size_t)at);
        if (at < 0)
            break;
        rest = (struct str){rest.p + at + 2, rest.n - (size_t)at - 2};
        struct str place = str_split(&rest, '}');
        rest = (struct str){rest.p + 1, rest.n - 1};
        if (str_eq(place, STR("title")))
            add_escaped(&out, title);
        else
            buf_adds(&out, str_eq(place, STR("form")) ? form : message);
    }
    page_headers(req);
    http_reply(req, status, "text/html; charset=utf-8", buf_str(&out));
}

static void page_error(struct http_req *req, int status, const char *code, const char *text)
{
    AUTO_BUF struct buf message = BUF_INIT(4096);
    (void)code;
    buf_addz(&message, "<p role=\"alert\">");
    add_escaped(&message, str_from(text));
    buf_addz(&message, "</p>");
    send_page(req, status, STR("That did not work"), buf_str(&message), STR(""));
}

static void page_faults(struct http_req *req, const struct faults *faults)
{
    (void)faults;
    page_error(req, 400, NULL, "The form is not complete");
}

const struct surface surface_pages = {
    .name = "pages", .prefix = "", .shape = "Error", .faults_status = 400, .lenient = true, .error = page_error,
    .faults = page_faults};

// ---- forms ---------------------------------------------------------------------------------------------------------

struct input {                                             // a row of a form
    const char *name, *label, *type, *autocomplete, *hint; // hint NULL: none
    bool required;
    struct str value;
};

static const struct fault *fault_of(struct call *call, const char *name)
{
    for (size_t i = 0; i < call->faults->n; i++)
        if (str_eq(fault_loc_text(call->arena, call->faults->at[i].loc), str_from(name)))
            return &call->faults->at[i];
    return NULL;
}

static void add_input(struct call *call, struct buf *out, const struct input *in)
{
    const struct fault *fault = fault_of(call, in->name);
    buf_addf(out,
             "<label for=\"%s\">%s</label><input id=\"%s\" name=\"%s\" type=\"%s\" autocomplete=\"%s\" "
             "autocapitalize=\"none\" spellcheck=\"false\" maxlength=\"254\"%s",
             in->name, in->label, in->name, in->name, in->type, in->autocomplete, in->required ? " required" : "");
    if (fault || in->hint)
        buf_addf(out, " aria-describedby=\"%s%s%s\"", fault ? arena_printf(call->arena, "%s-fault", in->name) : "",
                 fault && in->hint ? " " : "", in->hint ? arena_printf(call->arena, "%s-hint", in->name) : "");
    if (fault)
        buf_addz(out, " aria-invalid=\"true\"");
    if (in->value.n) {
        buf_addz(out, " value=\"");
        add_escaped(out, in->value);
        buf_addc(out, '"');
    }
    buf_addz(out, ">");
    if (fault) {
        buf_addf(out, "<p class=\"hint fault\" id=\"%s-fault\">%s ", in->name, in->label);
        add_escaped(out, fault->plain);
        buf_addz(out, "</p>");
    }
    if (in->hint)
        buf_addf(out, "<p class=\"hint\" id=\"%s-hint\">%s</p>", in->name, in->hint);
}

// `alert`: what went wrong as a whole; NULL: nothing, or what the faults say.
static void send_form(struct call *call, int status, const char *title, const char *path, const char *text,
                      const char *alert, const struct input *inputs, size_t n, const char *button)
{
    AUTO_BUF struct buf message = BUF_INIT(4096), form = BUF_INIT(PAGE_MOST / 2);
    if (!alert && call->faults->n)
        alert = "Please correct what is marked below.";
    if (alert) {
        buf_addz(&message, "<p role=\"alert\">");
        add_escaped(&message, str_from(alert));
        buf_addz(&message, "</p>");
    }
    buf_addf(&message, "<p>%s</p>", text);
    buf_addf(&form, "<form method=\"post\" action=\"%s\">", path);
    for (size_t i = 0; i < n; i++)
        add_input(call, &form, &inputs[i]);
    buf_addf(&form, "<button type=\"submit\">%s</button></form>", button);
    send_page(call->req, status, str_from(title), buf_str(&message), buf_str(&form));
}

static void send_done(struct call *call, const char *title, const char *text)
{
    send_page(call->req, 200, str_from(title), arena_strf(call->arena, "<p role=\"status\">%s</p>", text), STR(""));
}

// A form that another site sends is none of ours. (The Origin of our own is null: the pages send no referrer.)
static bool from_here(struct call *call)
{
    struct str site = http_header_in(call->req, "sec-fetch-site");
    if (!site.p || str_eq_nocase(site, STR("same-origin")) || str_eq_nocase(site, STR("none")))
        return true;
    page_error(call->req, 403, NULL, "This form was sent from another site");
    return false;
}

// ---- the secret of a link ------------------------------------------------------------------------------------------

static void set_secret(struct call *call, const char *path, const char *name, struct str value, int seconds)
{
    http_headerf(call->req, "Set-Cookie", "%s=" STR_FMT "; HttpOnly; SameSite=Lax; Path=%s; Max-Age=%d%s", name,
                 STR_ARG(value), path, seconds, account_secure(call) ? "; Secure" : "");
}

static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!strchr(ID_BASE64URL, text.p[i]))
            return false;
    return text.n > 0 && text.n <= 100;
}

// From the address into the cookie. True: it was there, and the answer leads on.
static bool move_secret(struct call *call, const char *path, const char *parameter, const char *cookie)
{
    struct str value = http_query(call->req, parameter);
    if (!value.p)
        return false;
    if (is_token(value))
        set_secret(call, path, cookie, value, COOKIE_SECONDS);
    page_headers(call->req);
    http_header(call->req, "Location", path);
    http_reply(call->req, 303, NULL, STR(""));
    return true;
}

// ---- a new password ------------------------------------------------------------------------------------------------

#define RESET_PATH "/reset-password"
#define RESET_COOKIE "parleyReset"

static void reset_form(struct call *call, int status, const char *alert)
{
    static const struct input inputs[] = {
        {"password", "New password", "password", "new-password", "8 to 128 characters", true, {NULL, 0}}};
    send_form(call, status, "Choose a new password", RESET_PATH, "You will be signed out everywhere else.", alert,
              inputs, 1, "Change password");
}

static void ask_form(struct call *call, int status, const char *alert)
{
    static const struct input inputs[] = {{"email", "E-mail", "email", "email", NULL, true, {NULL, 0}}};
    send_form(call, status, "Forgot your password?", RESET_PATH,
              "Enter the address of your account. We will send you a link to choose a new password.", alert, inputs, 1,
              "Send me a link");
}

static void reset_page(struct call *call)
{
    if (move_secret(call, RESET_PATH, "token", RESET_COOKIE))
        return;
    if (account_cookie(call, STR(RESET_COOKIE)).n)
        reset_form(call, 200, NULL);
    else
        ask_form(call, 200, NULL);
}

static void ask_posted(struct call *call, const struct reset_request *body)
{
    int rc = accounts_request_reset(call->app->accounts, call->arena, &call->scope, body->email, account_base(call),
                                    &call->err);
    if (!call_failed(call, rc))
        send_done(call, "Look into your mail",
                  "If an account has this address, a mail with a link is on its way. The link holds for an hour.");
}

static void reset_posted(struct call *call)
{
    const struct reset_request *body = call->body;
    struct str token = account_cookie(call, STR(RESET_COOKIE));
    bool asks = body->email.p || fault_of(call, "email");
    if (!from_here(call))
        return;
    if (asks && call->faults->n == 0) {
        ask_posted(call, body);
        return;
    }
    if (asks || !token.n) {
        ask_form(call, 400, asks ? NULL : "This link has expired. Ask for another one.");
        return;
    }
    if (call->faults->n || !body->password.p || !account_password(call, "password", body->password)) {
        reset_form(call, 400, body->password.p || call->faults->n ? NULL : "Enter a new password.");
        return;
    }
    int rc = accounts_reset(call->app->accounts, call->arena, &call->scope, token, body->password, &call->err);
    if (rc == 0 || rc == ERR_DENIED)
        set_secret(call, RESET_PATH, RESET_COOKIE, STR(""), 0);
    if (rc == ERR_DENIED)
        ask_form(call, 401, "This link was used already, or has expired. Ask for another one.");
    else if (!call_failed(call, rc))
        send_done(call, "Your password is changed", "You can sign in with it now.");
}

// ---- an invitation -------------------------------------------------------------------------------------------------

#define REGISTER_PATH "/register"
#define REGISTER_COOKIE "parleyInvite"

static void register_form(struct call *call, int status, const char *alert)
{
    static const struct register_request empty;
    const struct register_request *body = call->body ? call->body : &empty;
    struct input inputs[] = {
        {"username", "Username", "text", "username", "3 to 50 letters, digits, dots, - or _", true, body->username},
        {"email", "E-mail", "email", "email", NULL, true, body->email},
        {"password", "Password", "password", "new-password", "8 to 128 characters", true, STR_NULL},
        {"firstName", "First name (optional)", "text", "given-name", NULL, false, body->first_name},
        {"lastName", "Last name (optional)", "text", "family-name", NULL, false, body->last_name}};
    bool invited = account_cookie(call, STR(REGISTER_COOKIE)).n > 0;
    send_form(call, status, "Make an account", REGISTER_PATH,
              invited ? "You were invited." : "Your account gets a workspace of its own.", alert, inputs,
              sizeof inputs / sizeof *inputs, "Make account");
}

static void register_page(struct call *call)
{
    if (!move_secret(call, REGISTER_PATH, "inviteToken", REGISTER_COOKIE))
        register_form(call, 200, NULL);
}

static void register_posted(struct call *call)
{
    struct register_request *body = call->body;
    struct registering with = {.request = body, .issuer = account_issuer(call)};
    struct signed_in in;
    if (!from_here(call))
        return;
    if (call->faults->n || !account_password(call, "password", body->password)) {
        register_form(call, 400, NULL);
        return;
    }
    struct str token = account_cookie(call, STR(REGISTER_COOKIE));
    body->invite_token = token.n ? token : STR_NULL;
    body->role = body->brand_name = STR_NULL;
    int rc = accounts_register(call->app->accounts, call->arena, &call->scope, &with, &in, &call->err);
    if (rc == ERR_CONFLICT) {
        register_form(call, 409, "This username or e-mail is taken.");
    } else if (rc == ERR_DENIED) {
        set_secret(call, REGISTER_PATH, REGISTER_COOKIE, STR(""), 0);
        page_error(call->req, 403, NULL, arena_printf(call->arena, "%s.", call->err.text));
    } else if (!call_failed(call, rc)) {
        set_secret(call, REGISTER_PATH, REGISTER_COOKIE, STR(""), 0);
        send_done(call, "Your account is made", "You can sign in now.");
    }
}

static void style(struct call *call)
{
    const struct asset *asset = asset_find("account/account.css");
    http_header(call->req, "X-Content-Type-Options", "nosniff");
    if (asset)
        asset_reply(call->req, asset, "no-cache");
    else
        call_error(call, 404, "Not Found");
}

#define PAGE .surface = &surface_pages, .tag = "Pages", .who = WHO_ANYBODY
static const struct endpoint rows[] = {
    {HTTP_GET, RESET_PATH, PAGE, .flags = ENDPOINT_HIDDEN, .run = reset_page},
    {HTTP_POST, RESET_PATH, PAGE, .flags = ENDPOINT_HIDDEN | ENDPOINT_FORM | ENDPOINT_HASHES, .limit = &LIMIT_RESET,
     .family = "reset-page", .body = &reset_form_model, .max_body = 16384, .run = reset_posted},
    {HTTP_GET, REGISTER_PATH, PAGE, .flags = ENDPOINT_HIDDEN, .run = register_page},
    {HTTP_POST, REGISTER_PATH, PAGE, .flags = ENDPOINT_HIDDEN | ENDPOINT_FORM | ENDPOINT_HASHES,
     .limit = &LIMIT_REGISTER, .body = &register_model, .max_body = 16384, .run = register_posted},
    {HTTP_GET, "/account.css", PAGE, .flags = ENDPOINT_HIDDEN, .run = style},
};

struct endpoints pages_endpoints(void)
{
    return ENDPOINTS(rows);
}
