// SPDX-License-Identifier: Apache-2.0
// Between the files of documents: documents.c makes and changes them, document_parts.c shows what they are made of.
#pragma once

#include "api/resource.h"

extern const struct resource document_resource;

void document_content_sent(struct call *call);
void document_status(struct call *call);
void document_chunks(struct call *call);
