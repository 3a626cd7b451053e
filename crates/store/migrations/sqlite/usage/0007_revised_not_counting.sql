-- How many revisions of a batch did not count when it was stored. Nothing in batches that were stored before.
ALTER TABLE batch ADD COLUMN revised_not_counting INTEGER;
