// SPDX-License-Identifier: Apache-2.0
// Two lists of phrases: what asks, and what is there. Numbers in digits are known by themselves; a number in words
// counts before a unit, because in Thai, Chinese and Japanese it may begin another word.
#include "engine/answer_kind.h"

#include "engine/attribute.h"
#include "engine/money.h"
#include "engine/phrases.h"

#include <pthread.h>

enum {
    TOKENS_MOST = 600,
    WORK_SIZE = 16384,
    UNIT_WITHIN = 2, // tokens behind a number: "five working days"
};

// ---- what asks ------------------------------------------------------------------------------------------------------

enum {
    ASKS_OPEN = 16,  // asks for something else: no question for yes or no
    ASKS_FIRST = 32, // yes or no, where it begins the question
    ASKS_LAST = 64,  // the same, where it ends it
};

// clang-format off
static const struct phrase_row ASKS[] = {
    {"when, what time, which day, what day, how long, how many days, how many working days, "
     "how many business days, how many weeks, how many months, how many years, how many hours, how many minutes, "
     "how soon, how fast, how quickly, how often, opening hours, what date, which date, which year, what year, "
     "until what, how old", ANSWER_TIME},
    {"quando, que horas, que hora, que dia, que dias, em que ano, qual o prazo, quanto tempo, quantos dias, "
     "quantos dias úteis, quantas semanas, quantos meses, quantos anos, quantas horas, quantos minutos, "
     "com que frequência, horário, até quando, que data", ANSWER_TIME},
    {"เมื่อไร, เมื่อไหร่, กี่โมง, กี่วัน, กี่เดือน, กี่ปี, กี่ชั่วโมง, กี่นาที, กี่สัปดาห์, กี่อาทิตย์, วันไหน, "
     "วันอะไร, วันที่เท่าไร, วันที่เท่าไหร่, ปีอะไร, ปีไหน, ปีใด, นานเท่าไร, นานเท่าไหร่, นานแค่ไหน, นานไหม, "
     "กี่ทุ่ม, เวลาไหน", ANSWER_TIME},
    {"いつ, 何時, 何日, 何曜日, 何年, 何か月, 何ヶ月, 何カ月, 何週間, 何分, 何時間, どのくらいの期間, どれくらいの期間, どのくらいかかり, どれくらいかかり, 営業時間, 定休日, 期限, 何月", ANSWER_TIME},
    {"什么时候, 什麼時候, 何时, 何時, 几点, 幾點, 几天, 幾天, 几号, 星期几, 周几, 哪天, 哪一天, 哪年, 哪一年, 几年, 幾年, 几个月, 几个小时, 几小时, 多久, 多长时间, 多長時間, "
     "多少天, 多少年, 营业时间, 營業時間, 几月", ANSWER_TIME},
    {"how much is, how much are, how much does it cost, cost, costs, price, prices, fee, fees, how expensive, "
     "postage, charge, deposit", ANSWER_MONEY},
    {"quanto custa, quanto custam, quanto é, quanto são, quanto pago, preço, preços, custo, taxa, portes, caução, "
     "valor", ANSWER_MONEY},
    {"ราคา, กี่บาท, ค่าส่ง, ค่าจัดส่ง, ค่าเรียน, ค่าบริการ, ค่าใช้จ่าย, ค่าธรรมเนียม, มัดจำ", ANSWER_MONEY},
    {"いくら, 料金, 値段, 価格, 何円, 費用, 送料", ANSWER_MONEY},
    {"多少钱, 多少錢, 价格, 價格, 价钱, 费用, 費用, 运费, 運費, 几块, 几元, 多少元, 收费, 押金", ANSWER_MONEY},
    {"how many, how much, how far, how high, how tall, how wide, how deep, how thick, how fast, how strong, "
     "what percentage", ANSWER_NUMBER},
    {"quanto, quanta, quantos, quantas, que altura, que percentagem, que distância", ANSWER_NUMBER},
    {"กี่, เท่าไร, เท่าไหร่, แค่ไหน", ANSWER_NUMBER},
    {"いくつ, 何個, 何人, 何枚, 何本, 何ミリ, 何センチ, 何メートル, 何度, 何回, 何杯, 何冊, 何文字, 何パーセント, どのくらい, どれくらい, どれぐらい", ANSWER_NUMBER},
    {"多少, 几个, 幾個, 几人, 几次, 几杯, 几度, 多高, 多大, 多宽, 多深, 多厚, 多远", ANSWER_NUMBER},
    {"who, whose, what, which, where, why, how", ASKS_OPEN},
    {"quem, que, qual, quais, onde, como, por que, porquê, porque", ASKS_OPEN},
    {"ใคร, อะไร, ที่ไหน, ไหนบ้าง, ทำไม, อย่างไร, ยังไง", ASKS_OPEN},
    {"誰, 何, どこ, どう, どの, どれ, どちら, なぜ", ASKS_OPEN},
    {"什么, 什麼, 谁, 誰, 哪, 怎么, 怎麼, 怎样, 为什么, 為什麼, 如何", ASKS_OPEN},
    {"do, does, did, is, are, was, can, could, may, will, would, should, must, has, have, am", ASKS_FIRST},
    {"posso, pode, podem, tem, têm, há, é, são, existe, existem, fazem, vendem, aceitam, usam, dá, preciso, devo, "
     "está, estão, consigo, entregam, enviam, é possível", ASKS_FIRST},
    {"ไหม, มั้ย, มัย, หรือเปล่า, รึเปล่า, หรือไม่, หรือยัง", ANSWER_YESNO},
    {"か, かな", ASKS_LAST},
    {"吗, 嗎, 是不是, 能不能, 可不可以, 有没有, 有沒有, 是否, 会不会, 會不會, 要不要, 行不行", ANSWER_YESNO},
};

