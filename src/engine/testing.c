// SPDX-License-Identifier: Apache-2.0
#include "engine/testing.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/vec.h"
#include "engine/brand_make.h"
#include "engine/chunk.h"
#include "store/knowledge.h"
#include "store/migrations.h"
#include "store/product.h"

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LETTERS = 26, BUDGET = 1 << 28 };

STORE_SQL(testing_messages, "SELECT conversation_id, id, role, content, status FROM messages WHERE brand_id = $1 ORDER "
                            "BY conversation_id, seq");

// ---- life ----------------------------------------------------------------------------------------------------------

static void on_changes(void *arg, const struct change *changes, size_t n)
{
    struct site *site = arg;
    for (size_t i = 0; i < n; i++) {
        if (changes[i].kind == CHANGE_BRAND || changes[i].kind == CHANGE_CHATBOT || changes[i].kind == CHANGE_OUTSIDE)
            brands_changed(site->brands, changes[i].brand);
        if (changes[i].kind != CHANGE_BRAND)
            catalogues_changed(site->catalogues, &changes[i]);
        site->jobs_told += changes[i].kind == CHANGE_JOB;
    }
}

static bool embed_model(void *self, struct embedder_model *ret)
{
    const struct site *site = self;
    if (!(site->flags & SITE_VECTORS))
        return false;
    *ret = (struct embedder_model){.batch = 32};
    (void)snprintf(ret->key, sizeof ret->key, "%s", site->model);
    return true;
}

static void scale(void *self, const char *key, const float *question, const float *centre, size_t n, size_t dims,
                  float *ret_floor, float *ret_full)
{
    (void)centre;
    (void)n;
    (void)self;
    (void)key;
    (void)question;
    (void)dims;
    *ret_floor = 0.1f;
    *ret_full = 1;
}

static const float *letters_of(struct arena *arena, struct str text)
{
    float *vector = arena_calloc(arena, LETTERS, sizeof *vector), sum = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = (char)(text.p[i] | 32);
        if (c >= 'a' && c <= 'z')
            vector[c - 'a'] = 1;
    }
    for (size_t i = 0; i < LETTERS; i++)
        sum += vector[i];
    for (size_t i = 0; i < LETTERS; i++)
        vector[i] = sum > 0 ? vector[i] / __builtin_sqrtf(sum) : i == 0;
    return vector;
}

static int embed(void *self, const char *key, struct arena *arena, const struct str *texts, size_t n, bool query,
                 int timeout_ms, const float ***ret, size_t *ret_dims, struct err *err)
{
    struct site *site = self;
    (void)query;
    (void)timeout_ms;
    if (site->gone && strcmp(site->gone, key) == 0)
        return err_set(err, ERR_NOT_FOUND, "nobody has that model");
    if (site->embed_code)
        return err_set(err, site->embed_code, "the test says so");
    const float **vectors = arena_calloc(arena, n, sizeof *vectors);
    for (size_t i = 0; i < n; i++)
        vectors[i] = letters_of(arena, texts[i]);
    site->embedded += (int)n;
    *ret = vectors;
    *ret_dims = LETTERS;
    return 0;
}

