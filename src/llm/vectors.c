// SPDX-License-Identifier: Apache-2.0
#include "llm/vectors.h"

#include "base/json.h"

#include <math.h>

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

// Float32 numbers out of Base64; the count, or 0.
static size_t decode_base64(struct str text, float *out, size_t room)
{
    while (text.n > 0 && text.p[text.n - 1] == '=')
        text.n--;
    uint32_t bits = 0;
    unsigned have = 0;
    unsigned char bytes[4];
    size_t n = 0, filled = 0;
    for (size_t i = 0; i < text.n; i++) {
        int digit = base64_digit(text.p[i]);
        if (digit < 0)
            return 0;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        bytes[filled++] = (unsigned char)(bits >> have);
        if (filled < 4)
            continue;
        if (n == room)
            return 0;
        uint32_t word =
            (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
        memcpy(&out[n++], &word, sizeof word);
        filled = 0;
    }
    return filled == 0 ? n : 0;
}

static size_t read_numbers(yyjson_val *list, float *out)
{
    size_t i, max;
    yyjson_val *number;
    if (yyjson_arr_size(list) > VECTORS_MAX_DIMS)
        return 0;
    yyjson_arr_foreach(list, i, max, number)
    {
        if (!yyjson_is_num(number))
            return 0;
        out[i] = (float)yyjson_get_num(number);
    }
    return yyjson_arr_size(list);
}

static size_t read_vector(yyjson_val *value, float *out)
{
    if (yyjson_is_obj(value))
        value = json_get(value, "embedding");
    // [[…]]: llama.cpp's one vector a token pool.
    while (yyjson_is_arr(value) && yyjson_arr_size(value) == 1 && yyjson_is_arr(yyjson_arr_get_first(value)))
        value = yyjson_arr_get_first(value);
    if (yyjson_is_str(value))
        return decode_base64(json_str(value), out, VECTORS_MAX_DIMS);
    return yyjson_is_arr(value) ? read_numbers(value, out) : 0;
}

static bool scale(float *vector, size_t dims)
{
    double sum = 0;
    for (size_t i = 0; i < dims; i++) {
        if (!isfinite(vector[i]))
            return false;
        sum += (double)vector[i] * (double)vector[i];
    }
    if (!(sum > 0) || !isfinite(sum))
        return false;
    double factor = 1 / sqrt(sum);
    for (size_t i = 0; i < dims; i++)
        vector[i] = (float)((double)vector[i] * factor);
    return true;
}

// The list of items, or NULL with *ret_one when the reply is one item.
static yyjson_val *find_items(yyjson_val *root, size_t n, yyjson_val **ret_one)
{
    yyjson_val *list = root;
    *ret_one = NULL;
    if (yyjson_is_obj(root)) {
        list = json_get(root, "data");
        if (!list)
            list = json_get(root, "embeddings");
        if (!list && json_get(root, "embedding"))
            *ret_one = root;
    }
    if (yyjson_is_obj(list))
        *ret_one = list;
    if (n == 1 && yyjson_is_arr(list) && yyjson_is_num(yyjson_arr_get_first(list)))
        *ret_one = list;
    return list;
}

int vectors_read(struct arena *arena, struct str body, size_t n, float **ret, size_t *ret_dims)
{
    yyjson_val *root, *one, *item;
    if (json_parse(arena, body, 0, &root, NULL) != 0)
        return ERR_FORMAT;
    yyjson_val *items = find_items(root, n, &one);
    if (one ? n != 1 : yyjson_arr_size(items) != n)
        return ERR_FORMAT;
    float *row = arena_calloc(arena, VECTORS_MAX_DIMS, sizeof *row), *out = NULL;
    bool *seen = arena_calloc(arena, n, sizeof *seen);
    memset(seen, 0, n * sizeof *seen);
    size_t dims = 0;
    for (size_t i = 0; i < n; i++) {
        item = one ? one : yyjson_arr_get(items, i);
        size_t count = read_vector(item, row);
        if (count == 0 || (dims != 0 && count != dims) || !scale(row, count))
            return ERR_FORMAT;
        if (!out)
            out = arena_calloc(arena, n, count * sizeof *out);
        dims = count;
        int64_t index = json_get_int(item, "index", (int64_t)i);
        if (index < 0 || index >= (int64_t)n || seen[index])
            return ERR_FORMAT;
        seen[index] = true;
        memcpy(out + (size_t)index * dims, row, dims * sizeof *out);
    }
    *ret = out;
    *ret_dims = dims;
    return 0;
}
