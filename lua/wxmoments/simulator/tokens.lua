--- The access tokens a simulated corp has given out, and what became of them.

local random = require "wxmoments.simulator.random"

local tokens = {}

local STREAM = 4100000000
local LENGTH = 214 -- as the service's own; 512 bytes is the most it promises
local REMEMBERED = 64 -- old tokens that are still known as expired

local Tokens = {}
local Tokens_mt = { __index = Tokens, __name = "wxmoments.simulator.tokens" }

--- @tparam number seed
-- @tparam number seconds how long a token lives
function tokens.new(seed, seconds)
  return setmetatable({ _seed = seed, _seconds = seconds, _issued = 0, _known = {} }, Tokens_mt)
end

--- The present token: the same one while it lives, as the service gives it.
-- @tparam number now unix seconds
-- @treturn string token
-- @treturn number whole seconds it still lives, at least 1
function Tokens:get(now)
  local token = self._current
  if not token or token.errcode or now >= token.expires_at then
    self._issued = self._issued + 1
    local value = random.new(self._seed, STREAM + self._issued):word(LENGTH)
    token = { value = value, expires_at = now + self._seconds }
    self._current = token
    table.insert(self._known, 1, token)
    self._known[REMEMBERED + 1] = nil
  end
  return token.value, math.max(1, math.floor(token.expires_at - now))
end

--- Makes the present token invalid.
-- @tparam number errcode what a call with it is answered from now on
-- @treturn boolean false when there was no valid token
function Tokens:expire(errcode)
  local token = self._current
  if not token or token.errcode then return false end
  token.errcode = errcode
  return true
end

--- Judges the token of a call.
-- @tparam string|nil value
-- @tparam number now unix seconds
-- @treturn number|nil the errcode of a refusal; nil when it is good
function Tokens:refusal(value, now)
  if not value or value == "" then return 41001 end
  for _, token in ipairs(self._known) do
    if token.value == value then
      return token.errcode or (now >= token.expires_at and 42001 or nil)
    end
  end
  return 40014
end

return tokens