static void open_site(struct site *site, unsigned flags, const char *names, const struct tool *tools, size_t n_tools)
{
    char named[200];
    (void)snprintf(named, sizeof named, "PARLEY_TOOLS_BUILTIN=%s", names);
    char *environment[] = {names[0] ? named : NULL, NULL};
    struct settings_source source = {.environment = environment, .config = "/dev/null"};
    struct err err = {0};
    bool fresh;
    *site =
        (struct site){.dir = "/tmp/parley-engine-XXXXXX", .arena = arena_new(0), .flags = flags, .model = "letters"};
    assert_non_null(mkdtemp(site->dir));
    struct store_options options = {.url = "sqlite", .data_dir = site->dir};
    store_use_migrations(&options);
    if (store_open(&options, &site->store, &fresh, &err) != 0 || settings_new(&source, &site->settings, &err) != 0)
        fail_msg("%s", err.text);
    if (flags & SITE_MODEL) {
        fake_start(&site->fake, NULL);
        fake_control(&site->fake, "{\"default\":{\"prefill\":\"ignore\"}}");
        struct llm_provider provider = provider_on(&site->fake, "a", 1);
        site->llm = llm_on(&provider, 1);
    } else {
        site->llm = llm_on(NULL, 0);
    }
    site->workers = pool_new("worker", 4, 10000);
    site->embedder = (struct embedder){site, embed_model, scale, embed, NULL, NULL, NULL};
    site->brands = brands_new(site->store);
    site->catalogues = catalogues_new(site->store, &site->embedder, BUDGET);
    site->keys = crypto_keys_new(STR("32 bytes that only this test has"));
    struct engine_options with = {.store = site->store,
                                  .llm = site->llm,
                                  .settings = site->settings,
                                  .workers = site->workers,
                                  .brands = site->brands,
                                  .catalogues = site->catalogues,
                                  .keys = site->keys,
                                  .tools = tools,
                                  .n_tools = n_tools};
    site->engine = engine_new(&with);
    store_listen(site->store, on_changes, site);
}

void site_open(struct site *site, unsigned flags)
{
    open_site(site, flags, "", NULL, 0);
}

void site_open_tools(struct site *site, const char *names, const struct tool *tools, size_t n)
{
    open_site(site, SITE_MODEL, names, tools, n);
}

static int remove_one(const char *path, const struct stat *st __attribute__((unused)), int kind __attribute__((unused)),
                      struct FTW *ftw __attribute__((unused)))
{
    return remove(path);
}

