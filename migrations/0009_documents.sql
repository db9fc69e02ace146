-- SPDX-License-Identifier: Apache-2.0
-- What was uploaded: files of products, and the outcome of each.

CREATE TABLE uploads (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    filename TEXT NOT NULL,
    file_size BIGINT NOT NULL,
    status TEXT NOT NULL,
    products_added BIGINT NOT NULL,
    products_updated BIGINT NOT NULL,
    products_skipped BIGINT NOT NULL,
    products_failed BIGINT NOT NULL,
    errors TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX uploads_by_age ON uploads (brand_id, created_at, id);
