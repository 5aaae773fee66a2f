# I4: a grant that arrives after its request was given up is released, not used.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 1s timeout
> store failed: indeterminate
= follower, wakes at 3s
at 1500ms granted #1 token 7
> ask #2 release 7, give up at 2.5s
= follower, wakes at 2.5s
at 1600ms released #2
= follower, wakes at 3.6s
at 3600ms timeout
> ask #3 acquire, give up at 4.6s
= candidate, wakes at 4.6s
