// SPDX-License-Identifier: Apache-2.0
#include "jobs/kinds.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/settings.h"
#include "ingest/files.h"
#include "jobs/imports.h"
#include "store/chatbot.h"
#include "store/steps.h"

int job_erase_brand(const struct jobs_options *with, const struct job *job, struct err *err)
{
    const char *data = with->settings ? settings_str(with->settings, SET_DATA) : NULL;
    return brand_erase_all(with->store, data, job->brand, job->id, with->ending, err);
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
    const struct job *job;
    struct str id;
    int64_t deleted_at; // of the deletion that the job is of: a chatbot that was restored is left alone
};

static int is_due(struct tx *tx, const struct erase_chatbot *e, struct err *err)
{
    struct chatbot chatbot;
    int rc = chatbot_get(tx, tx_arena(tx), e->id, &chatbot, err);
    return rc == 1 ? model_has(&chatbot_model, &chatbot, "deletedAt") && chatbot.deleted_at == e->deleted_at : rc;
}

static int erase_conversations(struct tx *tx, void *arg, int64_t most, bool *ret_more, struct err *err)
{
    const struct erase_chatbot *e = arg;
    *ret_more = false;
    int rc = is_due(tx, e, err);
    if (rc != 1)
        return rc;
    rc = job_renew(tx, e->job->id, clock_wall_ms() + JOB_LEASE_MS, err);
    return rc ? rc : chatbot_erase_conversations(tx, e->id, most, ret_more, err);
}

static int erase_rest(struct tx *tx, void *arg, struct err *err)
{
    const struct erase_chatbot *e = arg;
    int rc = is_due(tx, e, err);
    return rc == 1 ? chatbot_erase(tx, e->id, err) : rc;
}

int job_erase_chatbot(const struct jobs_options *with, const struct job *job, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct scope scope = scope_brand(job->brand, STR("jobs"));
    yyjson_val *payload = NULL;
    if (json_parse(arena, job->payload, 0, &payload, NULL) != 0)
        return err_set(err, ERR_FORMAT, "the payload is no JSON");
    struct erase_chatbot e = {job, json_get_str(payload, "chatbotId"), json_get_int(payload, "deletedAt", 0)};
    int rc = store_steps(with->store, &scope, erase_conversations, &e, with->ending, err);
    return rc ? rc : store_write(with->store, &scope, erase_rest, &e, err);
}
