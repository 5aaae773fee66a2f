# A time before an earlier one counts as that earlier one.
timing ttl=15s renew=5s retry=2s
at 1s timeout
> ask #1 acquire, give up at 2s
= candidate, wakes at 2s
at 2s timeout
> store failed: indeterminate
= follower, wakes at 4s
at 0s granted #1 token 7
> ask #2 release 7, give up at 3s
= follower, wakes at 3s
at 4s timeout
> store failed: indeterminate
= follower, wakes at 6s
at 0s granted #2 token 8
> ask #3 release 8, give up at 5s
= follower, wakes at 5s
