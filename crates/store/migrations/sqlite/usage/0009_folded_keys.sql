-- A series whose key was made when letter cases were folded in another way: the key under which it is found now. Its own one stays,
-- as receipts are bound to it. As long as both are the same it is still to be looked at (src/ledger/folding.rs); ASCII needs no look.
ALTER TABLE series ADD COLUMN folded_key BLOB; -- 16 bytes
UPDATE series SET folded_key = key WHERE length(CAST(resource_uri AS BLOB)) <> length(resource_uri);
CREATE INDEX series_folded_key ON series (folded_key) WHERE folded_key IS NOT NULL;
