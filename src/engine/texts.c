// SPDX-License-Identifier: Apache-2.0
// One row a language. A missing text (NULL) is taken from English.
#include "engine/texts.h"

struct language {
    const char *tag, *name;
    const char *texts[TEXT_KEYS];
};

// clang-format off
static const struct language LANGUAGES[] = {
    {"en", "English", {
        [TEXT_WELCOME] = "Hello! What can I do for you?",
        [TEXT_RATE_LIMITED] = "Too many messages at the moment. Please try again shortly. 😊",
        [TEXT_BAD_REQUEST] = "The request is not valid.",
        [TEXT_BAD_LOCALE] = "This language is not available.",
        [TEXT_NOT_FOUND] = "This assistant is not available.",
        [TEXT_FORBIDDEN] = "This site may not use this assistant.",
        [TEXT_TOO_LARGE] = "The conversation is too long to send.",
        [TEXT_UNAVAILABLE] = "The service is not available right now. Please try again.",
        [TEXT_INTERRUPTED] = "(The answer was interrupted. Please ask again.)",
        [TEXT_NO_ANSWER] = "I could not find this in my material. Please contact our team.",
        [TEXT_THANKS] = "Thank you for your feedback.",
        [TEXT_REFUSAL] = "I cannot help with this request. Is there anything else I can do for you?",
        [TEXT_LEAD_IN] = "From our documents:",
        [TEXT_IN_STOCK] = "in stock",
        [TEXT_OUT_OF_STOCK] = "currently unavailable",
        [TEXT_CURRENT_PRICE] = "Current price of {0}: {1}.",
        [TEXT_COSTS] = "{0} costs {1}.",
        [TEXT_MATCHED_ON] = "Matched on: {0}.",
        [TEXT_NOTHING_FITS] = "Nothing in the catalogue matches this request.",
        [TEXT_YOU_ARE_WELCOME] = "You are welcome. Is there anything else I can do for you?",
        [TEXT_FAREWELL] = "Goodbye!",
    }},
    {"pt-BR", "Portuguese", {
        [TEXT_WELCOME] = "Olá! Em que posso ajudar?",
        [TEXT_RATE_LIMITED] = "Recebemos muitas mensagens agora. Tente novamente em instantes. 😊",
        [TEXT_BAD_REQUEST] = "A solicitação não é válida.",
        [TEXT_BAD_LOCALE] = "Este idioma não está disponível.",
        [TEXT_NOT_FOUND] = "Este assistente não está disponível.",
        [TEXT_FORBIDDEN] = "Este site não pode usar este assistente.",
        [TEXT_TOO_LARGE] = "A conversa é longa demais para ser enviada.",
        [TEXT_UNAVAILABLE] = "O serviço não está disponível no momento. Tente novamente.",
        [TEXT_INTERRUPTED] = "(A resposta foi interrompida. Pergunte novamente.)",
        [TEXT_NO_ANSWER] = "Não encontrei isso no meu material. Fale com a nossa equipe.",
        [TEXT_THANKS] = "Obrigado pela sua avaliação.",
        [TEXT_REFUSAL] = "Não posso ajudar com este pedido. Posso ajudar com outra coisa?",
        [TEXT_LEAD_IN] = "Dos nossos documentos:",
        [TEXT_IN_STOCK] = "em estoque",
        [TEXT_OUT_OF_STOCK] = "indisponível no momento",
        [TEXT_CURRENT_PRICE] = "Preço atual de {0}: {1}.",
        [TEXT_COSTS] = "{0} custa {1}.",
        [TEXT_MATCHED_ON] = "Correspondências: {0}.",
        [TEXT_NOTHING_FITS] = "Nada no catálogo corresponde a este pedido.",
        [TEXT_YOU_ARE_WELCOME] = "De nada. Posso ajudar em mais alguma coisa?",
        [TEXT_FAREWELL] = "Até logo!",
    }},
    {"th", "Thai", {
        [TEXT_WELCOME] = "สวัสดีค่ะ มีอะไรให้ช่วยไหมคะ",
        [TEXT_RATE_LIMITED] = "ขณะนี้มีข้อความเข้ามามาก กรุณาลองใหม่อีกครั้งในอีกสักครู่ 😊",
        [TEXT_BAD_REQUEST] = "คำขอไม่ถูกต้อง",
        [TEXT_BAD_LOCALE] = "ยังไม่มีภาษานี้ให้ใช้งาน",
        [TEXT_NOT_FOUND] = "ไม่พบผู้ช่วยนี้",
        [TEXT_FORBIDDEN] = "เว็บไซต์นี้ไม่ได้รับอนุญาตให้ใช้ผู้ช่วยนี้",
        [TEXT_TOO_LARGE] = "บทสนทนายาวเกินกว่าจะส่งได้",
        [TEXT_UNAVAILABLE] = "บริการไม่พร้อมใช้งานในขณะนี้ กรุณาลองใหม่อีกครั้ง",
        [TEXT_INTERRUPTED] = "(คำตอบถูกขัดจังหวะ กรุณาถามใหม่อีกครั้ง)",
        [TEXT_NO_ANSWER] = "ไม่พบข้อมูลนี้ในเอกสารของเรา กรุณาติดต่อทีมงาน",
        [TEXT_THANKS] = "ขอบคุณสำหรับความคิดเห็นของคุณ",
        [TEXT_REFUSAL] = "ขออภัย ไม่สามารถช่วยเรื่องนี้ได้ มีเรื่องอื่นให้ช่วยไหมคะ",
        [TEXT_LEAD_IN] = "จากเอกสารของเรา:",
        [TEXT_IN_STOCK] = "มีสินค้า",
        [TEXT_OUT_OF_STOCK] = "สินค้าหมดชั่วคราว",
        [TEXT_CURRENT_PRICE] = "ราคาปัจจุบันของ {0}: {1}",
        [TEXT_COSTS] = "{0} ราคา {1}",
        [TEXT_MATCHED_ON] = "ตรงกับคำว่า: {0}",
        [TEXT_NOTHING_FITS] = "ไม่มีสินค้าในรายการที่ตรงกับคำขอนี้",
        [TEXT_YOU_ARE_WELCOME] = "ยินดีค่ะ มีอะไรให้ช่วยอีกไหมคะ",
        [TEXT_FAREWELL] = "แล้วพบกันใหม่ค่ะ",
    }},
    {"ja", "Japanese", {
        [TEXT_WELCOME] = "こんにちは。どのようなご用件でしょうか。",
        [TEXT_RATE_LIMITED] = "ただいまメッセージが集中しています。しばらくしてからもう一度お試しください。😊",
        [TEXT_BAD_REQUEST] = "リクエストが正しくありません。",
        [TEXT_BAD_LOCALE] = "この言語はご利用いただけません。",
        [TEXT_NOT_FOUND] = "このアシスタントはご利用いただけません。",
        [TEXT_FORBIDDEN] = "このサイトではこのアシスタントを利用できません。",
        [TEXT_TOO_LARGE] = "会話が長すぎるため送信できません。",
        [TEXT_UNAVAILABLE] = "現在サービスをご利用いただけません。もう一度お試しください。",
        [TEXT_INTERRUPTED] = "（回答が中断されました。もう一度ご質問ください。）",
        [TEXT_NO_ANSWER] = "手元の資料には見つかりませんでした。担当者までお問い合わせください。",
        [TEXT_THANKS] = "ご意見ありがとうございます。",
        [TEXT_REFUSAL] = "そのご要望にはお応えできません。ほかにお手伝いできることはありますか。",
        [TEXT_LEAD_IN] = "資料より：",
        [TEXT_IN_STOCK] = "在庫あり",
        [TEXT_OUT_OF_STOCK] = "現在在庫切れ",
        [TEXT_CURRENT_PRICE] = "{0}の現在の価格：{1}。",
        [TEXT_COSTS] = "{0}は{1}です。",
        [TEXT_MATCHED_ON] = "一致した語：{0}。",
        [TEXT_NOTHING_FITS] = "カタログにご要望に合うものはありません。",
        [TEXT_YOU_ARE_WELCOME] = "どういたしまして。ほかにご用件はございますか。",
        [TEXT_FAREWELL] = "またのご利用をお待ちしております。",
    }},
    {"zh", "Chinese", {
        [TEXT_WELCOME] = "您好！请问有什么可以帮您？",
        [TEXT_RATE_LIMITED] = "当前消息过多，请稍后再试。😊",
        [TEXT_BAD_REQUEST] = "请求无效。",
        [TEXT_BAD_LOCALE] = "暂不支持该语言。",
        [TEXT_NOT_FOUND] = "该助手不可用。",
        [TEXT_FORBIDDEN] = "此网站无权使用该助手。",
        [TEXT_TOO_LARGE] = "对话过长，无法发送。",
        [TEXT_UNAVAILABLE] = "服务暂时不可用，请重试。",
        [TEXT_INTERRUPTED] = "（回答已中断，请重新提问。）",
        [TEXT_NO_ANSWER] = "我的资料中没有找到相关内容，请联系我们的团队。",
        [TEXT_THANKS] = "感谢您的反馈。",
        [TEXT_REFUSAL] = "抱歉，我无法处理这个请求。还有其他可以帮您的吗？",
        [TEXT_LEAD_IN] = "摘自我们的资料：",
        [TEXT_IN_STOCK] = "有货",
        [TEXT_OUT_OF_STOCK] = "暂时缺货",
        [TEXT_CURRENT_PRICE] = "{0}的当前价格：{1}。",
        [TEXT_COSTS] = "{0}的价格是{1}。",
        [TEXT_MATCHED_ON] = "匹配词：{0}。",
        [TEXT_NOTHING_FITS] = "目录中没有符合要求的商品。",
        [TEXT_YOU_ARE_WELCOME] = "不客气。还有什么可以帮您的吗？",
        [TEXT_FAREWELL] = "再见！",
    }},
    {"id", "Indonesian", {
        [TEXT_WELCOME] = "Halo! Ada yang bisa saya bantu?",
        [TEXT_RATE_LIMITED] = "Pesan sedang terlalu banyak. Silakan coba lagi sebentar lagi. 😊",
        [TEXT_BAD_REQUEST] = "Permintaan tidak valid.",
        [TEXT_BAD_LOCALE] = "Bahasa ini tidak tersedia.",
        [TEXT_NOT_FOUND] = "Asisten ini tidak tersedia.",
        [TEXT_FORBIDDEN] = "Situs ini tidak boleh memakai asisten ini.",
        [TEXT_TOO_LARGE] = "Percakapan terlalu panjang untuk dikirim.",
        [TEXT_UNAVAILABLE] = "Layanan sedang tidak tersedia. Silakan coba lagi.",
        [TEXT_INTERRUPTED] = "(Jawaban terputus. Silakan tanyakan lagi.)",
        [TEXT_NO_ANSWER] = "Saya tidak menemukan hal ini dalam bahan saya. Silakan hubungi tim kami.",
        [TEXT_THANKS] = "Terima kasih atas masukan Anda.",
        [TEXT_REFUSAL] = "Saya tidak dapat membantu permintaan ini. Ada hal lain yang bisa saya bantu?",
        [TEXT_LEAD_IN] = "Dari dokumen kami:",
        [TEXT_IN_STOCK] = "tersedia",
        [TEXT_OUT_OF_STOCK] = "saat ini tidak tersedia",
        [TEXT_CURRENT_PRICE] = "Harga {0} saat ini: {1}.",
        [TEXT_COSTS] = "Harga {0} adalah {1}.",
        [TEXT_MATCHED_ON] = "Cocok dengan: {0}.",
        [TEXT_NOTHING_FITS] = "Tidak ada produk di katalog yang sesuai dengan permintaan ini.",
        [TEXT_YOU_ARE_WELCOME] = "Sama-sama. Ada lagi yang bisa saya bantu?",
        [TEXT_FAREWELL] = "Sampai jumpa!",
    }},
    {"de", "German", {
        [TEXT_WELCOME] = "Hallo! Was kann ich für Sie tun?",
        [TEXT_RATE_LIMITED] = "Gerade kommen zu viele Nachrichten an. Bitte versuchen Sie es gleich noch einmal. 😊",
        [TEXT_BAD_REQUEST] = "Die Anfrage ist ungültig.",
        [TEXT_BAD_LOCALE] = "Diese Sprache ist nicht verfügbar.",
        [TEXT_NOT_FOUND] = "Dieser Assistent ist nicht verfügbar.",
        [TEXT_FORBIDDEN] = "Diese Website darf diesen Assistenten nicht verwenden.",
        [TEXT_TOO_LARGE] = "Das Gespräch ist zu lang, um es zu senden.",
        [TEXT_UNAVAILABLE] = "Der Dienst ist im Moment nicht verfügbar. Bitte versuchen Sie es noch einmal.",
        [TEXT_INTERRUPTED] = "(Die Antwort wurde unterbrochen. Bitte fragen Sie noch einmal.)",
        [TEXT_NO_ANSWER] = "Das habe ich in meinen Unterlagen nicht gefunden. Bitte wenden Sie sich an unser Team.",
        [TEXT_THANKS] = "Vielen Dank für Ihre Rückmeldung.",
        [TEXT_REFUSAL] = "Bei dieser Anfrage kann ich nicht helfen. Kann ich sonst etwas für Sie tun?",
        [TEXT_LEAD_IN] = "Aus unseren Unterlagen:",
        [TEXT_IN_STOCK] = "auf Lager",
        [TEXT_OUT_OF_STOCK] = "derzeit nicht verfügbar",
        [TEXT_CURRENT_PRICE] = "Aktueller Preis von {0}: {1}.",
        [TEXT_COSTS] = "{0} kostet {1}.",
        [TEXT_MATCHED_ON] = "Gefunden über: {0}.",
        [TEXT_NOTHING_FITS] = "Im Katalog passt nichts zu dieser Anfrage.",
        [TEXT_YOU_ARE_WELCOME] = "Gern geschehen. Kann ich sonst noch etwas für Sie tun?",
        [TEXT_FAREWELL] = "Auf Wiedersehen!",
    }},
    {"es", "Spanish", {
        [TEXT_WELCOME] = "¡Hola! ¿En qué puedo ayudarle?",
        [TEXT_RATE_LIMITED] = "Hay demasiados mensajes en este momento. Inténtelo de nuevo en breve. 😊",
        [TEXT_BAD_REQUEST] = "La solicitud no es válida.",
        [TEXT_BAD_LOCALE] = "Este idioma no está disponible.",
        [TEXT_NOT_FOUND] = "Este asistente no está disponible.",
        [TEXT_FORBIDDEN] = "Este sitio no puede usar este asistente.",
        [TEXT_TOO_LARGE] = "La conversación es demasiado larga para enviarla.",
        [TEXT_UNAVAILABLE] = "El servicio no está disponible en este momento. Inténtelo de nuevo.",
        [TEXT_INTERRUPTED] = "(La respuesta se interrumpió. Pregunte de nuevo.)",
        [TEXT_NO_ANSWER] = "No encontré esto en mi material. Póngase en contacto con nuestro equipo.",
        [TEXT_THANKS] = "Gracias por su opinión.",
        [TEXT_REFUSAL] = "No puedo ayudar con esta petición. ¿Puedo ayudarle en algo más?",
        [TEXT_LEAD_IN] = "De nuestros documentos:",
        [TEXT_IN_STOCK] = "en existencias",
        [TEXT_OUT_OF_STOCK] = "no disponible por ahora",
        [TEXT_CURRENT_PRICE] = "Precio actual de {0}: {1}.",
        [TEXT_COSTS] = "{0} cuesta {1}.",
        [TEXT_MATCHED_ON] = "Coincidencias: {0}.",
        [TEXT_NOTHING_FITS] = "Nada en el catálogo coincide con esta petición.",
        [TEXT_YOU_ARE_WELCOME] = "De nada. ¿Puedo ayudarle en algo más?",
        [TEXT_FAREWELL] = "¡Hasta luego!",
    }},
    {"fr", "French", {
        [TEXT_WELCOME] = "Bonjour ! Que puis-je faire pour vous ?",
        [TEXT_RATE_LIMITED] = "Trop de messages en ce moment. Veuillez réessayer dans un instant. 😊",
        [TEXT_BAD_REQUEST] = "La demande n'est pas valide.",
        [TEXT_BAD_LOCALE] = "Cette langue n'est pas disponible.",
        [TEXT_NOT_FOUND] = "Cet assistant n'est pas disponible.",
        [TEXT_FORBIDDEN] = "Ce site ne peut pas utiliser cet assistant.",
        [TEXT_TOO_LARGE] = "La conversation est trop longue pour être envoyée.",
        [TEXT_UNAVAILABLE] = "Le service n'est pas disponible pour le moment. Veuillez réessayer.",
        [TEXT_INTERRUPTED] = "(La réponse a été interrompue. Veuillez reposer votre question.)",
        [TEXT_NO_ANSWER] = "Je n'ai pas trouvé cela dans ma documentation. Veuillez contacter notre équipe.",
        [TEXT_THANKS] = "Merci pour votre avis.",
        [TEXT_REFUSAL] = "Je ne peux pas répondre à cette demande. Puis-je vous aider autrement ?",
        [TEXT_LEAD_IN] = "D'après nos documents :",
        [TEXT_IN_STOCK] = "en stock",
        [TEXT_OUT_OF_STOCK] = "actuellement indisponible",
        [TEXT_CURRENT_PRICE] = "Prix actuel de {0} : {1}.",
        [TEXT_COSTS] = "{0} coûte {1}.",
        [TEXT_MATCHED_ON] = "Correspondances : {0}.",
        [TEXT_NOTHING_FITS] = "Rien dans le catalogue ne correspond à cette demande.",
        [TEXT_YOU_ARE_WELCOME] = "Je vous en prie. Puis-je faire autre chose pour vous ?",
        [TEXT_FAREWELL] = "Au revoir !",
    }},
    {"ar", "Arabic", {
        [TEXT_WELCOME] = "مرحبًا! كيف يمكنني مساعدتك؟",
        [TEXT_RATE_LIMITED] = "هناك رسائل كثيرة في الوقت الحالي. يُرجى المحاولة بعد قليل. 😊",
        [TEXT_BAD_REQUEST] = "الطلب غير صالح.",
        [TEXT_BAD_LOCALE] = "هذه اللغة غير متاحة.",
        [TEXT_NOT_FOUND] = "هذا المساعد غير متاح.",
        [TEXT_FORBIDDEN] = "لا يُسمح لهذا الموقع باستخدام هذا المساعد.",
        [TEXT_TOO_LARGE] = "المحادثة أطول من أن تُرسل.",
        [TEXT_UNAVAILABLE] = "الخدمة غير متاحة الآن. يُرجى المحاولة مرة أخرى.",
        [TEXT_INTERRUPTED] = "(انقطعت الإجابة. يُرجى السؤال مرة أخرى.)",
        [TEXT_NO_ANSWER] = "لم أجد ذلك في المواد المتاحة لدي. يُرجى التواصل مع فريقنا.",
        [TEXT_THANKS] = "شكرًا على ملاحظاتك.",
        [TEXT_REFUSAL] = "لا يمكنني المساعدة في هذا الطلب. هل هناك شيء آخر أساعدك فيه؟",
        [TEXT_LEAD_IN] = "من وثائقنا:",
        [TEXT_IN_STOCK] = "متوفر",
        [TEXT_OUT_OF_STOCK] = "غير متوفر حاليًا",
        [TEXT_CURRENT_PRICE] = "السعر الحالي لـ {0}: {1}.",
        [TEXT_COSTS] = "سعر {0} هو {1}.",
        [TEXT_MATCHED_ON] = "مطابق لـ: {0}.",
        [TEXT_NOTHING_FITS] = "لا يوجد في الكتالوج ما يطابق هذا الطلب.",
        [TEXT_YOU_ARE_WELCOME] = "على الرحب والسعة. هل هناك شيء آخر أساعدك فيه؟",
        [TEXT_FAREWELL] = "مع السلامة!",
    }},
};
// clang-format on

