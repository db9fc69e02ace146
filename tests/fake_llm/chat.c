// SPDX-License-Identifier: Apache-2.0
// A chat completion as a list of timed pieces: events in the dialect's shape, with the faults that the knobs ask for.
#include "chat.h"

#include <zlib.h>

bool chat_is(const struct chat *chat, const char *dialect)
{
    return knobs_is(chat->knobs->dialect, dialect);
}

// One line block as it stands: `head` is "data: ", "error: " or "event: …" already closed by an end of line.
static void put(struct chat *chat, const char *head, struct str json)
{
    struct arena *arena = chat->reply->arena;
    struct str text = arena_strf(arena, "%s" STR_FMT "%s%s", head, STR_ARG(json), chat->eol, chat->eol);
    if (chat->knobs->comments > 0 && chat->events % chat->knobs->comments == 0)
        text = arena_strf(arena, ": PROCESSING%s%s" STR_FMT, chat->eol, chat->eol, STR_ARG(text));
    if (chat->knobs->bom && chat->events == 0)
        text = arena_strf(arena, "\xef\xbb\xbf" STR_FMT, STR_ARG(text));
    chat->events++;
    reply_piece(chat->reply, chat->delay, text);
    chat->delay = 0;
}

void chat_json(struct chat *chat, yyjson_mut_val *root)
{
    struct str json = json_write(chat->reply->arena, root);
    if (chat->knobs->ndjson) {
        reply_piece(chat->reply, chat->delay, arena_strf(chat->reply->arena, STR_FMT "\n", STR_ARG(json)));
        chat->delay = 0;
        return;
    }
    put(chat, "data: ", json);
}

static yyjson_mut_val *usage_json(struct chat *chat, yyjson_mut_doc *doc)
{
    yyjson_mut_val *usage = yyjson_mut_obj(doc);
    int64_t prompt = knobs_is(chat->knobs->usage, "zeroPrompt") ? 0 : chat->prompt;
    json_add_int(doc, usage, "prompt_tokens", prompt);
    json_add_int(doc, usage, "completion_tokens", chat->completion);
    json_add_int(doc, usage, "total_tokens", prompt + chat->completion);
    return usage;
}

yyjson_mut_val *chat_chunk(struct chat *chat, yyjson_mut_doc *doc)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "id", chat->id);
    json_add_cstr(doc, root, "object", "chat.completion.chunk");
    json_add_int(doc, root, "created", 1750000000);
    json_add_str(doc, root, "model", chat->model);
    if (chat_is(chat, "openai") || chat_is(chat, "azure"))
        json_add_cstr(doc, root, "system_fingerprint", "fp_0123456789");
    if (knobs_is(chat->knobs->usage, "each"))
        json_add(doc, root, "usage", usage_json(chat, doc));
    return root;
}

static yyjson_mut_val *chat_content(struct chat *chat, yyjson_mut_doc *doc, struct str text)
{
    if (!chat->knobs->parts_content)
        return json_new_str(doc, text);
    yyjson_mut_val *parts = yyjson_mut_arr(doc), *part = yyjson_mut_obj(doc);
    json_add_cstr(doc, part, "type", "text");
    json_add_str(doc, part, "text", text);
    yyjson_mut_arr_append(parts, part);
    return parts;
}

// Appends {"choices":[{index, delta, finish_reason}]}; delta NULL leaves it out, finish "" says null or "".
void chat_choice(struct chat *chat, yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_mut_val *delta,
                 const char *finish)
{
    yyjson_mut_val *choices = yyjson_mut_arr(doc), *one = yyjson_mut_obj(doc);
    if (!chat_is(chat, "ollama") || !chat->knobs->message_delta)
        json_add_int(doc, one, "index", 0);
    if (delta)
        json_add(doc, one, chat->knobs->message_delta ? "message" : "delta", delta);
    if (finish)
        json_add_cstr(doc, one, "finish_reason", finish);
    else if (chat->knobs->empty_finish)
        json_add_cstr(doc, one, "finish_reason", "");
    else if (!chat_is(chat, "vllm-flat"))
        json_add_null(doc, one, "finish_reason");
    if (chat_is(chat, "vllm") && finish)
        json_add_null(doc, one, "stop_reason");
    if (chat_is(chat, "sglang") && finish)
        json_add_int(doc, one, "matched_stop", 128009);
    if (chat_is(chat, "openai"))
        json_add_null(doc, one, "logprobs");
    yyjson_mut_arr_append(choices, one);
    json_add(doc, root, "choices", choices);
}

