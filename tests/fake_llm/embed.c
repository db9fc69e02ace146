// SPDX-License-Identifier: Apache-2.0
// Embeddings without a model: hashed words and pairs of neighbouring characters, so that similar texts are near and
// every run gives the same numbers.
#include "fake.h"

#include "base/crypto.h"
#include "base/utf8.h"

#include <math.h>

static uint64_t hash(struct str s, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325U ^ seed;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3U;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9U;
    return h ^ (h >> 32);
}

static void feature(float *vector, size_t dims, uint64_t h, float weight)
{
    vector[h % dims] += (h >> 63) ? weight : -weight;
}

static void embed(struct str text, float *vector, size_t dims)
{
    char word[64];
    size_t n = 0, pos = 0;
    uint32_t before = ' ';
    memset(vector, 0, dims * sizeof *vector);
    while (pos <= text.n) {
        uint32_t rune = pos < text.n ? utf8_next(text, &pos) : (pos++, ' ');
        if (rune >= 'A' && rune <= 'Z')
            rune += 32;
        bool letter = rune >= 0x80 || (rune >= 'a' && rune <= 'z') || (rune >= '0' && rune <= '9');
        uint32_t now = letter ? rune : ' ';
        if (letter && n + 4 < sizeof word) {
            n += utf8_encode(rune, word + n);
        } else if (!letter && n > 0) {
            feature(vector, dims, hash((struct str){word, n}, 1), 1.0f);
            n = 0;
        }
        if (now != ' ' || before != ' ') {
            char pair[8];
            size_t m = utf8_encode(before, pair);
            m += utf8_encode(now, pair + m);
            feature(vector, dims, hash((struct str){pair, m}, 2), 0.35f);
        }
        before = now;
    }
    double sum = 0;
    for (size_t i = 0; i < dims; i++)
        sum += (double)vector[i] * (double)vector[i];
    for (size_t i = 0; sum > 0 && i < dims; i++)
        vector[i] /= (float)sqrt(sum);
    if (sum <= 0)
        vector[0] = 1.0f;
}

// What all texts of some models have in common: with 2, cosines lie between 0.8 and 1.
static void add_common(float *vector, size_t dims, float strength)
{
    float each = strength / sqrtf((float)dims), length = 0;
    for (size_t i = 0; i < dims; i++) {
        vector[i] += i & 1 ? each : -each;
        length += vector[i] * vector[i];
    }
    for (size_t i = 0; i < dims; i++)
        vector[i] /= sqrtf(length);
}

static yyjson_mut_val *vector_json(struct reply *reply, yyjson_mut_doc *doc, const float *vector, size_t dims,
                                   const char *how)
{
    if (knobs_listed(how, "base64", NULL) || str_eq(json_get_str(reply->request, "encoding_format"), STR("base64"))) {
        struct str bytes = {(const char *)vector, dims * sizeof *vector};
        return json_new_str(doc, crypto_base64(reply->arena, bytes));
    }
    yyjson_mut_val *numbers = yyjson_mut_arr(doc);
    for (size_t i = 0; i < dims; i++) {
        if (knobs_listed(how, "nan", NULL) && i == 0)
            yyjson_mut_arr_append(numbers, yyjson_mut_raw(doc, "NaN"));
        else
            yyjson_mut_arr_append(numbers, json_new_num(doc, arena_printf(reply->arena, "%.8g", (double)vector[i])));
    }
    if (!knobs_listed(how, "nested", NULL))
        return numbers;
    yyjson_mut_val *outer = yyjson_mut_arr(doc);
    yyjson_mut_arr_append(outer, numbers);
    return outer;
}

static bool too_long(struct reply *reply, yyjson_val *input)
{
    int64_t over = 0;
    if (!knobs_listed(reply->knobs.embed, "tooLongOver", &over))
        return false;
    size_t i, max;
    yyjson_val *text;
    int64_t tokens = 0;
    yyjson_arr_foreach(input, i, max, text) tokens += (int64_t)(json_str(text).n + 3) / 4;
    if (tokens <= over)
        return false;
    error_reply(reply, &(struct error_text){400,
                                            arena_printf(reply->arena,
                                                         "This model's maximum context length is %lld tokens, "
                                                         "however you requested %lld tokens.",
                                                         (long long)over, (long long)tokens),
                                            "invalid_request_error", "context_length_exceeded", NULL, tokens, over});
    return true;
}

void embed_reply(struct reply *reply)
{
    const char *how = reply->knobs.embed;
    yyjson_val *input = json_get(reply->request, "input");
    int64_t dims = json_get_int(reply->request, "dimensions", 384), common = 0;
    knobs_listed(how, "dims", &dims);
    if (too_long(reply, input))
        return;
    size_t n = yyjson_is_arr(input) ? yyjson_arr_size(input) : (size_t)yyjson_is_str(input);
    if (n == 0 || dims < 1 || dims > 16384) {
        error_reply(reply,
                    &(struct error_text){400, "'input' must be a text or a list of texts", "invalid_request_error"});
        return;
    }
    yyjson_mut_doc *doc = json_doc(reply->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *data = yyjson_mut_arr(doc), *usage = yyjson_mut_obj(doc);
    float *vector = arena_calloc(reply->arena, (size_t)dims, sizeof *vector);
    int64_t tokens = 0;
    size_t sent = knobs_listed(how, "short", NULL) && n > 0 ? n - 1 : n;
    for (size_t k = 0; k < sent; k++) {
        size_t i = knobs_listed(how, "shuffle", NULL) ? (k * 7 + 3) % n : k;
        if (knobs_listed(how, "shuffle", NULL) && n % 7 == 0)
            i = n - 1 - k;
        struct str text = json_str(yyjson_is_arr(input) ? yyjson_arr_get(input, i) : input);
        tokens += (int64_t)(text.n + 3) / 4;
        embed(text, vector, (size_t)dims);
        if (knobs_listed(how, "common", &common))
            add_common(vector, (size_t)dims, (float)common);
        if (knobs_listed(how, "zero", NULL))
            memset(vector, 0, (size_t)dims * sizeof *vector);
        yyjson_mut_val *item = yyjson_mut_obj(doc);
        json_add_cstr(doc, item, "object", "embedding");
        if (!knobs_listed(how, "noIndex", NULL))
            json_add_int(doc, item, "index", (int64_t)i);
        json_add(doc, item, "embedding", vector_json(reply, doc, vector, (size_t)dims, how));
        yyjson_mut_arr_append(data, item);
    }
    json_add_cstr(doc, root, "object", "list");
    json_add(doc, root, "data", data);
    json_add_str(doc, root, "model", json_get_str(reply->request, "model"));
    if (!knobs_is(reply->knobs.usage, "none")) {
        json_add_int(doc, usage, "prompt_tokens", tokens);
        json_add_int(doc, usage, "total_tokens", tokens);
        json_add(doc, root, "usage", usage);
    }
    reply_json(reply, 200, root);
    // Times hold for embeddings too.
    for (size_t i = 0; i < reply->pieces.n; i++)
        reply->pieces.at[i].delay = i == 0 ? reply->knobs.first_delay : 0;
    if (reply->knobs.cut_after >= 0)
        reply->ending = knobs_is(reply->knobs.cut_how, "rst") ? END_RST : END_FIN, reply->none = true;
}
