-- What each stack declares, so that it is found without its other receipts.
CREATE INDEX batch_declared ON batch (stack, reported_through, reported_start, reported_end) WHERE reported_through IS NOT NULL;
