SELECT token, holder_id, incarnation, metadata, ttl_ns, expires_ns, boot
FROM leases
WHERE election = :election
