-- The nodes and what they hold:
--
--   node    hash  id -> "until_ms beat_ms report"; alive before until_ms
--   share   hash  share -> "token node"; its holder's as long as that is alive, and until another one claims it
--   order   hash  lane -> an order for whoever holds it, as JSON
--   agreed  hash  what all nodes go by

local function now_ms()
  return math.floor(now_us() / 1000)
end

local function is_alive(id, now)
  local kept = call('HGET', P .. 'node', id)
  return kept and tonumber(string.match(kept, '^%d+')) > now
end

local function holder_of(share)
  local kept = call('HGET', P .. 'share', share)
  return kept and string.match(kept, '^%d+ (.*)$')
end

local function release(share, node)
  if holder_of(share) == node then call('HDEL', P .. 'share', share) end
end

local function standing(now, lapsed)
  return {now, lapsed and 1 or 0, call('HGETALL', P .. 'node'), call('HGETALL', P .. 'share'), call('HVALS', P .. 'order')}
end
