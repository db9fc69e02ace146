// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "engine/small_talk.h"

TEST(small_talk_is_short_and_nothing_else)
{
    static const char *const talk[] = {
        "Hi",       "hello there!", "Thanks a lot :)", "Good morning", "Muito obrigado",
        "ขอบคุณครับ", "こんにちは",   "谢谢你",          "Danke schön",  "Merci beaucoup !"};
    static const char *const none[] = {"",
                                       "?",
                                       "there",
                                       "Hi, do you ship to Norway?",
                                       "hello hello hello hello hello",
                                       "ขอบคุณ ราคาเท่าไหร่",
                                       "谢谢, 多少钱",
                                       "warranty"};
    for (size_t i = 0; i < sizeof talk / sizeof *talk; i++)
        if (!small_talk(str_from(talk[i])))
            fail_msg("%s is small talk", talk[i]);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (small_talk(str_from(none[i])))
            fail_msg("%s is no small talk", none[i]);
}
