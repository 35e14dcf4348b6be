#!lua flags=no-writes
-- include prelude shares
-- Returns how all stands.

return standing(now_ms(), false)
