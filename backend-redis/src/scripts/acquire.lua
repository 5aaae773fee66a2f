-- Takes the lease if it is free, or anew for the candidate that holds it.
--
-- ARGV: 1 id  2 incarnation  3 ttl in ms  4 metadata  5 channel  6 keep the state for ms  7 grace '0'|'1'
-- {1, token}                                     granted
-- {0, token, ms left, id, incarnation, metadata} held by somebody else
-- {2, ms}                                        the server may have forgotten a lease: wait
local ttl = tonumber(ARGV[3])

if id and not (known and id == ARGV[1] and state[3] == ARGV[2]) then
  -- A lease has never more left than its ttl, unless the server's clock was set back.
  local ttl_of_holder = known and tonumber(state[4] or '')
  if ttl_of_holder and left > ttl_of_holder then
    redis.pcall('PEXPIRE', KEYS[1], ttl_of_holder)
    left = redis.call('PTTL', KEYS[1])
  end
  return record()
end

if ARGV[7] == '1' and not id and not state[1] then
  local up = tonumber(string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)'))
  -- The server counts whole seconds, so it may have been up for almost one more or one less.
  local wait = ttl - (up - 1) * 1000
  if wait > 0 then
    return {2, wait}
  end
end

-- A clock that only rises with us: the server's time as a floor lets tokens rise though the state is
-- lost, and the last token lets them rise though the clock is set back.
local token = math.max(last + 1, micros)
if token >= 9007199254740992 then
  return redis.error_reply('TOKENRANGE the fencing tokens are used up')
end
-- Only this way are all digits written.
local digits = string.format('%.0f', token)
-- The first write decides: a server that may not write, or has no memory left, refuses it here.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
redis.call('HSET', KEYS[2], 't', digits, 'h', ARGV[1], 'i', ARGV[2], 'm', ARGV[4],
  'l', ARGV[3], 'e', string.format('%.0f', millis + ttl))
redis.call('PEXPIRE', KEYS[2], ARGV[6])
hint(ARGV[5])
return {1, token}
