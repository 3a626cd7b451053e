-- Sign-ins of people that last. Times are seconds since 1970.
CREATE TABLE session (
    id          BLOB PRIMARY KEY,  -- 16 bytes
    user        BLOB NOT NULL,     -- object id, 16 bytes
    client      BLOB NOT NULL,     -- application id, 16 bytes
    valid_since INTEGER NOT NULL,  -- number of an entry in the journal of the books
    begun       INTEGER NOT NULL,
    number      INTEGER NOT NULL,  -- of the refresh token that is good
    renewed     INTEGER NOT NULL,
    ends        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When each operator's credential was last used.
CREATE TABLE operator_seen (
    operator BLOB PRIMARY KEY,     -- 16 bytes
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
