-- SPDX-License-Identifier: Apache-2.0
-- What people did, for their brand to look at (000-management 6.2). Kept for a while, never with the text of a message.

-- address, user_agent: of signed-in users alone. metadata: a JSON object.
CREATE TABLE activities (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    user_id TEXT,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    metadata TEXT NOT NULL,
    address TEXT,
    user_agent TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
-- Counted without the rows themselves.
CREATE INDEX activities_by_time ON activities (brand_id, created_at, type, user_id);
