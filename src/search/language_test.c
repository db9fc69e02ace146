// SPDX-License-Identifier: Apache-2.0
// Questions as visitors ask them, in the languages of the channels: the right passage first, and at a relevance that
// passes the default threshold of 0.3.
#include "base/test.h"

#include "search/search.h"

static const struct {
    const char *id, *title, *text;
} passages[] = {
    {"en-warranty", "Warranty", "All laptops have a two-year warranty. Batteries are covered for twelve months."},
    {"en-return", "Returns", "Send the goods back within thirty days of delivery and we refund the full price."},
    {"en-delivery", "Delivery", "Parcels are delivered in three working days. Express shipping costs 9 dollars."},
    {"pt-prazo", "Prazo de entrega", "As encomendas chegam em cinco dias úteis. O frete é grátis acima de 50 reais."},
    {"pt-devolucao", "Devoluções", "Você pode devolver o produto em até trinta dias e receber o reembolso."},
    {"pt-garantia", "Garantia", "Todos os notebooks têm garantia de dois anos contra defeitos de fabricação."},
    {"th-return", "การคืนสินค้า", "ลูกค้าสามารถคืนสินค้าได้ภายใน 30 วัน โดยสินค้าต้องอยู่ในสภาพเดิม"},
    {"th-delivery", "การจัดส่ง", "จัดส่งภายใน 3 วันทำการ ค่าจัดส่ง 50 บาททั่วประเทศ"},
    {"th-warranty", "การรับประกัน", "โน้ตบุ๊กทุกรุ่นมีการรับประกัน 2 ปี แบตเตอรี่รับประกัน 1 ปี"},
    {"ja-warranty", "保証期間", "ノートパソコンの保証期間はお買い上げ日から2年間です。バッテリーは1年間です。"},
    {"ja-return", "返品について", "商品到着後30日以内であれば返品を承ります。送料はお客様のご負担となります。"},
    {"ja-delivery", "配送", "ご注文から3営業日以内に発送いたします。配送料は全国一律500円です。"},
    {"zh-return", "退货政策", "收到商品后三十天内可以退货，退款会在五个工作日内到账。"},
    {"zh-warranty", "保修", "所有笔记本电脑保修两年，电池保修一年。"},
    {"zh-delivery", "配送时间", "订单将在三个工作日内送达，满五百元免运费。"},
    {"ko-delivery", "배송 안내", "배송비는 3000원이며 주문 후 3일 이내에 도착합니다."},
    {"id-return", "Pengembalian", "Barang dapat dikembalikan dalam tiga puluh hari sejak diterima."},
    {"id-warranty", "Garansi", "Semua laptop bergaransi resmi dua tahun."},
    {"de-warranty", "Garantie", "Auf alle Geräte geben wir zwei Jahre Garantie."},
};

static struct search_index *make(void)
{
    struct search_index *index = search_index_new(0);
    for (size_t i = 0; i < sizeof passages / sizeof *passages; i++) {
        struct search_passage p = {.n_zones = 2,
                                   .zones = {{str_from(passages[i].title), 1}, {str_from(passages[i].text), 1}},
                                   .attrs = {.order = (int64_t)i}};
        assert_int_equal(search_put(index, str_from(passages[i].id), &p, 1, NULL), 0);
    }
    search_publish(index);
    return index;
}

static const struct {
    const char *question, *id; // NULL: nothing may reach the threshold
} questions[] = {
    {"How long is the warranty?", "en-warranty"},
    {"what does express shipping cost", "en-delivery"},
    {"Can I get a refund?", "en-return"},
    {"Qual é o prazo de entrega?", "pt-prazo"},
    {"como faço uma devolução?", "pt-devolucao"},
    {"vocês têm garantia?", "pt-garantia"},
    {"อยากคืนสินค้าต้องทำอย่างไรคะ", "th-return"},
    {"ค่าจัดส่งเท่าไหร่ครับ", "th-delivery"},
    {"รับประกันกี่ปี", "th-warranty"},
    {"保証は何年ですか", "ja-warranty"},
    {"返品したいのですがどうすればいいですか", "ja-return"},
    {"配送料はいくらですか", "ja-delivery"},
    {"怎么退货", "zh-return"},
    {"笔记本电脑保修几年？", "zh-warranty"},
    {"订单多久能送达", "zh-delivery"},
    {"배송비는 얼마인가요?", "ko-delivery"},
    {"apakah laptop ini bergaransi?", "id-warranty"},
    {"Wie lange ist die Garantie?", "de-warranty"},
    {"Do you repair bicycles?", NULL},
    {"今天天气怎么样", NULL},
    {"หมาแมวกินอะไร", NULL},
};

// 003-platform 6: short natural questions pass the default threshold where their content words occur.
TEST(search_answers_questions_in_many_languages)
{
    struct search_index *index = make();
    struct search_reader *reader = search_read(index);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct search_query query = {
            .text = str_from(questions[i].question), .filter = SEARCH_ALL, .limit = 3, .idf_at_least = 1000};
        struct search_result r;
        search_run(reader, arena, &query, &r);
        double best = r.n ? (double)r.hits[0].relevance : 0;
        if (!questions[i].id) {
            if (best >= 0.3 && !r.no_terms)
                fail_msg("%s: " STR_FMT " at %.3f", questions[i].question, STR_ARG(r.hits[0].doc), best);
            continue;
        }
        if (r.n == 0 || !str_eq(r.hits[0].doc, str_from(questions[i].id)) || best < 0.35)
            fail_msg("%s: " STR_FMT " at %.3f", questions[i].question, STR_ARG(r.n ? r.hits[0].doc : STR("nothing")),
                     best);
    }
    search_reader_done(reader);
    search_index_free(index);
}

// Case, accents, widths, plurals and codes do not stand between a question and its answer.
TEST(search_folds_both_sides_alike)
{
    static const struct {
        const char *text, *question;
    } rows[] = {{"Café com leite", "CAFE"},
                {"ｶﾒﾗ ケース", "カメラ"},
                {"ＡＢＣ－１２３", "abc"},
                {"wooden boxes", "box"},
                {"reagent 7732-18-5 pure", "7732-18-5"},
                {"Straße", "STRASSE"},
                {"น้ำดื่มสะอาด", "น้ำดื่ม"},
                {"ราคา ๑๒๐ บาท", "120"},
                {"Ёлка", "елка"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct search_index *index = search_index_new(0);
        struct search_passage p = {.n_zones = 1, .zones = {{str_from(rows[i].text), 1}}};
        assert_int_equal(search_put(index, STR("a"), &p, 1, NULL), 0);
        search_publish(index);
        struct search_reader *reader = search_read(index);
        struct search_query query = {.text = str_from(rows[i].question), .filter = SEARCH_ALL, .limit = 3};
        struct search_result r;
        search_run(reader, arena, &query, &r);
        if (r.n != 1 || r.hits[0].relevance < 0.999f)
            fail_msg("%s does not find %s", rows[i].question, rows[i].text);
        search_reader_done(reader);
        search_index_free(index);
    }
}
