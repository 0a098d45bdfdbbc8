-- What people are told later, together with other things: advice on mail that passed, notices that come fast after one
-- another, and what the owner of a program must know.
CREATE TABLE note (
    id INTEGER PRIMARY KEY,
    school TEXT NOT NULL,
    -- advice, notice, program
    kind TEXT NOT NULL,
    -- Hash of the reader's address.
    reader BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    -- When the reader is told; what is younger then goes along.
    due_at INTEGER NOT NULL,
    -- Says of which row the sealed column is.
    salt BLOB NOT NULL,
    -- Sealed: the reader's address, and what is told.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX note_due ON note (due_at);
CREATE INDEX note_reader ON note (school, kind, reader);

-- Who reads about a held mail besides its sender: the person in `Sender:`, who sent it for a shared mailbox.
CREATE TABLE held_reader (
    held TEXT NOT NULL REFERENCES held (id) ON DELETE CASCADE,
    school TEXT NOT NULL,
    -- Hash of the address.
    address BLOB NOT NULL,
    PRIMARY KEY (held, address)
) STRICT;
CREATE INDEX held_reader_address ON held_reader (school, address);
