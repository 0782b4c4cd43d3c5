-- Which script is asked before the updates of which container, unless a label of it says another.
CREATE TABLE script_assignment (
    container_name TEXT PRIMARY KEY NOT NULL,
    script_path    TEXT NOT NULL,
    assigned_by    TEXT NOT NULL,
    assigned_us    BIGINT NOT NULL,
    updated_us     BIGINT NOT NULL
);

-- The script that the request names instead; empty for none.
ALTER TABLE operation_detail ADD COLUMN script TEXT NOT NULL DEFAULT '';

-- The new version is tried on a copy of the data first.
ALTER TABLE operation_detail ADD COLUMN rehearse BIGINT NOT NULL DEFAULT 0;
