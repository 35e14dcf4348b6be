#!lua
-- include prelude
-- What was begun is a store from now on. ARGV: token, what a program must know to use it. Returns 1; 0 when somebody else
-- began anew.

local kept = call('HMGET', KEYS[1], 'moving', 'compat')
if kept[1] == ARGV[1] then
  call('HSET', KEYS[1], 'compat', ARGV[2])
  call('HDEL', KEYS[1], 'moving', 'moved')
  return 1
end
return not kept[1] and kept[2] == ARGV[2] and 1 or 0
