-- SPDX-License-Identifier: Apache-2.0
-- Vectors by text: each text's is kept once for each model, and passages point to it by the hash of model and text.
-- While the vectors of another model are made, those of the one before stay.

CREATE TABLE text_vectors (
    brand_id TEXT NOT NULL,
    model TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    vector BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, model, text_hash)
);
INSERT INTO text_vectors (brand_id, model, text_hash, vector, made_at)
    SELECT brand_id, model, text_hash, vector, 0 FROM vectors WHERE 1 = 1 ON CONFLICT DO NOTHING;

CREATE TABLE passage_vectors (
    brand_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    model TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    PRIMARY KEY (brand_id, kind, document_id, ordinal, model)
);
INSERT INTO passage_vectors (brand_id, kind, document_id, ordinal, model, text_hash)
    SELECT brand_id, kind, document_id, ordinal, model, text_hash FROM vectors;
DROP TABLE vectors;
ALTER TABLE passage_vectors RENAME TO vectors;
CREATE INDEX vectors_by_text ON vectors (brand_id, model, text_hash);

-- Whose vectors are searched in a brand, and whose are being made to take their place.
CREATE TABLE vector_indexes (
    brand_id TEXT NOT NULL PRIMARY KEY,
    model TEXT NOT NULL,
    dims BIGINT NOT NULL, -- 0: there is no vector yet
    next_model TEXT, -- NULL: none
    next_dims BIGINT NOT NULL DEFAULT 0,
    refused_dims BIGINT NOT NULL DEFAULT 0 -- of vectors that came and do not fit; 0: none
);
INSERT INTO vector_indexes (brand_id, model, dims) SELECT brand_id, MAX(model), 0 FROM vectors GROUP BY brand_id;
UPDATE vector_indexes SET dims = (SELECT MAX(LENGTH(t.vector)) / 4 FROM text_vectors t
    WHERE t.brand_id = vector_indexes.brand_id AND t.model = vector_indexes.model);
