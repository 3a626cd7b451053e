-- usage.db as the version before letter cases were folded letter by letter left it: 0014 in docs/decisions. What was delivered is told in ../old_store.rs.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;
INSERT INTO schema_version VALUES(1);
INSERT INTO schema_version VALUES(2);
INSERT INTO schema_version VALUES(3);
INSERT INTO schema_version VALUES(4);
INSERT INTO schema_version VALUES(5);
INSERT INTO schema_version VALUES(6);
CREATE TABLE stack (
    id              INTEGER PRIMARY KEY,
    cloud_id        BLOB NOT NULL UNIQUE,
    sequence        INTEGER NOT NULL, -- of its last batch
    chain           BLOB NOT NULL,    -- of its last batch, 32 bytes
    reported_through INTEGER          -- hour: the furthest it ever declared
, attributes_sequence INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO stack VALUES(1,X'01010101010101010101010101010101',3,X'1dae003cabdc0f25b1a6c109469df1926d50c163c3f353a227eeb6ff91eaf778',497406,0);
CREATE TABLE local_subscription (
    id              INTEGER PRIMARY KEY,
    stack           INTEGER NOT NULL REFERENCES stack,
    subscription_id BLOB NOT NULL,
    UNIQUE (stack, subscription_id)
) STRICT;
INSERT INTO local_subscription VALUES(1,1,X'01010101010101010101010101010101');
CREATE TABLE local_meter (
    id       INTEGER PRIMARY KEY,
    meter_id BLOB NOT NULL UNIQUE
) STRICT;
INSERT INTO local_meter VALUES(1,X'01010101010101010101010101010101');
CREATE TABLE block (
    id                 INTEGER PRIMARY KEY,
    local_subscription INTEGER NOT NULL REFERENCES local_subscription
) STRICT;
INSERT INTO block VALUES(1,1);
CREATE TABLE series (
    id           INTEGER PRIMARY KEY,  -- block * 64 + slot
    local_meter  INTEGER NOT NULL REFERENCES local_meter,
    resource_uri TEXT NOT NULL,        -- in the case first seen
    key          BLOB NOT NULL UNIQUE  -- BLAKE3 of stack, local subscription, meter and folded URI, 16 bytes of it
) STRICT;
INSERT INTO series VALUES(64,1,'/rg/plain/vm',X'4f775f1767fd6eb3fb412e7d36071ea9');
INSERT INTO series VALUES(65,1,'/rg/ΝΊΚΟΣ/vm',X'127a1b5c71201cbebe2cc94d66ea1c95');
INSERT INTO series VALUES(66,1,'/rg/ΟΔΟΣ/vm',X'5d64a72186d4e0b4cd74f43f5b873d1a');
INSERT INTO series VALUES(67,1,'/rg/straße/vm',X'37aeb035e9b33950532c60f1d9f43024');
INSERT INTO series VALUES(68,1,'/rg/i̇stanbul/vm',X'c50579933ebc33d7092b877f7d78f725');
INSERT INTO series VALUES(69,1,'/rg/νίκοσ/vm',X'7590adec32943592fa24521425b02ab9');
CREATE TABLE attributes (
    id              INTEGER PRIMARY KEY,
    location        TEXT NOT NULL,
    tags            TEXT NOT NULL,
    additional_info TEXT NOT NULL,
    key             BLOB NOT NULL UNIQUE -- BLAKE3 of the three, 16 bytes of it
) STRICT;
INSERT INTO attributes VALUES(1,'here','','null',X'cdd46804946399f6762d298043df728c');
CREATE TABLE series_attributes (
    series     INTEGER NOT NULL,
    from_hour  INTEGER NOT NULL,
    attributes INTEGER NOT NULL,
    PRIMARY KEY (series, from_hour)
) STRICT, WITHOUT ROWID;
INSERT INTO series_attributes VALUES(64,497304,1);
INSERT INTO series_attributes VALUES(65,497304,1);
INSERT INTO series_attributes VALUES(66,497304,1);
INSERT INTO series_attributes VALUES(67,497304,1);
INSERT INTO series_attributes VALUES(68,497304,1);
INSERT INTO series_attributes VALUES(69,497305,1);
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
    chain            BLOB NOT NULL, released INTEGER NOT NULL DEFAULT 0, kept INTEGER, kept_digest BLOB, still_quarantined INTEGER NOT NULL DEFAULT 0,
    UNIQUE (stack, sequence),
    UNIQUE (stack, idempotency_key)
) STRICT;
INSERT INTO batch VALUES(1,X'01010101010101010101010101010101',1,1,'2026-09-21T14:13:21Z',497404,NULL,497404,'delivery 1',X'0101010101010101010101010101010101010101010101010101010101010101',7,6,0,0,1,X'f154ac940effad12c4cbdb1252ad582e7057480f9a876e79dfd83ccd82426d61',0,6,X'c389d93bbba04191422fdb9844e440894754bd41ce176df521cc6157ebc0fdc5',0);
INSERT INTO batch VALUES(2,X'02020202020202020202020202020202',1,2,'2026-09-21T14:13:22Z',497405,NULL,497405,'delivery 2',X'0202020202020202020202020202020202020202020202020202020202020202',2,2,0,0,0,X'5e0f929ca9534357ec0ffefe1686266efa223fe4ef7be99b7f18eea3f7281c6e',0,2,X'31e59a9162d0edc3bb0fff6d91d9db54c032616641aec70655e0c11aa95b57cf',0);
INSERT INTO batch VALUES(3,X'03030303030303030303030303030303',1,3,'2026-09-21T14:13:23Z',497406,NULL,497406,'delivery 3',X'0303030303030303030303030303030303030303030303030303030303030303',1,0,0,1,0,X'1dae003cabdc0f25b1a6c109469df1926d50c163c3f353a227eeb6ff91eaf778',0,1,X'de070426c9275af4dca646ae9588ed4477888d848b0ad4623c50e9446a694378',0);
CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stack    INTEGER NOT NULL,
    batch    INTEGER NOT NULL REFERENCES batch DEFERRABLE INITIALLY DEFERRED,
    place    INTEGER NOT NULL, -- in the delivery, from 0
    code     TEXT NOT NULL,
    message  TEXT NOT NULL,
    raw      TEXT NOT NULL
