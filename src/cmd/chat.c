// SPDX-License-Identifier: Apache-2.0
// `parley chat`: a conversation in the terminal (001-brands 18). What a server sends is shown without control
// characters, so that no text of it can steer the terminal.
#include "cmd/chat_client.h"
#include "cmd/command.h"

#include "base/utf8.h"
#include "model/model.h"

#include <curl/curl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unistd.h>

enum { MESSAGES = 256, LONGEST_LINE = 64 << 10, LONGEST_BRAND = 128, LONGEST_CONVERSATION = 128 };

struct chat {
    struct ws_target target;
    const char *brand, *conversation, *messages[MESSAGES];
    size_t n_messages;
    bool voice, json;
    int64_t patience_ms;
    bool open_line; // text without a line's end stands in the terminal
    bool failed;    // an answer was refused or broke off
};

// ---- What is shown ----

static bool steers(uint32_t rune)
{
    int8_t type = u_charType((UChar32)rune);
    if (rune == '\n' || rune == '\t' || rune == 0x200C || rune == 0x200D) // the joiners are part of words and emoji
        return false;
    return type == U_CONTROL_CHAR || type == U_FORMAT_CHAR || type == U_LINE_SEPARATOR || type == U_PARAGRAPH_SEPARATOR;
}

static void print_plain(FILE *file, struct str text)
{
    for (size_t pos = 0; pos < text.n;) {
        size_t start = pos;
        if (!steers(utf8_next(text, &pos)))
            (void)fwrite(text.p + start, 1, pos - start, file);
    }
}

// JSON text on one line. The writer escapes C0; whatever else could steer is escaped here (it stands inside strings).
static void print_json(yyjson_val *value)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str text = json_write_val(arena, value);
    for (size_t pos = 0; pos < text.n;) {
        size_t start = pos;
        uint32_t rune = utf8_next(text, &pos);
        if (!steers(rune))
            (void)fwrite(text.p + start, 1, pos - start, stdout);
        else if (rune < 0x10000)
            printf("\\u%04x", rune);
        else
            printf("\\u%04x\\u%04x", 0xD800 + ((rune - 0x10000) >> 10), 0xDC00 + (rune & 0x3FF));
    }
    (void)putchar('\n');
    (void)fflush(stdout);
}

static void end_line(struct chat *chat)
{
    if (chat->open_line)
        (void)putchar('\n');
    chat->open_line = false;
    (void)fflush(stdout);
}

static void on_frame(void *arg, yyjson_val *frame)
{
    const struct chat *chat = arg;
    if (chat->json)
        print_json(frame);
}

static void on_text(void *arg, struct str text)
{
    struct chat *chat = arg;
    if (chat->json)
        return;
    print_plain(stdout, text);
    (void)fflush(stdout);
    chat->open_line = text.p[text.n - 1] != '\n';
}

static void say(struct chat *chat, const char *mark, struct str text)
{
    end_line(chat);
    (void)fprintf(stderr, "%s", mark);
    print_plain(stderr, text);
    (void)fputc('\n', stderr);
}

static void on_error(void *arg, struct str message)
{
    say(arg, "! ", message.n ? message : STR("error"));
}

static void on_note(void *arg, const char *text)
{
    say(arg, "… ", str_from(text));
}

// 1349.99 → 1,349.99; more than two decimals only where they are needed.
static void print_price(yyjson_val *value)
{
    char digits[32];
    int64_t price;
    if (!yyjson_is_raw(value) || !price_parse((struct str){yyjson_get_raw(value), yyjson_get_len(value)}, &price))
        return;
    price_text(price, digits);
    size_t whole = strcspn(digits, "."), decimals = strlen(digits) - whole;
    printf(": ");
    for (size_t i = 0; i < whole; i++)
        printf("%c%s", digits[i], digits[i] != '-' && i + 1 < whole && (whole - i - 1) % 3 == 0 ? "," : "");
    printf("%s%s", decimals ? digits + whole : ".", decimals == 0 ? "00" : decimals == 2 ? "0" : "");
}

static void print_rest(struct chat *chat, const struct chat_answer *answer)
{
    size_t i, max;
    yyjson_val *product;
    end_line(chat);
    chat->failed |= answer->failed;
    if (chat->json)
        return;
    yyjson_arr_foreach(answer->products, i, max, product)
    {
        struct str name = json_get_str(product, "name");
        printf("  * ");
        print_plain(stdout, name.n ? name : json_get_str(product, "id"));
        print_price(json_get(product, "price"));
        printf("%s\n", json_get_bool(product, "availability", true) ? "" : " (currently unavailable)");
    }
    if (answer->confidence)
        printf("  confidence %s\n", yyjson_get_raw(answer->confidence));
    (void)fflush(stdout);
}

// ---- Conversations ----

static int code_of(int rc)
{
    return rc == ERR_DENIED ? EXIT_FAILED : EXIT_CONNECT;
}

