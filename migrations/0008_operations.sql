-- SPDX-License-Identifier: Apache-2.0
-- Signs of life: a row that health writes to know that it can.

CREATE TABLE heartbeats (
    name TEXT NOT NULL PRIMARY KEY,
    beat_at BIGINT NOT NULL
);
