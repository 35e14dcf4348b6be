#!lua flags=allow-oom
-- include prelude dropping
-- Forgets what was kept outside the log and does not matter any more.
-- ARGV: the position after which to look, and how many to look at. Returns how many went, the last position that was
-- looked at, and 1 when nothing is left to do.

local _, _, oldest = state()
local seqs = call('ZRANGE', P .. 'outside:seq', '(' .. ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[2])
local gone = 0
for _, text in ipairs(seqs) do
  local seq = tonumber(text)
  local index = index_of(seq)
  if not matters(seq, index, oldest) then
    forget(seq, index)
    call('HDEL', P .. 'outside', seq .. 'b', seq .. 'r')
    call('ZREM', P .. 'outside:seq', seq)
    gone = gone + 1
  end
end
return {gone, tonumber(seqs[#seqs] or ARGV[1]), #seqs < tonumber(ARGV[2]) and 1 or 0}
