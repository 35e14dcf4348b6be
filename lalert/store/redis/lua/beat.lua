#!lua flags=allow-oom
-- include prelude existing shares
-- One sign of life: renews, forgets, releases, claims. ARGV[1]: what `store.nodes.Beat` says. Returns how all stands.
-- What a node holds needs no renewal of its own: it is its holder's as long as that is registered.

local beat = cmsgpack.unpack(ARGV[1])
local now = now_ms()
local before = call('HGET', P .. 'node', beat.id)
local lapsed = before and not is_alive(beat.id, now)

local nodes = call('HGETALL', P .. 'node')
for n = 1, #nodes, 2 do
  local is_old = tonumber(string.match(nodes[n + 1], '^%d+')) + beat.forget_ms <= now
  if nodes[n] == beat.predecessor or is_old then call('HDEL', P .. 'node', nodes[n]) end
end
call('HSET', P .. 'node', beat.id, string.format('%d %d %s', now + beat.lease_ms, now, beat.report))

for _, share in ipairs(beat.released) do
  release(share, beat.id)
end
for _, share in ipairs(beat.claims) do
  local holder = holder_of(share)
  if not holder or not is_alive(holder, now) then
    call('HSET', P .. 'share', share, call('HINCRBY', KEYS[1], 'share:token', 1) .. ' ' .. beat.id)
  end
end
for _, done in ipairs(beat.done) do
  if call('HGET', P .. 'order', done[1]) == done[2] then call('HDEL', P .. 'order', done[1]) end
end
return standing(now, lapsed)
