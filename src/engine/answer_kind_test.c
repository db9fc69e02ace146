// SPDX-License-Identifier: Apache-2.0
#include "engine/answer_kind.h"

#include "base/test.h"

enum { T = ANSWER_TIME, M = ANSWER_MONEY, N = ANSWER_NUMBER, Y = ANSWER_YESNO };

// A question, the kinds it asks for, a sentence that holds one of them, and one that does not (NULL: none is tried).
static const struct {
    const char *question;
    unsigned asked;
    const char *answer, *other;
} CASES[] = {
    {"When was the shop founded?", T, "It began in 2009 in a boathouse.", "It began in a boathouse."},
    {"What time do you open?", T, "Doors open at 9:30.", "The door is green."},
    {"How long is the warranty?", T, "Tents have a warranty of five years.", "The warranty covers the poles."},
    {"How many working days does delivery take?", T, "It takes one to three working days.", "We ship 3 parcels."},
    {"Which day are you closed?", T, "We are closed on Sundays.", "We are closed then."},
    {"When can I come?", T, "From 15 May on.", "You may come."},
    {"How much does delivery cost?", M, "It is 79 kroner.", "It takes 3 days."},
    {"What is the price of shipping?", M, "Shipping is free of charge.", "Shipping takes a week."},
    {"How much is a bag?", M, "A bag is $12.50.", "A bag is blue."},
    {"How many people sleep in it?", N, "It has room for three.", "It has room for all."},
    {"How heavy is it?", N, "It weighs 1.6 kg.", "It weighs little."},
    {"Can I wash it?", Y, "It must not be washed.", "Soap leaves stains behind."},
    {"Do you ship abroad, and how long does it take?", T, "It takes a week.", "Yes, we do."},
    {"How do I wash it?", 0, NULL, NULL},
    {"Where can I do that?", 0, NULL, NULL},
    {"tents", 0, NULL, NULL},
    {"", 0, NULL, NULL},

    {"Quando abre a loja?", T, "Abre às 9h.", "Abre cedo."},
    {"Em que ano nasceu a marca?", T, "A marca nasceu em 1987.", "A marca nasceu em Aveiro."},
    {"Quantos anos de garantia tem?", T, "A garantia é de cinco anos.", "A garantia cobre a bomba."},
    {"Até quando posso devolver?", T, "Pode devolver até 30 de junho.", "Pode devolver na loja."},
    {"Quanto custa o envio?", M, "O envio custa 4,90 euros.", "O envio demora 3 dias."},
    {"Qual é o preço da recolha?", M, "A recolha é grátis.", "A recolha é em casa."},
    {"Quantas letras cabem?", N, "Cabem 14 letras.", "Cabem poucas letras."},
    {"Posso lavar na máquina?", Y, "Não se lava na máquina.", "A máquina é azul."},
    {"Como limpo o moinho?", 0, NULL, NULL},

    {"ร้านเปิดกี่โมง", T, "เปิด 10.00–20.00 น.", "เปิดที่เชียงใหม่"},
    {"จัดส่งกี่วัน", T, "ใช้เวลา 2–4 วันทำการ", "ส่งโดยไปรษณีย์"},
    {"หยุดวันไหน", T, "หยุดวันจันทร์", "ร้านสีเขียว"},
    {"ค่าจัดส่งเท่าไร", M, "45 บาททั่วประเทศ", "ส่งทั่วประเทศ"},
    {"ซื้อครบราคาเท่าไหร่", M, "ส่งฟรี", "ส่งไว"},
    {"มีพนักงานกี่คน", N, "มี 38 คน", "มีพนักงานใจดี"},
    {"มีกี่สี", N, "มีสามขวด", "มีสีสวย สามารถเลือก"},
    {"กันน้ำไหม", Y, "รุ่นนี้ไม่กันน้ำ", "รุ่นนี้สีขาว"},
    {"ใช้อย่างไร", 0, NULL, NULL},

    {"創業は何年ですか", T, "1932年に京都で生まれました。", "京都で生まれました。"},
    {"定休日は何曜日ですか", T, "水曜はお休みです。", "店は京都です。"},
    {"いつ届きますか", T, "三日で届きます。", "箱で届きます。"},
    {"送料はいくらですか", M, "全国一律550円です。", "箱は紙です。"},
    {"送料はかかりますか", M, "5,500円以上で無料です。", "三日で届きます。"},
    {"太さは何ミリですか", N, "細字は0.4ミリです。", "細字は細いです。"},
    {"返品できますか", Y, "開封後はお引き受けできません。", "箱は紙です。"},
    {"代表は誰ですか", 0, NULL, NULL},
    {"どうやって洗いますか", 0, NULL, NULL},

    {"几点关门", T, "晚上九点半关门。", "门在左边。"},
    {"保修多久", T, "整机保修一年。", "保修包括零件。"},
    {"要静置多长时间", T, "静置两个小时。", "要静置。"},
    {"星期几休息", T, "周一休息。", "大家休息。"},
    {"运费多少钱", M, "不满收12元。", "三天送到。"},
    {"运费多少", M, "全国包邮。", "三天送到。"},
    {"能爬多高的门槛", N, "两厘米以下都行。", "门槛都行。"},
    {"可以退货吗", Y, "拆封后不能退。", "退货走快递。"},
    {"怎么清洗", 0, NULL, NULL},
};

TEST(questions_ask_for_kinds_and_sentences_hold_them)
{
    size_t faults = 0;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *question = CASES[i].question, *answer = CASES[i].answer, *other = CASES[i].other;
        unsigned asked = answer_kind_asked(str_from(question));
        bool right = asked == CASES[i].asked && (!answer || answer_kind_held(str_from(answer), asked)) &&
                     (!other || !answer_kind_held(str_from(other), asked));
        if (!right)
            print_message("<%s> asks for %u, not %u, or <%s> or <%s> is read wrongly\n", question, asked,
                          CASES[i].asked, answer ? answer : "", other ? other : "");
        faults += !right;
    }
    assert_int_equal(faults, 0);
}

TEST(no_kinds_are_held_by_nothing)
{
    assert_false(answer_kind_held(STR("Monday, 5 euros, not."), 0));
    assert_false(answer_kind_held(STR(""), T | M | N | Y));
}
