--- The WeCom client: options checked, and every operation a method.
-- @module wxmoments.wecom

local core = require "wxmoments.core"
local engine = require "wxmoments.engine"
local errors = require "wxmoments.errors"
local iterator = require "wxmoments.iterator"
local loop = require "wxmoments.loop"
local memory = require "wxmoments.store.memory"
local operations = require "wxmoments.operations"
local options = require "wxmoments.options"
local rules = require "wxmoments.rules"
local secrets = require "wxmoments.secrets"
local tokens = require "wxmoments.tokens"
local version = require "wxmoments.version"

local methods = {}
local Client = { __index = methods, __name = "wxmoments.wecom" }

-- A client's secrets and state stand beside it, so that printing one shows nothing.
local private = setmetatable({}, { __mode = "k" })

-- Replies and the bodies they came from, while the reply lives.
local bodies = setmetatable({}, { __mode = "k" })

local wecom = {}

local OPTIONS = {
  corpid = "string", corpsecret = "string", access_token = "function",
  base_url = "string", insecure = "boolean",
  token_store = "table", token_key = "string", driver = "function|table",
  deadline = "number", retry = "table", max_wait = "number", limits = "table",
  max_body = "number", on_event = "function",
  ca_file = "string", proxy = "string", blocking = "boolean",
}

local RETRY_OPTIONS = { attempts = "number", base = "number", cap = "number" }
local LIMIT_OPTIONS = { in_flight = "number" }

-- name, least, most, default
local BOUNDS = {
  { "deadline", 0.001, 86400, 30 },
  { "max_wait", 0, 86400, 0 },
  { "max_body", 1024, 2 ^ 30, 32 * 1024 * 1024 },
  { of = "retry", "attempts", 1, 100, 4 },
  { of = "retry", "base", 0, 3600, 0.5 },
  { of = "retry", "cap", 0, 3600, 8 },
  { of = "limits", "in_flight", 1, 1000, 5 },
}

local MAX_HEADER = 64 * 1024

local DEFAULT_BASE_URL = "https://qyapi.weixin.qq.com"

-- Scheme, host and the rest of a URL; nil where it is none.
local function split_url(url)
  local scheme, host, rest = url:match("^(%a+)://(%[[%x:.]+%])(.*)$")
  if not scheme then
    scheme, host, rest = url:match("^(%a+)://([%w%.%-_]+)(.*)$")
  end
  local port, path = (rest or ""):match("^(:?%d*)(.*)$")
  local number = tonumber(port:sub(2))
  if scheme and (port == "" or number and number >= 1 and number <= 65535)
    and (path == "" or path:find("^/[%w%-%._~%%/]*$")) then
    return scheme:lower(), host, port .. path:gsub("/+$", "")
  end
end

local function is_loopback(host)
  return host == "localhost" or host == "[::1]" or host:find("^127%.%d+%.%d+%.%d+$") ~= nil
end

-- The base URL without a slash at its end; raises where it is none, or not safe.
local function check_base_url(url, insecure, level)
  local scheme, host, rest = split_url(url)
  if scheme ~= "https" and scheme ~= "http" then
    error("wxmoments: wecom: option 'base_url' must be like 'https://qyapi.weixin.qq.com'",
      level + 1)
  end
  if scheme == "http" and not (insecure or is_loopback(host)) then
    error("wxmoments: wecom: option 'base_url' must be https; http shows the token to everyone "
      .. "on the way (on loopback it is allowed, elsewhere with insecure = true)", level + 1)
  end
  return scheme .. "://" .. host .. rest
end

local METHODS = { driver = { "send", "sleep", "now" },
  token_store = { "get", "set", "drop", "lock" } }

local function check_methods(name, object, level)
  for _, method in ipairs(METHODS[name]) do
    if type(object[method]) ~= "function" then
      error(("wxmoments: wecom: option '%s' has no function '%s'"):format(name, method), level + 1)
    end
  end
end

-- A driver that is only a function gets its clock and sleep from here.
local function complete_driver(driver)
  if type(driver) == "table" then
    return driver
  end
  return {
    send = driver, now = core.now,
    sleep = function(seconds)
      local ngx = rawget(_G, "ngx")
      if ngx then
        return ngx.sleep(seconds)
      end
      return require "wxmoments.driver.curl".new { blocking = true }.sleep(seconds)
    end,
  }
end

local function choose_driver(given)
  if given.driver then
    return complete_driver(given.driver)
  end
  return require "wxmoments.driver.curl".new {
    ca_file = given.ca_file, proxy = given.proxy, blocking = given.blocking,
  }
end

local function check_identity(given, level)
  if not given.access_token then
    for _, name in ipairs { "corpid", "corpsecret" } do
      if not given[name] or given[name] == "" then
        error(("wxmoments: wecom: option '%s' is required (or 'access_token', a function)")
          :format(name), level + 1)
      end
      if given[name]:find("^%s") or given[name]:find("%s$") then
        error(("wxmoments: wecom: option '%s' has white space at its beginning or end")
          :format(name), level + 1)
      end
    end
  elseif given.token_store and not given.token_key then
    error("wxmoments: wecom: 'access_token' with a 'token_store' needs a 'token_key', a string "
      .. "that no other app's tokens are kept under", level + 1)
  elseif given.corpsecret then
    error("wxmoments: wecom: give either 'corpsecret' or 'access_token', not both", level + 1)
  end
