# The orderly end. An unreachable store is asked once.
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
at 1100ms work-ended 7
> ask #2 release 7, give up at 2.1s
= stepping_down, wakes at 2.1s
at 2100ms timeout
> store failed: indeterminate
> ended, token 7
> leader is not known
> stopped
= stopped, sleeps
