-- SPDX-License-Identifier: Apache-2.0
-- Webhooks, what is to be delivered to them, and each attempt of it. Secrets and header values are sealed.

CREATE TABLE webhooks (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    chatbot_id TEXT,
    secret TEXT NOT NULL,
    secret_hint TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until BIGINT,
    headers TEXT NOT NULL DEFAULT '{}',
    header_values TEXT,
    active BIGINT NOT NULL DEFAULT 1,
    disabled_reason TEXT,
    retry_config TEXT,
    filter_config TEXT NOT NULL DEFAULT '{}',
    ordering TEXT NOT NULL,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- What delivering knows. due_at: when its next delivery may be tried, NULL when none waits. given_up: deliveries
    -- failed for good since the last success.
    active_since BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT,
    hold_until BIGINT NOT NULL DEFAULT 0,
    total BIGINT NOT NULL DEFAULT 0,
    succeeded BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    cancelled BIGINT NOT NULL DEFAULT 0,
    given_up BIGINT NOT NULL DEFAULT 0,
    last_attempt_at BIGINT,
    last_success_at BIGINT,
    last_failure_at BIGINT,
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX webhooks_by_age ON webhooks (brand_id, created_at, id);
CREATE INDEX webhooks_of_installation ON webhooks (scope) WHERE scope = 'installation' AND active = 1;
CREATE INDEX webhooks_due ON webhooks (due_at) WHERE active = 1 AND due_at IS NOT NULL;

-- The event may be another brand's (scope installation). line: deliveries of one line go one after the other; only the
-- first of those that are pending has a next_at. claimed: being tried, until next_at at most.
CREATE TABLE deliveries (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event_brand_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event TEXT NOT NULL,
    chatbot_id TEXT,
    line TEXT,
    sequence BIGINT NOT NULL DEFAULT 0,
    status TEXT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT,
    claimed BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX deliveries_claimed ON deliveries (claimed) WHERE claimed = 1;
CREATE INDEX deliveries_by_age ON deliveries (brand_id, webhook_id, id);
CREATE INDEX deliveries_due ON deliveries (brand_id, webhook_id, next_at, id)
    WHERE status = 'pending' AND next_at IS NOT NULL;
CREATE INDEX deliveries_in_line ON deliveries (brand_id, webhook_id, line, sequence, id)
    WHERE status = 'pending' AND line IS NOT NULL;

CREATE TABLE attempts (
    brand_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    status_code BIGINT,
    duration BIGINT NOT NULL,
    error TEXT,
    excerpt TEXT,
    PRIMARY KEY (brand_id, delivery_id, id)
);
