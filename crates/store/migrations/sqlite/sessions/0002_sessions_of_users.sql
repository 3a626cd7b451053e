-- The sessions of one user: how many there are, and which end with a password.
CREATE INDEX session_of_user ON session (user);
