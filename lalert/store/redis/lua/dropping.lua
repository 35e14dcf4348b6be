-- What it means that an entry goes: nothing that leads to it stays.

local function matters(seq, index, oldest)
  local ended = string.match(call('HGET', P .. 'message', seq) or '', '^%d+')
  return call('HGET', P .. 'holder', index[3]) == tostring(seq) or (ended and tonumber(ended) >= oldest)
end

local function unforestall(seq)
  local packed = call('HGET', P .. 'forestalls', seq)
  if not packed then return end
  for _, field in ipairs(cmsgpack.unpack(packed)) do
    if call('HGET', P .. 'forestalled', field) == tostring(seq) then
      call('HDEL', P .. 'forestalled', field)
    end
  end
  call('HDEL', P .. 'forestalls', seq)
end

local function forget(seq, index)
  unforestall(seq)
  call('HDEL', P .. 'key', index[2])
  call('ZREM', P .. 'thread', in_order(index[3], seq))
  call('ZREM', P .. 'identifier', in_order(index[4], seq))
  call('ZREM', P .. 'at', seq)
  call('HDEL', P .. 'message', seq)
  call('HDEL', P .. 'index', seq)
end
