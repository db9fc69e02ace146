// SPDX-License-Identifier: Apache-2.0
// The command: finds each source's format, reads all of them, then writes them one after the other. Temporary files lie
// in a folder of their own, which a small process removes when this one has ended in whatever way.
#include "cmd/import.h"
#include "cmd/command.h"
#include "cmd/progress.h"

#include "base/utf8.h"
#include "engine/import_time.h"
#include "store/backup.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOURCES = 256 };

// The first that detects a source has it: the one that takes most stands last.
static const struct import_format *const formats_of_import[] = {&import_export, &import_chroma, &import_brands,
                                                                &import_products};
enum { FORMATS_OF_IMPORT = sizeof formats_of_import / sizeof *formats_of_import };

struct source {
    const char *path;
    const struct import_format *format;
    struct import_report report;
    void *state;
    struct err err;
    bool written;
};

// ---- temporary files -----------------------------------------------------------------------------------------------

struct temp {
    char path[PATH_MAX];
    int end; // of a pipe: closed when this process ends
    pid_t keeper;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    (void)remove(path);
    return 0;
}

static void temp_remove(struct temp *temp)
{
    if (temp->end < 0)
        return;
    close(temp->end);
    (void)waitpid(temp->keeper, NULL, 0);
}

// Makes the folder itself, says where it is, and removes it when nobody holds the other end any more: whenever the
// command is killed, there is no moment at which the folder belongs to nobody.
static void keep(int end, int tell, char *path)
{
    char c;
    if (!mkdtemp(path))
        _exit(1);
    ssize_t told = write(tell, path, strlen(path) + 1);
    close(tell);
    while (told > 0 && read(end, &c, 1) > 0)
        ;
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    _exit(0);
}

static int start_keeper(struct temp *temp, int ends[2], int path[2], struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before); // none may reach it before it ignores them
    temp->keeper = fork();
    if (temp->keeper == 0) {
        static const int ignored[] = {SIGINT, SIGHUP, SIGTERM, SIGPIPE}; // the terminal's are meant for the command
        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
            (void)signal(ignored[i], SIG_IGN);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        close(ends[1]);
        close(path[0]);
        keep(ends[0], path[1], temp->path);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return temp->keeper > 0 ? 0 : err_set(err, ERR_IO, "no process can be started: %m");
}

// Before there are threads.
static int temp_make(struct temp *temp, struct err *err)
{
    const char *folder = getenv("TMPDIR");
    int ends[2] = {-1, -1}, path[2] = {-1, -1};
    *temp = (struct temp){.end = -1};
    if ((size_t)snprintf(temp->path, sizeof temp->path, "%s/parley-import-XXXXXX",
                         folder && *folder ? folder : "/var/tmp") >= sizeof temp->path)
        return err_set(err, ERR_INVALID, "TMPDIR is too long");
    if (pipe2(ends, O_CLOEXEC) != 0 || pipe2(path, O_CLOEXEC) != 0)
        return err_set(err, ERR_IO, "no pipe can be made: %m");
    int rc = start_keeper(temp, ends, path, err);
    close(ends[0]);
    close(path[1]);
    temp->end = ends[1];
    if (!rc && read(path[0], temp->path, sizeof temp->path) <= 0)
        rc = err_set(err, ERR_IO, "no folder for temporary files can be made");
    close(path[0]);
    if (rc && temp->keeper > 0)
        temp_remove(temp);
    return rc;
}

// ---- a trial -------------------------------------------------------------------------------------------------------

// A trial runs on a copy, which is made without disturbing a server; where there is no store yet, on a new one.
static int copy_store(const struct settings *settings, const char *temp_dir, struct err *err)
{
    char path[PATH_MAX];
    struct stat st;
    struct store *store;
    if ((size_t)snprintf(path, sizeof path, "%s/parley.db", settings_str(settings, SET_DATA)) >= sizeof path)
        return err_set(err, ERR_INVALID, "the path is too long");
    if (stat(path, &st) != 0)
        return 0;
    if ((size_t)snprintf(path, sizeof path, "%s/parley.db", temp_dir) >= sizeof path)
        return err_set(err, ERR_INVALID, "the path is too long");
    int rc = command_open_store(settings, STORE_READ_ONLY, &store, NULL, err);
    if (rc)
        return rc;
    rc = store_backup(store, path, err);
    store_close(store);
    return rc;
}

// ---- reports -------------------------------------------------------------------------------------------------------

// Names and ids come from elsewhere: a terminal gets no control characters.
static void print_plain(FILE *to, struct str text)
{
    for (size_t pos = 0; pos < text.n;) {
        size_t at = pos;
        uint32_t rune = utf8_next(text, &pos);
        if (rune < 32 || (rune >= 127 && rune < 160))
            (void)fputc(' ', to);
        else
            (void)fwrite(text.p + at, 1, pos - at, to);
    }
}

