-- What a recipient could know of the handling of his data when he opened a share, and the last warning to its sender.

-- The privacy statement as it stood, in each of its versions: public words, for whoever has to prove them later.
CREATE TABLE statement (
    school TEXT NOT NULL,
    -- The first octets of a SHA-256 of the text, hexadecimal: what pages, log and journal call it.
    version TEXT NOT NULL,
    -- When somebody opened a share under it first.
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (school, version)
) STRICT, WITHOUT ROWID;

-- Which of them stood there when a share was opened.
ALTER TABLE share_event ADD COLUMN statement TEXT;
-- When the sender was told that it cannot be opened for long any more.
ALTER TABLE share ADD COLUMN warned_at INTEGER;
