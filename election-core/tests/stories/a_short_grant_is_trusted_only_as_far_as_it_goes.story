# I2: the smaller of asked and granted counts.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms granted #1 token 7 ttl 60s
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 5s timeout
> ask #2 renew 7, give up at 6s
= leader, wakes at 6s
at 5010ms extended #2 ttl 3s
> renewed, token 7, valid until 7.4s
= leader, wakes at 6.9s
at 6900ms timeout
> revoked, token 7: expired, stop by 7.4s
= stepping_down, sleeps
