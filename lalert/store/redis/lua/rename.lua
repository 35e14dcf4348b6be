#!lua flags=allow-oom
-- include prelude
-- Gives a log that went back another epoch, before anything is appended to it.
-- ARGV: the epoch and head that were seen, the new epoch. Returns epoch and head as they are then.

local epoch, head = state()
if epoch == ARGV[1] and head < tonumber(ARGV[2]) then
  epoch = ARGV[3]
  call('HSET', KEYS[1], 'epoch', epoch)
  call('SADD', P .. 'epochs', epoch)
end
return {epoch, head}
