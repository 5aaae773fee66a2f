# I3: revoked, then the work ends, then the release.
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
at 2s timeout
= stepping_down, sleeps
at 3s work-ended 7
> ask #2 release 7, give up at 4s
= stepping_down, wakes at 4s
at 3010ms released #2
> ended, token 7
> leader is not known
= follower, wakes at 5.01s
at 3020ms hint
= follower, wakes at 5.01s
at 5010ms timeout
> ask #3 acquire, give up at 6.01s
= candidate, wakes at 6.01s
