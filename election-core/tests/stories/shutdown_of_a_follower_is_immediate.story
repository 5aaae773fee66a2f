# Nothing is held and nothing is under way: stop.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms held #1 by other token 3 remaining 14s
> leader is other, token 3
= follower, wakes at 2.01s
at 1s shutdown
> stopped
= stopped, sleeps
at 2s timeout
= stopped, sleeps
