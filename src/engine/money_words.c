// SPDX-License-Identifier: Apache-2.0
// Currency marks, multipliers and units, as lists of words. A word of a spaced script counts when it stands whole; a
// word of Thai, Chinese or Japanese counts where it begins, since nothing separates it from the next. Lower-case ISO
// codes count only for the currencies people write so: "all", "try" and "top" are words.
#include "engine/money_words.h"

#include "base/utf8.h"
#include "engine/script.h"

#include <unicode/uchar.h>

static const char ISO_CODES[] =
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG "
    "HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD "
    "RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX "
    "USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG RMB NTD ";

static const char CURRENCY_WORDS[] =
    "usd eur gbp jpy cny rmb idr thb brl inr aud cad chf sgd myr krw php vnd mxn sek nok dkk pln czk huf zar "
    "aed sar hkd twd ntd nzd rub rp rm kr dollar dollars buck bucks euro euros pound pounds yen yuan baht "
    "bath rupiah rupiahs ringgit rupee rupees real reais peso pesos franc francs franken dirham dirhams "
    "riyal won ";

static const char CURRENCY_CJK[] =
    "บาท ดอลลาร์ ยูโร 円 日元 美元 欧元 歐元 人民币 人民幣 元 块钱 塊錢 块 ドル ユーロ 원 ";

static const struct factor {
    const char *word;
    int64_t factor;
} FACTORS[] = {
    // longest first where one begins another
    {"millionen", 1000000}, {"millones", 1000000}, {"milhões", 1000000}, {"milhoes", 1000000}, {"millions", 1000000},
    {"million", 1000000},   {"milhão", 1000000},   {"milhao", 1000000},  {"millón", 1000000},  {"millon", 1000000},
    {"thousand", 1000},     {"tausend", 1000},     {"mille", 1000},      {"ribu", 1000},       {"juta", 1000000},
    {"mil", 1000},          {"mio", 1000000},      {"rb", 1000},         {"jt", 1000000},      {"k", 1000},
    {"หมื่น", 10000},         {"แสน", 100000},       {"ล้าน", 1000000},     {"พัน", 1000},         {"百万", 1000000},
    {"百萬", 1000000},      {"千万", 10000000},    {"千萬", 10000000},   {"十万", 100000},     {"万", 10000},
    {"萬", 10000},          {"千", 1000},          {"億", 100000000},    {"亿", 100000000},    {"만", 10000},
    {"천", 1000},
};

static const char UNITS[] =
    "kg g gr mg lb lbs oz gram grams kilo kilos kilogram kilograms ton tons m cm mm km um nm ft feet foot "
    "inch inches inci meter meters metre metres mile miles polegadas pulgadas zoll pouces sqm ha l ml cl "
    "liter liters litre litres litros gal b kb mb gb tb pb kib mib gib tib bit bits bytes mbps gbps mbit "
    "gbit w kw watt watts wh kwh mwh v volt volts mah ah amp amps hz khz mhz ghz fps dpi ppi db lm lumen "
    "lumens nits nit cd c f mp px pixel pixels megapixel megapixels rpm psi bar ppm bpm ms s sec secs second "
    "seconds min mins minute minutes h hr hrs hour hours day days week weeks month months year years yr yrs "
    "jam menit hari minggu bulan tahun horas hora dias dia semanas meses anos ano stunden tage wochen monate "
    "jahre heures jours mois ans años x pcs pc piece pieces people person persons adults adult kids children "
    "users user ports port cores core keys buttons colours colors orang buah unit units pessoas personas "
    "star stars items times percent persen pages speakers cups am pm uhr ";

static const char UNITS_CJK[] =
    "นิ้ว กิโลกรัม กิโล กก กรัม เซนติเมตร ซม มม เมตร ลิตร มล ชั่วโมง ชม นาที วัน สัปดาห์ เดือน ปี "
    "คน เครื่อง ชิ้น อัน วัตต์ "
    "インチ グラム キロ センチ ミリ リットル 時間 分 秒 日 週間 か月 ヶ月 年 人 名 個 台 本 枚 件 "
    "英寸 寸 公斤 千克 克 厘米 毫米 米 升 小时 小時 分钟 天 周 个月 個月 个 张 瓦 毫安 인치 개 명 시간 ";

// Signs that count only directly behind the number.
static const char UNIT_SIGNS[] = "″ \" % ％ ° × ‰ µm Ω ";

