// SPDX-License-Identifier: Apache-2.0
// Sentence by sentence: which products it names, whether a word of discount or condition stands outside their names,
// and which marked amounts stand outside their names ("Slate 14 USD 1,349.00" states one amount, not two).
#include "engine/guard.h"

#include "engine/money.h"
#include "engine/names.h"
#include "engine/phrases.h"
#include "engine/sentence.h"
#include "engine/texts.h"

#include <math.h>
#include <pthread.h>

#define NAMES_MAX 64 // in one sentence
#define SENTENCE_TOKENS 2000
#define APPENDIX_MAX 16384

static const struct phrase_row CONDITIONS[] = {
    // en
    {"off, discount, discounted, discounts, save, saves, saved, saving, was, were, instead, from, over, under", 1},
    {"per month, a month, monthly, each month, per year, yearly, shipping, delivery, tax, taxes, vat, deposit", 1},
    {"below, above, less than, more than, cheaper than, up to, at most, at least, budget, between, voucher, coupon", 1},
    // pt, es
    {"desconto, economize, economia, era, custava, em vez de, a partir de, acima de, abaixo de, menos de, mais de", 1},
    {"por mês, ao mês, mensais, mensal, frete, entrega, imposto, impostos, até, entre, orçamento, cupom", 1},
    {"descuento, rebaja, ahorra, ahorre, antes, en lugar de, desde, más de, al mes, mensual, envío, impuesto, iva", 1},
    // de, fr
    {"rabatt, sparen, spare, sparst, war, statt, statt dessen, ab, über, unter, im monat, monatlich, versand, steuer",
     1},
    {"mwst, remise, réduction, économisez, était, au lieu de, à partir de, plus de, moins de, par mois, livraison", 1},
    {"taxe, taxes, tva", 1},
    // id
    {"diskon, potongan, hemat, sebelumnya, daripada, mulai, dari, di atas, di bawah, per bulan, ongkir", 1},
    {"pengiriman, pajak, maksimal, minimal, cicilan", 1},
    // th
    {"ลด, ส่วนลด, ประหยัด, จาก, เดิม, แทน, เริ่มต้น, เกิน, ต่ำกว่า, ต่อเดือน, เดือนละ, ค่าส่ง, ค่าจัดส่ง, ภาษี, ผ่อน", 1},
    // ja, zh
    {"割引, 値引き, オフ, お得, 通常, 代わり, から, 以上, 以下, 未満, 月額, 毎月, 送料, 税, まで, より", 1},
    {"折扣, 优惠, 優惠, 省, 立减, 立減, 原价, 原價, 代替, 起, 超过, 超過, 每月, 运费, 運費, 税费, 稅", 1},
    // ar
    {"خصم, تخفيض, وفر, كان, بدلا, ابتداء, شهريا, شحن, توصيل, ضريبة", 1},
};

static struct phrases *conditions;

static void make_conditions(void)
{
    conditions = phrases_new(CONDITIONS, sizeof CONDITIONS / sizeof *CONDITIONS);
}

static bool in_name(const struct names_hit *hits, size_t n, size_t pos)
{
    for (size_t i = 0; i < n; i++)
        if (pos >= hits[i].start && pos < hits[i].end)
            return true;
    return false;
}

static bool has_condition(struct arena *arena, struct str sentence, const struct names_hit *hits, size_t n)
{
    struct tokens tokens = tokens_make(arena, sentence, SENTENCE_TOKENS);
    for (size_t i = 0; i < tokens.n; i++)
        if (!in_name(hits, n, tokens.at[i].start) && phrases_at(conditions, sentence, tokens, i, 1, NULL))
            return true;
    return false;
}

static bool differs(int64_t stated, int64_t actual)
{
    return fabs((double)stated - (double)actual) > (double)actual * 0.005;
}

// First marked amount outside the names that differs from the price.
static bool wrong_amount(struct str sentence, const struct names_hit *hits, size_t n, int64_t price, int64_t *ret)
{
    size_t from = 0;
    for (size_t i = 0; i <= n; i++) {
        struct str gap = {sentence.p + from, (i < n ? hits[i].start : sentence.n) - from};
        struct money_amount amount;
        for (size_t pos = 0; money_next(gap, &pos, &amount);)
            if (amount.marked && !amount.unit && differs(amount.value, price)) {
                *ret = amount.value;
                return true;
            }
        if (i < n)
            from = hits[i].end;
    }
    return false;
}

static bool check_sentence(struct arena *arena, struct str sentence, const struct names *names,
                           const struct guard_product *products, struct guard_correction *ret)
{
    struct names_hit *hits;
    size_t n = names_find(names, arena, sentence, NAMES_MAX, &hits);
    for (size_t i = 1; i < n; i++)
        if (hits[i].index != hits[0].index)
            return false;
    int64_t stated;
    if (n == 0 || !wrong_amount(sentence, hits, n, products[hits[0].index].price, &stated) ||
        has_condition(arena, sentence, hits, n))
        return false;
    *ret = (struct guard_correction){hits[0].index, stated, products[hits[0].index].price, sentence};
    return true;
}

size_t guard_check(struct arena *arena, struct str answer, const struct guard_product *products, size_t n,
                   struct guard_correction **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_conditions);
    *ret = NULL;
    if (n == 0)
        return 0;
    struct guard_correction *found = arena_calloc(arena, GUARD_MAX_CORRECTIONS, sizeof *found);
    AUTO_NAMES struct names *names = names_new(NAMES_LAST_WORD | NAMES_NO_MAKER);
    for (size_t i = 0; i < n; i++)
        names_add(names, products[i].name);
    names_ready(names);
    size_t count = 0;
    struct str sentence;
    for (size_t pos = 0; count < GUARD_MAX_CORRECTIONS && sentence_next(answer, &pos, &sentence);) {
        struct guard_correction *next = &found[count];
        if (!check_sentence(arena, sentence, names, products, next))
            continue;
        size_t i = 0;
        while (i < count && found[i].product != next->product)
            i++;
        count += i == count;
    }
    *ret = found;
    return count;
}

static struct str price_of(struct arena *arena, int64_t price, struct str currency)
{
    AUTO_BUF struct buf out = BUF_INIT(128);
    money_write(&out, price, currency);
    return arena_str(arena, buf_str(&out));
}

struct str guard_appendix(struct arena *arena, struct str answer, const struct guard_product *products,
                          const struct guard_correction *corrections, size_t n, struct str currency,
                          const char *language)
{
    AUTO_BUF struct buf out = BUF_INIT(APPENDIX_MAX);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 || (answer.n && answer.p[answer.n - 1] != '\n'))
            buf_addc(&out, '\n');
        text_fill(&out, TEXT_CURRENT_PRICE, language, products[corrections[i].product].name,
                  price_of(arena, corrections[i].actual, currency));
    }
    return arena_str(arena, buf_str(&out));
}

struct str guard_spoken(struct arena *arena, const struct guard_product *products,
                        const struct guard_correction *correction, struct str currency, const char *language)
{
    AUTO_BUF struct buf out = BUF_INIT(APPENDIX_MAX);
    text_fill(&out, TEXT_COSTS, language, products[correction->product].name,
              price_of(arena, correction->actual, currency));
    return arena_str(arena, buf_str(&out));
}
