-- What every script begins with: the names of the keys, and what is in them. KEYS[1] is `origin` of the realm.
--
--   origin       hash    realm, epoch, log (a name that outlives epochs), head, oldest, dropped, counters, seal
--   epochs       set     every epoch that this log has had
--   log          stream  <seq>-0 -> b: body, r: raw bytes (lalert.store.record)
--   outside      hash    <seq>b, <seq>r: entries that left the log and still matter
--   outside:seq  zset    their positions
--   index        hash    seq -> MessagePack {token, key, thread, identifier}
--   key          hash    natural key -> seq
--   thread       zset    thread NUL seq, all of one score: in lexicographic order
--   identifier   zset    identifier NUL seq, of messages only
--   at           zset    seq, by the instant of its acceptance in microseconds
--   message      hash    seq -> "position of what ended it, or 0" ":" standing as JSON
--   holder       hash    thread -> seq of its message in force
--   forestalled  hash    natural key NUL key_id -> seq of the message that ended it before it came
--   forestalls   hash    seq -> MessagePack list of its fields in `forestalled`
--   audit        stream

local call = redis.call
local P = string.sub(KEYS[1], 1, -7)  -- without "origin"

local function in_order(name, seq)
  return name .. '\0' .. string.format('%020d', seq)
end

local function state()  -- an empty epoch: there is no log
  local kept = call('HMGET', KEYS[1], 'epoch', 'head', 'oldest')
  return kept[1] or '', tonumber(kept[2] or 0), tonumber(kept[3] or 0)
end

local function index_of(seq)
  local kept = call('HGET', P .. 'index', seq)
  return kept and cmsgpack.unpack(kept)
end

local function now_us()
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
end
