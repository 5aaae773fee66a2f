-- A holder may always let go of its own lease, also of one whose time cannot be measured here.
UPDATE leases
SET change = (SELECT max(change) + 1 FROM leases),
    holder_id = NULL, incarnation = NULL, metadata = NULL,
    ttl_ns = NULL, expires_ns = NULL, boot = NULL, quarantined = 0
WHERE election = :election
  AND token = :token
  AND holder_id = :holder_id
  AND incarnation = :incarnation
  AND (expires_ns > :now_ns OR boot <> :boot)
