# I10: without hints, polling finds a release; a lease about to end is still met at its end.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms held #1 by other token 3 remaining 14s
> leader is other, token 3
= follower, wakes at 2.01s
at 2010ms timeout
> ask #2 acquire, give up at 3.01s
= candidate, wakes at 3.01s
at 2020ms held #2 by other token 3 remaining 1s
= follower, wakes at 3.02s
at 3020ms timeout
> ask #3 acquire, give up at 4.02s
= candidate, wakes at 4.02s