static void print_row(const struct import_row *row)
{
    printf("  failed:");
    if (row->sheet.n) {
        printf(" in ");
        print_plain(stdout, row->sheet);
    }
    if (row->row)
        printf(" row %lld", (long long)row->row);
    if (row->line)
        printf(" line %lld", (long long)row->line);
    if (row->id.n) {
        printf(" id ");
        print_plain(stdout, row->id);
    }
    printf(": %s: ", row->code);
    print_plain(stdout, str_from(row->detail));
    (void)putchar('\n');
}

static void print_text(const struct source *source, bool trial)
{
    const struct import_report *r = &source->report;
    print_plain(stdout, str_from(source->path));
    printf(": %s: added %lld, updated %lld, skipped %lld, failed %lld%s\n",
           source->format ? source->format->name : "unknown", (long long)r->added, (long long)r->updated,
           (long long)r->skipped, (long long)r->failed,
           !source->written ? " (nothing written)"
           : trial          ? " (a trial: nothing written)"
                            : "");
    for (size_t i = 0; i < r->rows.n; i++)
        print_row(&r->rows.at[i]);
    if (r->failed > (int64_t)r->rows.n)
        printf("  failed: %lld more\n", (long long)(r->failed - (int64_t)r->rows.n));
    for (size_t i = 0; i < r->notes.n; i++) {
        printf("  note: ");
        print_plain(stdout, r->notes.at[i]);
        (void)putchar('\n');
    }
}

static void print_json(const struct source *source, bool trial)
{
    const struct import_report *r = &source->report;
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "source", source->path);
    json_add_cstr(doc, root, "format", source->format ? source->format->name : NULL);
    json_add_int(doc, root, "added", r->added);
    json_add_int(doc, root, "updated", r->updated);
    json_add_int(doc, root, "skipped", r->skipped);
    json_add_int(doc, root, "failed", r->failed);
    json_add_bool(doc, root, "written", source->written && !trial);
    json_add(doc, root, "notes", json_new_strs(doc, r->notes.at, r->notes.n));
    if (source->err.code)
        json_add_cstr(doc, root, "error", source->err.text);
    printf("%s\n", json_write(arena, root).p);
    for (size_t i = 0; i < r->rows.n; i++) {
        AUTO_ARENA struct arena *own = arena_new(0);
        doc = json_doc(own);
        root = yyjson_mut_obj(doc);
        json_add_cstr(doc, root, "source", source->path);
        import_row_encode(&r->rows.at[i], doc, root);
        printf("%s\n", json_write(own, root).p);
    }
}

// ---- the run -------------------------------------------------------------------------------------------------------

struct run {
    struct import import;
    struct source sources[SOURCES];
    size_t n;
    bool trial, json;
};

static const struct import_format *format_called_so(const char *name)
{
    for (size_t i = 0; i < FORMATS_OF_IMPORT; i++)
        if (strcmp(formats_of_import[i]->name, name) == 0)
            return formats_of_import[i];
    return NULL;
}

// 0, or EXIT_USAGE: said.
static int find_formats(struct run *run, const char *given)
{
    const struct import_format *one = given && strcmp(given, "auto") != 0 ? format_called_so(given) : NULL;
    if (given && strcmp(given, "auto") != 0 && !one)
        return command_fault("import: no format '%.40s'; there are auto, export, brands, products, chroma", given);
    for (size_t i = 0; i < run->n; i++) {
        struct source *source = &run->sources[i];
        struct stat st;
        source->format = one;
        if (stat(source->path, &st) != 0)
            return command_fault("%s: %m", source->path);
        for (size_t k = 0; k < FORMATS_OF_IMPORT && !source->format; k++)
            if (formats_of_import[k]->detects(source->path))
                source->format = formats_of_import[k];
        if (!source->format)
            return command_fault("%s: is of no format that can be imported", source->path);
    }
    return 0;
}

static int read_all(struct run *run, struct progress *progress)
{
    int code = 0;
    progress_stage(progress, "reading", PROGRESS_ROWS, 0);
    for (size_t i = 0; i < run->n; i++) {
        struct source *source = &run->sources[i];
        int rc = source->format->read(&run->import, source->path, &source->report, &source->state, &source->err);
        import_report_mark(&source->report);
        if (rc < 0) {
            source->err.code = rc;
            code = EXIT_USAGE;
        }
    }
    return code;
}

static int write_all(struct run *run, struct progress *progress)
{
    int code = 0;
    progress_stage(progress, "writing", PROGRESS_ROWS, 0);
    int rc = 0;
    for (size_t i = 0; i < run->n && rc >= 0; i++) {
        struct source *source = &run->sources[i];
        struct import_mark before = source->report.mark;
        rc = source->format->write(&run->import, source->state, &source->report, &source->err);
        source->written = rc >= 0;
        if (rc < 0) {
            source->err.code = rc;
            source->report.mark = before;
            import_report_back(&source->report);
        }
        if (rc < 0 || source->report.failed)
            code = EXIT_FAILED;
    }
    return code;
}

