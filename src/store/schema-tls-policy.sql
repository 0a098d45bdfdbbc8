-- Policies of MTA-STS, which must outlive us: whoever can break DNS must not be able to take one away by a restart.

CREATE TABLE tls_policy (
    -- Hash of the domain.
    domain BLOB PRIMARY KEY,
    until INTEGER NOT NULL,
    -- Sealed: the policy.
    sealed BLOB NOT NULL
) STRICT;
CREATE INDEX tls_policy_until ON tls_policy (until);
