UPDATE leases
SET ttl_ns = :ttl_ns, expires_ns = :expires_ns
WHERE election = :election
  AND token = :token
  AND holder_id = :holder_id
  AND incarnation = :incarnation
  AND boot = :boot
  AND quarantined = 0
  AND expires_ns > :now_ns
