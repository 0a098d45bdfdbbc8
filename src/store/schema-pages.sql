-- Fewer pages for each mail that is taken: each is written and synced before its client hears 250. Nothing of what is kept
-- changes.

-- Rows that are found by their whole key alone lie in its order, and need no index of it. Which recipients of one mail are
-- open is seen among the few that it has.
CREATE TABLE held_recipient_new (
    held TEXT NOT NULL REFERENCES held (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    school TEXT NOT NULL,
    -- Hash of the address.
    address BLOB NOT NULL,
    class TEXT NOT NULL,
    line TEXT NOT NULL,
    -- sent, held, owed, asked, failed, deleted, expired, shared
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (held, place)
) STRICT, WITHOUT ROWID;
INSERT INTO held_recipient_new (held, place, school, address, class, line, state, changed_at)
    SELECT held, place, school, address, class, line, state, changed_at FROM held_recipient ORDER BY held, place;
DROP TABLE held_recipient;
ALTER TABLE held_recipient_new RENAME TO held_recipient;

CREATE TABLE journal_person_new (
    number INTEGER NOT NULL REFERENCES journal (number) ON DELETE CASCADE,
    -- 0 is the sender, or who did something; from 1 the recipients.
    place INTEGER NOT NULL,
    school TEXT NOT NULL,
    -- Hash of the address.
    address BLOB NOT NULL,
    PRIMARY KEY (number, place)
) STRICT, WITHOUT ROWID;
INSERT INTO journal_person_new (number, place, school, address)
    SELECT number, place, school, address FROM journal_person ORDER BY number, place;
DROP TABLE journal_person;
ALTER TABLE journal_person_new RENAME TO journal_person;
CREATE INDEX journal_person_address ON journal_person (address, number);

-- What is over is looked for once an hour among all that is held; what else is owed of a mail, when an operator drops a part.
DROP INDEX held_delete;
DROP INDEX owed_held;
