-- Who has a mail of which nothing is held, so that nobody gets it twice when its client missed our reply. For ten minutes.
CREATE TABLE taken (
    -- Hash of school, sender, Message-ID, content and recipient.
    recipient BLOB PRIMARY KEY,
    school TEXT NOT NULL,
    -- The number of the mail.
    mail TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