, code_now TEXT, message_now TEXT, mended TEXT, act BLOB, released_by INTEGER REFERENCES batch DEFERRABLE INITIALLY DEFERRED, raw_digest BLOB) STRICT;
INSERT INTO quarantine VALUES(1,1,1,6,'InvalidQuantity','quantity: expected a decimal number','{"quantity": "many"}',NULL,NULL,NULL,NULL,NULL,X'b2f30c776afe4658f792ca4b4a7a544a2a31c8f106858d46fb92ec82ea3f6f29');
CREATE TABLE hour_sheet (
    hour  INTEGER NOT NULL,
    block INTEGER NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (hour, block)
) STRICT, WITHOUT ROWID;
INSERT INTO hour_sheet VALUES(497304,1,X'1f0000000000000002010300010100010240010108000105000106');
INSERT INTO hour_sheet VALUES(497305,1,X'220000000000000002010200010340010103');
INSERT INTO hour_sheet VALUES(497306,1,X'20000000000000000102000107');
CREATE TABLE day_sheet (
    day   INTEGER NOT NULL,
    block INTEGER NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (day, block)
) STRICT, WITHOUT ROWID;
INSERT INTO day_sheet VALUES(20721,1,X'3f0000000000000002000101060001050200010802000105020001060c00010a');
CREATE TABLE observation (
    series   INTEGER NOT NULL,
    hour     INTEGER NOT NULL,
    quantity BLOB NOT NULL,
    batch    INTEGER NOT NULL REFERENCES batch DEFERRABLE INITIALLY DEFERRED,
    reported INTEGER NOT NULL, -- hour: the reported time of the batch
    again    INTEGER NOT NULL, -- 1: its quantity has been said at an earlier reported time by another batch
    PRIMARY KEY (series, hour, quantity, batch)
) STRICT, WITHOUT ROWID;
INSERT INTO observation VALUES(66,497304,X'0004',1,497404,0);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('quarantine',1);
CREATE INDEX block_of_local_subscription ON block (local_subscription);
CREATE INDEX quarantine_of_batch ON quarantine (batch);
CREATE INDEX quarantine_of_stack ON quarantine (stack, position);
CREATE INDEX day_sheet_of_block ON day_sheet (block, day);
CREATE INDEX quarantine_waiting ON quarantine (stack, code, code_now, position) WHERE act IS NULL;
CREATE INDEX quarantine_of_act ON quarantine (act) WHERE act IS NOT NULL;
CREATE INDEX quarantine_released_by ON quarantine (released_by) WHERE released_by IS NOT NULL;
CREATE INDEX observation_by_hour ON observation (hour, series);
CREATE INDEX quarantine_of_text ON quarantine (stack, raw_digest);
CREATE INDEX batch_declared ON batch (stack, reported_through, reported_start, reported_end) WHERE reported_through IS NOT NULL;
COMMIT;
