-- Codes that are out. In memory: whoever was signing in when the process ended begins again.
CREATE TABLE code (
    key     BLOB PRIMARY KEY,  -- 32 bytes
    version INTEGER NOT NULL,  -- how often it was written
    body    BLOB NOT NULL,
    ends    INTEGER NOT NULL   -- seconds since 1970
) STRICT, WITHOUT ROWID;
CREATE INDEX code_by_end ON code (ends);
