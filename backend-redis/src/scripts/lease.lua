-- What every step begins with: the lease as it stands.
--
-- KEYS[1], the leader key: a plain string, the holder's id and nothing else. It lives as long as the
--   lease does, and is all that others see: `GET` shows who leads, `DEL` deposes, `SET … NX PX` by
--   another program is respected.
-- KEYS[2], the state, a hash that outlives the lease:
--   t  the last fencing token
--   h  the holder's id       i  its incarnation      m  its metadata
--   l  its ttl in ms         e  when the lease ends, in ms of the server's clock
local id = redis.call('GET', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
local state = redis.call('HMGET', KEYS[2], 't', 'h', 'i', 'l', 'e')
local last = tonumber(state[1] or '0') or 0
local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local millis = math.floor(micros / 1000)

-- Whether the state tells of the lease in force. It does not if another program wrote the leader key
-- after our lease had ended, even under the same id: then the key lives longer than we let it, by that
-- program's whole ttl. Both ends are dates of one clock, so this holds wherever that clock is set to.
local known = id and state[2] == id and left >= 0
  and millis + left <= (tonumber(state[5] or '') or 0) + 500

-- The lease in force, or nobody's: {0, token, ms left, id, incarnation, metadata}
local function record()
  if not id then
    return {0, last, -2, '', '', ''}
  end
  if not known then
    return {0, last, left, id, '', ''}
  end
  return {0, last, left, id, state[3] or '', redis.call('HGET', KEYS[2], 'm') or ''}
end

-- Whether exactly this lease is in force.
local function is_held(holder, incarnation, token)
  return known and id == holder and state[3] == incarnation and state[1] == token
end

-- Where the user has no right to publish, only hints are lost.
local function hint(channel)
  redis.pcall('PUBLISH', channel, '')
end
