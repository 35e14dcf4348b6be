#!lua
-- include prelude existing
-- Appends to the delivery log, each line with a number, and drops as many old ones as are too many.
-- ARGV: how many lines are kept; then lane, identifier and line of each.

local last = call('HINCRBY', KEYS[1], 'attempt', 0)
for n = 2, #ARGV, 3 do
  last = last + 1
  call('XADD', P .. 'attempt', last .. '-0', 'a', ARGV[n], 'm', ARGV[n + 1], 'l', ARGV[n + 2])
  call('RPUSH', P .. 'attempt:lane:' .. ARGV[n], last)
  call('RPUSH', P .. 'attempt:message:' .. ARGV[n + 1], last)
end
call('HSET', KEYS[1], 'attempt', last)

-- The oldest line of all is the oldest of its lane and of its message.
local much = call('XLEN', P .. 'attempt') - tonumber(ARGV[1])
if much > 0 then
  local lines = call('XRANGE', P .. 'attempt', '-', '+', 'COUNT', math.min(much, #ARGV))
  for _, line in ipairs(lines) do
    call('LPOP', P .. 'attempt:lane:' .. line[2][2])
    call('LPOP', P .. 'attempt:message:' .. line[2][4])
    call('XDEL', P .. 'attempt', line[1])
  end
end
