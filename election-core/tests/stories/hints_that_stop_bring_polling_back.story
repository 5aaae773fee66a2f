# W06: hints that stop bring polling back.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms hint
= candidate, wakes at 1s
at 20ms held #1 by other token 3 remaining 14s
> leader is other, token 3
> ask #2 acquire, give up at 1.02s
= candidate, wakes at 1.02s
at 30ms held #2 by other token 3 remaining 14s
= follower, wakes at 14.03s
at 3s hints-interrupted
= follower, wakes at 5s
at 5s timeout
> ask #3 acquire, give up at 6s
= candidate, wakes at 6s
