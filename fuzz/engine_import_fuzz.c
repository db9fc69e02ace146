// SPDX-License-Identifier: Apache-2.0
// What imports make of anything: brands_config.json (first byte even), and a record as a product and as a document
// (odd: its metadata, a line feed, its text). Every id that comes out is one that a brand may have, every count has its
// row, and what is handed on is again JSON within bounds.
#include "fuzz.h"

#include "engine/import_config_internal.h"
#include "engine/import_brand.h"
#include "engine/import_record.h"
#include "engine/import_time.h"
#include "engine/product_draft.h"

#include "base/utf8.h"

static void drive_config(struct arena *arena, struct str text)
{
    struct import_report report;
    yyjson_val *root;
    if (json_parse(arena, text, JSON_RAW_NUMBERS, &root, NULL) != 0 || !import_config_is(root))
        return;
    import_report_init(&report);
    struct import_config *config = import_config_read(root, "Asia/Jakarta", &report);
    for (size_t i = 0; i < config->entries.n; i++) {
        const struct import_config_entry *entry = &config->entries.at[i];
        char fold[BRAND_ID_SIZE], again[BRAND_ID_SIZE];
        CHECK(brand_id_valid(str_from(entry->id)) && brand_id_fold(str_from(entry->id), fold));
        CHECK(!brand_id_reserved(str_from(fold)) && import_brand_name(arena, str_from(entry->id)).n > 0);
        import_brand_id(entry->given_id, again);
        CHECK(strcmp(entry->id, again) == 0 && entry->created_at >= 0);
        CHECK(utf8_count(entry->config.system_prompt) <= 10000 && entry->config.company_info.n <= 8192);
    }
    CHECK(report.failed >= (int64_t)report.rows.n);
    for (size_t i = 0; i < report.rows.n; i++)
        CHECK(report.rows.at[i].code && report.rows.at[i].detail);
    import_config_free(config);
    import_report_done(&report);
}

static void drive_record(struct arena *arena, struct str text)
{
    struct str document = text, json = str_split(&document, '\n');
    yyjson_val *metadata, *object = NULL, *key, *value;
    struct import_document made;
    struct product_draft draft;
    struct draft_result result;
    size_t i, max;
    if (json_parse(arena, json, JSON_RAW_NUMBERS, &metadata, NULL) != 0 || !yyjson_is_obj(metadata))
        return;
    struct import_record record = {STR("brand_x"), STR("brand"), metadata, document};
    (void)import_record_product(&record, arena, &object);
    draft_begin(&draft, arena, false);
    yyjson_obj_foreach(object, i, max, key, value)
    {
        struct product_column column = product_column_of(arena, json_str(key));
        draft_set_value(&draft, &column, value);
    }
    CHECK(draft_finish(&draft, &result) || (result.code && result.detail));
    import_record_document(&record, arena, &made);
    CHECK(made.title.n > 0 && utf8_count(made.title) <= 300 && utf8_valid(made.title));
    CHECK(json_parse(arena, made.metadata, JSON_RAW_NUMBERS, &object, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    int64_t ms;
    if (n == 0)
        return 0;
    struct str text = arena_str(arena, (struct str){(const char *)data + 1, n - 1});
    if (!utf8_valid(text) || memchr(text.p, 0, text.n))
        return 0;
    (void)import_time(text, data[0] & 2 ? "Europe/Berlin" : NULL, &ms);
    (data[0] & 1 ? drive_record : drive_config)(arena, text);
    return 0;
}
