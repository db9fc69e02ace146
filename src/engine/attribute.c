// SPDX-License-Identifier: Apache-2.0
// A row is one kind of measure: the names that specifications give it, the words that ask for it, and its superlatives.
// A superlative of size in general ("the largest") has several names; the first that a product has counts.
#include "engine/attribute.h"

#include "base/json.h"
#include "base/utf8.h"
#include "engine/phrases.h"
#include "search/analysis.h"

#include <pthread.h>

enum {
    LARGEST = 1,
    SMALLEST = 2,
    ASKS = 4,
    NAMES = 8,
    KINDS = 4,
    ASKED_MOST = 3,
    TOKENS_MOST = 1000,
    WORK_SIZE = 4096
};

struct attribute_row {
    const char *names, *asks, *largest, *smallest; // phrases, separated by commas
};

// clang-format off
static const struct attribute_row ROWS[] = {
    {"weight, peso, น้ำหนัก, 重さ, 重量, gewicht, poids, berat",
     "how heavy, weigh, weighs, weight, peso, pesa, pesam, น้ำหนัก, หนักเท่าไร, หนักเท่าไหร่, หนักกี่, 重さ, 重量, "
     "多重, 何グラム, 何キロ",
     "heaviest, mais pesado, mais pesada, mais pesados, mais pesadas, หนักที่สุด, หนักสุด, 一番重い, 最も重い, いちばん重い, 最重",
     "lightest, least heavy, mais leve, mais leves, เบาที่สุด, เบาสุด, 一番軽い, 最も軽い, いちばん軽い, 最軽量, 最轻, 最輕, 最轻的, "
     "más ligero, leichteste, leichtestes, leichtester, paling ringan"},
    {"volume, capacity, size, sleeps, floor area, capacidade, volume, tamanho, depósito, diâmetro, ปริมาณ, "
    "ความจุ, ขนาด, 容量, 大きさ, 大小, 尺寸, 适用面积, fassungsvermögen, volumen",
     "how big, how large, what size, capacity, volume, how much does it hold, capacidade, que tamanho, "
     "qual o tamanho, ขนาด, ปริมาณ, กี่มล, ความจุ, 大きさ, 容量, 多大, 尺寸, 何リットル",
     "largest, biggest, roomiest, maior, maiores, ใหญ่ที่สุด, ใหญ่สุด, 一番大きい, 最も大きい, いちばん大きい, 最大, 最大的, "
     "más grande, größte, größter, größtes, terbesar",
     "smallest, tiniest, menor, menores, mais pequeno, mais pequena, เล็กที่สุด, เล็กสุด, 一番小さい, 最も小さい, "
     "いちばん小さい, 最小, 最小的, kleinste, kleinster, terkecil"},
    {"length, run time, comprimento, autonomia, ความยาว, 長さ, 长度, 续航, 續航, länge",
     "how long is, run time, battery life, comprimento, autonomia, ยาวเท่าไร, ยาวกี่, 長さ, 续航, 多长",
     "longest, longest lasting, mais longo, mais comprido, mais comprida, ยาวที่สุด, นานที่สุด, 一番長い, 最も長い, 最长, 最長",
     "shortest, mais curto, mais curta, สั้นที่สุด, 一番短い, 最も短い, 最短"},
    {"comfort, temperature, conforto, temperatura, อุณหภูมิ, 温度", "how warm, how cold, temperature, temperatura, 温度",
     "coldest", "warmest, mais quente, mais quentes, อุ่นที่สุด, 一番暖かい, 最も暖かい, 最暖"},
    {"power, brightness, potência, brilho, กำลังไฟ, 功率, 亮度, 明るさ, leistung",
     "how bright, how powerful, how many watts, power, potência, quantos watts, กี่วัตต์, กำลังไฟ, 功率, 多少瓦, 何ワット",
     "brightest, strongest, most powerful, mais potente, mais forte, แรงที่สุด, สว่างที่สุด, 一番明るい, 最も明るい, 最亮, 最强, 最強",
     "weakest, dimmest, mais fraco, mais fraca, 最弱, 最暗"},
    // By the specification that the message names.
    {NULL, NULL, "highest, most, mais alto, mais alta, สูงที่สุด, สูงสุด, มากที่สุด, 最も多い, 一番多い, 最多", "lowest, "
    "least, mais baixo, mais baixa, ต่ำที่สุด, ต่ำสุด, น้อยที่สุด, 最も少ない, 一番少ない, 最少"},
};
// clang-format on
enum { N_ROWS = sizeof ROWS / sizeof *ROWS };

static struct phrases *phrases; // a row has KINDS bits

// Kept as long as the process, like all lists of words.
static void make(void)
{
    static struct phrase_row rows[N_ROWS * KINDS];
    size_t n = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *const texts[KINDS] = {ROWS[i].largest, ROWS[i].smallest, ROWS[i].asks, ROWS[i].names};
        for (size_t k = 0; k < KINDS; k++)
            if (texts[k])
                rows[n++] = (struct phrase_row){texts[k], 1u << (i * KINDS + k)};
    }
    phrases = phrases_new(rows, n);
}

static unsigned all_of(unsigned kind)
{
    unsigned set = 0;
    for (size_t i = 0; i < N_ROWS; i++)
        set |= kind << (i * KINDS);
    return set;
}

static void get_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
}

