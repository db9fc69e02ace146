// SPDX-License-Identifier: Apache-2.0
#include "engine/sentence.h"

#include "base/buf.h"
#include "base/test.h"
#include "base/utf8.h"

static const struct {
    const char *text, *want; // sentences, each in <>
} CASES[] = {
    {"", ""},
    {"One. Two! Three? Four… Five", "<One.><Two!><Three?><Four…><Five>"},
    {"It costs 1.299,00 or 4.5. Yes.", "<It costs 1.299,00 or 4.5.><Yes.>"},
    {"Dr. Smith and Mrs. Jones. Fine.", "<Dr. Smith and Mrs. Jones.><Fine.>"},
    {"J. R. Smith came. So.", "<J. R. Smith came.><So.>"},
    {"See e.g. this, i.e. that, approx. 5 vs. 6. End.", "<See e.g. this, i.e. that, approx. 5 vs. 6.><End.>"},
    {"Take No. 5. No. It is gone.", "<Take No. 5.><No.><It is gone.>"},
    {"Rp. 500.000 saja. Ya.", "<Rp. 500.000 saja.><Ya.>"},
    {"In the U.S. it rains. Yes.", "<In the U.S. it rains.><Yes.>"},
    {"He said \"Yes!\" Then he left.", "<He said \"Yes!\"><Then he left.>"},
    {"(Really?) Yes.", "<(Really?)><Yes.>"},
    {"What?! No... Well", "<What?!><No...><Well>"},
    {"See example.com/a.b for more. Ok.", "<See example.com/a.b for more.><Ok.>"},
    {"はい。三日で届きます！本当？！「はい。」次", "<はい。><三日で届きます！><本当？！><「はい。」><次>"},
    {"您好。请问？好", "<您好。><请问？><好>"},
    {"كيف؟ نعم.", "<كيف؟><نعم.>"},
    {"Title\n\nText. More\r\n- item", "<Title><Text.><More><- item>"},
    {"1. Aurora X2\n2. Aurora X3. Good.", "<1. Aurora X2><2. Aurora X3.><Good.>"},
    {"ส่งฟรี เมื่อซื้อครบ", "<ส่งฟรี เมื่อซื้อครบ>"},
    {"สินค้าทุกชิ้นรับประกันหนึ่งปีนับจากวันที่ซื้อสินค้ากับทางร้านค้าของเรา การคืนสินค้าทำได้ภายในเจ็ดวัน",
     "<สินค้าทุกชิ้นรับประกันหนึ่งปีนับจากวันที่ซื้อสินค้ากับทางร้านค้าของเรา><การคืนสินค้าทำได้ภายในเจ็ดวัน>"},
    {"...", "<...>"},
    {"Plan B.", "<Plan B.>"},
};

TEST(sentences_are_walked)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        AUTO_BUF struct buf got = BUF_INIT(2000);
        struct str sentence;
        for (size_t pos = 0; sentence_next(str_from(CASES[i].text), &pos, &sentence);)
            buf_addf(&got, "<" STR_FMT ">", STR_ARG(sentence));
        if (!str_eq(buf_str(&got), str_from(CASES[i].want)))
            fail_msg("%s: %s", CASES[i].text, got.n ? got.p : "");
    }
}

TEST(what_is_known_of_a_beginning_holds_for_the_whole)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct str text = str_from(CASES[i].text);
        size_t whole_close = 0, whole = sentence_end(text, 0, true, &whole_close);
        for (size_t n = 0; n <= text.n; n++) {
            struct str begin = {text.p, n};
            size_t close = 0, end = utf8_whole(begin) == n ? sentence_end(begin, 0, false, &close) : 0;
            if (end && (end != whole || close != whole_close))
                fail_msg("%s cut at %zu: %zu %zu, not %zu %zu", CASES[i].text, n, end, close, whole, whole_close);
        }
    }
}
