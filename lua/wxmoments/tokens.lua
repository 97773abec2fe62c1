--- Access tokens: got when first needed, kept until shortly before their end, by one
-- getter at a time, and dropped when the server refuses them.
--
-- Rules of WeCom, "获取access_token" (path 91039): a token must be kept; asking too often
-- is blocked; it may die early, and then a new one must be got.
-- @module wxmoments.tokens

local core = require "wxmoments.core"
local errors = require "wxmoments.errors"

local methods = {}
local Tokens = { __index = methods, __name = "wxmoments.tokens" }

function Tokens.__tostring()
  return Tokens.__name
end

local tokens = {}

-- A token is renewed this many seconds before its end, or at half of a shorter life.
local MARGIN = 200

-- How soon it is looked whether another getter has finished: seconds, the first time and
-- at most.
local LOOK_AGAIN, LOOK_AT_MOST = 0.01, 0.5

-- Refusals that a new attempt cannot change are remembered this many seconds: wrong secrets
-- from one address get that address blocked ("gettoken", errcode 45009).
local FINAL = { [40001] = true, [40013] = true, [40091] = true }
local REMEMBER_FINAL = 60

--- Makes the keeper of one app's tokens.
-- @tparam table options
-- @tparam string options.key what the store knows it by; no secret
-- @tparam table options.store see wxmoments.store.memory
-- @tparam function options.fetch `fetch(force, deadline)` → token, life in seconds or nil
-- for "do not keep" | nil, err
-- @tparam table options.driver its clock and sleep
-- @tparam ?table options.loop of the tasks that may ask
function tokens.new(options)
  return setmetatable({
    _key = options.key, _store = options.store, _fetch = options.fetch, _driver = options.driver,
    _loop = options.loop,
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
  local life
  token, life = self._fetch(force, deadline)
  if not token then
    self._failure = { err = life, at = self._driver.now() }
    return nil, life
  end
  self._refused = nil
  if life and life > 0 then
    self._store:set(self._key, token, life - math.min(MARGIN, life / 2))
  end
  return token
end

-- The error of a getter that this caller has waited for, or that is known to be final.
local function shared_failure(self, began)
  local failure = self._failure
  if not failure then
    return nil
  end
  local age = self._driver.now() - failure.at
  if failure.at > began or FINAL[failure.err.errcode] and age < REMEMBER_FINAL then
    return errors.copy(failure.err)
  end
end

--- The token to use now.
-- @tparam number deadline by the driver's clock
-- @treturn string|nil token; or nil and the error
function methods:get(deadline)
  local began, pause = self._driver.now(), LOOK_AGAIN
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
    local shared = shared_failure(self, began)
    if shared then
      return nil, shared
    end
    local release = self._store:lock(self._key, math.ceil(left) + 1)
    if release then
      local loop = self._loop
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
    self._driver.sleep(math.min(pause, left))
    pause = math.min(pause * 2, LOOK_AT_MOST)
  end
end

--- The server refused this token: it is dropped, if it is still the one that is kept.
function methods:refused(token)
  local kept = self._store:get(self._key)
  if kept == nil or kept == token then -- else another has got a new one already
    self._refused = token
  end
  self._store:drop(self._key, token)
end

return tokens
