-- SPDX-License-Identifier: Apache-2.0
-- Chatbots under /api/v1: what is shown over their status, how lists search them, what a prompt version says of itself,
-- replaced publishable keys, and audit rows as a chain.

ALTER TABLE chatbots ADD COLUMN training BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chatbots ADD COLUMN model_failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chatbots ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
UPDATE chatbots SET search_text = LOWER(name || ' ' || COALESCE(description, ''));
ALTER TABLE chatbots DROP COLUMN old_publishable_key;
ALTER TABLE chatbots DROP COLUMN old_publishable_until;

-- Replaced ones go on for a day, because pages are cached.
CREATE TABLE old_publishable_keys (
    brand_id TEXT NOT NULL,
    key TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    valid_until BIGINT NOT NULL,
    PRIMARY KEY (brand_id, key)
);
CREATE INDEX old_publishable_keys_by_chatbot ON old_publishable_keys (brand_id, chatbot_id, valid_until);

ALTER TABLE prompt_versions ADD COLUMN id TEXT;
ALTER TABLE prompt_versions ADD COLUMN description TEXT;
ALTER TABLE prompt_versions ADD COLUMN metadata TEXT;
UPDATE prompt_versions SET id = SUBSTR(chatbot_id, 1, 24) || SUBSTR(CAST(1000000000000 + version AS TEXT), 2);
UPDATE chatbots SET prompt_version = COALESCE((SELECT MAX(p.version) FROM prompt_versions p
    WHERE p.brand_id = chatbots.brand_id AND p.chatbot_id = chatbots.id), 0);

-- Each row carries the hash of the one before it in its brand; the newest one's is kept beside them.
ALTER TABLE audit ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN previous TEXT;
CREATE INDEX audit_by_chatbot ON audit (brand_id, chatbot_id, id);
CREATE INDEX audit_by_seq ON audit (brand_id, seq);
CREATE TABLE audit_heads (
    brand_id TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
