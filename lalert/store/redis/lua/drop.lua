#!lua flags=allow-oom
-- include prelude dropping
-- Takes the next entries before the beginning out of the log; those that still matter go outside.
-- ARGV[2]: how many at most. Returns how many are gone for good, 0, and 1 when nothing is left to do.

local _, _, oldest = state()
local first = tonumber(call('HGET', KEYS[1], 'dropped')) + 1
local last = math.min(first + tonumber(ARGV[2]), oldest) - 1
local gone = 0
for seq = first, last do
  local index = index_of(seq)
  if matters(seq, index, oldest) then
    local entry = call('XRANGE', P .. 'log', seq .. '-0', seq .. '-0')[1][2]
    call('HSET', P .. 'outside', seq .. 'b', entry[2], seq .. 'r', entry[4])
    call('ZADD', P .. 'outside:seq', seq, seq)
  else
    forget(seq, index)
    gone = gone + 1
  end
end
if last >= first then
  call('XTRIM', P .. 'log', 'MINID', last + 1)
  call('HSET', KEYS[1], 'dropped', last)
end
return {gone, 0, last + 1 >= oldest and 1 or 0}
