# M8: a resignation does not forget its lease on the first error.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 1s resign
> revoked, token 7: resigned, stop by 12s
= stepping_down, sleeps
at 1010ms work-ended 7
> ask #2 release 7, give up at 2.01s
= stepping_down, wakes at 2.01s
at 1020ms failed #2 unavailable
> store failed: unavailable
= stepping_down, wakes at 1.52s
at 1520ms timeout
> ask #3 release 7, give up at 2.52s
= stepping_down, wakes at 2.52s
at 1530ms released #3
> ended, token 7
> leader is not known
= follower, wakes at 3.53s
