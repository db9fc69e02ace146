// SPDX-License-Identifier: Apache-2.0
#include "base/settings.h"

#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Sources of one test: words and files end with NULL. Files live in a directory of their own.
struct sources {
    const char *flags[16], *environment[16];
    const char *conf, *dotenv; // texts
};

struct fixture {
    char directory[32], conf[64], dotenv[64];
    struct settings_source source;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void fixture_init(struct fixture *f, const struct sources *sources)
{
    *f = (struct fixture){.directory = "/tmp/parley-settings-XXXXXX"};
    assert_non_null(mkdtemp(f->directory));
    (void)snprintf(f->conf, sizeof f->conf, "%s/parley.conf", f->directory);
    (void)snprintf(f->dotenv, sizeof f->dotenv, "%s/.env", f->directory);
    write_file(f->conf, sources->conf ? sources->conf : "");
    if (sources->dotenv)
        write_file(f->dotenv, sources->dotenv);
    while (sources->flags[f->source.argc])
        f->source.argc++;
    f->source.argv = (char **)(uintptr_t)sources->flags;
    f->source.environment = (char **)(uintptr_t)sources->environment;
    f->source.config = f->conf;
    f->source.dotenv = f->dotenv;
}

static void fixture_done(struct fixture *f)
{
    (void)unlink(f->conf);
    (void)unlink(f->dotenv);
    assert_int_equal(rmdir(f->directory), 0);
}

static struct settings *load(const struct sources *sources)
{
    struct fixture f;
    struct settings *settings = NULL;
    struct err err = {0};
    fixture_init(&f, sources);
    int rc = settings_new(&f.source, &settings, &err);
    fixture_done(&f);
    if (rc)
        fail_msg("%s", err.text);
    return settings;
}

// The fault's line, with the directory's name left out.
static void assert_fault(const struct sources *sources, const char *expected)
{
    struct fixture f;
    struct settings *settings = NULL;
    struct err err = {0};
    fixture_init(&f, sources);
    int rc = settings_new(&f.source, &settings, &err);
    fixture_done(&f);
    assert_int_equal(rc, ERR_INVALID);
    assert_null(settings);
    char *at = strstr(err.text, f.directory);
    if (at)
        memmove(at, at + strlen(f.directory) + 1, strlen(at + strlen(f.directory) + 1) + 1);
    assert_string_equal(err.text, expected);
}

TEST(settings_rows_are_in_order)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = &setting_rows[i];
        assert_true(row->help && *row->help);
        assert_true(row->low <= row->high);
        assert_int_equal(row->type == SETTING_ENUM, row->choices != NULL);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(row->name, setting_rows[k].name);
            assert_false(row->alias && setting_rows[k].alias && strcmp(row->alias, setting_rows[k].alias) == 0);
        }
    }
}

TEST(settings_have_defaults)
{
    struct settings *s = load(&(struct sources){0});
    size_t n;
    assert_int_equal(settings_int(s, SET_LIMITS_CHAT), 60);
    assert_true(settings_number(s, SET_DRAIN_SECONDS) == 20);
    assert_true(settings_bool(s, SET_SAMPLE_DATA));
    assert_false(settings_bool(s, SET_DEMO));
    assert_string_equal(settings_str(s, SET_LOG_LEVEL), "info");
    assert_null(settings_str(s, SET_ADMIN_EMAIL));
    assert_int_equal(settings_int(s, SET_WORKERS), 0);
    assert_str(settings_list(s, SET_LISTEN, &n)[0], "127.0.0.1:8000");
    assert_int_equal(n, 1);
    (void)settings_list(s, SET_CORS_ORIGINS, &n);
    assert_int_equal(n, 0);
    assert_false(settings_given(s, SET_LIMITS_CHAT));
    settings_free(s);
    settings_free(NULL);
}

// From the highest rank to the lowest: with each source taken away the next one counts.
TEST(settings_precedence)
{
    struct sources all = {
        .flags = {"--log.level", "error"},
        .environment = {"PARLEY_LOG_LEVEL=warn", "LOG_LEVEL=debug"},
        .conf = "log.level = debug\n",
        .dotenv = "LOG_LEVEL=error\n",
    };
    static const char *const expected[] = {"error", "warn", "debug", "error", "warn", "info"};
    for (size_t without = 0; without < 6; without++) {
        struct sources some = all;
        if (without >= 1)
            some.flags[0] = NULL;
        if (without >= 2)
            some.environment[0] = without == 4 ? "LOG_LEVEL=WARNING" : "LOG_LEVEL=error";
        if (without >= 2)
            some.environment[1] = NULL;
        if (without >= 3)
            some.conf = "";
        if (without >= 5) {
            some.environment[0] = NULL;
            some.dotenv = NULL;
        }
        struct settings *s = load(&some);
        assert_string_equal(settings_str(s, SET_LOG_LEVEL), expected[without]);
        assert_int_equal(settings_given(s, SET_LOG_LEVEL), without < 5);
        settings_free(s);
    }
    struct settings *s = load(&(struct sources){.environment = {"LOG_LEVEL="}, .dotenv = "LOG_LEVEL='warn'\n"});
    assert_string_equal(settings_str(s, SET_LOG_LEVEL), "warn"); // an empty alias is none
    settings_free(s);
}

