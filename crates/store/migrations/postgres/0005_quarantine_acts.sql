-- What became of records in quarantine. A record waits as long as it has no act; one that has an act and was not released by
-- a batch was purged, and its text is empty.

ALTER TABLE batch ADD COLUMN released bigint NOT NULL DEFAULT 0; -- 1: its records were received before, and released

ALTER TABLE quarantine
    ADD COLUMN code_now    text,   -- why it cannot be counted by the last attempt, if that was another reason
    ADD COLUMN message_now text,   -- likewise
    ADD COLUMN mended      text,   -- the text it was counted by, if that is not the one that was sent
    ADD COLUMN act         uuid,   -- what released or purged it: the books know more
    ADD COLUMN released_by bigint REFERENCES batch DEFERRABLE INITIALLY DEFERRED;

CREATE INDEX quarantine_waiting ON quarantine (stack, code, code_now, position) WHERE act IS NULL;
CREATE INDEX quarantine_of_act ON quarantine (act) WHERE act IS NOT NULL;
CREATE INDEX quarantine_released_by ON quarantine (released_by) WHERE released_by IS NOT NULL;
