#!lua flags=allow-oom
-- include prelude existing residents
-- ARGV: "id" and one id, or "number" and numbers. Returns how many went.

if ARGV[1] == 'id' then
  local number = call('HGET', P .. 'resident:id', ARGV[2])
  return number and remove(number) or 0
end
local gone = 0
for n = 2, #ARGV do
  gone = gone + remove(ARGV[n])
end
return gone
