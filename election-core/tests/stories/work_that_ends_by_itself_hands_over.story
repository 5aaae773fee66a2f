# The work returns: the same path as a resignation, and others come first.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 1s work-ended 7
> revoked, token 7: resigned, stop by 12s
> ask #2 release 7, give up at 2s
= stepping_down, wakes at 2s
at 1010ms released #2
> ended, token 7
> leader is not known
= follower, wakes at 3.01s