// Messages of SQLite may quote what stands in a source.
static void tell_fault(const struct source *source)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "parley: %s: ", source->path);
    print_plain(stderr, str_from(source->err.text));
    (void)fputc('\n', stderr);
}

static int run_all(struct run *run)
{
    struct progress *progress = progress_new("import");
    run->import.progress = progress;
    int code = read_all(run, progress);
    code = code ? code : write_all(run, progress);
    progress_free(progress);
    for (size_t i = 0; i < run->n; i++) {
        struct source *source = &run->sources[i];
        (run->json ? print_json : print_text)(source, run->trial);
        if (source->err.code)
            tell_fault(source);
    }
    return code;
}

static int with_store(struct run *run, struct settings *settings)
{
    struct composition c;
    struct err err = {0};
    int lock, code = compose(settings, COMPOSE_SHARED, &c);
    if (code)
        return code;
    run->import.app = &c.app;
    if (import_lock(&c.app, &lock, &err) != 0) {
        (void)command_fault("%s", err.text);
        code = EXIT_FAILED;
    } else {
        code = run_all(run);
        import_unlock(&c.app, lock);
    }
    for (size_t i = 0; i < run->n; i++)
        run->sources[i].format->free(run->sources[i].state);
    compose_end(&c);
    return code;
}

// The settings again, with another data folder.
static int settings_of_trial(int argc, char **argv, const char *temp_dir, struct settings **settings)
{
    AUTO_FREE char **words = mem_calloc((size_t)argc + 3, sizeof *words);
    char flag[] = "--data";
    AUTO_FREE char *folder = mem_strdup(temp_dir);
    if (argc)
        memcpy(words, argv, (size_t)argc * sizeof *words);
    words[argc] = flag;
    words[argc + 1] = folder;
    settings_free(*settings);
    return command_read_settings(argc + 2, words, false, settings);
}

static int run_command(struct run *run, int argc, char **argv)
{
    struct settings *settings;
    struct temp temp;
    struct err err = {0};
    int code = command_read_settings(argc, argv, false, &settings);
    if (code)
        return code;
    if (run->trial && strcmp(settings_str(settings, SET_STORE), "sqlite") != 0) {
        code = command_fault("import: --dry-run needs a sqlite store");
    } else if (temp_make(&temp, &err) != 0) {
        (void)command_fault("%s", err.text);
        code = EXIT_FAILED;
    } else {
        run->import.temp_dir = temp.path;
        if (run->trial && copy_store(settings, temp.path, &err) != 0) {
            (void)command_fault("%s", err.text);
            code = EXIT_FAILED;
        }
        code = code || !run->trial ? code : settings_of_trial(argc, argv, temp.path, &settings);
        code = code ? code : with_store(run, settings);
        temp_remove(&temp);
    }
    settings_free(settings);
    return code;
}

static bool is_one_of(const char *option, const char *value, const char *choices)
{
    if (!value || str_is_choice(choices, str_from(value)))
        return true;
    (void)command_fault("import: %s must be one of %s", option, choices);
    return false;
}

int command_import(int argc, char **argv)
{
    AUTO_FREE struct run *run = mem_zalloc(sizeof *run);
    struct import_options *o = &run->import.options;
    const char *words[SOURCES], *format = NULL, *on_conflict = NULL, *trial = NULL, *json = NULL;
    struct option options[] = {{"--brand", true, &o->brand},
                               {"--format", true, &format},
                               {"--collection", true, o->collections, &o->n_collections, IMPORT_COLLECTIONS},
                               {"--as", true, &o->as},
                               {"--on-conflict", true, &on_conflict},
                               {"--tz", true, &o->zone},
                               {"--dry-run", false, &trial},
                               {"--json", false, &json}};
    argc = command_options(argc, argv, options, sizeof options / sizeof *options);
    if (argc < 0)
        return EXIT_USAGE;
    int n = command_words(&argc, argv, words, SOURCES);
    if (n < 1 || n > SOURCES)
        return command_fault(n < 1 ? "import: name a file or folder" : "import: at most %d sources", SOURCES);
    if (!is_one_of("--as", o->as, "products|documents") ||
        !is_one_of("--on-conflict", on_conflict, "skip|update|error"))
        return EXIT_USAGE;
    if (o->zone && !import_zone_valid(o->zone))
        return command_fault("import: --tz: no time zone '%.64s'", o->zone);
    o->on_conflict = product_conflict_of(str_from(on_conflict ? on_conflict : "skip"));
    run->trial = trial;
    run->json = json;
    run->n = (size_t)n;
    for (size_t i = 0; i < run->n; i++) {
        run->sources[i].path = words[i];
        import_report_init(&run->sources[i].report);
    }
    int code = find_formats(run, format);
    code = code ? code : run_command(run, argc, argv);
    for (size_t i = 0; i < run->n; i++)
        import_report_done(&run->sources[i].report);
    return code;
}
