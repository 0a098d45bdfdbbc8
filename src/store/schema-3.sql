-- Secure shares. What opens an item is in none of these tables: a grant opens with the key of a recipient, which follows
-- from the secret in his link, his code and the key file. Withdrawn is: the grant's row is gone.

CREATE TABLE share (
    id TEXT PRIMARY KEY,
    school TEXT NOT NULL,
    -- The number by which reply, journal and receipt know the mail.
    mail TEXT NOT NULL,
    -- Hash of school, sender and Message-ID: providers split one mail over several transactions.
    incident BLOB NOT NULL,
    -- Hash of the sender's address.
    sender BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    -- Ends then, when nobody has opened it.
    open_by INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    withdrawn_at INTEGER,
    -- When its content went: at its end, or deleted. The row stays a while, for the sender's list.
    over_at INTEGER,
    -- strict, recoverable
    keys TEXT NOT NULL,
    -- Id of the key that its pepper (and recovery key) follows from.
    key BLOB NOT NULL,
    -- Holds a password: gone after it was opened once.
    once INTEGER NOT NULL DEFAULT 0,
    -- When the sender was told that it is not opened.
    reminded_at INTEGER,
    -- Sealed: reference, sender, subject, Message-ID, purpose.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX share_sender ON share (school, sender, made_at);
CREATE INDEX share_incident ON share (incident, made_at);
CREATE INDEX share_ends ON share (ends_at);

CREATE TABLE share_item (
    id TEXT PRIMARY KEY,
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    school TEXT NOT NULL,
    place INTEGER NOT NULL,
    -- body_html, body_text, attachment, original_eml
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    -- The name of its file; null when that is gone.
    file TEXT,
    -- The public half of its key.
    public TEXT NOT NULL,
    -- Its key, sealed for this machine (keys = recoverable) and for the school's escrow key.
    recovery BLOB,
    escrow BLOB,
    withdrawn_at INTEGER,
    -- Sealed: name, media type.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX share_item_share ON share_item (share, place);
CREATE INDEX share_item_file ON share_item (file);

CREATE TABLE share_recipient (
    -- The public half of the link.
    rid BLOB PRIMARY KEY,
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    school TEXT NOT NULL,
    place INTEGER NOT NULL,
    -- Hash of the address.
    address BLOB NOT NULL,
    -- What follows from the secret half of the link, and tells it from another.
    link_check BLOB NOT NULL,
    -- The public half of the recipient's key.
    public TEXT NOT NULL,
    -- code, sender
    factor TEXT NOT NULL,
    -- Recipients of one family have one code.
    family INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    -- Wrong codes since the last right one.
    fails INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER,
    -- When the mail with the link was taken by the next hop, or given up.
    notified_at INTEGER,
    failed_at INTEGER,
    opened_at INTEGER,
    -- When the sender was told that this one has no code.
    asked_at INTEGER,
    withdrawn_at INTEGER,
    -- Ends for this one then, whatever the share does.
    ends_at INTEGER,
    -- Sealed: the code, for the sender's page; gone when it was used, or a week old.
    code BLOB,
    -- Sealed: the address.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX share_recipient_share ON share_recipient (share, place);
CREATE INDEX share_recipient_code ON share_recipient (made_at) WHERE code IS NOT NULL;

CREATE TABLE share_grant (
    rid BLOB NOT NULL REFERENCES share_recipient (rid) ON DELETE CASCADE,
    item TEXT NOT NULL REFERENCES share_item (id) ON DELETE CASCADE,
    school TEXT NOT NULL,
    -- The item's key, sealed for the recipient's key.
    wrapped BLOB NOT NULL,
    PRIMARY KEY (rid, item)
) STRICT;
CREATE INDEX share_grant_item ON share_grant (item);

-- Wrong codes, for the budgets that span links.
CREATE TABLE share_fail (
    id INTEGER PRIMARY KEY,
    school TEXT NOT NULL,
    -- Hash of the recipient's address.
    address BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX share_fail_address ON share_fail (address, at);
CREATE INDEX share_fail_at ON share_fail (at);

CREATE TABLE share_session (
    -- Hash of the first half of the cookie.
    id BLOB PRIMARY KEY,
    rid BLOB NOT NULL REFERENCES share_recipient (rid) ON DELETE CASCADE,
    school TEXT NOT NULL,
    ends_at INTEGER NOT NULL,
    -- The recipient's key, sealed with the second half of the cookie.
    seed BLOB NOT NULL
) STRICT;
CREATE INDEX share_session_ends ON share_session (ends_at);
CREATE INDEX share_session_rid ON share_session (rid);

-- What happened to a share, for its sender: without content, without anybody's address.
CREATE TABLE share_event (
    id INTEGER PRIMARY KEY,
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    school TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    rid BLOB,
    item TEXT
) STRICT;
CREATE INDEX share_event_share ON share_event (share, at);

CREATE TABLE share_reply (
    id TEXT PRIMARY KEY,
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    rid BLOB NOT NULL,
    school TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX share_reply_share ON share_reply (share);

-- The mail with a link tells its recipient's row what became of it.
ALTER TABLE owed ADD COLUMN rid BLOB;
