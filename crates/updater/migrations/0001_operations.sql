-- What was asked for and what became of it. One row for each request, one detail for each container in it.
CREATE TABLE operation (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    operation_id      TEXT NOT NULL UNIQUE,
    -- single, batch or rollback
    kind              TEXT NOT NULL,
    -- queued, in_progress, complete or failed
    status            TEXT NOT NULL,
    -- Operations with the same one run one after the other.
    lock_key          TEXT NOT NULL,
    container_id      TEXT NOT NULL,
    container_name    TEXT NOT NULL,
    stack_name        TEXT NOT NULL,
    old_version       TEXT NOT NULL,
    new_version       TEXT NOT NULL,
    error_message     TEXT NOT NULL DEFAULT '',
    rollback_occurred BIGINT NOT NULL DEFAULT 0,
    rollback_of       TEXT NOT NULL DEFAULT '',
    batch_group_id    TEXT NOT NULL DEFAULT '',
    requested_by      TEXT NOT NULL DEFAULT '',
    stage             TEXT NOT NULL DEFAULT '',
    percent           BIGINT NOT NULL DEFAULT 0,
    created_us        BIGINT NOT NULL,
    started_us        BIGINT,
    completed_us      BIGINT,
    updated_us        BIGINT NOT NULL
);
CREATE INDEX operation_status ON operation (status, id);

CREATE TABLE operation_detail (
    operation_id         TEXT NOT NULL REFERENCES operation (operation_id) ON DELETE CASCADE,
    position             BIGINT NOT NULL,
    container_name       TEXT NOT NULL,
    stack_name           TEXT NOT NULL,
    forced               BIGINT NOT NULL,
    old_version          TEXT NOT NULL,
    -- The tag to go to.
    new_version          TEXT NOT NULL,
    change_type          BIGINT NOT NULL,
    old_resolved_version TEXT NOT NULL,
    new_resolved_version TEXT NOT NULL,
    old_digest           TEXT NOT NULL,
    -- pending, in_progress, complete or failed
    status               TEXT NOT NULL,
    message              TEXT NOT NULL DEFAULT '',
    -- The container that it made.
    new_container_id     TEXT NOT NULL DEFAULT '',
    -- The journal entry that it goes back from; empty for an update.
    rolls_back           TEXT NOT NULL DEFAULT '',
    -- The old image and data are still kept.
    kept                 BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (operation_id, position)
);
CREATE INDEX operation_detail_container ON operation_detail (container_name, status);
