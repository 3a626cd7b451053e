-- Of a text in quarantine that is too long only the beginning is kept.
ALTER TABLE quarantine ADD COLUMN raw_bytes INTEGER; -- how long the text was, if raw is only its beginning; raw_digest is of all of it
