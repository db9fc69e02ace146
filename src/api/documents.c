// SPDX-License-Identifier: Apache-2.0
// Documents under /api/v1 (000-management 5.3): uploaded, read into passages by a job, listed, changed, deleted for a
// while. Pages, products and items are documents too; they are read here and changed where they belong.
#include "api/access.h"
#include "api/documents.h"
#include "api/knowledge.h"
#include "api/uploads.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/utf8.h"
#include "engine/catalogue.h"
#include "ingest/files.h"
#include "ingest/format.h"
#include "model/text.h"
#include "store/account.h"
#include "store/activity.h"
#include "store/audit.h"
#include "store/crud.h"
#include "store/document.h"
#include "store/ingredient.h"
#include "store/job.h"
#include "store/knowledge.h"
#include "store/supplier.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILE_MOST = 50 << 20, FORM_MOST = FILE_MOST + (64 << 10), PARTS_MOST = 20 };
enum { FILTER_MOST = 400, WORDS_MOST = 300 };
#define DAY_MS INT64_C(86400000)
#define FILTER_CHOSEN "documentType|documentCategory|status"
#define FILTER_NAMED "productId|supplierId|chatbotId|uploadedBy"
#define FILTER_PART                                                                                                    \
    "(documentType:(" DOCUMENT_TYPES ")|documentCategory:(" DOCUMENT_CATEGORIES ")|status:(" DOCUMENT_STATES           \
    ")|(" FILTER_NAMED "):[^,:]*)"
#define FILTER_PATTERN "^" FILTER_PART "(," FILTER_PART ")*$"

static const struct loc body_root = {NULL, STR("body"), 0};

static bool uploaded(const struct document *d)
{
    return str_is_choice(UPLOADED_TYPES, d->type);
}

static bool is_deleted(const struct document *d)
{
    return model_has(&document_model, d, "deletedAt");
}

// ---- the resource --------------------------------------------------------------------------------------------------

