# The answer to an acquire is lost: the next attempt asks again and gets a new token.
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
at 3010ms granted #2 token 8
> elected, token 8, valid until 15s
= leader, wakes at 8s
