-- The list of a week: who was sent one, and the link in it.
CREATE TABLE desk_week (
    -- Hash of the secret of the link.
    link BLOB PRIMARY KEY,
    school TEXT NOT NULL,
    -- Hash of the reader's address.
    address BLOB NOT NULL,
    -- The moment at which the week was over: nobody gets two lists of one week.
    week INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    -- Sealed: the reader's address.
    who BLOB NOT NULL,
    UNIQUE (school, address, week)
) STRICT;
CREATE INDEX desk_week_ends ON desk_week (ends_at);
