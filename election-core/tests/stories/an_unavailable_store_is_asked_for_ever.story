# A follower that cannot reach its store never gives up and never hurries.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms failed #1 unavailable
> store failed: unavailable
= follower, wakes at 2.01s
at 2010ms timeout
> ask #2 acquire, give up at 3.01s
= candidate, wakes at 3.01s
at 3010ms timeout
> store failed: indeterminate
= follower, wakes at 5.01s
at 5010ms timeout
> ask #3 acquire, give up at 6.01s
= candidate, wakes at 6.01s
at 5020ms failed #3 unavailable
> store failed: unavailable
= follower, wakes at 7.02s
