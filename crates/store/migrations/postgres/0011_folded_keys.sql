-- A series whose key was made when letter cases were folded in another way: the key under which it is found now. Its own one stays,
-- as receipts are bound to it. As long as both are the same it is still to be looked at (src/ledger/folding.rs); ASCII needs no look.
ALTER TABLE series ADD COLUMN folded_key bytea CHECK (octet_length(folded_key) = 16);
UPDATE series SET folded_key = key WHERE octet_length(resource_uri) <> char_length(resource_uri);
CREATE INDEX series_folded_key ON series (folded_key) WHERE folded_key IS NOT NULL;
