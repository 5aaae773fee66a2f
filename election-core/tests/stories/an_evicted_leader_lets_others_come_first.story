# The lease was removed by hand: the leader finds out by a hint, steps down, and waits.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 2s hint
> ask #2 renew 7, give up at 3s
= leader, wakes at 3s
at 2010ms lost #2
> revoked, token 7: superseded, stop by 2.01s
> leader is not known
= stepping_down, sleeps
at 2020ms work-ended 7
> ended, token 7
= follower, wakes at 4.02s
at 2030ms hint
= follower, wakes at 4.02s
at 4020ms timeout
> ask #3 acquire, give up at 5.02s
= candidate, wakes at 5.02s
