# I10: with hints that work, a refused candidate waits for the known end of the lease it met.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 1ms hint
= candidate, wakes at 1s
at 10ms held #1 by other token 3 remaining 14s
> leader is other, token 3
> ask #2 acquire, give up at 1.01s
= candidate, wakes at 1.01s
at 20ms held #2 by other token 3 remaining 13990ms
= follower, wakes at 14.01s
at 14010ms timeout
> ask #3 acquire, give up at 15.01s
= candidate, wakes at 15.01s
at 14020ms granted #3 token 4
> elected, token 4, valid until 26.01s
= leader, wakes at 19.01s