bool money_glues(uint32_t rune)
{
    if (rune < 0x80)
        return (rune | 32) - 'a' < 26;
    if (!u_isalpha((UChar32)rune) && !(U_GET_GC_MASK((UChar32)rune) & U_GC_M_MASK))
        return false;
    return !script_is_unspaced(rune);
}

static struct str word_at(struct str text, size_t pos)
{
    size_t end = pos;
    while (end < text.n) {
        size_t next = end;
        if (!money_glues(utf8_next(text, &next)))
            break;
        end = next;
    }
    return (struct str){text.p + pos, end - pos};
}

static bool follows_digit(struct str text, size_t pos)
{
    return pos < text.n && u_isdigit((UChar32)utf8_next(text, &pos));
}

// Takes the next word of a list; false: none left.
static bool next_word(const char **list, struct str *ret)
{
    while (**list == ' ')
        (*list)++;
    *ret = (struct str){*list, strcspn(*list, " ")};
    *list += ret->n;
    return ret->n > 0;
}

static size_t longest(struct str text, size_t pos, const char *list)
{
    size_t best = 0;
    struct str rest = {text.p + pos, text.n - pos}, word;
    while (next_word(&list, &word))
        if (word.n > best && str_starts(rest, word))
            best = word.n;
    return best;
}

static bool is_code(struct str word)
{
    if (word.n != 3)
        return false;
    for (const char *code = ISO_CODES; *code; code += 4)
        if (memcmp(code, word.p, 3) == 0)
            return true;
    return false;
}

static bool is_sign(uint32_t rune)
{
    return u_charType((UChar32)rune) == U_CURRENCY_SYMBOL;
}

size_t money_currency_at(struct str text, size_t pos)
{
    if (pos >= text.n)
        return 0;
    size_t next = pos;
    if (is_sign(utf8_next(text, &next)))
        return next - pos;
    struct str word = word_at(text, pos);
    size_t end = pos + word.n;
    if (word.n == 0)
        return longest(text, pos, CURRENCY_CJK);
    // US$, R$, NT$: the letters belong to the sign.
    size_t after = end;
    if (word.n <= 3 && end < text.n && utf8_next(text, &after) == '$')
        return after - pos;
    if (!is_code(word) && !word_among(word, CURRENCY_WORDS) && !str_eq(word, STR("zł")) && !str_eq(word, STR("Kč")))
        return 0;
    if (str_eq_nocase(word, STR("rp")) && end < text.n && text.p[end] == '.')
        end++;
    return end - pos;
}

size_t money_factor_at(struct str text, size_t pos, int64_t *ret)
{
    if (pos >= text.n)
        return 0;
    struct str word = word_at(text, pos);
    for (size_t i = 0; i < sizeof FACTORS / sizeof *FACTORS; i++) {
        struct str row = str_from(FACTORS[i].word);
        bool hit = word.n ? str_eq_nocase(word, row) && !follows_digit(text, pos + word.n)
                          : str_starts((struct str){text.p + pos, text.n - pos}, row);
        if (hit) {
            *ret = FACTORS[i].factor;
            return row.n;
        }
    }
    return 0;
}

size_t money_unit_at(struct str text, size_t pos, bool spaced)
{
    if (pos >= text.n)
        return 0;
    struct str word = word_at(text, pos);
    if (word.n == 0 && spaced) // an inch mark stands close, a quotation mark apart
        return longest(text, pos, UNITS_CJK) ?: longest(text, pos, "% ‰ ° ");
    if (word.n == 0)
        return longest(text, pos, UNITS_CJK) ?: longest(text, pos, UNIT_SIGNS);
    if (!spaced && (str_eq_nocase(word, STR("in")) || str_eq_nocase(word, STR("a"))))
        return word.n;
    return word_among(word, UNITS) ? word.n : 0;
}

size_t money_currency_before(struct str text, size_t end)
{
    // The longest mark begins at most 24 bytes before; a word must not begin inside another.
    size_t from = end > 24 ? end - 24 : 0;
    for (size_t pos = from; pos < end; pos++) {
        if (((unsigned char)text.p[pos] & 0xC0) == 0x80)
            continue;
        size_t before = pos;
        while (before > 0 && ((unsigned char)text.p[--before] & 0xC0) == 0x80)
            ;
        size_t at = before, rune_at = pos;
        bool begins_word = pos == 0 || !money_glues(utf8_next(text, &at));
        if (!begins_word && !is_sign(utf8_next(text, &rune_at)))
            continue;
        if (money_currency_at((struct str){text.p, end}, pos) == end - pos)
            return end - pos;
    }
    return 0;
}
