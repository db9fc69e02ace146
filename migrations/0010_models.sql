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

-- NULL: no bound. The marks are the period (its first ms) in which the event was last written.
CREATE TABLE budgets (
    brand_id TEXT NOT NULL PRIMARY KEY,
    monthly_tokens BIGINT,
    daily_tokens BIGINT,
    monthly_cost BIGINT,
    warn_at DOUBLE PRECISION NOT NULL DEFAULT 0.8,
    on_exhausted TEXT NOT NULL DEFAULT 'quote',
    warned_month BIGINT NOT NULL DEFAULT 0,
    warned_day BIGINT NOT NULL DEFAULT 0,
    exhausted_month BIGINT NOT NULL DEFAULT 0,
    exhausted_day BIGINT NOT NULL DEFAULT 0,
    updated_at BIGINT NOT NULL
);

-- In micro-units of llm.currency.
ALTER TABLE usage_rows ADD COLUMN cost BIGINT NOT NULL DEFAULT 0;
