// SPDX-License-Identifier: Apache-2.0
// Lists of phrases by language; every word of the message must belong to one of them.
#include "engine/small_talk.h"

#include "engine/phrases.h"

#include <pthread.h>

enum { GREETING = 1, THANKS = 2, FAREWELL = 4, TALK = GREETING | THANKS | FAREWELL, BESIDE = 8 };
enum { WORDS_MOST = 4, TOKENS_MOST = 40 };

// clang-format off
static const struct phrase_row ROWS[] = {
    {"hi, hello, hey, good morning, good afternoon, good evening, good day, greetings, how are you, nice to meet you", GREETING},
    {"thanks, thank you, thx, ty, cheers, great, perfect, ok, okay, cool, nice", THANKS},
    {"bye, goodbye, good bye, good night, see you, see you later, see ya, farewell, take care, have a nice day", FAREWELL},
    {"there, all, everyone, so much, very much, a lot, again, for now, then, you too, and, bot, team, it", BESIDE},
    {"olá, oi, bom dia, boa tarde, boa noite, tudo bem", GREETING},
    {"obrigado, obrigada, valeu", THANKS},
    {"tchau, até logo, até mais, adeus", FAREWELL},
    {"muito, a todos, de nada", BESIDE},
    {"สวัสดี, หวัดดี", GREETING},
    {"ขอบคุณ, ขอบใจ, โอเค", THANKS},
    {"ลาก่อน, บาย", FAREWELL},
    {"ครับ, ค่ะ, คะ, จ้า, มาก, นะ, มากๆ", BESIDE},
    {"こんにちは, こんばんは, おはよう, おはようございます, はじめまして, もしもし", GREETING},
    {"ありがとう, ありがとうございます, ありがとうございました, どうも, 了解, 了解です", THANKS},
    {"さようなら, バイバイ, またね", FAREWELL},
    {"どうも, 本当に", BESIDE},
    {"你好, 您好, 嗨, 早上好, 早安, 下午好, 晚上好", GREETING},
    {"谢谢, 謝謝, 多谢, 多謝, 感谢, 感謝, 好的", THANKS},
    {"再见, 再見, 拜拜, 晚安", FAREWELL},
    {"你, 您, 你们, 大家, 非常, 啊, 呀", BESIDE},
    {"안녕, 안녕하세요", GREETING},
    {"감사합니다, 고맙습니다, 고마워요", THANKS},
    {"안녕히 계세요, 잘 가요", FAREWELL},
    {"hola, buenos días, buenas tardes, buenas noches, qué tal", GREETING},
    {"gracias, muchas gracias", THANKS},
    {"adiós, hasta luego, chao", FAREWELL},
    {"hallo, guten tag, guten morgen, guten abend, moin, servus", GREETING},
    {"danke, danke schön, vielen dank", THANKS},
    {"tschüss, auf wiedersehen", FAREWELL},
    {"sehr, nochmals, zusammen, bis bald", BESIDE},
    {"bonjour, bonsoir, salut", GREETING},
    {"merci, merci beaucoup", THANKS},
    {"au revoir, à bientôt, bonne journée", FAREWELL},
    {"halo, hai, selamat pagi, selamat siang, selamat sore, selamat malam, apa kabar", GREETING},
    {"terima kasih", THANKS},
    {"sampai jumpa", FAREWELL},
    {"banyak", BESIDE},
    {"مرحبا, السلام عليكم, صباح الخير, مساء الخير, أهلا", GREETING},
    {"شكرا, شكرا جزيلا", THANKS},
    {"مع السلامة, وداعا", FAREWELL},
};
// clang-format on

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct phrases *phrases;

static void make(void)
{
    phrases = phrases_new(ROWS, sizeof ROWS / sizeof *ROWS);
}

static size_t words(struct str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] != ' ' && text.p[i] != '\n' && text.p[i] != '\t' &&
             (i == 0 || text.p[i - 1] == ' ' || text.p[i - 1] == '\n' || text.p[i - 1] == '\t');
    return n;
}

enum small_talk small_talk(struct str message)
{
    if (message.n > 400 || words(message) > WORDS_MOST)
        return SMALL_TALK_NONE;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct tokens tokens = tokens_make(arena, message, TOKENS_MOST);
    unsigned last = 0, kinds;
    pthread_once(&once, make);
    for (size_t i = 0, n; i < tokens.n; i += n) {
        n = phrases_at(phrases, message, tokens, i, TALK | BESIDE, &kinds);
        if (n == 0)
            return SMALL_TALK_NONE;
        last = kinds & TALK ? kinds & TALK : last;
    }
    return last & FAREWELL   ? SMALL_TALK_FAREWELL
           : last & THANKS   ? SMALL_TALK_THANKS
           : last & GREETING ? SMALL_TALK_GREETING
                             : SMALL_TALK_NONE;
}

enum text_key small_talk_reply(enum small_talk talk)
{
    static const enum text_key replies[] = {TEXT_NO_ANSWER, TEXT_WELCOME, TEXT_YOU_ARE_WELCOME, TEXT_FAREWELL};
    return replies[talk];
}
