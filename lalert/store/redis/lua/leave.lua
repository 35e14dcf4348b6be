#!lua flags=allow-oom
-- include prelude shares
-- A node ends: everything that it holds is free. ARGV: its id.

local shares = call('HGETALL', P .. 'share')
for n = 1, #shares, 2 do
  release(shares[n], ARGV[1])
end
return call('HDEL', P .. 'node', ARGV[1])
