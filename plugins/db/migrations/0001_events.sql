CREATE TABLE event (
    -- The bus's own number.
    id    INTEGER PRIMARY KEY,
    -- Milliseconds since 1970, when the bus took it.
    at    INTEGER NOT NULL,
    topic TEXT    NOT NULL,
    value TEXT    NOT NULL
) STRICT;

CREATE INDEX event_topic ON event (topic, id);
CREATE INDEX event_at ON event (at);
