// SPDX-License-Identifier: Apache-2.0
#include "jobs/kinds.h"

#include "base/json.h"
#include "base/settings.h"
#include "ingest/files.h"
#include "store/brand.h"
#include "store/chatbot.h"

static int erase(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return brand_erase(tx, err);
}

int job_erase_brand(const struct jobs_options *with, const struct job *job, struct err *err)
{
    struct scope scope = scope_brand(job->brand, STR("jobs"));
    int rc = with->settings ? files_remove_brand(settings_str(with->settings, SET_DATA), job->brand, err) : 0;
    return rc ? rc : store_write(with->store, &scope, erase, NULL, err);
}

// The original of a product file, when its time is over.
int job_erase_upload(const struct jobs_options *with, const struct job *job, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *payload = NULL;
    if (json_parse(arena, job->payload, 0, &payload, NULL) != 0)
        return err_set(err, ERR_FORMAT, "the payload is no JSON");
    const char *data = settings_str(with->settings, SET_DATA);
    return files_remove(data, job->brand, "uploads", json_get_str(payload, "id"), err);
}

struct erase_chatbot {
    struct str id;
    int64_t deleted_at; // of the deletion that the job is of: a chatbot that was restored is left alone
    bool more;
};

static int erase_part(struct tx *tx, void *arg, struct err *err)
{
    struct erase_chatbot *e = arg;
    struct chatbot chatbot;
    bool more = e->more;
    e->more = false;
    int rc = chatbot_get(tx, tx_arena(tx), e->id, &chatbot, err);
    if (rc != 1 || !model_has(&chatbot_model, &chatbot, "deletedAt") || chatbot.deleted_at != e->deleted_at)
        return rc < 0 ? rc : 0;
    return more ? chatbot_erase_conversations(tx, e->id, &e->more, err) : chatbot_erase(tx, e->id, err);
}

int job_erase_chatbot(const struct jobs_options *with, const struct job *job, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct scope scope = scope_brand(job->brand, STR("jobs"));
    yyjson_val *payload = NULL;
    if (json_parse(arena, job->payload, 0, &payload, NULL) != 0)
        return err_set(err, ERR_FORMAT, "the payload is no JSON");
    struct erase_chatbot e = {json_get_str(payload, "chatbotId"), json_get_int(payload, "deletedAt", 0), true};
    int rc = 0;
    while (!rc && e.more && !*with->ending)
        rc = store_write(with->store, &scope, erase_part, &e, err);
    if (!rc && *with->ending)
        return err_set(err, ERR_CANCELLED, "the server stops");
    return rc ? rc : store_write(with->store, &scope, erase_part, &e, err);
}
