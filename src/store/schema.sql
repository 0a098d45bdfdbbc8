-- Version 1. Times are milliseconds since 1970, UTC; hashes are keyed (HMAC), so that nobody who has this file can look
-- an address up; sealed columns open with the key file alone. Every row has its school.

-- Small things of the installation itself: the key of the hashes (sealed).
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Sealed items of the vault. `sealed` is null when the item is a file.
CREATE TABLE item (
    id TEXT PRIMARY KEY,
    school TEXT NOT NULL,
    size INTEGER NOT NULL,
    sealed BLOB
) STRICT;

-- Mail that was stopped, kept until its sender chooses or its time is over.
CREATE TABLE held (
    id TEXT PRIMARY KEY,
    school TEXT NOT NULL,
    -- Hash of sender and Message-ID: providers split one mail over several transactions.
    incident BLOB NOT NULL,
    -- Hash of the incident, the recipients and the content: a client that missed our reply sends the same again.
    part BLOB NOT NULL,
    -- Hash of the sender's address.
    sender BLOB NOT NULL,
    -- Hash of the secret in the notice's link.
    link BLOB NOT NULL UNIQUE,
    taken_at INTEGER NOT NULL,
    delete_at INTEGER NOT NULL,
    -- The mail as it came; null when it is deleted.
    item TEXT REFERENCES item (id),
    size INTEGER NOT NULL,
    -- Sealed: what the desk shows and a release needs.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX held_part ON held (part, taken_at);
CREATE INDEX held_sender ON held (school, sender, taken_at);
CREATE INDEX held_delete ON held (delete_at);
CREATE INDEX held_item ON held (item);

CREATE TABLE held_recipient (
    held TEXT NOT NULL REFERENCES held (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    school TEXT NOT NULL,
    -- Hash of the address.
    address BLOB NOT NULL,
    class TEXT NOT NULL,
    line TEXT NOT NULL,
    -- sent, held, owed, asked, failed, deleted, expired
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (held, place)
) STRICT;
CREATE INDEX held_recipient_state ON held_recipient (held, state);

-- What was done to held mail and by whom, for its sender, IT and the FG.
CREATE TABLE act (
    id INTEGER PRIMARY KEY,
    held TEXT NOT NULL REFERENCES held (id) ON DELETE CASCADE,
    school TEXT NOT NULL,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    -- Sealed: who, the reason that was given, which recipients.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX act_held ON act (held, at);

-- Mail that we owe: accepted or made by us, and not yet taken by a next hop.
CREATE TABLE owed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    school TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- The held mail that it belongs to.
    held TEXT,
    item TEXT NOT NULL REFERENCES item (id),
    -- Sealed: sender, recipients, header lines.
    envelope BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    -- Whoever claimed it has this long; null when nobody has.
    lease_until INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    give_up_at INTEGER NOT NULL,
    -- The code of the last reply.
    last_code INTEGER
) STRICT;
CREATE INDEX owed_due ON owed (due_at);
CREATE INDEX owed_item ON owed (item);
CREATE INDEX owed_held ON owed (held);
