// SPDX-License-Identifier: Apache-2.0
#include "llm/testing.h"

#include "base/clock.h"
#include "llm/vectors.h"

#include <math.h>
#include <stdio.h>

TEST(vectors_forms)
{
    static const char *const good[] = {
        "{\"data\":[{\"index\":0,\"embedding\":[3,4]},{\"index\":1,\"embedding\":[0,2]}]}",
        "{\"data\":[{\"index\":1,\"embedding\":[0,2]},{\"index\":0,\"embedding\":[3,4]}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":[0,2]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[[3,4]]},{\"index\":1,\"embedding\":[[0,2]]}]}",
        "{\"data\":[{\"embedding\":\"AABAQAAAgEA=\"},{\"embedding\":\"AAAAAAAAAEA=\"}]}",
        "[{\"embedding\":[3,4]},{\"embedding\":[0,2]}]",
        "[[3,4],[0,2]]",
        "{\"embeddings\":[[3,4],[0,2]]}",
    };
    static const char *const bad[] = {
        "",
        "{}",
        "{\"data\":[]}",
        "{\"data\":[{\"embedding\":[3,4]}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":[0,0]}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":[1,null]}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":[1,NaN]}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":[1,1e999]}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":[1,1e39]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[3,4]},{\"index\":0,\"embedding\":[0,2]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[3,4]},{\"index\":7,\"embedding\":[0,2]}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":\"AAA\"}]}",
        "{\"data\":[{\"embedding\":[3,4]},{\"embedding\":\"AACAfwAAgEA=\"}]}",
    };
    float *vectors;
    size_t dims;
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (vectors_read(arena, str_from(good[i]), 2, &vectors, &dims) != 0)
            fail_msg("%s", good[i]);
        assert_int_equal(dims, 2);
        assert_true(fabsf(vectors[0] - 0.6f) < 1e-6f && fabsf(vectors[1] - 0.8f) < 1e-6f);
        assert_true(vectors[2] == 0 && vectors[3] == 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (vectors_read(arena, str_from(bad[i]), 2, &vectors, &dims) != ERR_FORMAT)
            fail_msg("%s", bad[i]);
    static const char *const one[] = {"{\"embedding\":[3,4]}", "{\"data\":{\"embedding\":[3,4]}}", "[3,4]", "[[3,4]]"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(vectors_read(arena, str_from(one[i]), 1, &vectors, &dims), 0);
    arena_free(arena);
}

enum { N = 150 };
static struct fake fake;
static struct llm *llm;
static struct llm_provider row;
static struct arena *arena;
static struct str texts[N];

static void up(void)
{
    fake_start(&fake, NULL);
    row = provider_on(&fake, "a", 1);
    row.embedding_model = "vec";
    llm = llm_on(&row, 1);
    arena = arena_new(0);
    for (int i = 0; i < N; i++)
        texts[i] = arena_strf(arena, "text number %d about the colour of thing %d", i, i * 7);
}

static void down(void)
{
    llm_free(llm);
    fake_stop(&fake);
    arena_free(arena);
}

static int embed(size_t n, const float ***ret, size_t *ret_dims)
{
    struct err err;
    return llm_embed(llm, NULL, arena, texts, n, false, 20000, ret, ret_dims, &err);
}

static double cosine(const float *a, const float *b, size_t dims)
{
    double sum = 0;
    for (size_t i = 0; i < dims; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

TEST(embed_shapes_give_the_same_vectors) // upstream-llm#25
{
    static const char *const shapes[] = {"base64", "shuffle", "noIndex", "nested", "tooLongOver=100"};
    const float **plain, **other;
    size_t dims, more;
    up();
    assert_int_equal(embed(N, &plain, &dims), 0);
    assert_int_equal(dims, 384);
    for (int i = 0; i < N; i++)
        assert_true(fabs(cosine(plain[i], plain[i], dims) - 1) < 1e-5);
    yyjson_val *log = fake_wait(&fake, arena, 3);
    assert_int_equal(yyjson_arr_size(log), 3); // 64 + 64 + 22
    yyjson_val *body = json_get(yyjson_arr_get(log, 0), "body");
    assert_str(json_get_str(body, "encoding_format"), "float");
    assert_int_equal(yyjson_arr_size(json_get(body, "input")), 64);
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        fake_control(&fake, arena_printf(arena, "{\"default\":{\"embed\":\"%s\"}}", shapes[k]));
        assert_int_equal(embed(N, &other, &more), 0);
        assert_int_equal(more, dims);
        for (int i = 0; i < N; i++)
            if (cosine(plain[i], other[i], dims) < 0.99999)
                fail_msg("%s: text %d", shapes[k], i);
    }
    down();
}

TEST(embed_what_came_is_given) // of an order of which a part fails
{
    const float **vectors;
    size_t dims, came = 0;
    struct err err;
    up();
    row.retries = 0;
    assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
    fake_control(&fake, "{\"queue\":[{\"status\":200}],\"default\":{\"status\":500}}");
    assert_int_equal(llm_embed(llm, NULL, arena, texts, N, false, 20000, &vectors, &dims, &err), ERR_UNAVAILABLE);
    for (int i = 0; i < N; i++)
        came += vectors[i] != NULL && fabs(cosine(vectors[i], vectors[i], dims) - 1) < 1e-5;
    assert_true(came == 64 || came == N - 128);
    down();
}

TEST(embed_four_requests_at_once)
{
    const float **vectors;
    size_t dims;
    struct str many[300];
    struct err err;
    up();
    for (size_t i = 0; i < 300; i++)
        many[i] = texts[i % N];
    fake_control(&fake, "{\"default\":{\"headerDelayMs\":60000}}");
    assert_int_equal(llm_embed(llm, NULL, arena, many, 300, false, 1000, &vectors, &dims, &err), ERR_TIMEOUT);
    assert_int_equal(yyjson_arr_size(fake_wait(&fake, arena, 4)), 4); // the fifth waits for one of them
    down();
}

TEST(embed_faults) // upstream-llm#25, #26
{
    static const char *const faults[] = {"short", "nan", "zero"};
    const float **vectors;
    size_t dims;
    struct err err;
    up();
    row.retries = 0;
    for (size_t i = 0; i < 3; i++) {
        row.context_window = 5000 + (int64_t)i;
        assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
        fake_control(&fake, arena_printf(arena, "{\"default\":{\"embed\":\"%s\"}}", faults[i]));
        assert_int_equal(embed(3, &vectors, &dims), ERR_UNAVAILABLE);
    }
    fake_control(&fake, "{\"default\":{},\"queue\":[{\"status\":500}]}");
    row.retries = 2;
    row.context_window = 9000;
    row.query_prefix = "query: ";
    assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
    assert_int_equal(llm_embed(llm, NULL, arena, texts, 1, true, 5000, &vectors, &dims, &err), 0);
    size_t n = fake_count(&fake);
    yyjson_val *entry = yyjson_arr_get(fake_wait(&fake, arena, n), n - 1);
    assert_str(json_str(yyjson_arr_get_first(json_get(json_get(entry, "body"), "input"))),
               "query: text number 0 about the colour of thing 0");
    fake_control(&fake, "{\"default\":{\"firstDelayMs\":60000}}");
    assert_int_equal(llm_embed(llm, NULL, arena, texts, 1, true, 100, &vectors, &dims, &err), ERR_TIMEOUT);
    row.embedding_model = NULL;
    assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
    assert_int_equal(llm_embed(llm, NULL, arena, texts, 1, true, 100, &vectors, &dims, &err), ERR_NOT_FOUND);
    down();
}

TEST(embed_next_provider_of_the_same_model)
{
    const float **vectors;
    size_t dims;
    struct fake second;
    struct llm_provider rows[2];
    up();
    fake_start(&second, NULL);
    rows[0] = row;
    rows[1] = provider_on(&second, "b", 2);
    rows[1].embedding_model = "vec";
    rows[0].retries = 0;
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    fake_control(&fake, "{\"default\":{\"status\":500}}");
    assert_int_equal(embed(N, &vectors, &dims), 0);
    rows[1].embedding_model = "other";
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    assert_int_equal(embed(3, &vectors, &dims), ERR_UNAVAILABLE);
    fake_stop(&second);
    down();
}

TEST(embed_model_and_floor)
{
    static const struct {
        const char *name;
        float floor;
    } names[] = {{"text-embedding-ada-002", 0.70f},
                 {"text-embedding-3-small", 0.10f},
                 {"intfloat/multilingual-e5-small", 0.70f},
                 {"e5-mistral", 0.70f},
                 {"bge-m3", 0.10f},
                 {"code5-large", 0.10f}};
    char model[LLM_EMBEDDING_MODEL];
    up();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        row.embedding_model = names[i].name;
        assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
        assert_true(llm_embedding_model(llm, model));
        assert_string_equal(model, names[i].name);
        if (fabsf(llm_embedding_floor(model) - names[i].floor) > 1e-6f)
            fail_msg("%s", model);
    }
    assert_int_equal(llm_set_providers(llm, NULL, 0, NULL), 0);
    assert_false(llm_embedding_model(llm, model));
    down();
}
