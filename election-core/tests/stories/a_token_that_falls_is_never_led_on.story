# I6: a store that has forgotten what it granted is not to be trusted; the grant is given back.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms held #1 by other token 9 remaining 1s
> leader is other, token 9
= follower, wakes at 1.01s
at 1010ms timeout
> ask #2 acquire, give up at 2.01s
= candidate, wakes at 2.01s
at 1020ms granted #2 token 4
> token regressed: 4 granted, 9 seen
> ask #3 release 4, give up at 2.02s
= follower, wakes at 2.02s
at 1030ms released #3
> stopped
= stopped, sleeps
