-- The days about which something was received when their month was over, or nearly: by batch, so that what counted before a batch
-- came is told by totals everywhere else.
CREATE TABLE late_day (
    day   INTEGER NOT NULL,
    block INTEGER NOT NULL,
    batch INTEGER NOT NULL REFERENCES batch DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (day, block, batch)
) STRICT, WITHOUT ROWID;
CREATE INDEX late_day_of_block ON late_day (block, day, batch);
-- How many of them a batch has. Nothing in batches that were stored before.
ALTER TABLE batch ADD COLUMN late_days INTEGER;