static void put_native(struct chat *chat, struct str text, const char *done_reason)
{
    yyjson_mut_doc *doc = json_doc(chat->reply->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *message = yyjson_mut_obj(doc);
    json_add_str(doc, root, "model", chat->model);
    json_add_cstr(doc, root, "created_at", "2026-01-01T00:00:00.000Z");
    json_add_cstr(doc, message, "role", "assistant");
    json_add_str(doc, message, "content", text);
    json_add(doc, root, "message", message);
    json_add_bool(doc, root, "done", done_reason != NULL);
    if (done_reason) {
        json_add_cstr(doc, root, "done_reason", done_reason);
        if (!knobs_is(chat->knobs->usage, "none")) {
            json_add_int(doc, root, "prompt_eval_count", chat->prompt);
            json_add_int(doc, root, "eval_count", chat->completion);
        }
    }
    chat_json(chat, root);
}

// `field` is "content" or a name for reasoning.
void chat_text(struct chat *chat, const char *field, struct str text)
{
    if (chat->knobs->ndjson) {
        put_native(chat, text, NULL);
        return;
    }
    yyjson_mut_doc *doc = json_doc(chat->reply->arena);
    yyjson_mut_val *root = chat_chunk(chat, doc), *delta = yyjson_mut_obj(doc);
    if (chat_is(chat, "ollama") || chat_is(chat, "lmstudio"))
        json_add_cstr(doc, delta, "role", "assistant");
    if (strcmp(field, "content") == 0) {
        json_add(doc, delta, field, chat_content(chat, doc, text));
    } else {
        json_add_str(doc, delta, field, text);
        json_add_null(doc, delta, "content");
    }
    chat_choice(chat, doc, root, delta, NULL);
    if (chat->knobs->bad_utf8) {
        // A lone continuation byte inside of the string, which no JSON writer would let through.
        struct str json = json_write(chat->reply->arena, root);
        ptrdiff_t at = str_find(json, STR("\"content\":\""));
        struct str before = {json.p, at < 0 ? 0 : (size_t)at + 11};
        json = arena_strf(chat->reply->arena, STR_FMT "\xff" STR_FMT, STR_ARG(before),
                          STR_ARG(((struct str){json.p + before.n, json.n - before.n})));
        put(chat, "data: ", json);
        return;
    }
    chat_json(chat, root);
}

static void put_empty(struct chat *chat, bool with_delta, bool null_content)
{
    yyjson_mut_doc *doc = json_doc(chat->reply->arena);
    yyjson_mut_val *root = chat_chunk(chat, doc), *delta = with_delta ? yyjson_mut_obj(doc) : NULL;
    if (delta && null_content)
        json_add_null(doc, delta, "content");
    chat_choice(chat, doc, root, delta, NULL);
    chat_json(chat, root);
}

static void put_usage(struct chat *chat, const char *where)
{
    yyjson_mut_doc *doc = json_doc(chat->reply->arena);
    yyjson_mut_val *root = chat_chunk(chat, doc), *usage = usage_json(chat, doc);
    json_add(doc, root, "choices", yyjson_mut_arr(doc));
    if (strcmp(where, "xgroq") == 0) {
        yyjson_mut_val *outer = yyjson_mut_obj(doc);
        json_add(doc, outer, "usage", usage);
        json_add(doc, root, "x_groq", outer);
    } else if (strcmp(where, "each") != 0) {
        json_add(doc, root, "usage", usage);
    }
    chat_json(chat, root);
}

static void opening(struct chat *chat)
{
    yyjson_mut_doc *doc = json_doc(chat->reply->arena);
    if (chat->knobs->ndjson)
        return;
    if (chat_is(chat, "azure")) {
        yyjson_mut_val *root = chat_chunk(chat, doc), *filter = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
        json_add_int(doc, filter, "prompt_index", 0);
        json_add(doc, filter, "content_filter_results", yyjson_mut_obj(doc));
        yyjson_mut_arr_append(list, filter);
        json_add(doc, root, "choices", yyjson_mut_arr(doc));
        json_add(doc, root, "prompt_filter_results", list);
        chat_json(chat, root);
    }
    if (chat_is(chat, "ollama") || chat_is(chat, "vllm-flat"))
        return;
    yyjson_mut_val *root = chat_chunk(chat, doc), *delta = yyjson_mut_obj(doc);
    json_add_cstr(doc, delta, "role", "assistant");
    if (chat_is(chat, "llamacpp"))
        json_add_null(doc, delta, "content");
    else
        json_add_cstr(doc, delta, "content", "");
    chat_choice(chat, doc, root, delta, NULL);
    chat_json(chat, root);
}

void chat_finish(struct chat *chat, const char *finish)
{
    const struct knobs *knobs = chat->knobs;
    if (knobs->ndjson) {
        put_native(chat, STR(""), finish);
        return;
    }
    if (knobs->early_done)
        put(chat, "data: ", STR("[DONE]"));
    yyjson_mut_doc *doc = json_doc(chat->reply->arena);
    yyjson_mut_val *root = chat_chunk(chat, doc);
    chat_choice(chat, doc, root, yyjson_mut_obj(doc), knobs->no_finish ? NULL : finish);
    if (chat_is(chat, "llamacpp") || chat_is(chat, "llamacpp-old")) {
        yyjson_mut_val *timings = yyjson_mut_obj(doc);
        json_add_int(doc, timings, "predicted_n", chat->completion);
        json_add(doc, root, "timings", timings);
    }
    if (!knobs->no_finish)
        chat_json(chat, root);
    if (chat_is(chat, "azure"))
        put_empty(chat, false, false);
    if (knobs_is(knobs->usage, "late")) {
        put_empty(chat, true, false);
        chat->delay = 30;
    }
    if (!knobs_is(knobs->usage, "none") && (knobs->usage || chat->usage_wanted))
        put_usage(chat, knobs->usage ? knobs->usage : "end");
    if (!knobs->no_done && !knobs->early_done)
        put(chat, "data: ", STR("[DONE]"));
}

bool chat_cut(struct chat *chat)
{
    struct reply *reply = chat->reply;
    const char *how = chat->knobs->cut_how;
    struct error_text error = {500, "The server had an error while processing your request", "server_error", NULL};
    if (knobs_is(how, "rst")) {
        reply->ending = END_RST;
    } else if (knobs_is(how, "goaway")) {
        reply->ending = END_GOAWAY;
    } else if (knobs_is(how, "hang")) {
        reply->ending = END_HANG;
    } else if (knobs_is(how, "errorData")) {
        put(chat, "data: ", error_json(reply, &error));
    } else if (knobs_is(how, "errorField")) {
        put(chat, "error: ", error_json(reply, &error));
        put(chat, "data: ", STR("[DONE]"));
    } else if (knobs_is(how, "errorEvent")) {
        put(chat, arena_printf(reply->arena, "event: error%sdata: ", chat->eol), error_json(reply, &error));
    } else {
        reply->ending = END_FIN;
    }
    // What the caller must not see may still be delayed.
    if (chat->delay > 0 && reply->ending != END_HANG)
        reply_piece(reply, chat->delay, STR(""));
    return true;
}

static void reasoning(struct chat *chat)
{
    const char *how = chat->knobs->reasoning;
    if (!how)
        return;
    static const char *const parts[] = {"Let me ", "think about ", "this. SECRET"};
    if (strncmp(how, "field:", 6) == 0) {
        for (size_t i = 0; i < 3; i++)
            chat_text(chat, how + 6, str_from(parts[i]));
    } else if (strcmp(how, "tags") == 0) {
        static const char *const tagged[] = {"<th", "ink>\n", "Let me think. SECRET", " <b", "</thi", "nk>", "\n\n"};
        for (size_t i = 0; i < sizeof tagged / sizeof tagged[0]; i++)
            chat_text(chat, "content", str_from(tagged[i]));
    } else {
        chat_text(chat, "content", STR("SECRET"));
        chat_text(chat, "content", STR("</think>\n\n"));
    }
}

static void stream(struct chat *chat, struct deltas deltas)
{
    const struct knobs *knobs = chat->knobs;
    chat->delay = knobs->first_delay;
    if (knobs->cut_after == 0 && chat_cut(chat))
        return;
    opening(chat);
    reasoning(chat);
    if (chat->calls) {
        tool_stream(chat);
        return;
    }
    for (size_t i = 0; i < deltas.n; i++) {
        if (i > 0)
            chat->delay = knobs->delta_delay;
        if (knobs->cut_after > 0 && (int64_t)i == knobs->cut_after && chat_cut(chat))
            return;
        struct str rest = str_from(knobs->garbage_at);
        while (rest.p) {
            int64_t at = 0;
            if (str_to_int(str_trim(str_split(&rest, ',')), 0, INT64_MAX, &at) && at == (int64_t)i)
                put(chat, "data: ", STR("{\"id\":\"x\",\"choices\":[{\"del"));
        }
        if (knobs->huge_event && i == 0) {
            char *huge = arena_alloc(chat->reply->arena, 1200000);
            memset(huge, 'x', 1200000);
            chat_text(chat, "content", (struct str){huge, 1200000});
        }
        if (knobs->null_content && !knobs->ndjson)
            put_empty(chat, true, true);
        if (knobs->no_delta && !knobs->ndjson)
            put_empty(chat, false, false);
        chat->completion++;
        chat_text(chat, "content", deltas.at[i]);
    }
    if (knobs->special_end)
        chat_text(chat, "content", STR("<|im_end|>"));
    if (knobs->cut_after > 0 && (int64_t)deltas.n <= knobs->cut_after && knobs_is(knobs->cut_how, "hang") &&
        chat_cut(chat))
        return;
    chat_finish(chat, knobs->finish ? knobs->finish : "stop");
}

static void whole(struct chat *chat, struct deltas deltas)
{
    struct arena *arena = chat->reply->arena;
    struct buf text = BUF_INIT(64 << 20);
    for (size_t i = 0; i < deltas.n; i++)
        buf_adds(&text, deltas.at[i]);
    chat->completion = (int64_t)deltas.n;
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *choices = yyjson_mut_arr(doc), *one = yyjson_mut_obj(doc),
                   *message = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "id", chat->id);
    json_add_cstr(doc, root, "object", "chat.completion");
    json_add_int(doc, root, "created", 1750000000);
    json_add_str(doc, root, "model", chat->model);
    json_add_int(doc, one, "index", 0);
    json_add_cstr(doc, message, "role", "assistant");
    struct str said = chat->calls ? str_from(chat->knobs->tool_text ? chat->knobs->tool_text : "") : buf_str(&text);
    json_add(doc, message, "content", chat_content(chat, doc, arena_str(arena, said)));
    json_add(doc, one, "message", message);
    if (chat->calls)
        tool_whole(chat, doc, message);
    const char *finish = chat->calls ? "tool_calls" : "stop";
    json_add_cstr(doc, one, "finish_reason", chat->knobs->finish ? chat->knobs->finish : finish);
    yyjson_mut_arr_append(choices, one);
    json_add(doc, root, "choices", choices);
    if (!knobs_is(chat->knobs->usage, "none"))
        json_add(doc, root, "usage", usage_json(chat, doc));
    reply_json(chat->reply, 200, root);
    chat->reply->pieces.at[0].delay = chat->knobs->first_delay;
    buf_done(&text);
}

