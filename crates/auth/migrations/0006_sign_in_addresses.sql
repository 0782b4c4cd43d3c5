-- Where people have signed in from of late. Guesses from elsewhere do not lock them out there. Times are unix seconds.

CREATE TABLE sign_in_addresses (
    user_id  TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- One of the new kind stands for its whole network of 64 bits.
    address  TEXT   NOT NULL,
    -- To the day.
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, address)
);
CREATE INDEX sign_in_addresses_address ON sign_in_addresses (address);

-- Those of the new kind would have to be cut; they are learned when somebody signs in again.
INSERT INTO sign_in_addresses (user_id, address, last_at)
    SELECT user_id, address, MAX(created_at) FROM sessions
    WHERE address <> '' AND address NOT LIKE '%:%' GROUP BY user_id, address;
