-- Names of the containers that follow those of the operation, as JSON.
ALTER TABLE operation ADD COLUMN dependents TEXT NOT NULL DEFAULT '[]';

-- Only the file is changed, and the container is left as it is.
ALTER TABLE operation_detail ADD COLUMN no_restart BIGINT NOT NULL DEFAULT 0;
