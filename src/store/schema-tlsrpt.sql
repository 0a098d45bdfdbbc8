-- What was found of TLS at one try, for the report to the domain (RFC 8460): until that is sent, and four days at most.
CREATE TABLE tls_finding (
    id INTEGER PRIMARY KEY,
    -- Days since 1970, UTC.
    day INTEGER NOT NULL,
    -- Says of which row the sealed column is.
    salt BLOB NOT NULL,
    -- Sealed: domain, policy, sessions. Nobody's address.
    facts BLOB NOT NULL
) STRICT;
CREATE INDEX tls_finding_day ON tls_finding (day);