static int fault(struct chat *chat, int rc, const struct err *err)
{
    say(chat, "parley: ", str_from(err->text));
    return code_of(rc);
}

static struct chat_client *client_for(struct chat *chat, const char *brand)
{
    struct chat_options options = {
        .target = &chat->target,
        .brand = brand,
        .conversation = chat->conversation,
        .voice = chat->voice,
        .patience_ms = chat->patience_ms,
        .view = {chat, on_frame, on_text, on_error, on_note},
    };
    return chat_client_new(&options);
}

static int ask(struct chat *chat, struct chat_client *client, struct str message)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct chat_answer answer = {.arena = arena};
    struct err err = {0};
    int rc = chat_client_ask(client, message, &answer, &err);
    if (rc)
        return fault(chat, rc, &err);
    print_rest(chat, &answer);
    return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static int ask_all(struct chat *chat, const char *brand)
{
    struct chat_client *client = client_for(chat, brand);
    struct err err = {0};
    int rc = chat_client_connect(client, &err), code = rc ? fault(chat, rc, &err) : EXIT_DONE;
    for (size_t i = 0; i < chat->n_messages && code == EXIT_DONE; i++)
        code = ask(chat, client, str_from(chat->messages[i]));
    chat_client_free(client);
    return code == EXIT_DONE && chat->failed ? EXIT_FAILED : code;
}

struct input { // lines of standard input
    char bytes[LONGEST_LINE];
    size_t n, used;
    bool ended;
};

// The next whole line in the buffer (at the end of the input, what is left of it); false: more must be read.
static bool next_line(struct input *input, struct str *ret)
{
    char *start = input->bytes + input->used;
    size_t left = input->n - input->used;
    char *end = left ? memchr(start, '\n', left) : NULL;
    if (!end && !(input->ended && left) && left < sizeof input->bytes) {
        memmove(input->bytes, start, left);
        input->n = left;
        input->used = 0;
        return false;
    }
    size_t n = end ? (size_t)(end - start) : left;
    *ret = (struct str){start, n};
    input->used += n + (end != NULL);
    return true;
}

static bool leaves(struct str line)
{
    return str_eq_nocase(line, STR("quit")) || str_eq_nocase(line, STR("exit")) || str_eq_nocase(line, STR("bye"));
}

static int talk(struct chat *chat, struct chat_client *client)
{
    struct input *input = mem_zalloc(sizeof *input);
    struct err err = {0};
    bool prompt = isatty(STDIN_FILENO) && !chat->json;
    int code = EXIT_DONE;
    for (bool asked = false; code == EXIT_DONE;) {
        struct str line;
        if (next_line(input, &line)) {
            line = utf8_trim(line);
            asked = false;
            if (leaves(line))
                break;
            if (line.n)
                code = ask(chat, client, line);
            continue;
        }
        if (input->ended)
            break;
        if (prompt && !asked)
            printf("> ");
        (void)fflush(stdout);
        asked = true;
        int rc = chat_client_wait(client, STDIN_FILENO, &err);
        if (rc) {
            code = fault(chat, rc, &err);
            break;
        }
        ssize_t n = read(STDIN_FILENO, input->bytes + input->n, sizeof input->bytes - input->n);
        input->ended = n <= 0;
        input->n += n > 0 ? (size_t)n : 0;
    }
    free(input);
    return code;
}

static int converse(struct chat *chat)
{
    struct chat_client *client = client_for(chat, chat->brand);
    struct err err = {0};
    int rc = chat_client_connect(client, &err), code = rc ? fault(chat, rc, &err) : EXIT_DONE;
    if (code == EXIT_DONE && !chat->json) {
        struct str name = chat_client_brand_name(client), welcome = chat_client_welcome(client);
        print_plain(stdout, name.n ? name : str_from(chat->brand));
        printf(": ");
        print_plain(stdout, welcome);
        printf("\n");
    }
    if (code == EXIT_DONE)
        code = talk(chat, client);
    chat_client_free(client);
    return code;
}

// ---- Brands ----

// The brands as a list of objects: those that the caller administers, else those that anybody may see.
static int fetch_brands(struct chat *chat, struct arena *arena, yyjson_val **ret)
{
    static const char *const paths[] = {"/brands/active", "/"};
    struct err err = {0};
    for (size_t i = 0; i < 2; i++) {
        long status = 0;
        struct str body = STR_NULL;
        yyjson_val *root = NULL;
        int rc = ws_target_get(&chat->target, paths[i], chat->patience_ms, arena, &status, &body, &err);
        if (rc)
            return fault(chat, rc, &err);
        bool read = status == 200 && json_parse(arena, body, JSON_RAW_NUMBERS, &root, NULL) == 0;
        *ret = yyjson_is_obj(root) ? json_get(root, "brands") : root;
        if (read && yyjson_is_arr(*ret))
            return EXIT_DONE;
        if (i == 0 && (status == 401 || status == 403 || status == 404))
            continue;
        (void)err_set(&err, ERR_DENIED, "%s%s: HTTP %ld%s", chat->target.authority, paths[i], status,
                      read || status != 200 ? "" : ", and no list of brands");
        return fault(chat, ERR_DENIED, &err);
    }
    return EXIT_FAILED;
}

