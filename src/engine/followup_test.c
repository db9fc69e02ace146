// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "engine/followup.h"

TEST(followup_rests_of_questions)
{
    static const char *const yes[] = {"And on Sundays?",  "and in red?",    "What about the blue one?",
                                      "E para as ilhas?", "แล้ววันจันทร์ล่ะ",    "北海道は",
                                      "じゃあ東京は",     "赤もありますか", "那成都呢",
                                      "新疆呢",           "Y en rojo?",     "Und am Sonntag?"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(followup(str_from(yes[i])));
}

TEST(followup_whole_questions)
{
    static const char *const no[] = {"When is the shop open?",
                                     "Do you have snowshoes?",
                                     "Quanto custa o envio?",
                                     "",
                                     "送料はいくらですか",
                                     "你们有哪些灯",
                                     "คืนสินค้าได้ไหม",
                                     "And",
                                     "And then I would like to know in detail how the whole delivery works, please"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(followup(str_from(no[i])));
}
