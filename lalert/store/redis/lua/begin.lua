#!lua flags=allow-oom
-- include prelude
-- ARGV[1]: where the log begins from now on. It never begins earlier than it did, nor behind its head.

local _, head, oldest = state()
local wanted = tonumber(ARGV[1])
if wanted > oldest and wanted <= head + 1 then
  call('HSET', KEYS[1], 'oldest', wanted)
end
