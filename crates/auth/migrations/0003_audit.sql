-- Who did what. Each row's hash covers the row and the hash before it.

CREATE TABLE audit (
    -- Without gaps.
    number          INTEGER NOT NULL PRIMARY KEY,
    -- Unix milliseconds.
    at              BIGINT  NOT NULL,
    principal_kind  TEXT    NOT NULL,
    principal_id    TEXT    NOT NULL,
    principal_name  TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    client_address  TEXT    NOT NULL,
    user_agent      TEXT    NOT NULL,
    action          TEXT    NOT NULL,
    method          TEXT    NOT NULL,
    path            TEXT    NOT NULL,
    target_kind     TEXT    NOT NULL,
    target_id       TEXT    NOT NULL,
    target_name     TEXT    NOT NULL,
    outcome         TEXT    NOT NULL,
    status          BIGINT  NOT NULL,
    request_id      TEXT    NOT NULL,
    details         TEXT    NOT NULL,
    hash            BLOB    NOT NULL
);
CREATE INDEX audit_action ON audit (action, number);
CREATE INDEX audit_user ON audit (user_id, number);

-- What is there, so that rows missing at either end are missed.
CREATE TABLE audit_ends (
    id            INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Of the row before the oldest, which was pruned; 0 and zeros if none was.
    first_number  BIGINT  NOT NULL,
    first_hash    BLOB    NOT NULL,
    last_number   BIGINT  NOT NULL,
    last_hash     BLOB    NOT NULL
);
INSERT INTO audit_ends (id, first_number, first_hash, last_number, last_hash)
    VALUES (1, 0, zeroblob(32), 0, zeroblob(32));
