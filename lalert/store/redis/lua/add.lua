#!lua
-- include prelude existing
-- Adds a new one to a hash, under the next number, and moves the counter that tells of changes.
-- ARGV: the hash, the counter, how many there may be at most, the id, a token, the value. Returns added, exists or full.
-- The token tells a repeated question from a second one of the same id.

local name, counter, most, id, token, value = P .. ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local kept = call('HGET', name, id)
if kept then
  return string.find(kept, ' ' .. token .. ' ', 1, true) and 'added' or 'exists'
end
if call('HLEN', name) >= most then return 'full' end
call('HINCRBY', KEYS[1], 'writes', 1)
local number = call('HINCRBY', KEYS[1], counter, 1)
call('HSET', name, id, number .. ' ' .. token .. ' ' .. value)
return 'added'
