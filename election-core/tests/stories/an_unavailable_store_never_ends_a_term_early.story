# I9: the term goes on until its deadline, and so do the attempts; one success saves it.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 100ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 5s timeout
> ask #2 renew 7, give up at 6s
= leader, wakes at 6s
at 5010ms failed #2 unavailable
> store failed: unavailable
= leader, wakes at 5.51s
at 5510ms timeout
> ask #3 renew 7, give up at 6.51s
= leader, wakes at 6.51s
at 6510ms timeout
> store failed: indeterminate
= leader, wakes at 7.01s
at 7010ms timeout
> ask #4 renew 7, give up at 8.01s
= leader, wakes at 8.01s
at 7020ms failed #4 indeterminate
> store failed: indeterminate
= leader, wakes at 7.52s
at 7520ms timeout
> ask #5 renew 7, give up at 8.52s
= leader, wakes at 8.52s
at 7600ms extended #5
> renewed, token 7, valid until 19.52s
= leader, wakes at 12.52s
