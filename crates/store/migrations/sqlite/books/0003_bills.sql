-- What was written when a period was closed. Nothing of it is ever changed or removed.

-- Invoices and what they were reckoned from. Seller and buyer are 17 bytes: 0 and zeros for the platform, 1 and the id of a partner,
-- 2 and the id of a subscription.
CREATE TABLE bill (
    kind     INTEGER NOT NULL, -- 1: an invoice, 2: what it was reckoned from
    period   INTEGER NOT NULL, -- its first day, counted from 1970-01-01
    seller   BLOB NOT NULL,
    buyer    BLOB NOT NULL,
    currency BLOB NOT NULL,    -- three letters of ISO 4217
    size     INTEGER NOT NULL, -- bytes of the document
    digest   BLOB NOT NULL,    -- BLAKE3 of the document, 32 bytes
    bound    BLOB NOT NULL,    -- BLAKE3 of the key and the digest, 32 bytes
    body     BLOB NOT NULL,    -- the document, compressed by zstd
    PRIMARY KEY (kind, period, seller, buyer, currency)
) STRICT;
CREATE INDEX bill_of_seller ON bill (kind, seller, period, buyer, currency);
CREATE INDEX bill_of_buyer ON bill (kind, buyer, period, seller, currency);

-- The catalogs that periods were closed with.
CREATE TABLE catalog (
    digest BLOB PRIMARY KEY NOT NULL, -- BLAKE3 of the document, 32 bytes
    size   INTEGER NOT NULL,
    body   BLOB NOT NULL
) STRICT;
