// SPDX-License-Identifier: Apache-2.0
// `parley import`: formats of sources as rows. All sources are read before anything is written, so that one that
// cannot be read leaves nothing behind; then each is written, and is there as a whole with its last transaction. A
// trial (--dry-run) runs on a copy of the store, so no format has to know of it.
#pragma once

#include "cmd/compose.h"
#include "engine/import_report.h"
#include "cmd/progress.h"
#include "engine/product_file.h"

enum { IMPORT_COLLECTIONS = 64 };

struct import_options {
    const char *brand;                           // --brand; NULL: the setting default_brand
    const char *collections[IMPORT_COLLECTIONS]; // --collection; none: those that are known by their names
    size_t n_collections;
    const char *as;                    // --as: "products", "documents", NULL
    enum product_conflict on_conflict; // skip unless asked for
    const char *zone;                  // --tz of times that have none; NULL: UTC
};

struct import { // one run of the command
    struct app *app;
    struct import_options options;
    const char *temp_dir;      // for copies of sources and what is between reading and writing
    struct progress *progress; // "reading", then "writing", in rows; NULL: nobody looks
};

struct import_format {
    const char *name;
    // Tells by content, looking at little of it; the first row that says yes has it. The path may be a folder.
    bool (*detects)(const char *path);
    // Reads the source to its end, checks it, and writes nothing. *ret_state is what `write` wants, made also where
    // reading failed. Rows that fail go into the report. A negative code: the source cannot be read (exit 2).
    int (*read)(struct import *import, const char *path, struct import_report *report, void **ret_state,
                struct err *err);
    // Counts into the report, after import_report_back. A negative code: nothing was written, or will be taken back.
    int (*write)(struct import *import, void *state, struct import_report *report, struct err *err);
    void (*free)(void *state); // NULL is fine
};

// Rows of the table in cmd/import.c, each in a file of its own.
extern const struct import_format import_brands, import_chroma, import_export, import_products;

// Before sources are read, and after they were written: one import at a time, and nothing stays of one that died or
// failed (store/undo.h). ERR_CONFLICT: another one was under way all the time.
int import_lock(struct app *app, int *ret, struct err *err);
void import_unlock(struct app *app, int lock);

// At the first start of a fresh installation: what import.brands_file and import.chroma_dir name, once. What became of
// it is logged and remembered; a failure stops nothing.
void import_first(struct app *app);