// Over the window: true when the reply is made.
static bool over_context(struct chat *chat)
{
    struct reply *reply = chat->reply;
    struct str text = str_from(chat->knobs->ctx);
    if (!text.p)
        return false;
    struct str limit = str_split(&text, ':');
    struct str how = text.p ? text : str_from(chat->knobs->ctx_how ? chat->knobs->ctx_how : "400");
    int64_t window = 0;
    if (!str_to_int(limit, 1, INT64_MAX, &window) || chat->prompt <= window)
        return false;
    struct error_text error = {400,
                               arena_printf(reply->arena,
                                            "This model's maximum context length is %lld tokens. However, your "
                                            "messages resulted in %lld tokens.",
                                            (long long)window, (long long)chat->prompt),
                               "invalid_request_error",
                               "context_length_exceeded",
                               "messages",
                               chat->prompt,
                               window};
    if (str_eq(how, STR("noCount")))
        error.message = arena_printf(reply->arena, "The context length is %lld tokens, please shorten your prompt.",
                                     (long long)window);
    if (str_eq(how, STR("words")))
        error = (struct error_text){400, "The prompt is too long.", "invalid_request_error"};
    if (chat_is(chat, "llamacpp") || chat_is(chat, "llamacpp-old"))
        error.type = "exceed_context_size_error";
    if (str_eq(how, STR("silentCut"))) {
        chat->prompt = window;
        return false;
    }
    if (str_eq(how, STR("inStream"))) {
        put(chat, "data: ", error_json(reply, &error));
        put(chat, "data: ", STR("[DONE]"));
        return true;
    }
    error_reply(reply, &error);
    return true;
}

