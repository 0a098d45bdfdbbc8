-- The teacher's desk: who has proven to read a mailbox, and what was asked of somebody else.

-- Codes that were sent to a mailbox, until they are used, void or too old.
CREATE TABLE desk_code (
    id INTEGER PRIMARY KEY,
    school TEXT NOT NULL,
    -- Hash of the secret of the link that the code was asked through.
    link BLOB NOT NULL,
    -- Hash of the browser's cookie: a code works where it was asked for.
    browser BLOB NOT NULL,
    -- Hash of the mailbox that it went to.
    address BLOB NOT NULL,
    -- Hash of link, browser and code.
    code BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    -- Wrong guesses.
    tries INTEGER NOT NULL DEFAULT 0,
    -- open, used, void
    state TEXT NOT NULL
) STRICT;
CREATE INDEX desk_code_link ON desk_code (link, made_at);
CREATE INDEX desk_code_address ON desk_code (school, address, made_at);

-- Devices on which somebody has typed the right code.
CREATE TABLE desk_session (
    -- Hash of the cookie.
    id BLOB PRIMARY KEY,
    school TEXT NOT NULL,
    -- Hash of the mailbox.
    address BLOB NOT NULL,
    ends_at INTEGER NOT NULL,
    -- Sealed: the mailbox.
    who BLOB NOT NULL
) STRICT;
CREATE INDEX desk_session_ends ON desk_session (ends_at);

-- What was asked of somebody else: to agree with a release, or to help.
CREATE TABLE desk_request (
    -- Hash of the secret of the link in the mail that asks.
    link BLOB PRIMARY KEY,
    school TEXT NOT NULL,
    held TEXT NOT NULL REFERENCES held (id) ON DELETE CASCADE,
    -- release, help
    kind TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    -- When the asker is told that nobody answered; null when that is not told, or was.
    tell_at INTEGER,
    answered_at INTEGER,
    -- Sealed: who asks whom, why, for which recipients.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX desk_request_held ON desk_request (held);
CREATE INDEX desk_request_tell ON desk_request (tell_at);
