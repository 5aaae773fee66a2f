# No retry helps: the machine says so and stops.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms failed #1 fatal
> store failed: fatal
> stopped
= stopped, sleeps
at 20ms hint
= stopped, sleeps
