#!lua
-- include prelude
-- Begins a store that no hub takes yet. ARGV: a token, then names and values of the origin. Returns 1; 0 when there is
-- another store already.

if call('EXISTS', KEYS[1]) == 1 then
  return call('HGET', KEYS[1], 'moving') == ARGV[1] and 1 or 0
end
call('HSET', KEYS[1], 'moving', unpack(ARGV))
call('SADD', P .. 'epochs', call('HGET', KEYS[1], 'epoch'))
return 1
