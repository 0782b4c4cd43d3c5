-- What was stored in one go: homeport.bus.v1.Event messages, each with its length before it.
CREATE TABLE batch (
    last_id INTEGER PRIMARY KEY,
    first_id INTEGER NOT NULL,
    -- Of the last event, in milliseconds since 1970.
    time INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    events BLOB NOT NULL
);

-- Single numbers: `reserved` (ids up to it may have been given), `expired_to` and `expired_time` (of the newest event that
-- was deleted).
CREATE TABLE mark (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);

-- Consumer groups: the last id that was acknowledged.
CREATE TABLE consumer_group (
    name TEXT PRIMARY KEY,
    acknowledged INTEGER NOT NULL
);
