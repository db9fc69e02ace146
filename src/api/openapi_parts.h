// SPDX-License-Identifier: Apache-2.0
// What the files that write the OpenAPI document share; nobody else includes this.
#pragma once

#include "api/call.h"

struct document {
    struct arena *arena;
    yyjson_mut_doc *doc;
    yyjson_mut_val *schemas, *responses; // components
};

// openapi_reply.c
void openapi_shapes(struct document *d); // components of errors
// `flags` as for model_schema.
yyjson_mut_val *openapi_reference(struct document *d, const struct model *model, unsigned flags);
// The media object of JSON with a schema and, if there is one, an example.
yyjson_mut_val *openapi_content(struct document *d, yyjson_mut_val *schema, yyjson_mut_val *example);
// Everything that the endpoint may answer, by status.
yyjson_mut_val *openapi_replies(struct document *d, const struct endpoint *e);

// openapi_example.c: an object of the model as replies show it, or as a body may bring it.
yyjson_mut_val *openapi_example(struct document *d, const struct model *model, unsigned flags);
