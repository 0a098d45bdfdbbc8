-- One mail that a server sends in several transactions is one held mail: the parts that joined the first of them, so that a
-- client that missed our reply to one is known again.
CREATE TABLE held_joined (
    -- As `held.part`.
    part BLOB NOT NULL,
    held TEXT NOT NULL REFERENCES held (id) ON DELETE CASCADE,
    school TEXT NOT NULL,
    taken_at INTEGER NOT NULL,
    PRIMARY KEY (part, held)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_joined_held ON held_joined (held);