static const char *const NAMES[TEXT_KEYS] = {
    [TEXT_WELCOME] = "welcome",         [TEXT_RATE_LIMITED] = "rateLimited",
    [TEXT_BAD_REQUEST] = "badRequest",  [TEXT_BAD_LOCALE] = "badLocale",
    [TEXT_NOT_FOUND] = "notFound",      [TEXT_FORBIDDEN] = "forbidden",
    [TEXT_TOO_LARGE] = "tooLarge",      [TEXT_UNAVAILABLE] = "unavailable",
    [TEXT_INTERRUPTED] = "interrupted", [TEXT_NO_ANSWER] = "noAnswer",
    [TEXT_THANKS] = "thanks",
};

// Languages that have no row but a name for the prompt.
static const struct {
    const char *tag, *name;
} OTHERS[] = {
    {"bg", "Bulgarian"}, {"bn", "Bengali"},  {"ca", "Catalan"},    {"cs", "Czech"},      {"da", "Danish"},
    {"el", "Greek"},     {"et", "Estonian"}, {"fa", "Persian"},    {"fi", "Finnish"},    {"fil", "Filipino"},
    {"he", "Hebrew"},    {"hi", "Hindi"},    {"hr", "Croatian"},   {"hu", "Hungarian"},  {"it", "Italian"},
    {"km", "Khmer"},     {"ko", "Korean"},   {"lo", "Lao"},        {"lt", "Lithuanian"}, {"lv", "Latvian"},
    {"ms", "Malay"},     {"my", "Burmese"},  {"nb", "Norwegian"},  {"nl", "Dutch"},      {"no", "Norwegian"},
    {"pl", "Polish"},    {"ro", "Romanian"}, {"ru", "Russian"},    {"sk", "Slovak"},     {"sl", "Slovenian"},
    {"sr", "Serbian"},   {"sv", "Swedish"},  {"sw", "Swahili"},    {"ta", "Tamil"},      {"tr", "Turkish"},
    {"uk", "Ukrainian"}, {"ur", "Urdu"},     {"vi", "Vietnamese"},
};

