# I10: a hint is followed at once; one that arrives during an attempt makes a refusal worth repeating.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms held #1 by other token 3 remaining 14s
> leader is other, token 3
= follower, wakes at 2.01s
at 1s hint
> ask #2 acquire, give up at 2s
= candidate, wakes at 2s
at 1005ms hint
= candidate, wakes at 2s
at 1010ms held #2 by other token 3 remaining 13s
> ask #3 acquire, give up at 2.01s
= candidate, wakes at 2.01s
at 1020ms granted #3 token 4
> elected, token 4, valid until 13.01s
= leader, wakes at 6.01s
