-- SPDX-License-Identifier: Apache-2.0
-- The common dialect of SQLite and PostgreSQL. Times are Unix milliseconds, truth values 0 and 1, JSON is text. A
-- tenant's table begins with brand_id, in its keys and indexes too, so that it can be partitioned by brand.

CREATE TABLE brands (
    id TEXT NOT NULL PRIMARY KEY,
    fold_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    is_active BIGINT NOT NULL DEFAULT 1,
    persona_prompt TEXT,
    company_info TEXT NOT NULL DEFAULT '{}',
    appearance TEXT NOT NULL DEFAULT '{}',
    chat_settings TEXT NOT NULL DEFAULT '{}',
    pristine BIGINT NOT NULL DEFAULT 0,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    deleted_at BIGINT
);

CREATE TABLE chatbots (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    is_default BIGINT NOT NULL DEFAULT 0,
    is_public BIGINT NOT NULL DEFAULT 0,
    system_prompt TEXT NOT NULL,
    prompt_version BIGINT NOT NULL DEFAULT 1,
    welcome_message TEXT NOT NULL,
    model TEXT NOT NULL DEFAULT '',
    temperature DOUBLE PRECISION NOT NULL DEFAULT 0.7,
    max_tokens BIGINT NOT NULL DEFAULT 500,
    history_messages BIGINT NOT NULL DEFAULT 20,
    response_timeout BIGINT NOT NULL DEFAULT 30,
    language TEXT,
    allowed_domains TEXT,
    allow_localhost TEXT NOT NULL DEFAULT 'always',
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    deleted_at BIGINT,
    PRIMARY KEY (brand_id, id)
);

CREATE TABLE prompt_versions (
    brand_id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    prompt TEXT NOT NULL,
    method TEXT NOT NULL,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, chatbot_id, version)
);

CREATE TABLE api_keys (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (brand_id, id)
);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL,
    username_fold TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_fold TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '',
    super_admin BIGINT NOT NULL DEFAULT 0,
    active BIGINT NOT NULL DEFAULT 1,
    last_login BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE memberships (
    brand_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id, brand_id);

CREATE TABLE user_keys (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE sign_ins (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id, id);

CREATE TABLE refresh_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    sign_in_id TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE login_failures (
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (account, address)
);

CREATE TABLE products (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
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
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX products_by_position ON products (brand_id, position);
CREATE INDEX products_by_category ON products (brand_id, category_fold, position);

CREATE TABLE knowledge_bases (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    is_active BIGINT NOT NULL DEFAULT 1,
    threshold DOUBLE PRECISION NOT NULL DEFAULT 0.3,
    max_results BIGINT NOT NULL DEFAULT 5,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);

CREATE TABLE documents (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT,
    base_id TEXT,
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    tags TEXT NOT NULL DEFAULT '[]',
    position BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX documents_by_position ON documents (brand_id, position);

CREATE TABLE vectors (
    brand_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    model TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    vector BYTEA NOT NULL,
    PRIMARY KEY (brand_id, kind, document_id, ordinal)
);

CREATE TABLE conversations (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    session_id TEXT,
    issued BIGINT NOT NULL DEFAULT 0,
    channel TEXT NOT NULL,
    user_label TEXT,
    status TEXT NOT NULL,
    message_count BIGINT NOT NULL DEFAULT 0,
    started_at BIGINT NOT NULL,
    last_message_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (brand_id, id)
);
CREATE UNIQUE INDEX conversations_by_session ON conversations (brand_id, chatbot_id, session_id);
CREATE INDEX conversations_by_activity ON conversations (brand_id, last_message_at);

CREATE TABLE messages (
    brand_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    status TEXT NOT NULL,
    mode TEXT,
    finish_reason TEXT,
    confidence DOUBLE PRECISION,
    metadata TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, conversation_id, seq)
);
CREATE INDEX messages_by_time ON messages (brand_id, created_at);
CREATE INDEX messages_running ON messages (status) WHERE status = 'running';

CREATE TABLE events (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    conversation_id TEXT,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);

CREATE TABLE brand_totals (
    brand_id TEXT NOT NULL PRIMARY KEY,
    conversations BIGINT NOT NULL DEFAULT 0,
    messages BIGINT NOT NULL DEFAULT 0,
    products BIGINT NOT NULL DEFAULT 0,
    last_position BIGINT NOT NULL DEFAULT 0,
    last_activity BIGINT
);

CREATE TABLE audit (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (brand_id, id)
);

CREATE TABLE usage_rows (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);

CREATE TABLE jobs (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    run_at BIGINT NOT NULL,
    lease_until BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX jobs_due ON jobs (state, run_at);

CREATE TABLE facts (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
