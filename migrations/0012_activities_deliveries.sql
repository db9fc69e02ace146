-- SPDX-License-Identifier: Apache-2.0
-- What people did, for their brand to look at (000-management 6.2). Kept for a while, never with the text of a message.

-- user_id: empty when nobody was signed in; address, user_agent: of signed-in users alone. metadata: a JSON object. The
-- key is the order of lists and holds what they count by, so that each row costs one index.
CREATE TABLE activities (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    user_id TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    metadata TEXT NOT NULL,
    address TEXT,
    user_agent TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, created_at, id, type, user_id)
);

-- How many deliveries of a webhook there are, so that nobody counts them; kept by whoever makes, moves or deletes one.
CREATE TABLE delivery_counts (
    brand_id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event TEXT NOT NULL,
    status TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (brand_id, webhook_id, event, status)
);
INSERT INTO delivery_counts (brand_id, webhook_id, event, status, n)
    SELECT brand_id, webhook_id, event, status, COUNT(*) FROM deliveries GROUP BY brand_id, webhook_id, event, status;
-- Pages are found in these alone, the rows of one page read afterwards.
DROP INDEX deliveries_by_age;
CREATE INDEX deliveries_by_age ON deliveries (brand_id, webhook_id, id, created_at, event);
CREATE INDEX deliveries_by_status ON deliveries (brand_id, webhook_id, status, id, created_at, event);
