-- SPDX-License-Identifier: Apache-2.0
-- What a chatbot knows: knowledge bases as objects of their own, documents of every type, suppliers and ingredients.

ALTER TABLE knowledge_bases ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE knowledge_bases ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE knowledge_bases ADD COLUMN item_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE knowledge_bases ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE knowledge_bases SET updated_at = created_at,
    settings = '{"relevanceThreshold":' || CAST(threshold AS TEXT) || ',"maxResults":' || CAST(max_results AS TEXT)
        || '}',
    item_count = (SELECT COUNT(*) FROM documents d
        WHERE d.brand_id = knowledge_bases.brand_id AND d.base_id = knowledge_bases.id);
ALTER TABLE knowledge_bases DROP COLUMN threshold;
ALTER TABLE knowledge_bases DROP COLUMN max_results;
CREATE INDEX knowledge_bases_by_age ON knowledge_bases (brand_id, chatbot_id, created_at, id);

-- A document without a chatbot is the whole brand's. Only what is `completed`, not deleted, and of no inactive product
-- or supplier is searched. `chunk_count` is how many passages its content is cut into.
DROP INDEX documents_by_position;
ALTER TABLE documents DROP COLUMN position;
ALTER TABLE documents ADD COLUMN category TEXT;
ALTER TABLE documents ADD COLUMN product_id TEXT;
ALTER TABLE documents ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE documents ADD COLUMN citable BIGINT NOT NULL DEFAULT 1;
ALTER TABLE documents ADD COLUMN source TEXT NOT NULL DEFAULT 'manual';
ALTER TABLE documents ADD COLUMN status TEXT NOT NULL DEFAULT 'completed';
ALTER TABLE documents ADD COLUMN title_fold TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN chunk_count BIGINT NOT NULL DEFAULT 1;
ALTER TABLE documents ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN deleted_at BIGINT;
UPDATE documents SET updated_at = created_at, title_fold = LOWER(title);
CREATE INDEX documents_by_age ON documents (brand_id, chatbot_id, created_at, id);
CREATE INDEX documents_by_base ON documents (brand_id, base_id, created_at, id);
CREATE INDEX documents_by_product ON documents (brand_id, product_id);

CREATE TABLE document_tags (
    brand_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (brand_id, document_id, tag)
);
CREATE INDEX document_tags_by_tag ON document_tags (brand_id, tag, document_id);

CREATE TABLE suppliers (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    code TEXT,
    code_fold TEXT,
    contact_email TEXT,
    contact_phone TEXT,
    address TEXT,
    is_active BIGINT NOT NULL DEFAULT 1,
    product_count BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE UNIQUE INDEX suppliers_by_name ON suppliers (brand_id, name_fold);
CREATE UNIQUE INDEX suppliers_by_code ON suppliers (brand_id, code_fold);

-- `kind` is always 'ingredient' here. `search_fold`: names and numbers, folded, for lists that look for a part of one.
CREATE TABLE ingredients (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    supplier_id TEXT NOT NULL,
    inci_name TEXT NOT NULL,
    inci_fold TEXT NOT NULL,
    trade_name TEXT,
    cas_number TEXT,
    einecs_number TEXT,
    description TEXT,
    search_fold TEXT NOT NULL,
    is_active BIGINT NOT NULL DEFAULT 1,
    document_count BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE UNIQUE INDEX ingredients_by_name ON ingredients (brand_id, supplier_id, inci_fold);
CREATE INDEX ingredients_in_order ON ingredients (brand_id, inci_fold, id);

-- Both kinds of products, as they are read.
CREATE VIEW all_products AS
SELECT brand_id, id, kind, supplier_id, inci_name, inci_fold, trade_name, cas_number, einecs_number, description,
    search_fold, is_active, document_count, created_at, updated_at
FROM ingredients
UNION ALL
SELECT brand_id, document_id, 'catalogue', CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), name,
    CAST(NULL AS TEXT), CAST(NULL AS TEXT), description, LOWER(name), availability, 0, created_at,
    COALESCE(updated_at, created_at)
FROM products;
CREATE INDEX products_by_document ON products (brand_id, document_id);

INSERT INTO places (kind, name, brand_id, object_id) SELECT 'knowledge_base', id, brand_id, id FROM knowledge_bases;
INSERT INTO places (kind, name, brand_id, object_id) SELECT 'document', id, brand_id, id FROM documents;
INSERT INTO places (kind, name, brand_id, object_id) SELECT 'product', document_id, brand_id, document_id FROM products;
