// SPDX-License-Identifier: Apache-2.0
#include "llm/testing.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *program(char *out, size_t room)
{
    const char *named = getenv("PARLEY_FAKE_LLM");
    if (named)
        return named;
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    snprintf(out, room, "%s/fake_llm/parley-fake-llm", self);
    return out;
}

void fake_start(struct fake *fake, const char *arguments)
{
    char path[4200], words_of[1000] = "";
    char *argv[20] = {(char *)(uintptr_t)program(path, sizeof path), (char *)(uintptr_t) "--until-eof"};
    size_t argc = 2;
    snprintf(words_of, sizeof words_of, "%s", arguments ? arguments : "");
    for (char *save, *word = strtok_r(words_of, " ", &save); word && argc < 19; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    int out[2], in[2];
    assert_int_equal(pipe2(out, O_CLOEXEC) | pipe2(in, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    if (posix_spawn(&fake->pid, argv[0], &actions, NULL, argv, environ) != 0)
        fail_msg("%s cannot be run", argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(in[0]);
    fake->lifeline = in[1];
    char line[200] = "";
    for (size_t n = 0; n < sizeof line - 1; n++) {
        ssize_t got = read(out[0], line + n, 1);
        if (got <= 0 || line[n] == '\n')
            break;
    }
    close(out[0]);
    char *colon = strrchr(line, ':');
    if (!colon)
        fail_msg("%s does not start", argv[0]);
    bool tls = arguments && (strstr(arguments, "--tls") || strstr(arguments, "--h2"));
    int64_t port = 0;
    str_to_int(str_trim(str_from(colon + 1)), 1, 65535, &port);
    snprintf(fake->url, sizeof fake->url, "%s://127.0.0.1:%d", tls ? "https" : "http", (int)port);
    snprintf(fake->base, sizeof fake->base, "%s/v1", fake->url);
}

void fake_stop(struct fake *fake)
{
    close(fake->lifeline);
    waitpid(fake->pid, NULL, 0);
}

static size_t collect(char *bytes, size_t size, size_t n, void *arg)
{
    buf_add(arg, bytes, size * n);
    return size * n;
}

static void talk(struct fake *fake, const char *method, const char *path, const char *body, struct buf *out)
{
    char url[200];
    snprintf(url, sizeof url, "%s%s", fake->url, path);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    if (body)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
    CURLcode code = curl_easy_perform(easy);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    if (code != CURLE_OK || status != 200)
        fail_msg("%s %s: %d %ld %s", method, path, (int)code, status, out->p ? out->p : "");
}

void fake_post(struct fake *fake, const char *path, const char *body, struct buf *out)
{
    talk(fake, "POST", path, body, out);
}

void fake_control(struct fake *fake, const char *json)
{
    struct buf out = BUF_INIT(1 << 20);
    talk(fake, "POST", "/__control", json, &out);
    buf_done(&out);
}

void fake_clear(struct fake *fake)
{
    struct buf out = BUF_INIT(1 << 20);
    talk(fake, "DELETE", "/__log", NULL, &out);
    buf_done(&out);
}

yyjson_val *fake_log(struct fake *fake, struct arena *arena)
{
    struct buf out = BUF_INIT(64 << 20);
    yyjson_val *root = NULL;
    talk(fake, "GET", "/__log", NULL, &out);
    assert_int_equal(json_parse(arena, arena_str(arena, buf_str(&out)), 0, &root, NULL), 0);
    buf_done(&out);
    return json_get(root, "requests");
}

size_t fake_count(struct fake *fake)
{
    struct arena *arena = arena_new(0);
    size_t n = yyjson_arr_size(fake_log(fake, arena));
    arena_free(arena);
    return n;
}

yyjson_val *fake_wait(struct fake *fake, struct arena *arena, size_t n)
{
    for (int i = 0; i < 500; i++) {
        yyjson_val *log = fake_log(fake, arena);
        if (yyjson_arr_size(log) >= n && !yyjson_is_null(json_get(yyjson_arr_get(log, n - 1), "finishedAt")))
            return log;
        nanosleep(&(struct timespec){0, 10000000}, NULL); // another process: nothing to wait on
    }
    fail_msg("%zu requests did not come", n);
    return NULL;
}

struct llm_provider provider_on(const struct fake *fake, const char *id, int64_t order)
{
    struct llm_provider provider = {.kind = "openai", .base_url = fake->base, .order = order, .retries = -1};
    snprintf(provider.id, sizeof provider.id, "%s", id);
    return provider;
}

struct llm *llm_on(const struct llm_provider *providers, size_t n)
{
    struct llm *llm = NULL;
    struct err err = {0};
    if (llm_new(providers, n, &llm, &err) != 0)
        fail_msg("%s", err.text);
    return llm;
}

static bool on_delta(void *arg, struct str text)
{
    struct chat *chat = arg;
    pthread_mutex_lock(&chat->lock);
    buf_adds(&chat->text, text);
    chat->deltas++;
    bool go_on = !chat->refuse;
    if (chat->cancel_after && chat->text.n >= chat->cancel_after)
        llm_cancel(chat->call);
    pthread_cond_broadcast(&chat->changed);
    pthread_mutex_unlock(&chat->lock);
    return go_on;
}

static void on_done(void *arg, const struct llm_result *result)
{
    struct chat *chat = arg;
    pthread_mutex_lock(&chat->lock);
    chat->result = *result;
    for (size_t i = 0, n = 0; i < result->n_calls && n < sizeof chat->calls; i++)
        n += (size_t)snprintf(chat->calls + n, sizeof chat->calls - n, "%s" STR_FMT " " STR_FMT, i ? "; " : "",
                              STR_ARG(result->calls[i].name), STR_ARG(result->calls[i].arguments));
    chat->done = true;
    pthread_cond_broadcast(&chat->changed);
    pthread_mutex_unlock(&chat->lock);
}

void chat_start(struct chat *chat, struct llm *llm, const char *model, const struct llm_request *more)
{
    static const struct llm_message messages[] = {{"system", {"You are kind.", 13}}, {"user", {"Hello there", 11}}};
    struct llm_request request = more ? *more : (struct llm_request){.temperature = 0.5, .max_tokens = 500};
    pthread_mutex_init(&chat->lock, NULL);
    pthread_cond_init(&chat->changed, NULL);
    chat->text = BUF_INIT(64 << 20);
    chat->llm = llm;
    request.model = str_from(model);
    if (!request.messages) {
        request.messages = messages;
        request.n_messages = 2;
    }
    request.delta = on_delta;
    request.done = on_done;
    request.arg = chat;
    pthread_mutex_lock(&chat->lock);
    chat->call = llm_chat(llm, &request);
    pthread_mutex_unlock(&chat->lock);
}

void chat_wait_text(struct chat *chat, size_t bytes)
{
    pthread_mutex_lock(&chat->lock);
    while (!chat->done && chat->text.n < bytes)
        pthread_cond_wait(&chat->changed, &chat->lock);
    pthread_mutex_unlock(&chat->lock);
}

void chat_wait(struct chat *chat)
{
    chat_wait_text(chat, SIZE_MAX);
}

void chat_free(struct chat *chat)
{
    pthread_mutex_destroy(&chat->lock);
    pthread_cond_destroy(&chat->changed);
    buf_done(&chat->text);
    *chat = (struct chat){0};
}

void chat_run(struct chat *chat, struct llm *llm, const char *model)
{
    *chat = (struct chat){0};
    chat_start(chat, llm, model, NULL);
    chat_wait(chat);
}

const char *words(struct arena *arena, int n)
{
    struct buf out = BUF_INIT(1 << 20);
    for (int i = 1; i <= n; i++)
        buf_addf(&out, "%sw%d", i > 1 ? " " : "", i);
    const char *text = arena_cstr(arena, buf_str(&out));
    buf_done(&out);
    return text;
}
