#!lua
-- include prelude
-- Carries out the commands of one page of a store that was begun, once. ARGV: token, number of the page; then of each
-- command how many parts it has, its name, the noun of its key, and the rest. Returns 1; 0 when somebody else began anew.

local kept = call('HMGET', KEYS[1], 'moving', 'moved')
if kept[1] ~= ARGV[1] then return 0 end
if kept[2] == ARGV[2] then return 1 end
local n = 3
while n <= #ARGV do
  local last = n + tonumber(ARGV[n])
  call(ARGV[n + 1], P .. ARGV[n + 2], unpack(ARGV, n + 3, last))
  n = last + 1
end
call('HSET', KEYS[1], 'moved', ARGV[2])
return 1