// ---- what is there --------------------------------------------------------------------------------------------------

enum {
    HAS_MOMENT = 1,
    HAS_NUMBER = 2, // in words
    HAS_SOME = 4,   // a number only beside a unit of time
    HAS_TIME_UNIT = 8,
    HAS_UNIT = 16,
    HAS_NO_COST = 32,
    HAS_YESNO = 64,
};

static const struct phrase_row HELD[] = {
    {"monday, tuesday, wednesday, thursday, friday, saturday, sunday, january, february, april, june, july, "
     "august, september, october, november, december, weekday, weekdays, weekend, weekends, daily, today, "
     "tomorrow, same day, next day, at night, at noon, midnight, christmas, new year", HAS_MOMENT},
    {"segunda-feira, terça-feira, quarta-feira, quinta-feira, sexta-feira, segunda, terça, sábado, domingo, "
     "sábados, domingos, janeiro, fevereiro, março, abril, maio, junho, julho, agosto, setembro, outubro, "
     "novembro, dezembro, hoje, amanhã, todos os dias, dias úteis, meia-noite, meio-dia, fim de semana, "
     "no mesmo dia, dia seguinte, natal", HAS_MOMENT},
    {"วันจันทร์, วันอังคาร, วันพุธ, วันพฤหัส, วันศุกร์, วันเสาร์, วันอาทิตย์, มกราคม, กุมภาพันธ์, มีนาคม, เมษายน, "
     "พฤษภาคม, มิถุนายน, กรกฎาคม, สิงหาคม, กันยายน, ตุลาคม, พฤศจิกายน, ธันวาคม, วันนี้, พรุ่งนี้, ทุกวัน, "
     "วันถัดไป, วันหยุด, ตลอดชีพ, เที่ยงคืน", HAS_MOMENT},
    {"曜日, 月曜, 火曜, 水曜, 木曜, 金曜, 土曜, 日曜, 平日, 毎日, 本日, 翌日, 当日, 翌営業日, 明日, 祝日, 年末, 午前, 午後, 年中無休, 即日", HAS_MOMENT},
    {"星期, 周一, 周二, 周三, 周四, 周五, 周六, 周日, 周末, 礼拜, 每天, 每周, 当天, 當天, 次日, 第二天, 今天, 明天, 工作日, 节假日, 上午, 下午, 晚上, 中午, 全年", HAS_MOMENT},
    {"two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, sixteen, "
     "seventeen, eighteen, nineteen, twenty, thirty, forty, fifty, sixty, ninety, hundred, thousand, half, twice, "
     "dozen", HAS_NUMBER},
    {"dois, duas, três, quatro, cinco, seis, sete, oito, nove, dez, onze, doze, quinze, vinte, trinta, quarenta, "
     "cinquenta, sessenta, noventa, cem, mil, meia, metade, duas vezes", HAS_NUMBER},
    {"one, a, an, few, several, um, uma, alguns, algumas, poucos, poucas", HAS_SOME},
    {"หนึ่ง, สอง, สาม, สี่, ห้า, หก, เจ็ด, แปด, เก้า, สิบ, ร้อย, ครึ่ง", HAS_SOME},
    {"一, 二, 两, 兩, 三, 四, 五, 六, 七, 八, 九, 十, 百, 千, 半, 数, 几", HAS_SOME},
    {"day, days, week, weeks, month, months, year, years, hour, hours, minute, minutes, second, seconds, o'clock, "
     "am, pm, may, march, night, nights", HAS_TIME_UNIT},
    {"dia, dias, semana, semanas, mês, meses, ano, anos, hora, horas, minuto, minutos, segundos, h", HAS_TIME_UNIT},
    {"วัน, สัปดาห์, อาทิตย์, เดือน, ปี, ชั่วโมง, ชม, นาที, วินาที, น, โมง, ทุ่ม", HAS_TIME_UNIT},
    {"日, 週, 週間, 月, 年, 時, 時間, 分, 秒, か月, ヶ月, カ月, 天, 周, 号, 號, 点, 點, 小时, 小時, 分钟, 个月, 个小时, 个工作日, 年间, 晩, 晚", HAS_TIME_UNIT},
    {"คน, ชิ้น, ขวด, ลิตร, บาท, กรัม, เมตร, เท่า, ครั้ง, เครื่อง, ซอง, แต้ม, องศา", HAS_UNIT},
    {"人, 名, 個, 台, 本, 枚, 件, 回, 冊, 円, 度, 割, 倍, ミリ, センチ, 个, 張, 张, 元, 块, 厘米, 毫米, 米, 公斤, 克, 升, 次, 杯, 瓦, 层, 期", HAS_UNIT},
    {"free, free of charge, no charge, no cost, on us, grátis, gratuito, gratuita, gratuitos, gratuitas, "
     "oferecido, oferecida, sem custos, ฟรี, ไม่มีค่า, ไม่คิดค่า, 無料, 免费, 免費, 包邮, 包郵", HAS_NO_COST},
    {"yes, no, not, never, cannot, can't, don't, doesn't, isn't, aren't, won't, only, except, unless, can, may, "
     "must, allowed, possible, without, neither", HAS_YESNO},
    {"sim, não, nunca, nem, sem, só, apenas, pode, podem, exceto, possível, deve, devem", HAS_YESNO},
    {"ไม่, ได้, ห้าม, เฉพาะ, ใช่, ยกเว้น, งด", HAS_YESNO},
    {"ません, ない, できます, いただけます, 不可, 可能, はい, いいえ, のみ, ください, ただし, なし", HAS_YESNO},
    {"不, 没, 沒, 可以, 能, 支持, 只, 勿, 请勿, 需要, 必须, 無, 无", HAS_YESNO},
};
// clang-format on

