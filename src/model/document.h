// SPDX-License-Identifier: Apache-2.0
// A document that was uploaded (000-management 5.3); pages, products and items are documents too and are only read
// here.
#pragma once

#include "model/knowledge.h"

#define UPLOADED_TYPES "inci|formulation|general"
#define DOCUMENT_STATES "pending|processing|completed|failed"

struct document_person {
    uint64_t set;
    struct str id, name;
};

struct document {
    uint64_t set;
    struct str id, brand_id, chatbot_id, title, type, category, product_id, product_name, supplier_name;
    struct str filename, mime_type, sha256, metadata, status, error;
    int64_t size;
    bool citable;
    int64_t chunk_count, embedded_count;
    struct document_person uploaded_by;
    int64_t ocr_at, embedding_at, created_at, updated_at, deleted_at;
    // Not shown in its object:
    struct str title_fold, stage, uploader, inci_name, trade_name;
    int64_t percent, pages;
};
extern const struct model document_model;
extern const struct model document_form_model; // what is uploaded with the file; a struct document