void site_close(struct site *site)
{
    engine_close(site->engine);
    llm_free(site->llm);
    pool_free(site->workers);
    engine_free(site->engine);
    store_close(site->store);
    catalogues_free(site->catalogues);
    brands_free(site->brands);
    settings_free(site->settings);
    crypto_keys_free(site->keys);
    if (site->flags & SITE_MODEL)
        fake_stop(&site->fake);
    arena_free(site->arena);
    nftw(site->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// ---- what there is -------------------------------------------------------------------------------------------------

struct brand_ref *site_brand_again(struct site *site, const char *id)
{
    struct brand_ref *ref = NULL;
    struct err err = {0};
    int rc = brands_get(site->brands, str_from(id), &ref, &err);
    if (rc < 0)
        fail_msg("%s", err.text);
    return ref;
}

struct brand_ref *site_brand(struct site *site, const char *id, void (*change)(struct brand_config *config))
{
    struct scope scope = scope_installation(STR("test"));
    struct err err = {0};
    struct brand_config config = {
        .set = (UINT64_C(1) << brand_config_model.n) - 1,
        .system_prompt = STR("Be kind."),
        .welcome_message = STR("Hello"),
        .company_info = STR("{}"),
        .appearance_settings = STR("{}"),
    };
    model_defaults(&chat_settings_model, site->arena, &config.chat_settings);
    struct brand_make make = {.arena = site->arena,
                              .name = str_from(id),
                              .description = STR("A shop"),
                              .given_id = str_from(id),
                              .public_access = true,
                              .most = 1000,
                              .config = &config};
    if (change)
        change(&config);
    if (brand_make(site->store, &scope, &make, &err) != 0)
        fail_msg("%s", err.text);
    return site_brand_again(site, id);
}

void site_write(struct site *site, const char *brand, store_fn fn, void *arg)
{
    struct scope scope = scope_brand(str_from(brand), STR("test"));
    struct err err = {0};
    if (store_write(site->store, &scope, fn, arg, &err) != 0)
        fail_msg("%s", err.text);
}

void site_read(struct site *site, const char *brand, store_fn fn, void *arg)
{
    struct scope scope = scope_brand(str_from(brand), STR("test"));
    struct err err = {0};
    if (store_read(site->store, &scope, fn, arg, &err) != 0)
        fail_msg("%s", err.text);
}

struct count {
    const struct store_sql *sql;
    int64_t n;
};

static int count_rows(struct tx *tx, void *arg, struct err *err)
{
    struct count *c = arg;
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, c->sql, NO_VALUES, &rows, err);
    c->n = rc == 1 ? rows_int(rows, 0) : -1;
    return rc < 0 ? rc : 0;
}

int64_t site_count(struct site *site, const char *brand, const struct store_sql *count)
{
    struct count c = {.sql = count};
    site_read(site, brand, count_rows, &c);
    return c.n;
}

static int put_product(struct tx *tx, void *arg, struct err *err)
{
    struct product *product = arg, before;
    int rc = product_get(tx, tx_arena(tx), product->id, &before, err);
    return rc < 0 ? rc : rc == 1 ? product_replace(tx, product, err) : product_insert(tx, product, 10000, err);
}

void site_product(struct site *site, const char *brand, const char *id, const char *name, const char *price,
                  const char *description)
{
    struct product product = {
        .set = (UINT64_C(1) << product_model.n) - 1,
        .id = str_from(id),
        .name = str_from(name),
        .description = str_from(description),
        .category = STR("Things"),
        .specifications = STR("{}"),
        .availability = true,
    };
    assert_true(price_parse(str_from(price), &product.price));
    site_write(site, brand, put_product, &product);
}

struct paper {
    const struct brand_ref *brand;
    const char *title, *content;
};

static int put_document(struct tx *tx, void *arg, struct err *err)
{
    const struct paper *paper = arg;
    char base[ID_SIZE], id[ID_SIZE];
    id_v7(base);
    id_v7(id);
    int rc = knowledge_base_insert(tx, str_from(base), paper->brand->row.chatbot_id, STR("Base"), clock_wall_ms(), err);
    struct knowledge_document document = {.id = str_from(id),
                                          .chatbot_id = paper->brand->row.chatbot_id,
                                          .base_id = str_from(base),
                                          .type = STR("item"),
                                          .title = str_from(paper->title),
                                          .content = str_from(paper->content),
                                          .chunk_count = chunk_count(str_from(paper->content))};
    return rc ? rc : knowledge_document_insert(tx, &document, clock_wall_ms(), err);
}

void site_document(struct site *site, const struct brand_ref *brand, const char *title, const char *content)
{
    struct paper paper = {brand, title, content};
    site_write(site, brand->row.brand.id.p, put_document, &paper);
}

struct drawn {
    const char *product, *model, *letters;
};

static int put_vector(struct tx *tx, void *arg, struct err *err)
{
    const struct drawn *drawn = arg;
    struct vector_row row = {STR("product"),
                             str_from(drawn->product),
                             0,
                             str_from(drawn->letters),
                             letters_of(tx_arena(tx), str_from(drawn->letters)),
                             LETTERS};
    struct vector_index index = {.model = str_from(drawn->model), .dims = LETTERS};
    int rc = vector_index_set(tx, &index, err);
    return rc ? rc : vector_put(tx, index.model, &row, clock_wall_ms(), err);
}

void site_vector_of(struct site *site, const char *brand, const char *product, const char *model, const char *letters)
{
    struct drawn drawn = {product, model, letters};
    site_write(site, brand, put_vector, &drawn);
}

void site_vector(struct site *site, const char *brand, const char *product, const char *letters)
{
    site_vector_of(site, brand, product, site->model, letters);
}

struct messages {
    struct arena *arena;
    VEC(struct row) rows;
};

static int read_messages(struct tx *tx, void *arg, struct err *err)
{
    struct messages *m = arg;
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &testing_messages, NO_VALUES, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        vec_push(&m->rows, arena_str(m->arena, rows_str(rows, 0)), arena_str(m->arena, rows_str(rows, 1)),
                 arena_str(m->arena, rows_str(rows, 2)), arena_str(m->arena, rows_str(rows, 3)),
                 arena_str(m->arena, rows_str(rows, 4)));
        rc = 0;
    }
    return rc;
}

