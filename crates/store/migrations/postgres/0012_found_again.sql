-- When each stack declared something is asked for with what it declared.
DROP INDEX batch_declared;
CREATE INDEX batch_declared ON batch (stack, reported_through, reported_start, reported_end, received_at)
    WHERE reported_through IS NOT NULL;
-- Whatever is not ASCII and was stored up to here is found in the letter case in which an earlier version stored it, too, so each such
-- series has the key of now beside its own, also where both are the same (src/ledger/folding.rs).
UPDATE series SET folded_key = key WHERE folded_key IS NULL AND octet_length(resource_uri) <> char_length(resource_uri);
-- What a server of an earlier version stores beside newer ones says nothing of that key: by this they know it.
ALTER TABLE series ALTER COLUMN folded_key SET DEFAULT '\x00000000000000000000000000000000';
