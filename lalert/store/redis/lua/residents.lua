-- Residents lie in hashes of so many numbers each, so that a page is a few hashes and ten million need no index by number.

local IN_BUCKET = 256
local CHANGES = 100000  -- that are told to nodes that follow; whoever is further behind reads everybody

-- resident:change  stream  <n>-0 -> "came" or "left": a number; n is what the origin counts as resident:changes
local function note(what, number)
  local n = call('HINCRBY', KEYS[1], 'resident:changes', 1)
  call('XADD', P .. 'resident:change', 'MAXLEN', '~', CHANGES, string.format('%d-0', n), what, number)
end

local function bucket_of(number)
  return P .. 'resident:' .. string.format('%d', math.floor(number / IN_BUCKET))
end

local function remove(number)
  local bucket = bucket_of(tonumber(number))
  local value = call('HGET', bucket, number)
  if not value then return 0 end
  local id, peer = string.match(value, '^(%S+) (%S+) ')
  call('HDEL', bucket, number)
  call('HDEL', P .. 'resident:id', id)
  call('HDEL', P .. 'resident:peer', peer)
  if call('EXISTS', bucket) == 0 then
    call('ZREM', P .. 'resident:bucket', math.floor(tonumber(number) / IN_BUCKET))
  end
  note('left', number)
  return 1
end
