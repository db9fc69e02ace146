-- SPDX-License-Identifier: Apache-2.0
-- Imports that write in small transactions (store/undo.h), and what takes one back that did not come to its end.
CREATE TABLE imports (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    makes_brand BIGINT NOT NULL, -- 1: nobody sees the brand until the end; without it the brand goes
    state BIGINT NOT NULL DEFAULT 0, -- 0 under way or given up, 1 came to its end
    began_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);

CREATE TABLE import_undo (
    brand_id TEXT NOT NULL,
    import_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    kind BIGINT NOT NULL, -- 0 the row was added, 1 the row was so, 2 the rows of a parent were others
    name TEXT NOT NULL, -- the table
    content TEXT NOT NULL, -- JSON list of its columns' values, as store/tenant_tables.c has them
    PRIMARY KEY (brand_id, import_id, ordinal)
);

-- Conversations are erased with their events: without this each time all events of the brand were looked at.
CREATE INDEX events_by_conversation ON events (brand_id, conversation_id);
