-- SPDX-License-Identifier: Apache-2.0
-- Model providers that were made through the API, and what brands may use of models.

-- Of the installation. What is NULL comes from the settings' provider of the same id, if there is one, else by kind.
CREATE TABLE llm_providers (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT,
    base_url TEXT,
    api_key TEXT, -- sealed
    embedding_api_key TEXT, -- sealed
    key_header TEXT,
    api_version TEXT,
    models TEXT,
    embedding_model TEXT,
    transcription_model TEXT,
    query_prefix TEXT,
    passage_prefix TEXT,
    dimensions BIGINT,
    context_window BIGINT,
    max_output_tokens BIGINT,
    capabilities TEXT,
    timeouts TEXT,
    retries BIGINT,
    max_concurrent BIGINT,
    price TEXT,
    extra_headers TEXT,
    extra_body TEXT,
    proxy TEXT, -- sealed
    tls TEXT,
    http2 BIGINT,
    enabled BIGINT,
    place BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- NULL: no bound. The warned and exhausted marks are the period (its first ms) in which the event was written.
CREATE TABLE budgets (
    brand_id TEXT NOT NULL PRIMARY KEY,
    monthly_tokens BIGINT,
    daily_tokens BIGINT,
    monthly_cost BIGINT,
    warn_at DOUBLE PRECISION NOT NULL DEFAULT 0.8,
    on_exhausted TEXT NOT NULL DEFAULT 'quote',
    updated_at BIGINT NOT NULL
);

-- What a brand has used in a month or a day, and what of its calls under way is set aside.
CREATE TABLE budget_periods (
    brand_id TEXT NOT NULL,
    kind TEXT NOT NULL, -- 'month', 'day'
    begins_at BIGINT NOT NULL,
    tokens BIGINT NOT NULL DEFAULT 0,
    cost BIGINT NOT NULL DEFAULT 0,
    warned BIGINT NOT NULL DEFAULT 0,
    exhausted BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (brand_id, kind, begins_at)
);

ALTER TABLE usage_rows ADD COLUMN cost BIGINT NOT NULL DEFAULT 0;
