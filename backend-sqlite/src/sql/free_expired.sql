UPDATE leases
SET change = (SELECT max(change) + 1 FROM leases),
    holder_id = NULL, incarnation = NULL, metadata = NULL,
    ttl_ns = NULL, expires_ns = NULL, boot = NULL, quarantined = 0
WHERE election = :election
  AND boot = :boot
  AND expires_ns <= :now_ns
