-- SPDX-License-Identifier: Apache-2.0
-- Accounts whole: memberships that rest, successors of refresh tokens, password resets, invitations.

-- 0: the member has no rights in the brand for the time being.
ALTER TABLE memberships ADD COLUMN active BIGINT NOT NULL DEFAULT 1;

-- The token that this one was exchanged for.
ALTER TABLE refresh_tokens ADD COLUMN successor TEXT;
CREATE INDEX refresh_tokens_by_sign_in ON refresh_tokens (sign_in_id);
CREATE INDEX user_keys_by_user ON user_keys (user_id, created_at);
CREATE INDEX login_failures_by_age ON login_failures (last_at);

-- Every request for a new password leaves a row, also one for an address that nobody has: what the server does must not
-- tell which addresses are known. `account` is a user's id or the hash of such an address.
CREATE TABLE password_resets (
    hash TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX password_resets_by_account ON password_resets (account, created_at);
CREATE INDEX password_resets_by_age ON password_resets (created_at);

CREATE TABLE invites (
    brand_id TEXT NOT NULL,
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    role TEXT NOT NULL,
    email TEXT,
    created_by TEXT,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (brand_id, id)
);
CREATE INDEX invites_by_age ON invites (brand_id, created_at, id);
