-- The same holder and token, to be waited out for one full time to live on this host's clock.
UPDATE leases
SET expires_ns = :now_ns + ttl_ns, boot = :boot, quarantined = 1
WHERE election = :election
  AND boot <> :boot
