#!lua flags=allow-oom
-- include prelude existing shares
-- Keeps lanes, or drops them, for whoever holds their shares.
-- ARGV: how many deeds; for each its share and "token node"; then lane and state of each, the state "" where it ends.
-- Returns the shares that have changed hands: then nothing was kept. Else how many lanes were there before.

local refused, deeds = {}, tonumber(ARGV[1])
for n = 2, 2 * deeds, 2 do
  if call('HGET', P .. 'share', ARGV[n]) ~= ARGV[n + 1] then refused[#refused + 1] = ARGV[n] end
end
if #refused > 0 then return refused end
local known = 0
for n = 2 * deeds + 2, #ARGV, 2 do
  if ARGV[n + 1] == '' then
    known = known + call('HDEL', P .. 'lane', ARGV[n])
  else
    known = known + 1 - call('HSET', P .. 'lane', ARGV[n], ARGV[n + 1])
  end
end
return known
