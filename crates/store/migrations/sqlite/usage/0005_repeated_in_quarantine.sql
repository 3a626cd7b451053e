-- A record that is in quarantine, or was, is not put there again: it is found by its text.
CREATE INDEX quarantine_of_text ON quarantine (stack, raw_digest);
-- How many duplicates of a batch repeat records that waited in quarantine when it came.
ALTER TABLE batch ADD COLUMN still_quarantined INTEGER NOT NULL DEFAULT 0;
