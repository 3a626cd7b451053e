-- The sessions of one user: how many there are, and which end with a password.
CREATE INDEX session_of_user ON session ("user");

-- Codes that are out. Not logged: whoever was signing in when the database crashed begins again.
CREATE UNLOGGED TABLE code (
    key     bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    version bigint NOT NULL, -- how often it was written
    body    bytea NOT NULL,
    ends    bigint NOT NULL  -- seconds since 1970
);
CREATE INDEX code_by_end ON code (ends);
