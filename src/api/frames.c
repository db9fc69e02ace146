// SPDX-License-Identifier: Apache-2.0
#include "api/frames.h"

#include "api/present.h"
#include "base/clock.h"

struct frame {
    yyjson_mut_doc *doc;
    yyjson_mut_val *root, *data;
};

static struct frame begin(struct arena *arena, const char *type)
{
    yyjson_mut_doc *doc = json_doc(arena);
    struct frame f = {doc, yyjson_mut_obj(doc), yyjson_mut_obj(doc)};
    json_add_cstr(doc, f.root, "type", type);
    json_add(doc, f.root, "data", f.data);
    return f;
}

struct str frame_welcome(struct arena *arena, const struct brand_ref *brand)
{
    struct frame f = begin(arena, "welcome");
    json_add_str(f.doc, f.data, "message", brand->row.config.welcome_message);
    json_add_str(f.doc, f.data, "brand_id", brand->row.brand.id);
    json_add_str(f.doc, f.data, "brand_name", brand->row.brand.name);
    return json_write(arena, f.root);
}

struct str frame_typing(struct arena *arena, struct str conversation, bool typing)
{
    struct frame f = begin(arena, "typing");
    json_add_str(f.doc, f.data, "conversation_id", conversation);
    json_add_bool(f.doc, f.data, "is_typing", typing);
    return json_write(arena, f.root);
}

// The one frame of which there are thousands a second: written without a tree.
void frame_chunk(struct buf *out, struct str conversation, struct str content)
{
    buf_clear(out);
    buf_addz(out, "{\"type\":\"chunk\",\"data\":{\"content\":");
    json_quote(out, content);
    buf_addz(out, ",\"is_final\":false,\"conversation_id\":");
    json_quote(out, conversation);
    buf_addz(out, ",\"suggested_products\":null,\"confidence_score\":null}}");
}

struct str frame_pong(struct arena *arena)
{
    struct frame f = begin(arena, "pong");
    json_add_time(f.doc, f.data, "timestamp", clock_wall_ms());
    return json_write(arena, f.root);
}

struct str frame_error(struct arena *arena, const char *code, const char *message, struct str conversation,
                       int64_t retry_after_s)
{
    struct frame f = begin(arena, "error");
    json_add_cstr(f.doc, f.data, "message", message);
    json_add_cstr(f.doc, f.data, "code", code);
    if (conversation.p)
        json_add_str(f.doc, f.data, "conversation_id", conversation);
    if (retry_after_s)
        json_add_int(f.doc, f.data, "retry_after", retry_after_s);
    return json_write(arena, f.root);
}

struct str frame_complete(struct arena *arena, struct str conversation, const struct turn_outcome *outcome,
                          const char *error)
{
    struct frame f = begin(arena, "complete");
    bool refused = error || !outcome->metadata.p;
    json_add_cstr(f.doc, f.data, "content", "");
    json_add_bool(f.doc, f.data, "is_final", true);
    json_add_str(f.doc, f.data, "conversation_id", conversation);
    json_add(f.doc, f.data, "suggested_products",
             refused ? yyjson_mut_arr(f.doc) : present_products(f.doc, outcome->products, outcome->n_products));
    present_confidence(f.doc, f.data, !refused && outcome->has_confidence, refused ? 0 : outcome->confidence);
    yyjson_mut_val *metadata = refused ? yyjson_mut_obj(f.doc) : present_metadata(f.doc, arena, outcome->metadata);
    if (refused) {
        json_add_cstr(f.doc, metadata, "finish_reason", error ? "error" : outcome->finish_reason);
        if (error)
            json_add_cstr(f.doc, metadata, "error", error);
    }
    json_add(f.doc, f.data, "metadata", metadata);
    return json_write(arena, f.root);
}
