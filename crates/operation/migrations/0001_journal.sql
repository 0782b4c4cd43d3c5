-- One row for each piece of long work. The plan is what it was decided to do; nothing in it changes afterwards.
CREATE TABLE journal (
    id         TEXT PRIMARY KEY NOT NULL,
    kind       TEXT NOT NULL,
    plan       TEXT NOT NULL,
    -- open, committed, undoing, done, undone or broken
    status     TEXT NOT NULL,
    -- Why it is being undone or was; what could not be cleaned up.
    error      TEXT,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
CREATE INDEX journal_status ON journal (status);

-- One row for each step that was begun, written before anything of it is done.
CREATE TABLE journal_step (
    journal_id TEXT NOT NULL REFERENCES journal (id) ON DELETE CASCADE,
    position   BIGINT NOT NULL,
    name       TEXT NOT NULL,
    -- begun, done or undone
    state      TEXT NOT NULL,
    -- What the step found out and its undo needs, as JSON.
    data       TEXT,
    begun_us   BIGINT NOT NULL,
    ended_us   BIGINT,
    PRIMARY KEY (journal_id, position)
);
