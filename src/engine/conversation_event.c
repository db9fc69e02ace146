// SPDX-License-Identifier: Apache-2.0
#include "engine/conversation_event.h"

#include "base/utf8.h"
#include "store/audit.h"

enum { CONTENT_MOST = 10000 }; // characters

static yyjson_mut_val *data_of(yyjson_mut_doc *doc, const struct conversation *conversation, struct str id)
{
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "id", id);
    json_add_str(doc, data, "chatbotId", conversation->chatbot_id);
    json_add_str(doc, data, "conversationId", conversation->id);
    json_add_str(doc, data, "sessionId", conversation->session_id);
    json_add_str(doc, data, "userId", conversation_user(conversation));
    return data;
}

static int write_event(struct tx *tx, const char *name, const struct conversation *conversation, int64_t sequence,
                       yyjson_mut_val *data, struct err *err)
{
    return event_write_at(tx, name, conversation->id, sequence, json_write(tx_arena(tx), data), err);
}

int conversation_event_started(struct tx *tx, const struct conversation *conversation, bool reopened, int64_t sequence,
                               int64_t now, struct err *err)
{
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *data = data_of(doc, conversation, conversation->id);
    json_add_str(doc, data, "channel", conversation->channel);
    json_add_bool(doc, data, "reopened", reopened);
    json_add_time(doc, data, "startedAt", reopened ? now : conversation->started_at);
    return write_event(tx, "conversation.started", conversation, sequence, data, err);
}

int conversation_event_ended(struct tx *tx, const struct conversation *conversation, const char *reason, int64_t now,
                             struct err *err)
{
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *data = data_of(doc, conversation, conversation->id);
    int64_t sequence;
    json_add_str(doc, data, "channel", conversation->channel);
    json_add_cstr(doc, data, "reason", reason);
    json_add_int(doc, data, "messageCount", conversation->message_count);
    json_add_time(doc, data, "startedAt", conversation->started_at);
    json_add_time(doc, data, "endedAt", now);
    int rc = conversation_next_event(tx, conversation->id, &sequence, err);
    return rc ? rc : write_event(tx, "conversation.ended", conversation, sequence, data, err);
}

int conversation_event_message(struct tx *tx, const struct conversation *conversation,
                               const struct message_event *message, int64_t sequence, struct err *err)
{
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *data = data_of(doc, conversation, message->id);
    struct str content = message->content;
    content.n = utf8_offset(content, CONTENT_MOST);
    json_add_str(doc, data, "content", content);
    if (content.n < message->content.n)
        json_add_bool(doc, data, "truncated", true);
    json_add_str(doc, data, "channel", conversation->channel);
    json_add(doc, data, "metadata", message->metadata.p ? json_new_raw(doc, message->metadata) : yyjson_mut_obj(doc));
    json_add_time(doc, data, "createdAt", message->created_at);
    if (!message->in_reply_to.p)
        return write_event(tx, "message.received", conversation, sequence, data, err);
    json_add_str(doc, data, "inReplyTo", message->in_reply_to);
    json_add_cstr(doc, data, "mode", message->mode);
    json_add(doc, data, "answered",
             message->answered < 0 ? yyjson_mut_null(doc) : yyjson_mut_bool(doc, message->answered > 0));
    json_add_null(doc, data, "intent");
    json_add_int(doc, data, "responseTime", message->response_ms);
    return write_event(tx, "message.sent", conversation, sequence, data, err);
}
