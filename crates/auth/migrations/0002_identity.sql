-- Roles, and one table for all that can be shown instead of a password. Times are unix seconds.

ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';
-- viewer, operator or admin. Whoever was here before could do everything.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
ALTER TABLE users ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT FALSE;
-- NULL: never.
ALTER TABLE users ADD COLUMN updated_at BIGINT;
ALTER TABLE users ADD COLUMN last_login_at BIGINT;

-- What the client says it is. Empty: not known.
ALTER TABLE sessions ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
-- To the minute. 0: not since it began.
ALTER TABLE sessions ADD COLUMN last_activity_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE tokens RENAME TO old_tokens;

CREATE TABLE tokens (
    id            TEXT   NOT NULL PRIMARY KEY,
    -- api, key, plugin, device, supervisor or project.
    kind          TEXT   NOT NULL,
    -- Plugin or project that it belongs to. NULL: none.
    subject       TEXT,
    -- Whose it is, and with whom it goes. NULL: nobody's.
    user_id       TEXT   REFERENCES users (id) ON DELETE CASCADE,
    name          TEXT   NOT NULL,
    -- First and last characters of the secret, to recognise it by.
    prefix        TEXT   NOT NULL,
    suffix        TEXT   NOT NULL,
    -- SHA-256 of the secret. It holds 256 random bits, so a slow hash would protect nothing more.
    secret_hash   BLOB   NOT NULL UNIQUE,
    -- One scope a line; empty: everything.
    scopes        TEXT   NOT NULL,
    -- The most that it may do.
    role          TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    -- NULL: never.
    expires_at    BIGINT,
    -- NULL: not yet. To the minute.
    last_used_at  BIGINT
);

INSERT INTO tokens (id, kind, name, prefix, suffix, secret_hash, scopes, role, created_at, expires_at, last_used_at)
    SELECT id, 'api', name, prefix, '', secret_hash, scopes, 'admin', created_at, expires_at, last_used_at
    FROM old_tokens;
DROP TABLE old_tokens;

-- The labels of keys are their owner's own affair.
CREATE UNIQUE INDEX tokens_name ON tokens (kind, name) WHERE kind <> 'key';
CREATE UNIQUE INDEX tokens_subject ON tokens (kind, subject) WHERE subject IS NOT NULL;
CREATE INDEX tokens_user ON tokens (user_id);

CREATE TABLE stars (
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application  TEXT   NOT NULL,
    PRIMARY KEY (user_id, application)
);