size_t attribute_at(struct str text, struct tokens tokens, size_t from, struct attribute_order *ret)
{
    unsigned kinds = 0;
    get_ready();
    size_t n = phrases_at(phrases, text, tokens, from, all_of(LARGEST | SMALLEST), &kinds);
    for (size_t i = 0; i < N_ROWS && n; i++)
        if (kinds >> (i * KINDS) & (LARGEST | SMALLEST)) {
            *ret = (struct attribute_order){&ROWS[i], kinds >> (i * KINDS) & LARGEST};
            return n;
        }
    return 0;
}

// ---- values ---------------------------------------------------------------------------------------------------------

static double factor_of(struct str unit)
{
    static const struct {
        const char *units;
        double factor;
    } rows[] = {{"kg kw km kwh กก l ℓ lt ลิตร m h std 小时 小時 時間 ชม ชั่วโมง", 1000}, {"cm cl", 10}};
    struct str word = unit;
    size_t n = 0;
    while (n < word.n && !strchr(" .,;/²³", word.p[n]))
        n++;
    word.n = n;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (struct str rest = str_from(rows[i].units); rest.p;)
            if (str_eq_nocase(str_split(&rest, ' '), word))
                return rows[i].factor;
    return 1;
}

// The first number of a text with its unit: "1,8 l", "-20 °C", "1.500 m".
static bool read_value(struct str text, double *ret)
{
    size_t i = 0;
    while (i < text.n && (text.p[i] < '0' || text.p[i] > '9'))
        i++;
    if (i == text.n)
        return false;
    bool negative = i > 0 && (text.p[i - 1] == '-' || str_ends((struct str){text.p, i}, STR("−")));
    double value = 0, place = 0;
    for (; i < text.n; i++) {
        char c = text.p[i];
        if (c >= '0' && c <= '9') {
            value = place > 0 ? value + (c - '0') * place : value * 10 + (c - '0');
            place /= place > 0 ? 10 : 1;
            continue;
        }
        bool digit = i + 1 < text.n && text.p[i + 1] >= '0' && text.p[i + 1] <= '9';
        if ((c != '.' && c != ',') || !digit || place > 0)
            break;
        size_t after = 1;
        while (i + after < text.n && text.p[i + after] >= '0' && text.p[i + after] <= '9')
            after++;
        place = after - 1 == 3 ? 0 : 0.1; // three digits: a mark of thousands
    }
    *ret = (negative ? -value : value) * factor_of(utf8_trim((struct str){text.p + i, text.n - i}));
    return true;
}

static bool stands_in(struct arena *arena, struct str name, struct str message)
{
    struct tokens words = tokens_make(arena, message, TOKENS_MOST), phrase = tokens_make(arena, name, 16);
    for (size_t i = 0; phrase.n && i < words.n; i++)
        if (tokens_match(message, words, i, phrase))
            return true;
    return false;
}

static bool is_named(struct arena *arena, const struct attribute_row *row, struct str key)
{
    struct tokens words = tokens_make(arena, key, TOKENS_MOST);
    unsigned kind = (unsigned)NAMES << ((size_t)(row - ROWS) * KINDS);
    return words.n && phrases_at(phrases, key, words, 0, kind, NULL) == words.n;
}

static yyjson_val *specifications(struct arena *arena, const struct product *product)
{
    yyjson_val *object;
    return json_parse(arena, product->specifications, 0, &object, NULL) == 0 ? object : NULL;
}

bool attribute_value(struct arena *arena, const struct attribute_order *order, struct str message,
                     const struct product *product, double *ret)
{
    yyjson_val *specs = specifications(arena, product), *key, *value, *best = NULL;
    size_t i, max;
    if (!specs)
        return false;
    yyjson_obj_foreach(specs, i, max, key, value)
    {
        bool named = stands_in(arena, json_str(key), message);
        if (named || (!best && is_named(arena, order->row, json_str(key))))
            best = value;
        if (named)
            break;
    }
    if (yyjson_is_num(best)) {
        *ret = yyjson_get_num(best);
        return true;
    }
    return best && yyjson_is_str(best) && read_value(json_str(best), ret);
}

// ---- asked for ------------------------------------------------------------------------------------------------------

static unsigned asked_rows(struct arena *arena, struct str message)
{
    struct tokens tokens = tokens_make(arena, message, TOKENS_MOST);
    unsigned all = 0, kinds = 0;
    for (size_t i = 0; i < tokens.n; i++)
        if (phrases_at(phrases, message, tokens, i, all_of(ASKS), &kinds))
            all |= kinds;
    return all;
}

struct str attribute_asked(struct arena *arena, struct str message, const struct product *product)
{
    AUTO_BUF struct buf out = BUF_INIT(4096);
    yyjson_val *specs = specifications(arena, product), *key, *value;
    size_t i, max, n = 0;
    get_ready();
    unsigned asked = asked_rows(arena, message);
    if (!specs)
        return STR("");
    yyjson_obj_foreach(specs, i, max, key, value)
    {
        bool wanted = stands_in(arena, json_str(key), message);
        for (size_t row = 0; row < N_ROWS && !wanted; row++)
            wanted = asked >> (row * KINDS) & ASKS && is_named(arena, &ROWS[row], json_str(key));
        struct str text = yyjson_is_str(value) ? json_str(value) : json_write_val(arena, value);
        if (wanted && n++ < ASKED_MOST)
            buf_addf(&out, "%s" STR_FMT ": " STR_FMT, out.n ? "; " : "", STR_ARG(json_str(key)), STR_ARG(text));
    }
    return arena_str(arena, buf_str(&out));
}

bool attribute_is_asked(struct str message)
{
    AUTO_ARENA struct arena *arena = arena_new(WORK_SIZE);
    get_ready();
    return asked_rows(arena, message) != 0;
}
