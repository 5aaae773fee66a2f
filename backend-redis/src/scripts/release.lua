-- Frees exactly this lease. The token outlives it.
--
-- ARGV: 1 id  2 incarnation  3 token  4 channel
-- {1} done, {0} not held
if not is_held(ARGV[1], ARGV[2], ARGV[3]) then
  return {0}
end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], 'h', 'i', 'm', 'l', 'e')
hint(ARGV[4])
return {1}
