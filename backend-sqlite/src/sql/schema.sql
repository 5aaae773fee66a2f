-- One row per election, kept for ever: the token counter outlives every lease (C6).
CREATE TABLE leases (
    -- UTF-8, compared byte by byte.
    election    BLOB    NOT NULL PRIMARY KEY,
    -- The last fencing token granted.
    token       INTEGER NOT NULL,
    -- Rises with every change of holder anywhere in this table; renewals leave it alone.
    change      INTEGER NOT NULL,
    -- The lease; all NULL when it is free.
    holder_id   BLOB,
    incarnation TEXT,
    metadata    TEXT,
    ttl_ns      INTEGER,
    -- On the boot clock named by `boot`, and without meaning on any other.
    expires_ns  INTEGER,
    boot        TEXT,
    -- 1 once another boot's lease is waited out: it is never renewed again.
    quarantined INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX leases_by_change ON leases (change);