// A product of the brand, or STR_NULL; inci documents have one.
static int check_product(struct tx *tx, struct call *call, const struct document *d, struct err *err)
{
    struct loc at = {&body_root, STR("productId"), 0};
    struct ingredient product;
    if (!d->product_id.p) {
        if (!str_eq(d->type, STR("inci")))
            return 0;
        fault_add(call->faults, FAULT_MISSING, &at, NULL, 0, NULL);
        return ERR_INVALID;
    }
    int rc = ingredient_get(tx, call->arena, d->product_id, &product, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    fault_add(call->faults, FAULT_REFERENCE, &at, NULL, 0, "a product of the brand");
    return ERR_INVALID;
}

static int before(struct tx *tx, struct call *call, const void *old, void *row, struct err *err)
{
    struct document *d = row;
    const struct document *was = old;
    if (!uploaded(was))
        return err_set(err, ERR_CONFLICT, "Documents of this type are changed where they belong");
    bool linked = model_has(&document_model, d, "productId");
    d->product_id = linked ? arena_lower(call->arena, d->product_id) : STR_NULL;
    model_put_str(&document_model, d, "titleFold", text_fold_case(call->arena, d->title));
    return check_product(tx, call, d, err);
}

static int recount(struct tx *tx, const struct document *d, struct err *err)
{
    return d->product_id.p ? ingredient_count_documents(tx, d->product_id, err) : 0;
}

static int after(struct tx *tx, struct call *call, const void *old, const void *row, struct err *err)
{
    (void)call;
    int rc = recount(tx, old, err);
    return rc || !row ? rc : recount(tx, row, err);
}

static int add_names(struct tx *tx, struct call *call, struct document *d, struct err *err)
{
    struct ingredient product;
    struct supplier supplier;
    struct user_row user;
    int rc = d->product_id.p ? ingredient_get(tx, call->arena, d->product_id, &product, err) : 0;
    if (rc == 1) {
        d->inci_name = product.inci_name;
        d->trade_name = product.trade_name;
        model_put_str(&document_model, d, "productName", product.inci_name.p ? product.inci_name : product.trade_name);
        rc = product.supplier_id.p ? supplier_get(tx, call->arena, product.supplier_id, &supplier, err) : 0;
        if (rc == 1)
            model_put_str(&document_model, d, "supplierName", supplier.name);
    }
    rc = rc < 0 || !d->uploader.p ? rc : user_by_id(tx, call->arena, d->uploader, &user, err);
    if (rc == 1 && d->uploader.p) {
        struct str name =
            str_trim(arena_strf(call->arena, STR_FMT " " STR_FMT, STR_ARG(user.first_name), STR_ARG(user.last_name)));
        d->uploaded_by = (struct document_person){3, user.id, name.n ? name : user.username};
        model_mark(&document_model, d, "uploadedBy", true);
    }
    return rc < 0 ? rc : 0;
}

static int complete(struct tx *tx, struct call *call, void *row, bool one, struct err *err)
{
    struct document *d = row;
    char model[EMBEDDER_KEY];
    (void)one;
    model_mark(&document_model, d, "productName", false);
    model_mark(&document_model, d, "supplierName", false);
    catalogue_model(call->app->catalogues, model);
    model_put_str(&document_model, d, "brandId", call->scope.brand);
    model_mark(&document_model, d, "embeddedChunkCount", true);
    d->embedded_count = 0;
    int rc = model[0] ? document_embedded(tx, d->id, str_from(model), &d->embedded_count, err) : 0;
    return rc ? rc : add_names(tx, call, d, err);
}

// filter=documentType:inci,status:failed says the same as parameters of these names.
static struct str wanted(struct call *call, const char *name)
{
    struct str value = call_query_text(call, name), rest = http_query(call->req, "filter");
    while (!value.p && rest.p) {
        struct str part = str_split(&rest, ','), key = str_split(&part, ':');
        if (part.p && str_eq(str_trim(key), str_from(name)))
            value = str_trim(part);
    }
    return value;
}

// A list of the parameter's choices; others are faults.
static struct str wanted_of(struct call *call, const char *name)
{
    static const struct loc query = {NULL, STR("query"), 0};
    const char *choices = call_parameter(call, name)->choices;
    struct loc at = {&query, str_from(name), 0};
    struct str value = wanted(call, name), rest = value;
    while (rest.p) {
        struct str one = str_split(&rest, ',');
        if (!str_is_choice(choices, one)) {
            fault_add(call->faults, FAULT_ENUM, &at, NULL, 0, choices)->input_text = value;
            return STR_NULL;
        }
    }
    return value;
}

// Parts of other names are faults.
static void check_filter(struct call *call)
{
    static const struct loc query = {NULL, STR("query"), 0};
    struct loc at = {&query, STR("filter"), 0};
    struct str rest = http_query(call->req, "filter");
    while (rest.p) {
        struct str part = str_split(&rest, ','), key = str_trim(str_split(&part, ':'));
        if (part.p && str_is_choice(FILTER_CHOSEN "|" FILTER_NAMED, key))
            continue;
        fault_add(call->faults, FAULT_FORM, &at, NULL, 0, "name:value,name:value");
        return;
    }
}

static int find(struct tx *tx, struct call *call, struct page *page, struct strings *ret_ids, struct err *err)
{
    struct str types = wanted_of(call, "documentType"), chatbot = wanted(call, "chatbotId");
    bool deleted = false, none = str_eq(chatbot, STR("none")), admin = call->role >= ROLE_ADMIN;
    (void)call_query_bool(call, "deleted", &deleted);
    check_filter(call);
    struct document_query query = {
        .types = types,
        .typed = types.p,
        .categories = wanted_of(call, "documentCategory"),
        .states = wanted_of(call, "status"),
        .product_id = wanted(call, "productId"),
        .supplier_id = wanted(call, "supplierId"),
        .chatbot_id = none ? STR_NULL : chatbot,
        .brand_wide = none,
        .uploader = wanted(call, "uploadedBy"),
        .q = call_query_text(call, "q"),
        .deleted = deleted && admin,
        .viewer = admin ? STR_NULL : call->caller.user.id,
        .limit = page->limit,
        .offset = page_offset(page),
    };
    if (call->faults->n)
        return 0;
    // What only admins may see, others find empty.
    return deleted && !admin ? 0 : document_find(tx, call->arena, &query, ret_ids, &page->total, err);
}

const struct resource document_resource = {
    .kind = "document",
    .title = "Document",
    .model = &document_model,
    .feeds = true,
    .change = CHANGE_DOCUMENT,
    .before = before,
    .after = after,
    .complete = complete,
    .find = find,
    .page = 20,
};

// Before the body is read: what is deleted is there for restoring alone.
static bool document_there(struct call *call)
{
    if (!is_deleted(call->object))
        return true;
    call_error(call, 404, "Document not found");
    return false;
}

static bool may_change(struct call *call)
{
    if (uploaded(call->object))
        return true;
    call_error(call, 409, "Documents of this type are changed where they belong");
    return false;
}

static void change_document(struct call *call)
{
    if (may_change(call))
        resource_update(call);
}

// ---- upload --------------------------------------------------------------------------------------------------------

struct making {
    struct call *call;
    struct document document; // what was sent
    const char *path;
    struct str twin;
    struct document made;
};

static const enum format_id readable[] = {FORMAT_PDF,  FORMAT_DOCX, FORMAT_TEXT, FORMAT_MARKDOWN,
                                          FORMAT_HTML, FORMAT_CSV,  FORMAT_XLSX};

static void part_fault(struct call *call, struct str part, enum fault_code code, double bound, const char *text)
{
    struct loc at = {&body_root, part, 0};
    fault_add(call->faults, code, &at, NULL, bound, text);
}

// The parts beside the file, as a form of the table.
static void read_parts(struct call *call, const struct multipart *form, struct document *d)
{
    struct query_pair *pairs = arena_calloc(call->arena, PARTS_MOST, sizeof *pairs);
    struct model_input input = {.query = pairs};
    for (size_t i = 0; i < multipart_count(form) && i < PARTS_MOST; i++) {
        const struct multipart_part *part = multipart_at(form, i);
        if (str_eq(part->name, STR("file")))
            continue;
        if (model_field_index(&document_form_model, arena_cstr(call->arena, part->name)) == document_form_model.n)
            part_fault(call, part->name, FAULT_UNKNOWN, 0, NULL);
        pairs[input.n_query++] = (struct query_pair){part->name, part->value};
    }
    (void)!model_decode(&document_form_model, 0, &input, d, call->faults);
    d->product_id = d->product_id.p ? arena_lower(call->arena, d->product_id) : STR_NULL;
}

static void invalid_type(struct call *call, enum format_id format, struct str filename)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *details = yyjson_mut_obj(doc);
    json_add_cstr(doc, details, "fileType", formats[format].mime);
    json_add_str(doc, details, "filename", filename);
    call_error_named(call, 400, "INVALID_FILE_TYPE",
                     "Invalid file type. Supported: PDF, DOCX, TXT, MD, HTML, CSV, XLSX", doc, details);
}

