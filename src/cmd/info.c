// SPDX-License-Identifier: Apache-2.0
// What the binary knows of itself: settings, OpenAPI, version, its SQL.
#include "cmd/command.h"

#include "api/access.h"
#include "api/openapi.h"
#include "base/json.h"
#include "base/metrics.h"
#include "model/product.h"
#include "model/provider.h"
#include "store/crud.h"
#include "store/tenant.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unicode/uvernum.h>
#include <uv.h>

enum { PRINTED_MOST = 1 << 20 };

int command_settings(int argc, char **argv)
{
    const char *markdown = NULL;
    struct option options[] = {{"--markdown", false, &markdown}};
    AUTO_BUF struct buf out = BUF_INIT(PRINTED_MOST);
    struct settings *settings;
    argc = command_options(argc, argv, options, 1);
    if (markdown) {
        settings_print_markdown(&out);
    } else {
        int code = argc < 0 ? EXIT_USAGE : command_read_settings(argc, argv, false, &settings);
        if (code)
            return code;
        settings_print(settings, &out);
        settings_free(settings);
    }
    (void)fwrite(out.p, 1, out.n, stdout);
    return EXIT_DONE;
}

int command_openapi(int argc, char **argv)
{
    AUTO_ARENA struct arena *arena = arena_new(1 << 16);
    (void)argv;
    if (argc > 0)
        return command_fault("openapi takes nothing");
    struct str text = openapi_text(arena, STR_NULL);
    yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
    size_t n;
    AUTO_FREE char *pretty = yyjson_write(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, &n);
    yyjson_doc_free(doc);
    printf("%s\n", pretty ? pretty : "");
    return EXIT_DONE;
}

int command_metrics_list(int argc, char **argv)
{
    const char *markdown = NULL;
    struct option options[] = {{"--markdown", false, &markdown}};
    AUTO_BUF struct buf out = BUF_INIT(PRINTED_MOST);
    if (command_options(argc, argv, options, 1) != 0)
        return command_fault("metrics-list takes nothing but --markdown");
    if (markdown)
        metrics_print_markdown(&out);
    else
        metrics_print_list(&out);
    (void)fwrite(out.p, 1, out.n, stdout);
    return EXIT_DONE;
}

int command_rights(int argc, char **argv)
{
    AUTO_BUF struct buf out = BUF_INIT(PRINTED_MOST);
    (void)argv;
    if (argc > 0)
        return command_fault("rights takes nothing");
    rights_print(&out);
    (void)fwrite(out.p, 1, out.n, stdout);
    return EXIT_DONE;
}

int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("parley %s\ncommit %s\nsqlite %s, libuv %s, libcurl %s, ICU %s, libsodium %s, %s\n", PARLEY_VERSION,
           PARLEY_COMMIT, sqlite3_libversion(), uv_version_string(), curl_version_info(CURLVERSION_NOW)->version,
           U_ICU_VERSION, sodium_version_string(), OpenSSL_version(OPENSSL_VERSION));
    return EXIT_DONE;
}

static void print_sql(const struct store_sql *sql)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *line = yyjson_mut_obj(doc);
    json_add_cstr(doc, line, "name", sql->name);
    json_add_cstr(doc, line, "sql", sql->text);
    printf("%s\n", json_write(arena, line).p);
}

int command_sql(int argc, char **argv)
{
    static const struct model *const tables[] = {&product_model, &staged_product_model, &provider_model};
    size_t pos = 0;
    (void)argc;
    (void)argv;
    for (const struct store_sql *sql; (sql = store_sql_next(&pos));)
        print_sql(sql);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (size_t i = 0; crud_sql(tables[t], i); i++)
            print_sql(crud_sql(tables[t], i));
    for (size_t i = 0; tenant_sql(i); i++)
        print_sql(tenant_sql(i));
    return EXIT_DONE;
}
