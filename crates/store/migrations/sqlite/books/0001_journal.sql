-- The journal of the books: numbered from 1 without a gap, appended only.
CREATE TABLE entry (
    sequence    INTEGER PRIMARY KEY,
    recorded_at TEXT NOT NULL, -- instant, ISO 8601
    actor       BLOB NOT NULL, -- object id, 16 bytes
    body        BLOB NOT NULL,
    chain       BLOB NOT NULL  -- BLAKE3 over the chain value before and this entry's content, 32 bytes
) STRICT;
