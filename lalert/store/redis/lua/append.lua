#!lua
-- include prelude facts
-- Keeps a batch: dedup, positions, entries, standings, forestalling and audit, all of it or nothing.
-- ARGV[1]: what is wished; then body and raw of each draft. Returns what became of it:
--   kept BASE    the drafts have the positions BASE + 1, ...; also when this very batch (its token) was kept before
--   again        an answer has changed: look again
--   late         whoever asked has given up by now: nothing may appear after it was told that nothing was kept
--   back E HEAD  this is not the log that was seen

local wish = cmsgpack.unpack(ARGV[1])
local epoch, head = state()
if epoch ~= wish.epoch or head < wish.seen then
  return {'back', epoch, head}
end
call('HINCRBY', KEYS[1], 'writes', 1)  -- what WAIT waits for, whatever comes of the rest

local seq = call('HGET', P .. 'key', wish.drafts[1].key)
if seq and index_of(seq)[1] == wish.token then
  return {'kept', seq - 1}
end
if now_us() > wish.deadline_us then
  return {'late'}
end
for n, question in ipairs(wish.questions) do
  if answer(question) ~= wish.answers[n] then return {'again'} end
end

local function end_message(key, by, standing)
  local ended = call('HGET', P .. 'key', key)
  if not ended then return end
  local thread = index_of(ended)[3]
  if call('HGET', P .. 'holder', thread) == ended then
    call('HDEL', P .. 'holder', thread)
    call('HSET', P .. 'message', ended, by .. ':' .. standing)
  end
end

local function forestall(draft, by)
  local fields = {}
  for _, reference in ipairs(draft.references) do
    if not call('HGET', P .. 'key', reference) then
      fields[#fields + 1] = reference .. '\0' .. draft.key_id
      call('HSET', P .. 'forestalled', fields[#fields], by)
    end
  end
  if #fields > 0 then
    call('HSET', P .. 'forestalls', by, cmsgpack.pack(fields))
  end
end

local function keep(draft, seq, body, raw)
  call('XADD', P .. 'log', seq .. '-0', 'b', body, 'r', raw)
  call('HSET', P .. 'index', seq, cmsgpack.pack({wish.token, draft.key, draft.thread, draft.identifier}))
  call('HSET', P .. 'key', draft.key, seq)
  call('ZADD', P .. 'thread', 0, in_order(draft.thread, seq))
  call('ZADD', P .. 'at', draft.at_us, seq)
  for _, key in ipairs(draft.ends) do
    end_message(key, seq, draft.after)
  end
  if draft.identifier ~= '' then
    call('ZADD', P .. 'identifier', 0, in_order(draft.identifier, seq))
    call('HSET', P .. 'message', seq, '0:' .. draft.first)
  end
  if draft.holds then
    call('HSET', P .. 'holder', draft.thread, seq)
  end
  forestall(draft, seq)
  call('XADD', P .. 'audit', 'MAXLEN', '~', wish.audit_limit, '*', 'l', draft.audit)
end

for n, draft in ipairs(wish.drafts) do
  keep(draft, head + n, ARGV[2 * n], ARGV[2 * n + 1])
end
call('HSET', KEYS[1], 'head', head + #wish.drafts)
return {'kept', head}
