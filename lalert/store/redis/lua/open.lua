#!lua flags=allow-oom
-- include prelude
-- Makes the log where there is none and there was none, and finds out whether it went back behind what this machine last saw of it.
-- ARGV: realm, new epoch, new log, compat, created_at, then log, epoch and head as they were last seen ("" if never).
-- Returns realm, epoch, log, compat, head; nothing where a log is gone of which this machine saw something.

local realm, fresh, log, compat, created_at = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if call('HEXISTS', KEYS[1], 'epoch') == 0 then
  if tonumber(ARGV[8]) > 0 then return {} end
  call('HSET', KEYS[1], 'realm', realm, 'epoch', fresh, 'log', log, 'compat', compat, 'created_at', created_at,
    'head', 0, 'oldest', 1, 'dropped', 0)
  call('SADD', P .. 'epochs', fresh)
end
local kept = call('HMGET', KEYS[1], 'realm', 'epoch', 'log', 'compat', 'head')
if ARGV[6] == kept[3] then
  local behind = ARGV[7] == kept[2] and tonumber(ARGV[8]) > tonumber(kept[5])
  if behind or call('SISMEMBER', P .. 'epochs', ARGV[7]) == 0 then
    kept[2] = fresh
    call('HSET', KEYS[1], 'epoch', fresh)
    call('SADD', P .. 'epochs', fresh)
  end
end
return kept
