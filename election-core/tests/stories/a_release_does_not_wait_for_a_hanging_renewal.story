# A renewal under way is given up: after the release it can only be refused.
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
at 5010ms resign
> revoked, token 7: resigned, stop by 12s
= stepping_down, wakes at 6s
at 5020ms work-ended 7
> ask #3 release 7, give up at 6.02s
= stepping_down, wakes at 6.02s
at 5030ms extended #2
= stepping_down, wakes at 6.02s
at 5040ms released #3
> ended, token 7
> leader is not known
= follower, wakes at 7.04s
