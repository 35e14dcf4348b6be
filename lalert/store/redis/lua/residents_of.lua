#!lua flags=no-writes
-- include prelude existing residents
-- ARGV: numbers. Returns the value of each, or false.

local found = {}
for n, number in ipairs(ARGV) do
  found[n] = call('HGET', bucket_of(tonumber(number)), number)
end
return found
