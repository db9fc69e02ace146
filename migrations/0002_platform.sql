-- SPDX-License-Identifier: Apache-2.0
-- Chatbots as objects of their own, their keys, what is addressed without its brand, and personalities.

-- Where an object lives that a caller names without its brand: by id, slug or the hash of a key. Of the installation,
-- so that every tenant's table can keep its brand first and still be unique across brands where that matters.
CREATE TABLE places (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    brand_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX places_by_brand ON places (brand_id);

CREATE TABLE chatbots_new (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL,
    is_default BIGINT NOT NULL DEFAULT 0,
    is_public BIGINT NOT NULL DEFAULT 0,
    system_prompt TEXT,
    prompt_version BIGINT NOT NULL DEFAULT 0,
    welcome_message TEXT NOT NULL,
    configuration TEXT NOT NULL DEFAULT '{}',
    knowledge_filters TEXT NOT NULL DEFAULT '{}',
    engine TEXT NOT NULL DEFAULT 'openai',
    engine_config TEXT NOT NULL DEFAULT '{}',
    tags TEXT NOT NULL DEFAULT '[]',
    default_personality_id TEXT,
    publishable_key TEXT,
    old_publishable_key TEXT,
    old_publishable_until BIGINT,
    language TEXT,
    allowed_domains TEXT,
    allow_localhost TEXT NOT NULL DEFAULT 'always',
    channels_off TEXT NOT NULL DEFAULT '[]',
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (brand_id, id)
);
INSERT INTO chatbots_new (brand_id, id, slug, name, description, status, is_default, is_public, system_prompt,
    prompt_version, welcome_message, configuration, language, allowed_domains, allow_localhost, created_by, created_at,
    updated_at, deleted_at)
SELECT c.brand_id, c.id, REPLACE(b.fold_id, '_', '-'), c.name, c.description, c.status, c.is_default, c.is_public,
    c.system_prompt, c.prompt_version, c.welcome_message,
    '{"model":null,"temperature":' || CAST(c.temperature AS TEXT) || ',"maxTokens":' || CAST(c.max_tokens AS TEXT)
        || ',"historyMessages":' || CAST(c.history_messages AS TEXT)
        || ',"responseTimeout":' || CAST(c.response_timeout AS TEXT) || '}',
    c.language, c.allowed_domains, c.allow_localhost, c.created_by, c.created_at, COALESCE(c.updated_at, c.created_at),
    c.deleted_at
FROM chatbots c JOIN brands b ON b.id = c.brand_id;
DROP TABLE chatbots;
ALTER TABLE chatbots_new RENAME TO chatbots;
CREATE INDEX chatbots_by_age ON chatbots (brand_id, created_at, id);
INSERT INTO places (kind, name, brand_id, object_id) SELECT 'chatbot', id, brand_id, id FROM chatbots;
INSERT INTO places (kind, name, brand_id, object_id) SELECT 'slug', slug, brand_id, id FROM chatbots;

CREATE TABLE api_keys_new (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    name TEXT NOT NULL,
    is_primary BIGINT NOT NULL DEFAULT 0,
    hash TEXT NOT NULL,
    hint TEXT NOT NULL,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (brand_id, id)
);
INSERT INTO api_keys_new (brand_id, id, chatbot_id, name, is_primary, hash, hint, created_at, revoked_at)
SELECT brand_id, id, chatbot_id, name, 1, hash, hint, created_at, revoked_at FROM api_keys;
DROP TABLE api_keys;
ALTER TABLE api_keys_new RENAME TO api_keys;
CREATE INDEX api_keys_by_chatbot ON api_keys (brand_id, chatbot_id, created_at);
INSERT INTO places (kind, name, brand_id, object_id) SELECT 'key', hash, brand_id, id FROM api_keys;

CREATE TABLE personalities (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    traits TEXT NOT NULL DEFAULT '[]',
    tones TEXT NOT NULL DEFAULT '[]',
    language_style TEXT NOT NULL DEFAULT '{}',
    response_characteristics TEXT NOT NULL DEFAULT '{}',
    custom_instructions TEXT NOT NULL DEFAULT '',
    is_default BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX personalities_by_age ON personalities (brand_id, chatbot_id, created_at, id);

-- What an audit row says of the change itself: the object's chatbot, old and new values of the changed fields.
ALTER TABLE audit ADD COLUMN chatbot_id TEXT;
ALTER TABLE audit ADD COLUMN old_value TEXT;
ALTER TABLE audit ADD COLUMN new_value TEXT;
ALTER TABLE audit ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';

-- First replies of requests that carry an Idempotency-Key. `reply` is encrypted; NULL: not known yet.
CREATE TABLE idempotency (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status BIGINT,
    headers TEXT,
    reply BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
