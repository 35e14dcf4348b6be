-- What an append depends on. Asked before (look.lua) and again inside the append itself (append.lua): when one of the
-- answers is another by then, a faster node was there, and the append must be thought over.

local facts = {}

function facts.key(key)
  return call('HGET', P .. 'key', key) or ''
end

function facts.thread(name)
  local found = call('ZRANGEBYLEX', P .. 'thread', '[' .. name .. '\0', '(' .. name .. '\1', 'LIMIT', 0, 1)
  return found[1] and '1' or ''
end

function facts.holder(thread)
  local seq = call('HGET', P .. 'holder', thread)
  return seq and seq .. ' ' .. index_of(seq)[2] or ''
end

function facts.message(key)
  local seq = call('HGET', P .. 'key', key)
  if not seq then return '' end
  local holds = call('HGET', P .. 'holder', index_of(seq)[3]) == seq
  local ended = string.match(call('HGET', P .. 'message', seq), '^%d+')
  return seq .. ' ' .. (holds and '1' or '0') .. ' ' .. ended
end

function facts.forestalled(field)
  local seq = call('HGET', P .. 'forestalled', field)
  return seq and call('HEXISTS', P .. 'index', seq) == 1 and seq or ''
end

local function answer(question)
  return facts[question[1]](question[2])
end
