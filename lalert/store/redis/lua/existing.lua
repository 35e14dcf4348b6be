-- A Redis that was emptied takes nothing: what is told to be kept there would be gone when the backup is back.

if call('HEXISTS', KEYS[1], 'epoch') == 0 then
  return redis.error_reply('EMPTIED there is no log')
end
