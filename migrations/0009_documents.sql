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

-- Uploaded documents: the file that they were made of, and how far their reading has come. A document that is not
-- completed has no passages yet, or those of its last reading.
ALTER TABLE documents ADD COLUMN filename TEXT;
ALTER TABLE documents ADD COLUMN mime_type TEXT;
ALTER TABLE documents ADD COLUMN file_size BIGINT;
ALTER TABLE documents ADD COLUMN sha256 TEXT;
ALTER TABLE documents ADD COLUMN uploaded_by TEXT;
ALTER TABLE documents ADD COLUMN processing_error TEXT;
ALTER TABLE documents ADD COLUMN stage TEXT NOT NULL DEFAULT 'done';
ALTER TABLE documents ADD COLUMN percent BIGINT NOT NULL DEFAULT 100;
ALTER TABLE documents ADD COLUMN pages BIGINT NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN ocr_completed_at BIGINT;
ALTER TABLE documents ADD COLUMN embedding_completed_at BIGINT;
CREATE INDEX documents_by_hash ON documents (brand_id, sha256);

-- Where each passage stands in its file. Its text is in the document's content.
CREATE TABLE document_chunks (
    brand_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    page BIGINT NOT NULL,
    heading TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, document_id, ordinal)
);
