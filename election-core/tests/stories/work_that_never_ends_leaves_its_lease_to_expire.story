# I3: no release as long as the work runs, not even on the way out.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 1s shutdown
> revoked, token 7: shutdown, stop by 12s
= stepping_down, wakes at 12.5s
at 11s timeout
= stepping_down, wakes at 12.5s
at 12s timeout
= stepping_down, wakes at 12.5s
at 13s work-ended 7
> stopped
= stopped, sleeps
