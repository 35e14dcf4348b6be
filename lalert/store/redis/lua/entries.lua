#!lua flags=no-writes
-- include prelude
-- ARGV: positions. Returns epoch, head, and body, raw and standing ("" for an expiry) of each, or false; no more than
-- some megabytes: whoever asks asks again for the rest.

local MOST_BYTES = 8388608

local found, size = {}, 0
for n, seq in ipairs(ARGV) do
  local body, raw
  local kept = call('XRANGE', P .. 'log', seq .. '-0', seq .. '-0')[1]
  if kept then
    body, raw = kept[2][2], kept[2][4]
  else
    local parts = call('HMGET', P .. 'outside', seq .. 'b', seq .. 'r')
    body, raw = parts[1], parts[2]
  end
  found[n] = body and {body, raw, call('HGET', P .. 'message', seq) or ''}
  size = size + (body and #body + #raw or 0)
  if size > MOST_BYTES then break end
end
local epoch, head = state()
return {epoch, head, found}
