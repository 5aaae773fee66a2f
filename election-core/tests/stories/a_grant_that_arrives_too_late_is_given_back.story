# I4: a grant whose trust has run out on the way makes no leader, and is given back.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 900ms granted #1 token 7 ttl 1s
> ask #2 release 7, give up at 1.9s
= follower, wakes at 1.9s
at 910ms not-held #2
= follower, wakes at 2.91s
