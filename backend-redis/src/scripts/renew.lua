-- Extends exactly this lease.
--
-- ARGV: 1 id  2 incarnation  3 token  4 ttl in ms  5 channel  6 keep the state for ms
-- {1}                                             extended
-- {0, token, ms left, id, incarnation, metadata}  lost; to whom
if not is_held(ARGV[1], ARGV[2], ARGV[3]) then
  -- Somebody deleted the leader key. Whoever follows can lead now, and nobody else tells them.
  if not id and state[1] == ARGV[3] then
    hint(ARGV[5])
  end
  return record()
end
-- First, and not one of the commands that are refused when memory is short: a leader stays one.
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('HSET', KEYS[2], 'l', ARGV[4], 'e', string.format('%.0f', millis + tonumber(ARGV[4])))
-- Not every time: it is one more write for every replica.
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[6]) / 2 then
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
return {1}
