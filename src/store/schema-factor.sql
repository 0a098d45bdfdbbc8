-- Second factors: whom the school reaches by another way than mail, and codes by text message.

CREATE TABLE contact (
    -- Random; the salt of the fixed code.
    id BLOB PRIMARY KEY,
    school TEXT NOT NULL,
    -- Hash of the address.
    address BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    -- Somebody of the school has checked it.
    checked INTEGER NOT NULL,
    -- When somebody opened a share by this number or code, last.
    proven_at INTEGER,
    -- Sealed: address, number, where they come from, and who brought them.
    facts BLOB NOT NULL,
    -- Sealed: what the fixed code adds to a key; the code itself is kept nowhere.
    code BLOB,
    UNIQUE (school, address)
) STRICT;

-- Codes by text message: of the last day, for the budgets as well.
CREATE TABLE share_text (
    id INTEGER PRIMARY KEY,
    rid BLOB NOT NULL REFERENCES share_recipient (rid) ON DELETE CASCADE,
    school TEXT NOT NULL,
    -- Hash of the recipient's address.
    address BLOB NOT NULL,
    at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    -- Codes that were typed against it.
    tries INTEGER NOT NULL DEFAULT 0,
    -- Keyed hash of the link's public half and the code; null when it was used.
    mac BLOB
) STRICT;
CREATE INDEX share_text_rid ON share_text (rid, id);
CREATE INDEX share_text_address ON share_text (address, at);
CREATE INDEX share_text_school ON share_text (school, at);
