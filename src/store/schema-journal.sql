-- The journal: a line for each mail and each act, without content, each chained to the one before it. Only ever appended
-- to; at the end of its life a line loses its content and leaves its hashes, and a run of such lines becomes one row.
CREATE TABLE journal (
    -- 1, 2, 3 and so on. A row that stands for a run of erased lines has the number of the last of them.
    number INTEGER PRIMARY KEY,
    -- The first line that the row stands for: its own number, but for a run.
    first INTEGER NOT NULL,
    -- Empty for what concerns the gate itself.
    school TEXT NOT NULL,
    at INTEGER,
    -- passed, incident, override, gate
    sort TEXT,
    -- The number by which reply, notice and desk know the mail.
    mail TEXT,
    -- Hash of the Message-ID.
    message_id BLOB,
    -- JSON: what was decided and on what, in kinds and counts.
    core TEXT,
    -- Sealed: addresses, Message-ID, the reason that somebody gave; and what its hash was before it was sealed, since a
    -- change of keys seals it anew.
    people BLOB,
    people_hash BLOB,
    -- Makes the hash tell nothing about a line that is erased.
    core_salt BLOB,
    -- JSON: which rules found something, which parts were read as what.
    trace TEXT,
    trace_salt BLOB,
    -- SHA-256 of the line and of its trace; null in a run.
    core_hash BLOB,
    trace_hash BLOB,
    -- HMAC over the chain of the line before, the number and both hashes.
    chain BLOB NOT NULL,
    -- HMAC: the trace, the line or the run was erased by us.
    trace_seal BLOB,
    erased_at INTEGER,
    -- purge, person
    erased_by TEXT,
    erased_seal BLOB
) STRICT;
CREATE INDEX journal_due ON journal (sort, at);
CREATE INDEX journal_trace_due ON journal (at) WHERE trace IS NOT NULL;
CREATE INDEX journal_erased ON journal (number) WHERE core IS NULL;
CREATE INDEX journal_mail ON journal (mail);
CREATE INDEX journal_message_id ON journal (message_id);

-- The newest line: its number, its chain value, and a seal over both, so that lines missing at the end show.
CREATE TABLE journal_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    value BLOB NOT NULL
) STRICT;

CREATE TABLE journal_person (
    number INTEGER NOT NULL REFERENCES journal (number) ON DELETE CASCADE,
    -- 0 is the sender, or who did something; from 1 the recipients.
    place INTEGER NOT NULL,
    school TEXT NOT NULL,
    -- Hash of the address.
    address BLOB NOT NULL,
    PRIMARY KEY (number, place)
) STRICT;
CREATE INDEX journal_person_address ON journal_person (address, number);
