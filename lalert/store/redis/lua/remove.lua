#!lua flags=allow-oom
-- include prelude existing
-- ARGV: the hash, the counter of changes, the id. Returns 1, or 0 when there was none.

local name = P .. ARGV[1]
local gone = call('HDEL', name, ARGV[3])
call('HDEL', name .. ':end', ARGV[3])
if gone == 1 then call('HINCRBY', KEYS[1], ARGV[2], 1) end
return gone
