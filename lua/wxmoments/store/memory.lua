--- A token store in this process's memory: what every client uses unless told otherwise.
--
-- A store is a table of four methods; a user's own has the same:
--
--     store:get(key)              → token, expires_at (unix seconds) | nil
--     store:set(key, token, ttl)  keeps it for ttl seconds
--     store:drop(key, token)      forgets it, only if it is still that one
--     store:lock(key, seconds)    → release function | nil while another holds it; the lock
--                                 ends by itself after `seconds`
-- @module wxmoments.store.memory

local methods = {}
local Memory = { __index = methods, __name = "wxmoments.store.memory" }

-- Tokens and locks stand beside the object, so that printing it shows no secret.
local tokens_of = setmetatable({}, { __mode = "k" })
local locks_of = setmetatable({}, { __mode = "k" })

local memory = {}

--- Makes an empty store.
-- @tparam[opt=os.time] function time unix seconds
function memory.new(time)
  local self = setmetatable({ _time = time or os.time }, Memory)
  tokens_of[self], locks_of[self] = {}, {}
  return self
end

function Memory.__tostring()
  return Memory.__name
end

function methods:get(key)
  local entry = tokens_of[self][key]
  if not entry then
    return nil
  end
  if entry.expires_at <= self._time() then
    tokens_of[self][key] = nil
    return nil
  end
  return entry.token, entry.expires_at
end

function methods:set(key, token, ttl)
  tokens_of[self][key] = { token = token, expires_at = self._time() + ttl }
end

function methods:drop(key, token)
  local entry = tokens_of[self][key]
  if entry and entry.token == token then
    tokens_of[self][key] = nil
  end
end

function methods:lock(key, seconds)
  local locks, now = locks_of[self], self._time()
  if locks[key] and locks[key].ends_at > now then
    return nil
  end
  local mine = { ends_at = now + seconds }
  locks[key] = mine
  return function()
    if locks[key] == mine then
      locks[key] = nil
    end
  end
end

--- The store that clients of this process share.
memory.shared = memory.new()

return memory
