-- What registries answered, so that a restart does not ask all of it again. Everything here may be lost without harm.
CREATE TABLE registry_answer (
    -- `tags` and the repository, or `digest`, the repository and the tag.
    question TEXT PRIMARY KEY NOT NULL,
    -- JSON.
    answer TEXT NOT NULL,
    -- Milliseconds since 1970.
    fetched_ms BIGINT NOT NULL
);
