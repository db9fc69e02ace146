// SPDX-License-Identifier: Apache-2.0
// Documents of an import on their way into a brand: kept in a temporary file, written in small transactions. A
// document's id is made from brand, collection and its name there, so that a second import meets it again.
#pragma once

#include "engine/import_record.h"
#include "engine/import_report.h"
#include "engine/product_file.h"
#include "store/undo.h"

struct import_documents;

struct import_documents_options {
    struct str collection; // lives as long as the documents
    enum product_conflict on_conflict;
    int64_t most; // documents of the brand
    const char *temp_dir;
    void (*each)(void *arg); // at each that is written or passed over
    void *arg;
};
struct import_documents *import_documents_new(const struct import_documents_options *options); // NULL: no file
void import_documents_free(struct import_documents *documents);                                // NULL is fine
// ERR_IO: the temporary file is full.
int import_documents_add(struct import_documents *documents, const struct import_document *document);
// In the scope of the brand, each change noted in `undo`. Counts into the report, and moves its mark.
int import_documents_write(struct store *store, const struct scope *scope, struct import_documents *documents,
                           struct undo *undo, struct import_report *report, struct err *err);
// In the transaction that ends it: what there is to tell of them.
int import_documents_end(struct tx *tx, struct import_documents *documents, struct err *err);