static void gzip_pieces(struct reply *reply)
{
    z_stream z = {0};
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    for (size_t i = 0; i < reply->pieces.n; i++) {
        struct str in = reply->pieces.at[i].bytes;
        size_t room = deflateBound(&z, in.n) + 64;
        char *out = arena_alloc(reply->arena, room);
        z.next_in = (unsigned char *)(uintptr_t)in.p;
        z.avail_in = (unsigned)in.n;
        z.next_out = (unsigned char *)out;
        z.avail_out = (unsigned)room;
        deflate(&z, i + 1 == reply->pieces.n ? Z_FINISH : Z_SYNC_FLUSH);
        reply->pieces.at[i].bytes = (struct str){out, room - z.avail_out};
    }
    deflateEnd(&z);
    buf_addz(&reply->headers, "Content-Encoding: gzip\r\n");
}

void chat_reply(struct reply *reply)
{
    const struct knobs *knobs = &reply->knobs;
    const char *eol = knobs_is(knobs->eol, "crlf") ? "\r\n" : knobs_is(knobs->eol, "cr") ? "\r" : "\n";
    struct chat chat = {.reply = reply, .knobs = knobs, .eol = eol, .model = json_get_str(reply->request, "model")};
    snprintf(chat.id, sizeof chat.id, "chatcmpl-%016llx", (unsigned long long)reply->seed);
    chat.prompt = tokens_of_prompt(reply->request) * knobs->token_factor;
    chat.calls = tool_wanted(&chat);
    chat.usage_wanted = json_get_bool(json_get(reply->request, "stream_options"), "include_usage", false);
    reply->status = 200;
    reply->content_type = knobs->ndjson ? "application/x-ndjson" : "text/event-stream";
    reply->streaming = true;
    if (over_context(&chat))
        return;
    struct deltas deltas = answer_deltas(reply);
    if (knobs->json_body || !json_get_bool(reply->request, "stream", false))
        whole(&chat, deltas);
    else if (!knobs->empty_stream)
        stream(&chat, deltas);
    else
        reply_piece(reply, knobs->first_delay, STR(""));
    if (knobs->gzip)
        gzip_pieces(reply);
}
