-- SPDX-License-Identifier: Apache-2.0
-- Conversations begun through the external API, and lists of those that a user began.

-- JSON of its creator; not NULL: it was begun there.
ALTER TABLE conversations ADD COLUMN metadata TEXT;
CREATE INDEX conversations_begun ON conversations (brand_id, begun_by, last_message_at) WHERE begun_by IS NOT NULL;
CREATE INDEX conversations_begun_by_id ON conversations (begun_by, id) WHERE begun_by IS NOT NULL;
CREATE INDEX conversations_external ON conversations (brand_id, chatbot_id, last_message_at) WHERE metadata IS NOT NULL;
