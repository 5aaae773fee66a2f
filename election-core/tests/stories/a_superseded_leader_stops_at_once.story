# The store says the lease is gone: stop now, and there is nothing to release.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 5s timeout
> ask #2 renew 7, give up at 6s
= leader, wakes at 6s
at 5010ms lost #2 to other token 8 remaining 14s
> revoked, token 7: superseded, stop by 5.01s
> leader is other, token 8
= stepping_down, sleeps
at 5020ms work-ended 7
> ended, token 7
= follower, wakes at 7.02s
at 7020ms timeout
> ask #3 acquire, give up at 8.02s
= candidate, wakes at 8.02s
at 7030ms held #3 by other token 8 remaining 12s
= follower, wakes at 9.03s