end

-- Raises for wrong options. Returns all of them, `retry` and `limits` complete too.
local function read_options(given, level)
  level = level + 1
  given = options.read("wecom", given, OPTIONS, level)
  given.retry = options.read("wecom: retry", given.retry or {}, RETRY_OPTIONS, level)
  given.limits = options.read("wecom: limits", given.limits or {}, LIMIT_OPTIONS, level)
  for _, bound in ipairs(BOUNDS) do
    local part = bound.of and given[bound.of] or given
    options.range(bound.of and "wecom: " .. bound.of or "wecom", bound[1], part[bound[1]],
      bound[2], bound[3], level)
    if part[bound[1]] == nil then
      part[bound[1]] = bound[4]
    end
  end
  check_identity(given, level)
  for name in pairs(METHODS) do
    if type(given[name]) == "table" then
      check_methods(name, given[name], level)
    end
  end
  given.base_url = check_base_url(given.base_url or DEFAULT_BASE_URL, given.insecure, level)
  return given
end

-- How tokens are got: from gettoken, or from the user's function.
local function fetcher(state, given)
  if not given.access_token then
    return function(_, deadline)
      return engine.gettoken(state, given.corpid, given.corpsecret, deadline)
    end
  end
  return function(force)
    local token, ttl = given.access_token(force)
    if tokens.is_token(token) then
      return token, type(ttl) == "number" and ttl or nil
    end
    local reason = type(token) == "string" and "a string that is empty or has spaces in it"
      or token == nil and ttl ~= nil and "no token: " .. errors.excerpt(tostring(ttl))
      or token == nil and "nothing" or "a " .. type(token) .. " instead of a token"
    return nil, errors.new {
      kind = "state", code = "no_token", op = "access_token", who = "developer",
      retryable = false, message = "the function 'access_token' gave " .. reason,
      fix = "It must return the token and, if the token may be kept, for how many seconds.",
    }
  end
end

--- Makes a client.
-- @tparam table given
-- @tparam string given.corpid the corp's id, "ww…"
-- @tparam string given.corpsecret the secret of a self-built app that may call
-- 客户联系 (可调用应用)
-- @tparam ?function given.access_token instead of the secret: `function(force)` returns
-- a token and, if it may be kept, its life in seconds; `force` is true after a refusal
-- @tparam[opt] string given.base_url "https://qyapi.weixin.qq.com"; http only on loopback
-- @tparam[opt=false] boolean given.insecure allows http anywhere
-- @tparam ?table given.token_store see wxmoments.store.memory, which is the default
-- @tparam ?string given.token_key with `access_token` and a store: what tells this app's tokens
-- from others' there
-- @tparam ?function|table given.driver `function(request, seconds_left)`, or a table of
-- `send`, `sleep`, `now`; curl by default
-- @tparam[opt=30] number given.deadline seconds for one answer, token and retries included
-- @tparam ?table given.retry `{ attempts = 4, base = 0.5, cap = 8 }`: how often a request
-- is sent in all; seconds of the longest first pause, and of the longest
-- @tparam[opt=0] number given.max_wait seconds to wait for a rate window (45009)
-- @tparam ?table given.limits `{ in_flight = 5 }`: requests of an API at once
-- @tparam[opt=33554432] number given.max_body bytes of a reply
-- @tparam ?function given.on_event `function(event)`: request, reply, retry, refresh
-- @tparam ?string given.ca_file PEM file of CAs (curl driver)
-- @tparam ?string given.proxy URL, "" for none (curl driver)
-- @tparam[opt=false] boolean given.blocking lets the curl driver block an nginx worker
-- @treturn table client. Raises for wrong options
function wecom.new(given)
  given = read_options(given, 2)
  local state = {
    base_url = given.base_url,
    driver = choose_driver(given),
    foreign_driver = given.driver ~= nil and loop.is_possible,
    deadline = given.deadline,
    retry = { attempts = given.retry.attempts, base = given.retry.base, cap = given.retry.cap,
      max_wait = given.max_wait },
    limits = { in_flight = math.floor(given.limits.in_flight) },
    max_body = given.max_body, max_header = MAX_HEADER,
    user_agent = "wxmoments/" .. version,
    on_event = given.on_event,
    random = core.random,
    secrets = secrets.new(given.corpsecret),
  }
  state.loop = loop.is(state.driver.loop) and state.driver.loop or nil
  local own = given.access_token ~= nil
  state.tokens = tokens.new {
    key = tokens.key(given.corpid or "", given.corpsecret or given.token_key or "", given.base_url),
    -- What a function gives is this client's alone: another's may be for another app.
    store = given.token_store or (own and memory.new() or memory.shared),
    fetch = fetcher(state, given), driver = state.driver, loop = state.loop,
  }
  local client = setmetatable({ corpid = given.corpid }, Client)
  private[client] = state
  return client
