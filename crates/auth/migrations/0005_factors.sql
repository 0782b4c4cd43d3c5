-- Second proofs of who somebody is. Times are unix seconds.

CREATE TABLE factors (
    user_id     TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- What the codes are made of, so it can be no hash. NULL: none that counts.
    secret      BLOB,
    -- One whose first code has not been seen. NULL: none.
    pending     BLOB,
    -- Needed for every request of the user's, not only for some.
    always_on   BOOLEAN NOT NULL,
    -- Step of the last code that was right: each is good once.
    last_step   BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL
);

CREATE TABLE passkeys (
    -- Base64url of the credential's id.
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the passkey knows its user by: a UUID that says nothing about the user.
    handle        TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    -- Name of the site that it was made for.
    site          TEXT   NOT NULL,
    -- JSON: public key and counter.
    credential    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- Keys of words: `device` for another device, `recovery` for the drawer.
CREATE TABLE word_keys (
    kind        TEXT   NOT NULL PRIMARY KEY CHECK (kind IN ('device', 'recovery')),
    -- Account that devices act for. NULL: nobody's.
    user_id     TEXT   REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the 16 or 24 random bytes behind the words.
    hash        BLOB   NOT NULL,
    created_at  BIGINT NOT NULL,
    -- NULL: never.
    expires_at  BIGINT,
    -- NULL: as often as one likes.
    uses_left   BIGINT
);

-- Who somebody is elsewhere.
CREATE TABLE oidc_accounts (
    issuer      TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX oidc_accounts_user ON oidc_accounts (user_id);