static size_t subtag(const char *tag) // length of the language subtag
{
    return tag ? strcspn(tag, "-_") : 0;
}

static bool same_language(const char *a, const char *b)
{
    size_t n = subtag(a);
    return n > 0 && n == subtag(b) && str_eq_nocase((struct str){a, n}, (struct str){b, n});
}

static const struct language *row_of(const char *language)
{
    for (size_t i = 0; i < sizeof LANGUAGES / sizeof *LANGUAGES; i++)
        if (same_language(language, LANGUAGES[i].tag))
            return &LANGUAGES[i];
    return &LANGUAGES[0];
}

struct str text_fixed(enum text_key key, const char *language)
{
    const char *text = row_of(language)->texts[key];
    return str_from(text ? text : LANGUAGES[0].texts[key]);
}

void text_fill(struct buf *out, enum text_key key, const char *language, struct str arg0, struct str arg1)
{
    struct str text = text_fixed(key, language);
    for (size_t i = 0; i < text.n; i++) {
        if (text.n - i >= 3 && text.p[i] == '{' && (text.p[i + 1] | 1) == '1' && text.p[i + 2] == '}') {
            buf_adds(out, text.p[i + 1] == '0' ? arg0 : arg1);
            i += 2;
        } else {
            buf_addc(out, text.p[i]);
        }
    }
}

const char *text_key_name(enum text_key key)
{
    return NAMES[key];
}

bool text_key_find(struct str name, enum text_key *ret)
{
    for (size_t i = 0; i < TEXT_KEYS; i++)
        if (NAMES[i] && str_eq(name, str_from(NAMES[i]))) {
            *ret = (enum text_key)i;
            return true;
        }
    return false;
}

const char *text_language(const char *language)
{
    return row_of(language)->tag;
}

const char *text_language_name(const char *language)
{
    for (size_t i = 0; i < sizeof LANGUAGES / sizeof *LANGUAGES; i++)
        if (same_language(language, LANGUAGES[i].tag))
            return LANGUAGES[i].name;
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (same_language(language, OTHERS[i].tag))
            return OTHERS[i].name;
    return NULL;
}
