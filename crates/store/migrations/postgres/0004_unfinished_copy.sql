-- While this database is an unfinished copy of another store: of which. Nobody opens it as long as there is a row.
CREATE TABLE unfinished_copy (
    copied_from text PRIMARY KEY -- in words
);
