-- Locks of the stacks of containers that follow those of the operation, as JSON.
ALTER TABLE operation ADD COLUMN also_locks TEXT NOT NULL DEFAULT '[]';
