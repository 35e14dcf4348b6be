-- Residents lie in hashes of so many numbers each, so that a page is a few hashes and ten million need no index by number.

local IN_BUCKET = 256

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
  return 1
end
