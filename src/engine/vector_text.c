// SPDX-License-Identifier: Apache-2.0
#include "engine/vector_text.h"

enum { TEXT_MOST = 200000 };

struct str vector_text_of_product(struct arena *arena, const struct product *p)
{
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MOST);
    buf_addf(&text, STR_FMT ". " STR_FMT ". " STR_FMT, STR_ARG(p->name), STR_ARG(p->category), STR_ARG(p->description));
    for (size_t i = 0; i < p->features.n; i++)
        buf_addf(&text, " " STR_FMT ".", STR_ARG(p->features.at[i]));
    return arena_str(arena, buf_str(&text));
}

struct str vector_text_of_passage(struct arena *arena, const struct knowledge_document *d, struct str passage)
{
    return arena_strf(arena, STR_FMT "\n" STR_FMT, STR_ARG(d->title), STR_ARG(passage));
}

void vector_text_hash(struct str model, struct str text, char ret[CRYPTO_HEX_SIZE])
{
    AUTO_ARENA struct arena *arena = arena_new(model.n + text.n + 64);
    crypto_sha256_hex(arena_strf(arena, STR_FMT "\n" STR_FMT, STR_ARG(model), STR_ARG(text)), ret);
}
