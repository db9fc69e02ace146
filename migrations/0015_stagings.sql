-- SPDX-License-Identifier: Apache-2.0
-- Many products at once come in small transactions and are seen all at once (store/staging.h). `state`: 0 they come,
-- 1 its turn to be seen, 2 seen: what is here covers `products` until it has been moved there, 3 given up.
CREATE TABLE stagings (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL, -- 'server' or 'command': whose death gives it up
    state BIGINT NOT NULL DEFAULT 0,
    replaces BIGINT NOT NULL, -- 0: what is there meanwhile stays
    fresh BIGINT NOT NULL DEFAULT 0, -- rows of products that are new
    passed BIGINT NOT NULL DEFAULT 0, -- rows left out, because somebody else made such a product meanwhile
    last_ordinal BIGINT NOT NULL DEFAULT 0,
    first_position BIGINT NOT NULL DEFAULT 0, -- set when it is seen: new products come behind this one
    touched_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);

CREATE TABLE staged_products (
    brand_id TEXT NOT NULL,
    staging_id TEXT NOT NULL,
    id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    fresh BIGINT NOT NULL, -- 0: position, document_id and created_at are those of the product that is there
    position BIGINT NOT NULL,
    document_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    category_fold TEXT NOT NULL,
    price BIGINT NOT NULL,
    features TEXT NOT NULL,
    specifications TEXT NOT NULL,
    availability BIGINT NOT NULL,
    url TEXT,
    image_url TEXT,
    sample BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    PRIMARY KEY (brand_id, staging_id, id)
);

-- The products as everybody reads them. CROSS JOIN keeps SQLite from looking at the rows before the few stagings.
CREATE VIEW visible_products AS
SELECT p.brand_id, p.id, p.position, p.document_id, p.name, p.description, p.category, p.category_fold, p.price,
    p.features, p.specifications, p.availability, p.url, p.image_url, p.sample, p.created_at, p.updated_at
FROM products p
WHERE NOT EXISTS (SELECT 1 FROM stagings g CROSS JOIN staged_products s WHERE g.brand_id = p.brand_id AND g.state = 2
    AND s.brand_id = g.brand_id AND s.staging_id = g.id AND s.id = p.id)
UNION ALL
SELECT s.brand_id, s.id, CASE WHEN s.fresh = 1 THEN g.first_position + s.ordinal ELSE s.position END, s.document_id,
    s.name, s.description, s.category, s.category_fold, s.price, s.features, s.specifications, s.availability, s.url,
    s.image_url, s.sample, s.created_at, s.updated_at
FROM stagings g CROSS JOIN staged_products s
WHERE g.state = 2 AND s.brand_id = g.brand_id AND s.staging_id = g.id;

DROP VIEW all_products;
CREATE VIEW all_products AS
SELECT brand_id, id, kind, supplier_id, inci_name, inci_fold, trade_name, cas_number, einecs_number, description,
    search_fold, is_active, document_count, created_at, updated_at
FROM ingredients
UNION ALL
SELECT brand_id, document_id, 'catalogue', CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), name,
    CAST(NULL AS TEXT), CAST(NULL AS TEXT), description, LOWER(name), availability, 0, created_at,
    COALESCE(updated_at, created_at)
FROM visible_products;