static struct phrases *asks, *held;

// Kept as long as the process, like all lists of words.
static void make(void)
{
    asks = phrases_new(ASKS, sizeof ASKS / sizeof *ASKS);
    held = phrases_new(HELD, sizeof HELD / sizeof *HELD);
}

static void get_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
}

// A longer phrase says what a shorter one inside it means: "how many days" is no "how many".
unsigned answer_kind_asked(struct str question)
{
    AUTO_ARENA struct arena *arena = arena_new(WORK_SIZE);
    struct tokens tokens = tokens_make(arena, question, TOKENS_MOST);
    unsigned all = 0, kinds = 0;
    get_ready();
    for (size_t i = 0; i < tokens.n;) {
        size_t n = phrases_at(asks, question, tokens, i, ~0u, &kinds);
        bool yes = kinds & ASKS_FIRST ? i == 0 : kinds & ASKS_LAST ? i + n == tokens.n : true;
        if (n && yes)
            all |= kinds & (ASKS_FIRST | ASKS_LAST) ? ANSWER_YESNO : kinds;
        i += n ? n : 1;
    }
    if (attribute_is_asked(question))
        all |= ANSWER_NUMBER;
    if (all & (ANSWER_TIME | ANSWER_MONEY)) // says more exactly what number
        return all & (ANSWER_TIME | ANSWER_MONEY);
    return all & ANSWER_NUMBER ?: all & ASKS_OPEN ? 0 : all & ANSWER_YESNO;
}

