-- What is kept of each batch, bound into its receipt, so that records cannot be changed without its chain. Nothing in batches
-- that were stored before.
ALTER TABLE batch ADD COLUMN kept bigint; -- how many of its sayings are kept, in hour_sheet and observation
ALTER TABLE batch ADD COLUMN kept_digest bytea CHECK (octet_length(kept_digest) = 32); -- of these, of its idempotency key and
                                                                                       -- of its texts in quarantine
ALTER TABLE quarantine ADD COLUMN raw_digest bytea CHECK (octet_length(raw_digest) = 32); -- BLAKE3 of raw
-- Observations in the order of the sheets.
CREATE INDEX observation_by_hour ON observation (hour, series);
