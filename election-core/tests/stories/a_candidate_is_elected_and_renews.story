# A candidate is elected and renews.
# Trust is counted from the moment each request left, not from its answer.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 200ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 5s timeout
> ask #2 renew 7, give up at 6s
= leader, wakes at 6s
at 5300ms extended #2
> renewed, token 7, valid until 17s
= leader, wakes at 10s
at 10s timeout
> ask #3 renew 7, give up at 11s
= leader, wakes at 11s
