# Hints make a leader look, but no more often than its back-off.
timing ttl=15s renew=5s retry=2s
at 0s timeout
> ask #1 acquire, give up at 1s
= candidate, wakes at 1s
at 10ms granted #1 token 7
> elected, token 7, valid until 12s
= leader, wakes at 5s
at 20ms hint
= leader, wakes at 500ms
at 500ms timeout
> ask #2 renew 7, give up at 1.5s
= leader, wakes at 1.5s
at 510ms extended #2
> renewed, token 7, valid until 12.5s
= leader, wakes at 5.5s
at 520ms hint
= leader, wakes at 1s
at 530ms hint
= leader, wakes at 1s
