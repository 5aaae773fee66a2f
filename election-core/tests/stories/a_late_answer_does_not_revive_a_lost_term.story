# A late answer does not revive a lost term.
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
at 6s timeout
> store failed: indeterminate
= leader, wakes at 6.5s
at 6500ms timeout
> ask #3 renew 7, give up at 7.5s
= leader, wakes at 7.5s
at 7500ms timeout
> store failed: indeterminate
= leader, wakes at 8s
at 8s timeout
> ask #4 renew 7, give up at 9s
= leader, wakes at 9s
at 9s timeout
> store failed: indeterminate
= leader, wakes at 9.5s
at 9500ms timeout
> ask #5 renew 7, give up at 10.5s
= leader, wakes at 10.5s
at 10500ms timeout
> store failed: indeterminate
= leader, wakes at 11s
at 11s timeout
> ask #6 renew 7, give up at 12s
= leader, wakes at 11.5s
at 11500ms timeout
> revoked, token 7: expired, stop by 12s
= stepping_down, wakes at 12s
at 11600ms extended #6
= stepping_down, sleeps
at 11700ms work-ended 7
> ask #7 release 7, give up at 12.7s
= stepping_down, wakes at 12.7s
at 11710ms extended #2
= stepping_down, wakes at 12.7s
