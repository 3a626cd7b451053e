-- The number of the stack's last batch that changed attributes of a series that was known before: whoever finds another
-- number than it knows has missed a change by somebody else.
ALTER TABLE stack ADD COLUMN attributes_sequence INTEGER NOT NULL DEFAULT 0;