end

function Client:__tostring()
  return Client.__name .. (self.corpid and ": " .. self.corpid or "")
end

local function state_of(client, method)
  local state = private[client]
  if not state then
    error(("wxmoments: call it as corp:%s(…), with a colon"):format(method), 3)
  end
  return state
end

--- The body a reply was read from, while the reply lives.
-- @tparam table reply what a method returned
-- @treturn string|nil
function wecom.raw(reply)
  return bodies[reply]
end

local function define_call(name, op)
  --- One answer, as the document of the endpoint says; one page where it has pages.
  methods[name] = function(self, params)
    local reply, body = engine.call(state_of(self, name), op, params)
    if not reply then
      return nil, body
    end
    bodies[reply] = body
    return reply
  end
end

local function define_each(op)
  methods[op.each.name] = function(self, params)
    return iterator.new(state_of(self, op.each.name), op, params)
  end
end

for name, op in pairs(operations) do
  if op.params then
    define_call(name, op)
  end
  if op.each then
    define_each(op)
  end
end

--- Checks parameters without sending anything.
-- @tparam string name of an operation or an iterator
-- @tparam table params
-- @treturn boolean|nil true; or nil and the error with all `problems`
function methods:check(name, params)
  state_of(self, "check")
  local known = {}
  for op_name, op in pairs(operations) do
    known[op_name] = op.params
    if op.each then
      known[op.each.name] = op.each.params
    end
  end
  if type(name) ~= "string" or not known[name] then
    local near = type(name) == "string" and options.nearest(name, known)
    error("wxmoments: check: no such operation"
      .. (near and "; did you mean '" .. near .. "'?" or ""), 2)
  end
  local problems = rules.of(known[name]):check(params)
  if problems then
    return nil, errors.argument(name, problems)
  end
  return true
end

local CALL_OPTIONS = { method = "string", path = "string", query = "table",
  body = "table|string", safe = "boolean" }

local METHODS_OF_CALL = { GET = true, POST = true, PUT = true, DELETE = true }

local QUERY_TYPES = { string = true, number = true, boolean = true }

-- What is wrong with one query parameter, or nil.
local function wrong_parameter(name, value)
  if type(name) ~= "string" or not QUERY_TYPES[type(value)] then
    return "'query' must be names with strings, numbers or booleans"
  end
  if type(value) == "number" and value - value ~= 0 then
    return "'query' has a number that is not finite"
  end
  if name == "access_token" then
    return "the client adds access_token itself"
  end
end

-- Query parameters in the order of their names, so that a request is always the same bytes.
local function encode_query(query, level)
  local names = {}
  local wrong = options.hides(query) and "'query' has a metatable: give a plain table"
  for name, value in next, query do
    wrong = wrong or wrong_parameter(name, value)
    names[#names + 1] = name
  end
  if wrong then
    error("wxmoments: call: " .. wrong, level + 1)
  end
  table.sort(names)
  for i, name in ipairs(names) do
    local value = query[name]
    value = type(value) == "number" and core.number(value) or tostring(value)
    names[i] = core.escape(name) .. "=" .. core.escape(value)
  end
  return #names > 0 and table.concat(names, "&") or nil
end

-- The operation that a request to `call` describes; raises where it is none.
local function call_operation(request, level)
  local path, safe = request.path or "", request.safe
  if not path:find("^/[%w%-%._~%%/]*$") then
    error("wxmoments: call: 'path' must be like '/cgi-bin/…', without a query", level + 1)
  end
  local method = (request.method or (request.body and "POST" or "GET")):upper()
  if not METHODS_OF_CALL[method] then
    error("wxmoments: call: 'method' must be GET, POST, PUT or DELETE", level + 1)
  end
  if safe == nil then
    safe = method == "GET"
  end
  return { name = path:match("[^/]+$") or path, method = method, path = path, safe = safe,
    reply = operations.call.reply }
end

--- Any endpoint that this module does not describe.
-- @tparam table request
-- @tparam[opt] string request.method "POST" where there is a body, else "GET"
-- @tparam string request.path "/cgi-bin/…"
-- @tparam ?table request.query names and values; access_token is added
-- @tparam ?table|string request.body a table becomes JSON (an empty one `{}`)
-- @tparam[opt] boolean request.safe may be sent twice: GET yes, others no
-- @treturn table|nil the reply: numbers beyond 2^53 as strings, null as absent; or nil, err
function methods:call(request)
  local state = state_of(self, "call")
  request = options.read("call", request, CALL_OPTIONS, 2)
  local op = call_operation(request, 2)
  local query = request.query and encode_query(request.query, 2)
  local body = request.body
  if type(body) == "table" then
    local problems
    body, problems = rules.of(operations.call.body):write(body)
    if not body then
      for _, problem in ipairs(problems) do
        problem.path = "body" .. (problem.path and "." .. problem.path or "")
      end
      return nil, state.secrets:redact_error(errors.argument("call", problems))
    end
  end
  local reply, raw = engine.perform(state, op, { query = query, body = body })
  if not reply then
    return nil, raw
  end
  bodies[reply] = raw
  return reply
end

return wecom
