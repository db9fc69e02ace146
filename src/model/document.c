// SPDX-License-Identifier: Apache-2.0
#include "model/document.h"

#include "base/id.h"

static const struct field person_fields[] = {
    {"id", NULL, FIELD_STRING, FIELD_READONLY, FIELD_AT(struct document_person, id)},
    {"name", NULL, FIELD_STRING, FIELD_READONLY, FIELD_AT(struct document_person, name)},
};
static const struct model person_model = {"DocumentUploader", NULL, sizeof(struct document_person),
                                          MODEL_FIELDS(person_fields)};

#define AT(member) FIELD_AT(struct document, member)
#define METADATA 0, 1000, .item_high = 255, .bytes = 16384
#define MADE FIELD_READONLY
#define MADE_OR_NULL FIELD_READONLY | FIELD_NULL
#define INTERNAL FIELD_READONLY | FIELD_HIDDEN
static const struct field document_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},
    {"brandId", NULL, FIELD_STRING, MADE, AT(brand_id)},
    {"chatbotId", "chatbot_id", FIELD_STRING, MADE_OR_NULL, AT(chatbot_id)},
    {"title", "title", FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(title), 1, 300},
    {"documentType", "type", FIELD_STRING, 0, AT(type), .choices = UPLOADED_TYPES, .shown_choices = DOCUMENT_TYPES},
    {"documentCategory", "category", FIELD_STRING, FIELD_NULL, AT(category), .choices = DOCUMENT_CATEGORIES},
    {"productId", "product_id", FIELD_STRING, FIELD_NULL | FIELD_TRIM, AT(product_id), 1, 64, .valid = id_valid,
     .pattern_help = "an id", .pattern = ID_PATTERN},
    {"productName", NULL, FIELD_STRING, MADE_OR_NULL, AT(product_name)},
    {"supplierName", NULL, FIELD_STRING, MADE_OR_NULL, AT(supplier_name)},
    {"originalFilename", "filename", FIELD_STRING, MADE_OR_NULL, AT(filename)},
    {"fileSizeBytes", "file_size", FIELD_INT, MADE_OR_NULL, AT(size)},
    {"mimeType", "mime_type", FIELD_STRING, MADE_OR_NULL, AT(mime_type)},
    {"sha256", "sha256", FIELD_STRING, MADE_OR_NULL, AT(sha256)},
    {"metadata", "metadata", FIELD_JSON, 0, AT(metadata), METADATA, .fallback = "{}"},
    {"citable", "citable", FIELD_BOOL, 0, AT(citable), .fallback = "true",
     .help = "False: used for answers, never shown as a source"},
    {"processingStatus", "status", FIELD_STRING, MADE, AT(status), .choices = DOCUMENT_STATES},
    {"processingError", "processing_error", FIELD_STRING, MADE_OR_NULL, AT(error)},
    {"chunkCount", "chunk_count", FIELD_INT, MADE, AT(chunk_count)},
    {"embeddedChunkCount", NULL, FIELD_INT, MADE, AT(embedded_count)},
    {"uploadedBy", NULL, FIELD_OBJECT, MADE_OR_NULL, AT(uploaded_by), .model = &person_model},
    {"ocrCompletedAt", "ocr_completed_at", FIELD_TIME, MADE_OR_NULL, AT(ocr_at)},
    {"embeddingCompletedAt", "embedding_completed_at", FIELD_TIME, MADE_OR_NULL, AT(embedding_at)},
    {"createdAt", "created_at", FIELD_TIME, MADE, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, MADE, AT(updated_at)},
    {"deletedAt", "deleted_at", FIELD_TIME, MADE_OR_NULL, AT(deleted_at)},
    {"titleFold", "title_fold", FIELD_STRING, INTERNAL, AT(title_fold)},
    {"stage", "stage", FIELD_STRING, INTERNAL, AT(stage)},
    {"percent", "percent", FIELD_INT, INTERNAL, AT(percent)},
    {"pages", "pages", FIELD_INT, INTERNAL, AT(pages)},
    {"uploader", "uploaded_by", FIELD_STRING, INTERNAL | FIELD_NULL, AT(uploader)},
};
const struct model document_model = {"Document", "documents", sizeof(struct document), MODEL_FIELDS(document_fields),
                                     .order = "created_at, id"};

// "" is what a form sends of a part that was left empty.
static const struct field form_fields[] = {
    {"documentType", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(type), .choices = UPLOADED_TYPES},
    {"productId", NULL, FIELD_STRING, FIELD_TRIM | FIELD_EMPTY_NULL, AT(product_id), 0, 64,
     .help = "A product of the brand; inci documents need one"},
    {"documentCategory", NULL, FIELD_STRING, FIELD_TRIM | FIELD_EMPTY_NULL, AT(category),
     .choices = DOCUMENT_CATEGORIES},
    {"title", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(title), 1, 300, .help = "The file's name without it"},
    {"chatbotId", NULL, FIELD_STRING, FIELD_TRIM | FIELD_EMPTY_NULL, AT(chatbot_id), 0, 64,
     .help = "Of this chatbot alone"},
    {"metadata", NULL, FIELD_JSON, 0, AT(metadata), METADATA},
    {"citable", NULL, FIELD_BOOL, 0, AT(citable), .fallback = "true",
     .help = "False: used for answers, never shown as a source"},
};
const struct model document_form_model = {"DocumentForm", NULL, sizeof(struct document), MODEL_FIELDS(form_fields)};
