#!lua flags=no-writes
-- include prelude existing residents
-- ARGV: a number, and how many are wanted. Returns pairs of number and value greater than it, not in order: those of
-- whole hashes, until there are enough.

local after, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local found, full = {}, wanted * 2
local first = math.floor((after + 1) / IN_BUCKET)
local buckets = call('ZRANGE', P .. 'resident:bucket', first, '+inf', 'BYSCORE', 'LIMIT', 0, wanted)
for _, bucket in ipairs(buckets) do
  local pairs_ = call('HGETALL', P .. 'resident:' .. bucket)
  for n = 1, #pairs_, 2 do
    if tonumber(pairs_[n]) > after then
      found[#found + 1] = pairs_[n]
      found[#found + 1] = pairs_[n + 1]
    end
  end
  if #found >= full then break end
end
return found
