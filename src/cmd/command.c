// SPDX-License-Identifier: Apache-2.0
#include "cmd/command.h"

#include "store/migrations.h"

#include <stdarg.h>
#include <stdio.h>

extern char **environ;

int command_fault(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("parley: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return EXIT_USAGE;
}

int command_options(int argc, char **argv, const struct option *options, size_t n)
{
    int left = 0;
    for (int i = 0; i < argc; i++) {
        const struct option *found = NULL;
        struct str value = str_from(argv[i]);
        struct str name = str_split(&value, '=');
        for (size_t k = 0; k < n && !found; k++)
            if (str_eq(name, str_from(options[k].name)))
                found = &options[k];
        if (!found) {
            argv[left++] = argv[i];
            // A setting's value is never an option of ours.
            int words;
            if (settings_flag(argv[i], &words) && words == 2 && i + 1 < argc)
                argv[left++] = argv[++i];
            continue;
        }
        const char *given = !found->takes_value ? "" : value.p ? value.p : i + 1 < argc ? argv[++i] : NULL;
        if (!given || (found->n && *found->n == found->most)) {
            (void)command_fault(given ? "%s: too often" : "%s: a value is missing", found->name);
            return -1;
        }
        found->ret[found->n ? (*found->n)++ : 0] = given;
    }
    return left;
}

int command_words(int *argc, char **argv, const char **words, int most)
{
    int n = 0, left = 0;
    for (int i = 0; i < *argc; i++) {
        int takes;
        if (argv[i][0] != '-') {
            if (n < most)
                words[n] = argv[i];
            n++;
            continue;
        }
        argv[left++] = argv[i];
        bool setting = settings_flag(argv[i], &takes) && takes == 2;
        if ((setting || strcmp(argv[i], "--config") == 0) && i + 1 < *argc)
            argv[left++] = argv[++i];
    }
    *argc = left;
    return n;
}

int command_read_settings(int argc, char **argv, bool demo, struct settings **ret)
{
    const char *config = NULL;
    struct option options[] = {{"--config", true, &config}};
    struct err err = {0};
    argc = command_options(argc, argv, options, 1);
    if (argc < 0)
        return EXIT_USAGE;
    struct settings_source source = {
        .argc = argc, .argv = argv, .environment = environ, .config = config, .dotenv = ".env"};
    if (demo) {
        source.defaults[0].id = SET_DEMO;
        source.defaults[0].value = "true";
        source.defaults[1].id = SET_DATA;
        source.defaults[1].value = "./parley-demo";
        source.defaults[2].id = SET_LOG_LEVEL;
        source.defaults[2].value = "warn";
    }
    return settings_new(&source, ret, &err) == 0 ? 0 : command_fault("%s", err.text);
}

int command_open_store(const struct settings *settings, enum command_store how, struct store **ret, bool *ret_fresh,
                       struct err *err)
{
    struct store_options options = {.url = settings_str(settings, SET_STORE),
                                    .data_dir = settings_str(settings, SET_DATA),
                                    .shared = how == STORE_SHARED,
                                    .read_only = how == STORE_READ_ONLY};
    store_use_migrations(&options);
    return store_open(&options, ret, ret_fresh, err);
}