TEST(settings_defaults_of_a_command)
{
    struct fixture f;
    struct sources sources = {.flags = {"--data", "./here"}};
    struct settings *s;
    struct err err = {0};
    fixture_init(&f, &sources);
    f.source.defaults[0].id = SET_DEMO;
    f.source.defaults[0].value = "true";
    f.source.defaults[1].id = SET_DATA;
    f.source.defaults[1].value = "./parley-demo";
    assert_int_equal(settings_new(&f.source, &s, &err), 0);
    assert_true(settings_bool(s, SET_DEMO));
    assert_string_equal(settings_str(s, SET_DATA), "./here");
    settings_free(s);
    fixture_done(&f);
}

TEST(settings_flags)
{
    struct settings *s =
        load(&(struct sources){.flags = {"--limits.chat", "5", "--limits.chat=7", "--drain.seconds=0.5", "--listen",
                                         "a:1", "--listen=b:2,c:3"}});
    size_t n;
    const struct str *listen = settings_list(s, SET_LISTEN, &n);
    assert_int_equal(settings_int(s, SET_LIMITS_CHAT), 7);
    assert_true(settings_number(s, SET_DRAIN_SECONDS) == 0.5);
    assert_int_equal(n, 3);
    assert_str(listen[0], "a:1");
    assert_str(listen[2], "c:3");
    settings_free(s);
    int words = 0;
    assert_true(settings_flag("--limits.chat", &words));
    assert_int_equal(words, 2);
    assert_true(settings_flag("--limits.chat=1", &words));
    assert_int_equal(words, 1);
    assert_true(settings_flag("--llm.providers.main.kind", &words));
    assert_false(settings_flag("--", &words));
    assert_false(settings_flag("limits.chat", &words));
    assert_false(settings_flag("--json", &words));
    assert_false(settings_flag("--llm.providers.<id>.kind", &words));
}

TEST(settings_file)
{
    struct settings *s = load(
        &(struct sources){.conf = "# a comment\r\n\r\n  limits.chat = 9  \r\n[limits]\nread=10\n"
                                  "[llm.providers.main]\nbaseUrl = \"http://a.example/v1\"\nqueryPrefix = \"query: \"\n"
                                  "[]\ndata = '/var/lib/my parley'\ndemo = Yes"});
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str *ids;
    assert_int_equal(settings_int(s, SET_LIMITS_CHAT), 9);
    assert_int_equal(settings_int(s, SET_LIMITS_READ), 10);
    assert_string_equal(settings_str(s, SET_DATA), "/var/lib/my parley");
    assert_true(settings_bool(s, SET_DEMO));
    assert_int_equal(settings_family_ids(s, arena, &ids), 1);
    assert_str(ids[0], "main");
    assert_string_equal(settings_family_str(s, SET_LLM_QUERY_PREFIX, ids[0]), "query: "); // its space matters
    settings_free(s);
}

TEST(settings_booleans)
{
    static const char *const yes[] = {"true", "TRUE", "1", "on", "Yes"}, *const no[] = {"false", "0", "OFF", "no"};
    for (size_t i = 0; i < 5; i++) {
        struct settings *s = load(&(struct sources){.flags = {"--demo", yes[i]}});
        assert_true(settings_bool(s, SET_DEMO));
        settings_free(s);
    }
    for (size_t i = 0; i < 4; i++) {
        struct settings *s = load(&(struct sources){.flags = {"--sample_data", no[i]}});
        assert_false(settings_bool(s, SET_SAMPLE_DATA));
        settings_free(s);
    }
}

