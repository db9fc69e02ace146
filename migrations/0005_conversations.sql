-- SPDX-License-Identifier: Apache-2.0
-- Conversations of /api/v1: who began one, what is known in it, when it ends by itself; places of its events in their
-- order; ratings.

ALTER TABLE conversations ADD COLUMN begun_by TEXT;
ALTER TABLE conversations ADD COLUMN context TEXT NOT NULL DEFAULT '{}';
ALTER TABLE conversations ADD COLUMN event_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN idle_at BIGINT;
CREATE INDEX conversations_idle ON conversations (idle_at) WHERE idle_at IS NOT NULL;

-- Of one conversation from 1; 0 outside of one.
ALTER TABLE events ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;

-- What somebody said of an answer, once a message and person. `reported_…`: what a client claims was asked and answered.
-- `learned` 0: learning has not looked at it since it changed.
CREATE TABLE feedback (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    user_label TEXT NOT NULL,
    type TEXT NOT NULL,
    comment TEXT,
    source TEXT NOT NULL,
    reported_query TEXT,
    reported_response TEXT,
    learned BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE UNIQUE INDEX feedback_by_message ON feedback (brand_id, message_id, user_label);
CREATE INDEX feedback_by_conversation ON feedback (brand_id, conversation_id);
CREATE INDEX feedback_by_age ON feedback (brand_id, chatbot_id, created_at, id);
