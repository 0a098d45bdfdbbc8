-- Proven TLS: how each mail that must travel under it fared, try by try.

CREATE TABLE tls_delivery (
    id INTEGER PRIMARY KEY,
    school TEXT NOT NULL,
    -- The number of the mail.
    mail TEXT,
    at INTEGER NOT NULL,
    -- Recipients of the domain, and how many of them the server took it for.
    recipients INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    -- The row of the decision table by which the host, or the domain, was judged.
    posture TEXT NOT NULL,
    -- What was proven; null when nothing was.
    tls_version TEXT,
    cipher TEXT,
    verified TEXT,
    -- Why not; null when it was.
    reason TEXT,
    -- The code of the last reply.
    code INTEGER,
    -- Sealed: the domain, the host, its address, and the hosts that were passed over.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX tls_delivery_at ON tls_delivery (at);
CREATE INDEX tls_delivery_mail ON tls_delivery (mail);

-- Why owed mail was not taken, in the words of that table.
ALTER TABLE owed ADD COLUMN last_reason TEXT;
