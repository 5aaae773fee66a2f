# The store handled a request given up long ago after the one the term rests on: the term's token is dead.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 1s timeout
> store failed: indeterminate
= follower, wakes at 3s
at 3s timeout
> ask #2 acquire, give up at 4s
= candidate, wakes at 4s
at 3010ms granted #2 token 7
> elected, token 7, valid until 15s
= leader, wakes at 8s
at 3020ms granted #1 token 8
> revoked, token 7: superseded, stop by 3.02s
= stepping_down, sleeps
at 3030ms work-ended 7
> ended, token 7
> leader is not known
> ask #3 release 8, give up at 4.03s
= follower, wakes at 4.03s
at 3040ms released #3
= follower, wakes at 5.04s
