# The same answer twice is one answer.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 100ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 110ms granted #1 token 7
= leader, wakes at 5s
at 5s timeout
> ask #2 renew 7, give up at 6s
= leader, wakes at 6s
at 5100ms extended #2
> renewed, token 7, valid until 17s
= leader, wakes at 10s
at 5200ms extended #2
= leader, wakes at 10s