static int list_brands(struct chat *chat)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *brands = NULL, *brand;
    size_t i, max;
    int code = fetch_brands(chat, arena, &brands);
    if (code)
        return code;
    yyjson_arr_foreach(brands, i, max, brand)
    {
        if (chat->json) {
            print_json(brand);
            continue;
        }
        print_plain(stdout, json_get_str(brand, "id"));
        printf("  ");
        print_plain(stdout, json_get_str(brand, "name"));
        printf("\n");
    }
    return EXIT_DONE;
}

static int ask_brands(struct chat *chat)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *brands = NULL, *brand;
    size_t i, max;
    int worst = fetch_brands(chat, arena, &brands);
    if (worst)
        return worst;
    if (chat->n_messages == 0)
        chat->messages[chat->n_messages++] = "What can you recommend?";
    yyjson_arr_foreach(brands, i, max, brand)
    {
        struct str id = json_get_str(brand, "id");
        if (id.n == 0 || id.n > LONGEST_BRAND)
            continue;
        if (!chat->json) {
            printf("--- ");
            print_plain(stdout, id);
            printf("\n");
        }
        int code = ask_all(chat, arena_cstr(arena, id));
        worst = code ? code : worst;
    }
    return worst;
}

// ---- The command line ----

static const char *const flags[] = {"--url",  "--brand",      "--voice", "--message", "--conversation",
                                    "--list", "--all-brands", "--json",  "--api-key", "--timeout"};

static int unknown(const char *word)
{
    const char *best = NULL;
    size_t most = 3; // shared leading letters, behind the dashes
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        size_t same = 0;
        while (word[same] && word[same] == flags[i][same])
            same++;
        if (same >= most) {
            most = same + 1;
            best = flags[i];
        }
    }
    return command_fault("chat: unknown word '%.80s'%s%s%s", word, best ? " (did you mean '" : "", best ? best : "",
                         best ? "'?)" : "");
}

// Takes every --message out of argv; negative: said already.
static int take_messages(struct chat *chat, int argc, char **argv)
{
    int left = 0;
    for (int i = 0; i < argc; i++) {
        struct str text = str_from(argv[i]);
        if (!str_eq(str_split(&text, '='), STR("--message"))) {
            argv[left++] = argv[i];
            continue;
        }
        const char *value = text.p ? text.p : i + 1 < argc ? argv[++i] : NULL;
        if (!value || chat->n_messages == MESSAGES) {
            (void)command_fault(value ? "--message: at most 256" : "--message: a value is missing");
            return -1;
        }
        if (!utf8_valid(str_from(value))) {
            (void)command_fault("--message: not UTF-8");
            return -1;
        }
        chat->messages[chat->n_messages++] = value;
    }
    return left;
}

int command_chat(int argc, char **argv)
{
    struct chat chat = {.brand = "techpro"};
    const char *url = "ws://127.0.0.1:8000", *voice = NULL, *list = NULL, *all = NULL, *json = NULL, *key = NULL,
               *timeout = "60";
    struct option options[] = {
        {"--url", true, &url},         {"--brand", true, &chat.brand}, {"--voice", false, &voice},
        {"--list", false, &list},      {"--json", false, &json},       {"--conversation", true, &chat.conversation},
        {"--all-brands", false, &all}, {"--api-key", true, &key},      {"--timeout", true, &timeout}};
    struct err err = {0};
    argc = take_messages(&chat, argc, argv);
    argc = argc < 0 ? argc : command_options(argc, argv, options, sizeof options / sizeof *options);
    if (argc != 0)
        return argc < 0 ? EXIT_USAGE : unknown(argv[0]);
    if (ws_target_parse(url, key, &chat.target, &err) != 0)
        return command_fault("%s", err.text);
    size_t brand = strlen(chat.brand), conversation = chat.conversation ? strlen(chat.conversation) : 1;
    if (brand < 1 || brand > LONGEST_BRAND || conversation < 1 || conversation > LONGEST_CONVERSATION)
        return command_fault("--brand and --conversation must have 1..128 characters");
    if (chat.conversation && !utf8_valid(str_from(chat.conversation)))
        return command_fault("--conversation: not UTF-8");
    if (!str_to_int(str_from(timeout), 1, 3600, &chat.patience_ms))
        return command_fault("--timeout must be 1..3600 seconds");
    chat.patience_ms *= 1000;
    chat.voice = voice;
    chat.json = json;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    int code = list              ? list_brands(&chat)
               : all             ? ask_brands(&chat)
               : chat.n_messages ? ask_all(&chat, chat.brand)
                                 : converse(&chat);
    if (fflush(stdout) != 0)
        code = code ? code : EXIT_FAILED;
    curl_global_cleanup();
    return code;
}
