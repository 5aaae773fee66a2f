# The lease may still be granted: wait for the answer and give it back.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 100ms shutdown
= stepping_down, wakes at 1s
at 200ms granted #1 token 7
> ask #2 release 7, give up at 1.2s
= follower, wakes at 1.2s
at 300ms released #2
> stopped
= stopped, sleeps
