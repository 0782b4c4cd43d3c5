-- Plans that were shown to somebody, so that it can be said what is different when the update is asked for.
CREATE TABLE shown_plan (
    hash           TEXT PRIMARY KEY NOT NULL,
    container_name TEXT NOT NULL,
    -- JSON
    plan           TEXT NOT NULL,
    shown_us       BIGINT NOT NULL
);
CREATE INDEX shown_plan_time ON shown_plan (shown_us);

-- Hash of the plan that somebody agreed to, or its beginning; empty for none.
ALTER TABLE operation_detail ADD COLUMN plan_hash TEXT NOT NULL DEFAULT '';
