-- books.db as the version before letter cases were folded letter by letter left it: 0014 in docs/decisions. What was delivered is told in ../old_store.rs.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;
INSERT INTO schema_version VALUES(1);
INSERT INTO schema_version VALUES(2);
CREATE TABLE entry (
    sequence    INTEGER PRIMARY KEY,
    recorded_at TEXT NOT NULL, -- instant, ISO 8601
    actor       BLOB NOT NULL, -- object id, 16 bytes
    body        BLOB NOT NULL,
    chain       BLOB NOT NULL  -- BLAKE3 over the chain value before and this entry's content, 32 bytes
) STRICT;
CREATE TABLE unfinished_copy (
    copied_from TEXT PRIMARY KEY NOT NULL -- in words
) STRICT, WITHOUT ROWID;
COMMIT;
