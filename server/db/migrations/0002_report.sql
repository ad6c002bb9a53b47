-- What devices say of themselves: the named shadow `waft`, kept as the thing's attributes.
CREATE TABLE report (
    thing      TEXT PRIMARY KEY REFERENCES thing (name),
    version    INTEGER NOT NULL,
    at_s       INTEGER NOT NULL,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
