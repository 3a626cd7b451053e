-- The usage ledger. Hours and days count from 1970-01-01T00:00Z, ids of the outside are 16 bytes.

-- What records refer to, each once.

CREATE TABLE stack (
    id              INTEGER PRIMARY KEY,
    cloud_id        BLOB NOT NULL UNIQUE,
    sequence        INTEGER NOT NULL, -- of its last batch
    chain           BLOB NOT NULL,    -- of its last batch, 32 bytes
    reported_through INTEGER          -- hour: the furthest it ever declared
) STRICT;

CREATE TABLE local_subscription (
    id              INTEGER PRIMARY KEY,
    stack           INTEGER NOT NULL REFERENCES stack,
    subscription_id BLOB NOT NULL,
    UNIQUE (stack, subscription_id)
) STRICT;

CREATE TABLE local_meter (
    id       INTEGER PRIMARY KEY,
    meter_id BLOB NOT NULL UNIQUE
) STRICT;

-- 64 series of one local subscription: the unit in which records and totals are kept.
CREATE TABLE block (
    id                 INTEGER PRIMARY KEY,
    local_subscription INTEGER NOT NULL REFERENCES local_subscription
) STRICT;
CREATE INDEX block_of_local_subscription ON block (local_subscription);

CREATE TABLE series (
    id           INTEGER PRIMARY KEY,  -- block * 64 + slot
    local_meter  INTEGER NOT NULL REFERENCES local_meter,
    resource_uri TEXT NOT NULL,        -- in the case first seen
    key          BLOB NOT NULL UNIQUE  -- BLAKE3 of stack, local subscription, meter and folded URI, 16 bytes of it
) STRICT;

CREATE TABLE attributes (
    id              INTEGER PRIMARY KEY,
    location        TEXT NOT NULL,
    tags            TEXT NOT NULL,
    additional_info TEXT NOT NULL,
    key             BLOB NOT NULL UNIQUE -- BLAKE3 of the three, 16 bytes of it
) STRICT;

-- The attributes of a series from the hour of the record that brought them until the next row.
CREATE TABLE series_attributes (
    series     INTEGER NOT NULL,
    from_hour  INTEGER NOT NULL,
    attributes INTEGER NOT NULL,
    PRIMARY KEY (series, from_hour)
) STRICT, WITHOUT ROWID;

-- What was delivered, and what became of it.

CREATE TABLE batch (
    id               INTEGER PRIMARY KEY,
    batch_id         BLOB NOT NULL UNIQUE,
    stack            INTEGER NOT NULL REFERENCES stack,
    sequence         INTEGER NOT NULL, -- per stack, from 1 without a gap
    received_at      TEXT NOT NULL,    -- instant, ISO 8601
    reported_start   INTEGER NOT NULL, -- hour: the reported time of its records
    reported_end     INTEGER,
    reported_through INTEGER,
    idempotency_key  TEXT,
    digest           BLOB NOT NULL,
    received         INTEGER NOT NULL, -- records, as are the next four
    accepted         INTEGER NOT NULL,
    duplicate        INTEGER NOT NULL,
    revised          INTEGER NOT NULL,
    quarantined      INTEGER NOT NULL,
    chain            BLOB NOT NULL,
    UNIQUE (stack, sequence),
    UNIQUE (stack, idempotency_key)
) STRICT;

CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stack    INTEGER NOT NULL,
    batch    INTEGER NOT NULL REFERENCES batch DEFERRABLE INITIALLY DEFERRED,
    place    INTEGER NOT NULL, -- in the delivery, from 0
    code     TEXT NOT NULL,
    message  TEXT NOT NULL,
    raw      TEXT NOT NULL
) STRICT;
CREATE INDEX quarantine_of_batch ON quarantine (batch);
CREATE INDEX quarantine_of_stack ON quarantine (stack, position);

-- Records and totals. A sheet holds up to 64 entries, one per slot of its block; its encoding is that of
-- src/sqlite/sheets.rs.

-- The records that count, by usage start. A record of a whole day stands in the day's first hour.
CREATE TABLE hour_sheet (
    hour  INTEGER NOT NULL,
    block INTEGER NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (hour, block)
) STRICT, WITHOUT ROWID;

-- Per series of the block: granularity, hours present, sum of the records that count.
CREATE TABLE day_sheet (
    day   INTEGER NOT NULL,
    block INTEGER NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (day, block)
) STRICT, WITHOUT ROWID;
CREATE INDEX day_sheet_of_block ON day_sheet (block, day);

-- What else was said about a key: observations that do not count, or not first.
CREATE TABLE observation (
    series   INTEGER NOT NULL,
    hour     INTEGER NOT NULL,
    quantity BLOB NOT NULL,
    batch    INTEGER NOT NULL REFERENCES batch DEFERRABLE INITIALLY DEFERRED,
    reported INTEGER NOT NULL, -- hour: the reported time of the batch
    again    INTEGER NOT NULL, -- 1: its quantity has been said at an earlier reported time by another batch
    PRIMARY KEY (series, hour, quantity, batch)
) STRICT, WITHOUT ROWID;
