# A leader whose store fails for good keeps its trust until the deadline, but orders its work to stop now.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 5s timeout
> ask #2 renew 7, give up at 6s
= leader, wakes at 6s
at 5010ms failed #2 fatal
> store failed: fatal
> revoked, token 7: store_failed, stop by 12s
= stepping_down, wakes at 12.5s
at 6s work-ended 7
> ask #3 release 7, give up at 7s
= stepping_down, wakes at 7s
at 6010ms failed #3 fatal
> store failed: fatal
> ended, token 7
> leader is not known
> stopped
= stopped, sleeps