// What the file is, by its content, and its hash. False: answered.
static bool judge(struct call *call, const struct multipart_part *part, struct document *d)
{
    int fd = open(part->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        call_unavailable(call->req, call->endpoint->surface, "Service temporarily unavailable");
        return false;
    }
    enum format_id format = format_of(fd, d->filename), named = format_by_name(d->filename);
    // Under a password both are the same kind of file: the name tells them apart, and reading finds it out.
    if (format == FORMAT_OLE && (named == FORMAT_DOCX || named == FORMAT_XLSX) && format_is_protected(fd))
        format = named;
    // A broken archive that is called a document is a damaged document.
    if (format == FORMAT_ARCHIVE && part->size < 100 && (named == FORMAT_DOCX || named == FORMAT_XLSX))
        format = named;
    bool good = false;
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
        good |= readable[i] == format;
    char *hex = arena_alloc(call->arena, CRYPTO_HEX_SIZE);
    void *bytes = good ? mmap(NULL, part->size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (bytes == MAP_FAILED) {
        invalid_type(call, format, d->filename);
        return false;
    }
    crypto_sha256_hex((struct str){bytes, part->size}, hex);
    munmap(bytes, part->size);
    d->sha256 = str_from(hex);
    d->mime_type = str_from(formats[format].mime);
    d->size = (int64_t)part->size;
    return true;
}

static int queue(struct tx *tx, struct str id, struct err *err)
{
    struct str payload = arena_strf(tx_arena(tx), "{\"documentId\":\"" STR_FMT "\"}", STR_ARG(id));
    return job_insert(tx, "document.process", payload, clock_wall_ms(), err);
}

static int note_change(struct tx *tx, const char *action, const struct document *d, struct err *err)
{
    struct audit_change change = {action, d->chatbot_id, d->id, STR_NULL, STR_NULL};
    return audit_change(tx, &change, err);
}

static int note_activity(struct tx *tx, const char *type, const struct document *d, struct err *err)
{
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *metadata = yyjson_mut_obj(doc);
    json_add_str(doc, metadata, "filename", d->filename);
    json_add_str(doc, metadata, "documentType", d->type);
    json_add_int(doc, metadata, "fileSizeBytes", d->size);
    struct activity activity = {type, "document", d->id, json_write(tx_arena(tx), metadata)};
    return activity_write(tx, &activity, err);
}

static int fill(struct tx *tx, struct making *m, struct err *err)
{
    const struct document *sent = &m->document;
    struct document *d = &m->made;
    int rc = document_get(tx, m->call->arena, sent->id, d, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_INTERNAL, "the document is gone");
    model_put_str(&document_model, d, "originalFilename", sent->filename);
    model_put_str(&document_model, d, "mimeType", sent->mime_type);
    model_put_str(&document_model, d, "sha256", sent->sha256);
    model_put_str(&document_model, d, "metadata", sent->metadata.p ? sent->metadata : STR("{}"));
    model_put_str(&document_model, d, "processingStatus", STR("pending"));
    model_put_str(&document_model, d, "stage", STR("queued"));
    model_put_str(&document_model, d, "uploader", m->call->caller.user.id);
    d->size = sent->size;
    model_mark(&document_model, d, "fileSizeBytes", true);
    d->citable = sent->citable;
    d->percent = 0;
    return crud_update(tx, &document_model, d, err);
}

static int make(struct tx *tx, void *arg, struct err *err)
{
    struct making *m = arg;
    struct call *call = m->call;
    const struct document *d = &m->document;
    int64_t n = 0, most = settings_int(call->app->settings, SET_LIMITS_DOCUMENTS), now = clock_wall_ms();
    m->twin = STR_NULL;
    call->faults->n = 0;
    int rc = check_product(tx, call, d, err);
    rc = rc ? rc : document_same(tx, call->arena, d, &m->twin, err);
    if (rc)
        return rc < 0 ? rc : err_set(err, ERR_CONFLICT, "The same file was uploaded already");
    rc = document_count_uploaded(tx, &n, err);
    if (!rc && n >= most)
        return err_set(err, ERR_LIMIT, "The brand may have %lld documents", (long long)most);
    struct knowledge_document row = {.id = d->id,
                                     .chatbot_id = d->chatbot_id,
                                     .category = d->category,
                                     .product_id = d->product_id,
                                     .type = d->type,
                                     .title = d->title,
                                     .content = STR("")};
    rc = rc ? rc : knowledge_document_insert(tx, &row, now, err);
    rc = rc ? rc : fill(tx, m, err);
    rc = rc ? rc : recount(tx, d, err);
    rc = rc ? rc : queue(tx, d->id, err);
    rc = rc ? rc : note_change(tx, "document_created", d, err);
    rc = rc ? rc : note_activity(tx, "document_upload", d, err);
    return rc ? rc : complete(tx, call, &m->made, true, err);
}

static void keep(struct making *m)
{
    struct call *call = m->call;
    const char *data = settings_str(call->app->settings, SET_DATA);
    int rc = files_keep(data, call->scope.brand, "documents", m->document.id, m->path, &call->err);
    if (call_failed(call, rc))
        return;
    rc = call_store_write(call, make, m);
    if (rc)
        (void)files_remove(data, call->scope.brand, "documents", m->document.id, &(struct err){0});
    if (rc == ERR_CONFLICT && m->twin.p) {
        yyjson_mut_doc *doc = call_doc(call);
        yyjson_mut_val *details = yyjson_mut_obj(doc);
        json_add_str(doc, details, "documentId", m->twin);
        call_error_details(call, 409, call->err.text, doc, details);
    } else if (!call_failed(call, rc)) {
        resource_reply(call, 201, &document_resource, &m->made);
    }
}

static void create_document(struct call *call)
{
    struct making m = {.call = call};
    struct document *d = &m.document;
    const struct multipart_part *file = NULL;
    bool other;
    char *id = arena_alloc(call->arena, ID_SIZE);
    const struct multipart *form = upload_form(call, &other);
    if (other && access_named(call, STR_NULL))
        call_error(call, 415, "Unsupported media type");
    if (!form)
        return;
    for (size_t i = 0; i < multipart_count(form) && call->faults->n < FAULTS_MAX; i++) {
        const struct multipart_part *part = multipart_at(form, i);
        if (!str_eq(part->name, STR("file")))
            continue;
        if (file || !part->path)
            part_fault(call, part->name, file ? FAULT_DUPLICATE : FAULT_MISSING, 0, NULL);
        else
            file = part;
    }
    if (multipart_count(form) > PARTS_MOST)
        part_fault(call, STR("file"), FAULT_MANY, PARTS_MOST, NULL);
    if (!file || !file->size)
        part_fault(call, STR("file"), file ? FAULT_SHORT : FAULT_MISSING, 1, NULL);
    read_parts(call, form, d);
    // Rights first: whom the form is not for learns nothing of its faults.
    if (!access_named(call, d->chatbot_id))
        return;
    if (call->faults->n) {
        call_faults(call);
        return;
    }
    if (file->size > FILE_MOST) {
        call_error(call, 413, "Request body too large");
        return;
    }
    d->filename = upload_filename(call, file->filename);
    if (!d->filename.n)
        d->filename = STR("document");
    if (!d->title.p)
        d->title = (struct str){d->filename.p, utf8_offset(d->filename, 300)};
    d->chatbot_id = call->chatbot ? call->chatbot->id : STR_NULL;
    id_v7(id);
    d->id = str_from(id);
    m.path = file->path;
    if (judge(call, file, d))
        keep(&m);
}

// ---- delete, restore, read anew -------------------------------------------------------------------------------------

struct changing {
    struct call *call;
    struct document document;
};

static int load_again(struct tx *tx, struct changing *c, struct err *err)
{
    const struct document *seen = c->call->object;
    int rc = document_get(tx, c->call->arena, seen->id, &c->document, err);
    return rc == 1 ? 0 : rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Document not found");
}

static int remove_it(struct tx *tx, void *arg, struct err *err)
{
    struct changing *c = arg;
    int64_t now = clock_wall_ms(), days = settings_int(c->call->app->settings, SET_RETENTION_DELETED);
    int rc = load_again(tx, c, err);
    if (!rc && is_deleted(&c->document))
        return err_set(err, ERR_NOT_FOUND, "Document not found");
    struct str payload = arena_strf(tx_arena(tx), "{\"documentId\":\"" STR_FMT "\",\"deletedAt\":%lld}",
                                    STR_ARG(c->document.id), (long long)now);
    rc = rc ? rc : document_set_deleted(tx, c->document.id, now, now, err);
    rc = rc ? rc : recount(tx, &c->document, err);
    rc = rc ? rc : job_insert(tx, "document.erase", payload, now + days * DAY_MS, err);
    rc = rc ? rc : note_change(tx, "document_deleted", &c->document, err);
    return rc ? rc : note_activity(tx, "document_delete", &c->document, err);
}

static void remove_document(struct call *call)
{
    struct changing c = {.call = call};
    if (may_change(call) && !call_failed(call, call_store_write(call, remove_it, &c)))
        call_done(call, "Document deleted");
}

static int restore_it(struct tx *tx, void *arg, struct err *err)
{
    struct changing *c = arg;
    int rc = load_again(tx, c, err);
    if (!rc && !is_deleted(&c->document))
        return err_set(err, ERR_CONFLICT, "The document is not deleted");
    c->call->faults->n = 0;
    if (!rc && check_product(tx, c->call, &c->document, err) != 0)
        return err_set(err, ERR_CONFLICT, "The document's product is gone");
    rc = rc ? rc : document_set_deleted(tx, c->document.id, 0, clock_wall_ms(), err);
    rc = rc ? rc : recount(tx, &c->document, err);
    rc = rc ? rc : note_change(tx, "document_restored", &c->document, err);
    rc = rc ? rc : load_again(tx, c, err);
    return rc ? rc : complete(tx, c->call, &c->document, true, err);
}

static void restore_document(struct call *call)
{
    struct changing c = {.call = call};
    if (may_change(call) && !call_failed(call, call_store_write(call, restore_it, &c)))
        resource_reply(call, 200, &document_resource, &c.document);
}

static int reprocess_it(struct tx *tx, void *arg, struct err *err)
{
    struct changing *c = arg;
    int rc = load_again(tx, c, err);
    if (!rc && !str_is_choice("failed|completed", c->document.status))
        return err_set(err, ERR_CONFLICT, "The document is being processed");
    if (!rc && !c->document.sha256.p)
        return err_set(err, ERR_CONFLICT, "The document has no file");
    rc = rc ? rc : document_progress(tx, c->document.id, "pending", "queued", 0, STR_NULL, err);
    rc = rc ? rc : queue(tx, c->document.id, err);
    rc = rc ? rc : note_change(tx, "document_reprocessed", &c->document, err);
    rc = rc ? rc : load_again(tx, c, err);
    return rc ? rc : complete(tx, c->call, &c->document, true, err);
}

static void reprocess_document(struct call *call)
{
    struct changing c = {.call = call};
    if (may_change(call) && !call_failed(call, call_store_write(call, reprocess_it, &c)))
        resource_reply(call, 202, &document_resource, &c.document);
}

// ---- endpoints -----------------------------------------------------------------------------------------------------

static const struct parameter list_query[] = {
    {"documentType", "string", "Any of these; uploaded ones without it", .choices = DOCUMENT_TYPES, .many = true},
    {"documentCategory", "string", "Any of these", .choices = DOCUMENT_CATEGORIES, .many = true},
    {"status", "string", "Any of these", .choices = DOCUMENT_STATES, .many = true},
    {"productId", "string", "Only of this product", 0, FILTER_MOST},
    {"supplierId", "string", "Only of this supplier", 0, FILTER_MOST},
    {"chatbotId", "string", "Only of this chatbot; none: the whole brand's", 0, FILTER_MOST},
    {"uploadedBy", "string", "Only of this user", 0, FILTER_MOST},
    {"q", "string", "In title or file name, in any case", 0, WORDS_MOST},
    {"filter", "string", "The same as name:value,name:value", .pattern = FILTER_PATTERN},
    {"deleted", "boolean", "Deleted ones instead, for admins", 0, 0},
};
static const struct form_part form[] = {
    {"file", "PDF, DOCX, TXT, MD, HTML, CSV or XLSX, at most 50 MiB", true},
};
#define DOCUMENTS                                                                                                      \
    .surface = &surface_platform, .tag = "Documents", .limit = &LIMIT_MANAGEMENT, .family = "documents",               \
    .resource = &document_resource
#define OK "{\"status\":\"success\",\"success\":true,"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/documents", DOCUMENTS, .who = WHO_MEMBER, .summary = "Documents, newest first",
     .reply = &document_model, .flags = ENDPOINT_PAGED, .query = list_query, .n_query = 10, .run = resource_list},
    {HTTP_POST, "/api/v1/documents", .surface = &surface_platform, .tag = "Documents", .limit = &LIMIT_UPLOAD,
     .family = "documents", .who = WHO_WRITER, .summary = "Upload a document; it is read in the background",
     .kind = HTTP_MULTIPART, .max_body = FORM_MOST, .form = form, .n_form = 1, .raw_model = &document_form_model,
     .reply = &document_model, .flags = ENDPOINT_CREATED | ENDPOINT_READS_FILES | ENDPOINT_CHATBOT_BODY,
     .run = create_document},
    {HTTP_GET, "/api/v1/documents/{id}", DOCUMENTS, .before_body = document_there, .who = WHO_MEMBER,
     .summary = "One document", .reply = &document_model, .run = resource_read},
    {HTTP_PUT, "/api/v1/documents/{id}", DOCUMENTS, .before_body = document_there, .who = WHO_WRITER,
     .summary = "Change what is said of a document", .body = &document_model, .flags = ENDPOINT_PATCH,
     .reply = &document_model, .run = change_document},
    {HTTP_DELETE, "/api/v1/documents/{id}", DOCUMENTS, .before_body = document_there, .who = WHO_WRITER,
     .summary = "Delete a document for a while", .reply_example = OK "\"message\":\"Document deleted\"}",
     .run = remove_document},
    {HTTP_POST, "/api/v1/documents/{id}/restore", DOCUMENTS, .who = WHO_WRITER, .summary = "Take a deletion back",
     .reply = &document_model, .run = restore_document},
    {HTTP_POST, "/api/v1/documents/{id}/reprocess", DOCUMENTS, .before_body = document_there, .who = WHO_WRITER,
     .summary = "Read the file again", .reply = &document_model, .flags = ENDPOINT_ACCEPTED, .run = reprocess_document},
    {HTTP_GET, "/api/v1/documents/{id}/content", DOCUMENTS, .before_body = document_there, .who = WHO_WRITER,
     .summary = "The original file", .media = "application/octet-stream", .run = document_content_sent},
    {HTTP_GET, "/api/v1/documents/{id}/status", DOCUMENTS, .before_body = document_there, .who = WHO_MEMBER,
     .summary = "How far its reading has come",
     .reply_example = OK "\"data\":{\"id\":\"0197a1d0-2b11-7c3e-9f20-6d5f1f0a7712\",\"processingStatus\":\"completed\","
                         "\"processingError\":null,\"chunkCount\":4,\"embeddedChunkCount\":0,\"ocrCompletedAt\":null,"
                         "\"embeddingCompletedAt\":null,\"createdAt\":\"2026-03-02T09:15:04.120Z\","
                         "\"updatedAt\":\"2026-03-02T09:15:05.120Z\",\"inciName\":null,\"tradeName\":null,"
                         "\"progress\":{\"stage\":\"done\",\"percent\":100,\"pagesDone\":2,\"pagesTotal\":2}}}",
     .run = document_status},
    {HTTP_GET, "/api/v1/documents/{id}/chunks", DOCUMENTS, .before_body = document_there, .who = WHO_MEMBER,
     .summary = "Its passages in order", .flags = ENDPOINT_PAGED,
     .reply_example =
         OK "\"count\":1,\"data\":[{\"id\":\"0197a1d0-2b11-7c3e-9f20-6d5f1f0a7712\",\"chunkIndex\":0,"
            "\"content\":\"Stable between pH 5 and 7.\",\"metadata\":{\"page\":1,\"heading\":\"Stability\","
            "\"start\":0,\"end\":26},\"hasEmbedding\":false,\"createdAt\":\"2026-03-02T09:15:05.120Z\"}],"
            "\"pagination\":{\"total\":1,\"pages\":1,\"page\":1,\"limit\":50}}",
     .run = document_chunks},
};

struct endpoints documents_endpoints(void)
{
    return ENDPOINTS(rows);
}
