-- What became of records in quarantine. A record waits as long as it has no act; one that has an act and was not released by
-- a batch was purged, and its text is empty.

ALTER TABLE batch ADD COLUMN released INTEGER NOT NULL DEFAULT 0; -- 1: its records were received before, and released

ALTER TABLE quarantine ADD COLUMN code_now TEXT;    -- why it cannot be counted by the last attempt, if that was another reason
ALTER TABLE quarantine ADD COLUMN message_now TEXT; -- likewise
ALTER TABLE quarantine ADD COLUMN mended TEXT;      -- the text it was counted by, if that is not the one that was sent
ALTER TABLE quarantine ADD COLUMN act BLOB;         -- what released or purged it: 16 bytes, the books know more
ALTER TABLE quarantine ADD COLUMN released_by INTEGER REFERENCES batch DEFERRABLE INITIALLY DEFERRED;

CREATE INDEX quarantine_waiting ON quarantine (stack, code, code_now, position) WHERE act IS NULL;
CREATE INDEX quarantine_of_act ON quarantine (act) WHERE act IS NOT NULL;
CREATE INDEX quarantine_released_by ON quarantine (released_by) WHERE released_by IS NOT NULL;
