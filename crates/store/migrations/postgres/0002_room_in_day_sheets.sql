-- A day's sheet is written anew with each hour of the day. Half of each page is left free for that: the new version of a
-- row then stands beside the old one, no index hears of it, and the place is used again. The partitions made from now on
-- are made so.
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'day_sheet'::regclass ORDER BY inhrelid LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 50)', part);
    END LOOP;
END $$;
