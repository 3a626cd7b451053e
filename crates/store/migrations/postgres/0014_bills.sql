-- What was written when a period was closed. Nothing of it is ever changed or removed.

-- Invoices and what they were reckoned from. Seller and buyer are 17 bytes: 0 and zeros for the platform, 1 and the id of a partner,
-- 2 and the id of a subscription.
CREATE TABLE bill (
    kind     bigint NOT NULL, -- 1: an invoice, 2: what it was reckoned from
    period   bigint NOT NULL, -- its first day, counted from 1970-01-01
    seller   bytea NOT NULL CHECK (octet_length(seller) = 17),
    buyer    bytea NOT NULL CHECK (octet_length(buyer) = 17),
    currency bytea NOT NULL CHECK (octet_length(currency) = 3), -- three letters of ISO 4217
    size     bigint NOT NULL, -- bytes of the document
    digest   bytea NOT NULL CHECK (octet_length(digest) = 32), -- BLAKE3 of the document
    bound    bytea NOT NULL CHECK (octet_length(bound) = 32),  -- BLAKE3 of the key and the digest
    body     bytea NOT NULL, -- the document, compressed by zstd
    PRIMARY KEY (kind, period, seller, buyer, currency)
);
CREATE INDEX bill_of_seller ON bill (kind, seller, period, buyer, currency);
CREATE INDEX bill_of_buyer ON bill (kind, buyer, period, seller, currency);

-- The catalogs that periods were closed with.
CREATE TABLE catalog (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32), -- BLAKE3 of the document
    size   bigint NOT NULL,
    body   bytea NOT NULL
);
