# V10: a store that does not answer cannot keep the machine from stopping.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 100ms shutdown
= stepping_down, wakes at 1s
at 1s timeout
> store failed: indeterminate
> stopped
= stopped, sleeps
