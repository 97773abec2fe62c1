--- Access tokens: got when first needed, kept until shortly before their end, by one
-- getter at a time, and dropped when the server refuses them.
--
-- Rules of WeCom, "获取access_token" (path 91039): a token must be kept; asking too often
-- is blocked; it may die early, and then a new one must be got.
-- @module wxmoments.tokens

local core = require "wxmoments.core"
local errors = require "wxmoments.errors"

local Tokens = {}
Tokens.__index = Tokens

local tokens = {}

-- A token is renewed this many seconds before its end, or at half of a shorter life.
local MARGIN = 200

-- How often it is looked whether another getter has finished.
local LOOK_AGAIN = 0.01

--- Makes the keeper of one app's tokens.
-- @tparam table options
-- @tparam string options.key what the store knows it by; no secret
-- @tparam table options.store see wxmoments.store.memory
-- @tparam function options.fetch `fetch(force, deadline)` → token, life in seconds or nil
-- for "do not keep" | nil, err
-- @tparam table options.driver its clock and sleep
function tokens.new(options)
  return setmetatable({
    _key = options.key, _store = options.store, _fetch = options.fetch, _driver = options.driver,
  }, Tokens)
end

--- A store's key: corpid, and a hash of what makes the token another one.
function tokens.key(corpid, secret, base_url)
  return "wxmoments:token:" .. corpid .. ":" .. core.sha1(base_url .. "\n" .. secret):sub(1, 16)
end

--- Can this be a token? It goes into a URL, so it is printable and has no spaces.
function tokens.is_token(value)
  return type(value) == "string" and value ~= "" and not value:find("[^\33-\126]")
end

-- Fetches while the lock is held, unless somebody was faster.
local function fetch_locked(self, deadline)
  local token = self._store:get(self._key)
  if tokens.is_token(token) then
    return token
  end
  local force = self._refused ~= nil
  local life, err
  token, life = self._fetch(force, deadline)
  if not token then
    err = life
    return nil, err
  end
  self._refused = nil
  if life and life > 0 then
    self._store:set(self._key, token, life - math.min(MARGIN, life / 2))
  end
  return token
end

--- The token to use now.
-- @tparam number deadline by the driver's clock
-- @treturn string|nil token; or nil and the error
function Tokens:get(deadline)
  while true do
    local token = self._store:get(self._key)
    if tokens.is_token(token) then
      return token
    end
    local left = deadline - self._driver.now()
    if left <= 0 then
      return nil, errors.new {
        kind = "timeout", code = "DEADLINE", op = "gettoken", who = "wait", retryable = true,
        message = "the deadline passed while another caller was getting the token",
      }
    end
    local release = self._store:lock(self._key, math.ceil(left))
    if release then
      local loop = self._driver.loop
      local spared = loop and loop:on_kill(release)
      local ok, got, err = pcall(fetch_locked, self, deadline)
      release()
      if spared then
        spared()
      end
      if not ok then
        error(got, 0)
      end
      return got, err
    end
    self._driver.sleep(math.min(LOOK_AGAIN, left))
  end
end

--- The server refused this token: it is dropped, if it is still the one that is kept.
function Tokens:refused(token)
  self._refused = token
  self._store:drop(self._key, token)
end

return tokens
