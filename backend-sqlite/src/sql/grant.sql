INSERT INTO leases (
    election, token, change,
    holder_id, incarnation, metadata, ttl_ns, expires_ns, boot, quarantined
)
VALUES (
    :election, :token, (SELECT coalesce(max(change), 0) + 1 FROM leases),
    :holder_id, :incarnation, :metadata, :ttl_ns, :expires_ns, :boot, 0
)
ON CONFLICT (election) DO UPDATE SET
    token       = excluded.token,
    change      = excluded.change,
    holder_id   = excluded.holder_id,
    incarnation = excluded.incarnation,
    metadata    = excluded.metadata,
    ttl_ns      = excluded.ttl_ns,
    expires_ns  = excluded.expires_ns,
    boot        = excluded.boot,
    quarantined = 0
