#!lua
-- include prelude existing residents
-- Keeps a resident in the place of whoever had the same browser.
-- ARGV: how many there may be, id, digest of the browser, the value. Returns the number, 0 when there is no room.

local most, id, peer, value = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local before = call('HGET', P .. 'resident:peer', peer)
if before then remove(before) end
if call('HLEN', P .. 'resident:id') >= most then return 0 end
local number = call('HINCRBY', KEYS[1], 'resident', 1)
call('HSET', P .. 'resident:id', id, number)
call('HSET', P .. 'resident:peer', peer, number)
call('HSET', bucket_of(number), number, id .. ' ' .. peer .. ' ' .. value)
call('ZADD', P .. 'resident:bucket', math.floor(number / IN_BUCKET), math.floor(number / IN_BUCKET))
note('came', number)
return number
