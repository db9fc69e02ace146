-- SPDX-License-Identifier: Apache-2.0
-- Calls of tools in turns, one row each: what was called and how it went, never what was said. Kept for 30 days.
CREATE TABLE tool_calls (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    plugin TEXT NOT NULL,
    tool TEXT NOT NULL,
    ok BIGINT NOT NULL,
    status BIGINT, -- of HTTP; NULL: none
    latency_ms BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX tool_calls_newest ON tool_calls (brand_id, chatbot_id, plugin, id);
CREATE INDEX tool_calls_age ON tool_calls (created_at);
