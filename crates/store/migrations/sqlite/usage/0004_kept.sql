-- What is kept of each batch, bound into its receipt, so that records cannot be changed without its chain. Nothing in batches
-- that were stored before.
ALTER TABLE batch ADD COLUMN kept INTEGER;     -- how many of its sayings are kept, in hour_sheet and observation
ALTER TABLE batch ADD COLUMN kept_digest BLOB; -- of these, of its idempotency key and of its texts in quarantine, 32 bytes
ALTER TABLE quarantine ADD COLUMN raw_digest BLOB; -- BLAKE3 of raw, 32 bytes
-- Observations in the order of the sheets.
CREATE INDEX observation_by_hour ON observation (hour, series);