// program#3
TEST(settings_faults_name_source_setting_and_range)
{
    static const struct {
        struct sources sources;
        const char *text;
    } rows[] = {
        {{.flags = {"--limits.chat", "-1"}}, "flag: limits.chat must be an integer 0..1000000"},
        {{.flags = {"--limits.chat=1000001"}}, "flag: limits.chat must be an integer 0..1000000"},
        {{.flags = {"--limits.chat", "1.5"}}, "flag: limits.chat must be an integer 0..1000000"},
        {{.flags = {"--limits.chat", ""}}, "flag: limits.chat must be an integer 0..1000000"},
        {{.flags = {"--drain.seconds", "601"}}, "flag: drain.seconds must be a number 0..600"},
        {{.flags = {"--drain.seconds", "nan"}}, "flag: drain.seconds must be a number 0..600"},
        {{.flags = {"--demo", "maybe"}}, "flag: demo must be true or false"},
        {{.flags = {"--log.level", "loud"}}, "flag: log.level must be one of error|warn|info|debug"},
        {{.flags = {"--listen", " , "}}, "flag: listen must be 1..16 addresses separated by commas"},
        {{.flags = {"--admin.password", "short"}}, "flag: admin.password must be 8..128 bytes"},
        {{.flags = {"--limits.chat"}}, "flag --limits.chat: a value is missing"},
        {{.flags = {"--nope", "1"}}, "flag --nope: unknown setting"},
        {{.flags = {"--limits.chatt", "1"}}, "flag --limits.chatt: unknown setting, nearest is --limits.chat"},
        {{.flags = {"--limits.caht=123456789"}}, "flag --limits.caht: unknown setting, nearest is --limits.chat"},
        {{.flags = {"serve"}}, "unexpected word 'serve'"},
        {{.flags = {"--llm.providers.Main.kind", "auto"}},
         "flag --llm.providers.Main.kind: unknown setting, nearest is --llm.providers.<id>.kind"},
        {{.environment = {"PARLEY_LIMITS_CHAT=x"}},
         "environment PARLEY_LIMITS_CHAT: limits.chat must be an integer 0..1000000"},
        {{.environment = {"LOG_LEVEL=loud"}}, "environment LOG_LEVEL: log.level must be one of error|warn|info|debug"},
        {{.dotenv = "LOG_LEVEL=loud"}, ".env LOG_LEVEL: log.level must be one of error|warn|info|debug"},
        {{.conf = "\nlimits.chat = x\n"}, "parley.conf:2: limits.chat must be an integer 0..1000000"},
        {{.conf = "limit.chat = 1\n"}, "parley.conf:1: unknown setting 'limit.chat' (did you mean 'limits.chat'?)"},
        {{.conf = "zzzzzzzzzzzz = 1\n"}, "parley.conf:1: unknown setting 'zzzzzzzzzzzz'"},
        {{.conf = "limits.chat\n"}, "parley.conf:1: expected name = value"},
        {{.conf = "[llm.providers.main]\nkind = gpt\n"},
         "parley.conf:2: llm.providers.main.kind must be one of "
         "auto|openai|azure|ollama|llamacpp|vllm|sglang|lmstudio"},
        {{.flags = {"--secret", "env:NOT_THERE"}}, "flag: secret names a source that cannot be read"},
        {{.flags = {"--secret", "file:/nonexistent/key"}}, "flag: secret names a source that cannot be read"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_fault(&rows[i].sources, rows[i].text);
}

TEST(settings_file_that_is_named_must_be_there)
{
    struct settings *settings = NULL;
    struct err err = {0};
    struct settings_source source = {.config = "/nonexistent/parley.conf"};
    assert_int_equal(settings_new(&source, &settings, &err), ERR_INVALID);
    assert_string_equal(err.text, "/nonexistent/parley.conf: no such file");
    source.config = "/";
    assert_int_equal(settings_new(&source, &settings, &err), ERR_INVALID);
    assert_string_equal(err.text, "/: cannot be read, or over 1 MiB");
}

TEST(settings_environment_of_others_is_left_alone)
{
    struct settings *s =
        load(&(struct sources){.environment = {"PARLEY_BIN=/usr/bin/parley", "PATH=/bin", "PARLEY_", "BROKEN",
                                               "PARLEY_BRANDS_CREATE=super_admin", "PARLEY_DEFAULT_BRAND=acme"}});
    assert_string_equal(settings_str(s, SET_BRANDS_CREATE), "super_admin");
    assert_string_equal(settings_str(s, SET_DEFAULT_BRAND), "acme");
    settings_free(s);
}

TEST(settings_secrets_come_from_elsewhere)
{
    struct fixture f;
    struct sources sources = {.flags = {"--admin.password", "env:PASSWORD_OF_MINE", "--secret", NULL},
                              .environment = {"PASSWORD_OF_MINE=pebble-and-reed", "OPENAI_API_KEY=sk-1"}};
    char flag[80];
    struct settings *s;
    struct err err = {0};
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    fixture_init(&f, &sources);
    write_file(f.dotenv, "  0123456789abcdef0123456789abcdef\n");
    (void)snprintf(flag, sizeof flag, "file:%s", f.dotenv);
    sources.flags[3] = flag;
    f.source.argc = 4;
    f.source.dotenv = NULL;
    assert_int_equal(settings_new(&f.source, &s, &err), 0);
    assert_string_equal(settings_str(s, SET_ADMIN_PASSWORD), "pebble-and-reed");
    assert_string_equal(settings_str(s, SET_SECRET), "0123456789abcdef0123456789abcdef");
    settings_print(s, &out);
    assert_null(strstr(out.p, "pebble"));
    assert_null(strstr(out.p, "0123456789abcdef"));
    assert_null(strstr(out.p, "sk-1"));
    settings_free(s);
    fixture_done(&f);
}

TEST(settings_families_and_aliases)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str *ids;
    struct settings *s = load(&(struct sources){
        .flags = {"--llm.providers.b.kind", "ollama", "--llm.providers.a-2.baseUrl=http://a.example"},
        .environment = {"LLM_API_KEY=sk-2", "OPENAI_MODEL=small"},
        .conf = "[llm.providers.b]\nkind = vllm\norder = 3\n",
        .dotenv = "# keys\nexport OPENAI_BASE_URL=\"http://env.example/v1\"\nEMBEDDING_MODEL = tiny\nOTHER=1\n",
    });
    assert_int_equal(settings_family_ids(s, arena, &ids), 3);
    assert_str(ids[0], "a-2");
    assert_str(ids[1], "b");
    assert_str(ids[2], "env");
    assert_string_equal(settings_family_str(s, SET_LLM_KIND, STR("b")), "ollama");
    assert_string_equal(settings_family_str(s, SET_LLM_ORDER, STR("b")), "3");
    assert_string_equal(settings_family_str(s, SET_LLM_ORDER, STR("a-2")), "100");
    assert_null(settings_family_str(s, SET_LLM_API_KEY, STR("b")));
    assert_string_equal(settings_family_str(s, SET_LLM_API_KEY, STR("env")), "sk-2");
    assert_string_equal(settings_family_str(s, SET_LLM_MODELS, STR("env")), "*=small");
    assert_string_equal(settings_family_str(s, SET_LLM_BASE_URL, STR("env")), "http://env.example/v1");
    assert_string_equal(settings_family_str(s, SET_LLM_EMBEDDING_MODEL, STR("env")), "tiny");
    settings_free(s);
}

TEST(settings_reload)
{
    struct fixture f;
    struct settings *s;
    struct err err = {0};
    fixture_init(&f, &(struct sources){.conf = "limits.chat = 5\ndata = ./one\n"});
    assert_int_equal(settings_new(&f.source, &s, &err), 0);
    const char *data = settings_str(s, SET_DATA), *level = settings_str(s, SET_LOG_LEVEL);

    write_file(f.conf, "limits.chat = x\n");
    assert_int_equal(settings_reload(s, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "limits.chat must be an integer"));
    assert_int_equal(settings_int(s, SET_LIMITS_CHAT), 5);

    write_file(f.conf, "limits.chat = 6\ndata = ./two\nlog.level = debug\n[llm.providers.new]\nkind = vllm\n");
    assert_int_equal(settings_reload(s, &err), 0);
    assert_int_equal(settings_int(s, SET_LIMITS_CHAT), 6);
    assert_string_equal(settings_str(s, SET_LOG_LEVEL), "debug");
    assert_string_equal(settings_family_str(s, SET_LLM_KIND, STR("new")), "vllm");
    assert_string_equal(settings_str(s, SET_DATA), "./one"); // not reloadable
    assert_string_equal(data, "./one");                      // what was handed out stays good
    assert_string_equal(level, "info");

    write_file(f.conf, "");
    assert_int_equal(settings_reload(s, &err), 0);
    assert_int_equal(settings_int(s, SET_LIMITS_CHAT), 60);
    assert_string_equal(settings_str(s, SET_DATA), "./one");
    settings_free(s);
    fixture_done(&f);
}

TEST(settings_nearest_names)
{
    assert_string_equal(settings_nearest("limits.caht"), "limits.chat");
    assert_string_equal(settings_nearest("loglevel"), "log.level");
    assert_null(settings_nearest("zzqx"));
    assert_null(settings_nearest(""));
    char longest[400];
    memset(longest, 'l', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_null(settings_nearest(longest));
}

TEST(settings_print_every_row)
{
    struct settings *s = load(&(struct sources){.flags = {"--limits.chat", "5"}});
    AUTO_BUF struct buf out = BUF_INIT(1 << 16), table = BUF_INIT(1 << 16);
    settings_print(s, &out);
    settings_print_markdown(&table);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        assert_non_null(strstr(out.p, setting_rows[i].name));
        assert_non_null(strstr(table.p, setting_rows[i].help));
    }
    assert_non_null(strstr(out.p, "from flag"));
    assert_false(out.overflow || table.overflow);
    settings_free(s);
}
