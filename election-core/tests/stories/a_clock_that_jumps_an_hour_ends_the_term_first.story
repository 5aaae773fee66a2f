# The machine slept for an hour: the term is over before anything else is looked at.
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
at 1h extended #2
> revoked, token 7: expired, stop by 12s
> store failed: indeterminate
= stepping_down, sleeps
at 1h work-ended 7
> ask #3 release 7, give up at 3601s
= stepping_down, wakes at 3601s
at 1h not-held #3
> ended, token 7
> leader is not known
= follower, wakes at 3602s
