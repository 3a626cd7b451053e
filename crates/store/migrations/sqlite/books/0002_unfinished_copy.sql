-- While this store is an unfinished copy of another one: of which. Nobody opens it as long as there is a row.
CREATE TABLE unfinished_copy (
    copied_from TEXT PRIMARY KEY NOT NULL -- in words
) STRICT, WITHOUT ROWID;