size_t site_messages(struct site *site, const char *brand, struct row **ret)
{
    struct messages m = {.arena = site->arena};
    site_read(site, brand, read_messages, &m);
    *ret = arena_calloc(site->arena, m.rows.n + 1, sizeof **ret);
    if (m.rows.n)
        memcpy(*ret, m.rows.at, m.rows.n * sizeof **ret);
    size_t n = m.rows.n;
    vec_done(&m.rows);
    return n;
}

// ---- turns ---------------------------------------------------------------------------------------------------------

struct turn *site_ask_with(struct site *site, struct turn_input *input)
{
    input->prefix = STR("brand:");
    input->channel = STR("api");
    input->actor = STR("anonymous");
    input->only_issued = str_eq(input->chatbot->brand->row.config.chat_settings.conversation_ids, STR("issued"));
    return turn_start(site->engine, input, NULL, NULL, NULL);
}

struct turn *site_ask(struct site *site, struct brand_ref *brand, const char *session, const char *message)
{
    struct turn_input input = {.chatbot = &brand->chatbot, .session = str_from(session), .message = str_from(message)};
    return site_ask_with(site, &input);
}

struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned times;
};

static void tell(struct turn *turn, void *arg)
{
    struct told *told = arg;
    (void)turn;
    pthread_mutex_lock(&told->lock);
    told->times++;
    pthread_cond_signal(&told->changed);
    pthread_mutex_unlock(&told->lock);
}

size_t turn_wait_text(struct turn *turn, size_t bytes)
{
    struct told told = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    struct buf none = BUF_INIT(1);
    size_t n;
    turn_watch(turn, tell, &told);
    for (;;) {
        pthread_mutex_lock(&told.lock);
        unsigned times = told.times;
        pthread_mutex_unlock(&told.lock);
        n = turn_text(turn, SIZE_MAX, 0, &none);
        if (n >= bytes || turn_ended(turn))
            break;
        pthread_mutex_lock(&told.lock);
        while (told.times == times)
            pthread_cond_wait(&told.changed, &told.lock);
        pthread_mutex_unlock(&told.lock);
    }
    turn_unwatch(turn, tell, &told);
    return n;
}

// ---- a writer that is busy ------------------------------------------------------------------------------------------

static int stay(struct tx *tx, void *arg, struct err *err)
{
    struct hold *hold = arg;
    (void)tx;
    (void)err;
    pthread_mutex_lock(&hold->lock);
    hold->held = true;
    pthread_cond_broadcast(&hold->changed);
    while (!hold->let_go)
        pthread_cond_wait(&hold->changed, &hold->lock);
    pthread_mutex_unlock(&hold->lock);
    return 0;
}

static void *hold_thread(void *arg)
{
    struct hold *hold = arg;
    struct scope scope = scope_installation(STR("test"));
    struct err err = {0};
    return store_write(hold->site->store, &scope, stay, hold, &err) ? hold : NULL;
}

void hold_begin(struct hold *hold, struct site *site)
{
    *hold = (struct hold){.site = site};
    pthread_mutex_init(&hold->lock, NULL);
    pthread_cond_init(&hold->changed, NULL);
    assert_int_equal(pthread_create(&hold->thread, NULL, hold_thread, hold), 0);
    pthread_mutex_lock(&hold->lock);
    while (!hold->held)
        pthread_cond_wait(&hold->changed, &hold->lock);
    pthread_mutex_unlock(&hold->lock);
}

void hold_end(struct hold *hold)
{
    pthread_mutex_lock(&hold->lock);
    hold->let_go = true;
    pthread_cond_broadcast(&hold->changed);
    pthread_mutex_unlock(&hold->lock);
    pthread_join(hold->thread, NULL);
    pthread_mutex_destroy(&hold->lock);
    pthread_cond_destroy(&hold->changed);
}
