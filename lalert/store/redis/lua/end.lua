#!lua
-- include prelude existing
-- Notes once how one in a hash ended.
-- ARGV: the hash, the counter of changes, the id, a token, the end. Returns 1, or 0 when there is none that goes on.

local name, counter, id, token = P .. ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if call('HEXISTS', name, id) == 0 then return 0 end
local ended = token .. ' ' .. ARGV[5]
if call('HSETNX', name .. ':end', id, ended) == 0 then
  return call('HGET', name .. ':end', id) == ended and 1 or 0
end
call('HINCRBY', KEYS[1], counter, 1)
return 1
