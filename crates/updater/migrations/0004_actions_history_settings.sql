-- What an operation of one container by hand is to do, so that it can be done again after a crash.
CREATE TABLE action (
    operation_id TEXT PRIMARY KEY REFERENCES operation (operation_id) ON DELETE CASCADE,
    -- JSON
    action       TEXT NOT NULL
);

-- What checks found. One row whenever a container's result changed.
CREATE TABLE checked (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us           BIGINT NOT NULL,
    container_name  TEXT NOT NULL,
    image           TEXT NOT NULL,
    status          TEXT NOT NULL,
    current_version TEXT NOT NULL,
    latest_version  TEXT NOT NULL,
    error           TEXT NOT NULL
);
CREATE INDEX checked_container ON checked (container_name, id);
CREATE INDEX checked_at ON checked (at_us);

-- Settings that people change while it runs.
CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
