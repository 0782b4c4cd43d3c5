-- The event of the bus that was entered last, so that none is entered twice and none is missed.
CREATE TABLE audit_cursor (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    event  BIGINT  NOT NULL
);
