-- Times are unix seconds. Nothing here can be turned back into a credential but the key that signs sessions.

CREATE TABLE users (
    id                    TEXT    NOT NULL PRIMARY KEY,
    name                  TEXT    NOT NULL UNIQUE,
    -- PHC text: $argon2id$…
    password_hash         TEXT    NOT NULL,
    must_change_password  BOOLEAN NOT NULL,
    created_at            BIGINT  NOT NULL,
    password_changed_at   BIGINT  NOT NULL
);

CREATE TABLE sessions (
    -- The token's jti.
    id          TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Empty: not known.
    address     TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE tokens (
    id            TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL UNIQUE,
    -- First characters of the secret, to recognise it by.
    prefix        TEXT   NOT NULL,
    -- SHA-256 of the secret. It holds 256 random bits, so a slow hash would protect nothing more.
    secret_hash   BLOB   NOT NULL UNIQUE,
    -- One scope a line; empty: everything.
    scopes        TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    -- NULL: never.
    expires_at    BIGINT,
    -- NULL: not yet. To the minute.
    last_used_at  BIGINT
);

CREATE TABLE signing_keys (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    key         BLOB    NOT NULL,
    created_at  BIGINT  NOT NULL
);