// ---- numbers and times ----------------------------------------------------------------------------------------------

struct sentence {
    struct str text;
    struct tokens tokens;
};

static size_t phrase(const struct sentence *s, size_t i, unsigned kinds)
{
    return i < s->tokens.n ? phrases_at(held, s->text, s->tokens, i, kinds, NULL) : 0;
}

static bool any(const struct sentence *s, unsigned kinds)
{
    for (size_t i = 0; i < s->tokens.n; i++)
        if (phrase(s, i, kinds))
            return true;
    return false;
}

static size_t digits(struct str word)
{
    size_t n = 0;
    while (n < word.n && word.p[n] >= '0' && word.p[n] <= '9')
        n++;
    return n;
}

static bool unit_follows(const struct sentence *s, size_t i, size_t within, unsigned kinds)
{
    for (size_t k = i; k < i + within; k++)
        if (phrase(s, k, kinds))
            return true;
    return false;
}

// A number before a unit: "five working days", "3〜4日", "两个小时", "a week".
static bool measures(const struct sentence *s, unsigned units)
{
    for (size_t i = 0; i < s->tokens.n; i++) {
        size_t words = phrase(s, i, HAS_NUMBER), some = phrase(s, i, HAS_SOME), number = digits(s->tokens.at[i].text);
        if (((number && number == s->tokens.at[i].text.n) || words) &&
            unit_follows(s, i + (words ? words : 1), UNIT_WITHIN, units))
            return true;
        if (some && unit_follows(s, i + some, 1, units))
            return true;
    }
    return false;
}

// "13:00", "9h30", "10pm", or four digits that look like a year of either calendar.
static bool tells_clock_or_year(const struct sentence *s)
{
    for (size_t i = 0; i < s->tokens.n; i++) {
        const struct token *token = &s->tokens.at[i];
        size_t n = digits(token->text);
        struct str rest = {token->text.p + n, token->text.n - n};
        bool clock = n && n <= 2 && (str_eq(rest, STR("am")) || str_eq(rest, STR("pm")) || str_starts(rest, STR("h")));
        bool colon = n && n <= 2 && !rest.n && i + 1 < s->tokens.n && token[1].start == token->end + 1 &&
                     s->text.p[token->end] == ':' && digits(token[1].text) == 2;
        double year = 0;
        bool is_year = n == 4 && !rest.n && str_to_double(token->text, &year) &&
                       ((year >= 1800 && year < 2100) || (year >= 2400 && year < 2600));
        if (clock || colon || is_year)
            return true;
    }
    return false;
}

static bool holds_money(const struct sentence *s)
{
    struct money_amount amount;
    for (size_t pos = 0; money_next(s->text, &pos, &amount);)
        if (amount.marked || !amount.unit)
            return true;
    return any(s, HAS_NO_COST);
}

static bool holds_number(const struct sentence *s)
{
    for (size_t i = 0; i < s->tokens.n; i++)
        if (digits(s->tokens.at[i].text))
            return true;
    return any(s, HAS_NUMBER) || measures(s, HAS_UNIT | HAS_TIME_UNIT);
}

bool answer_kind_held(struct str sentence, unsigned kinds)
{
    AUTO_ARENA struct arena *arena = arena_new(WORK_SIZE);
    struct sentence s = {sentence, tokens_make(arena, sentence, TOKENS_MOST)};
    get_ready();
    if (kinds & ANSWER_TIME && (any(&s, HAS_MOMENT) || measures(&s, HAS_TIME_UNIT) || tells_clock_or_year(&s)))
        return true;
    if (kinds & ANSWER_MONEY && holds_money(&s))
        return true;
    if (kinds & ANSWER_NUMBER && holds_number(&s))
        return true;
    return kinds & ANSWER_YESNO && any(&s, HAS_YESNO);
}
