-- Passkeys: by what somebody who comes back opens what is shared with him, on a device of his own.

CREATE TABLE passkey (
    -- Random; names it in lists.
    id BLOB PRIMARY KEY,
    school TEXT NOT NULL,
    -- Hash of the recipient's address.
    address BLOB NOT NULL,
    -- The host of the pages that it is for: the relying party's id (WebAuthn 3, 4).
    host TEXT NOT NULL,
    -- Hash of what names it to its device.
    credential BLOB NOT NULL UNIQUE,
    made_at INTEGER NOT NULL,
    -- When it opened a share last.
    used_at INTEGER,
    -- What changes with its use: the device's counter of signatures among them.
    state BLOB NOT NULL,
    -- Sealed: whose it is, what it is called, what names it to its device, its public key.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX passkey_address ON passkey (school, address);

-- Sealed: what the code of a link adds to its key, for who opens it by passkey instead; none for who has no passkey.
ALTER TABLE share_recipient ADD COLUMN passkey BLOB;
-- By what it was opened first: `code`, `sms`, `organisation`, `device` or `passkey`.
ALTER TABLE share_recipient ADD COLUMN opened_by TEXT;
-- By what, where that belongs to it.
ALTER TABLE share_event ADD COLUMN factor TEXT;
