--- The engine: the one loop that may wait. It writes a request by the rules, has the
-- driver send it, reads the reply by the rules, and decides what a failure means.
-- @module wxmoments.engine

local core = require "wxmoments.core"
local errors = require "wxmoments.errors"
local operations = require "wxmoments.operations"

local engine = {}

-- Rule sets are compiled when an operation is first used, once a process.
local compiled = {}

--- The compiled rule set of a rule table.
-- @tparam table rule
function engine.rules(rule)
  local set = compiled[rule]
  if not set then
    set = core.rules(rule)
    compiled[rule] = set
  end
  return set
end

-- Rate windows (45009): the shortest is a minute; a wrong secret blocks gettoken for an hour.
local WINDOW_SECONDS = { gettoken = 3600, default = 60 }

-- Refused before anything was done: even what must not happen twice may be sent again.
local REFUSED_WHOLE = { [40014] = true, [42001] = true, [41001] = true, [45009] = true,
  [45033] = true }

local function emit(state, event)
  if state.on_event then
    state.on_event(event)
  end
end

-- The token in use and the one before it, which an answer on its way may still name.
local function remember_secret(state, token)
  local secrets = state.secrets
  if secrets.token ~= token then
    secrets.token, secrets.previous_token = token, secrets.token
  end
end

-- Takes every secret this client knows out of a text.
local function redact(state, text)
  for _, secret in pairs(state.secrets) do
    local from, to = text:find(secret, 1, true)
    while from do
      text = text:sub(1, from - 1) .. "***" .. text:sub(to + 1)
      from, to = text:find(secret, from + 3, true)
    end
  end
  return (text:gsub("([%a_]*token=)[^&%s\"']+", "%1***")
    :gsub("(corpsecret=)[^&%s\"']+", "%1***"))
end

local REDACTED_FIELDS = { "message", "errmsg", "fix", "path" }

local function redact_error(state, err)
  for _, field in ipairs(REDACTED_FIELDS) do
    if type(err[field]) == "string" then
      err[field] = redact(state, err[field])
    end
  end
  return err
end

-- A driver of the user's may say what failed in any form.
local function driver_error(err)
  if errors.is(err) then
    return err
  end
  return errors.new {
    kind = "transport", code = "DRIVER", who = "developer", retryable = true,
    message = "the driver failed: " .. errors.excerpt(tostring(err)),
  }
end

local function header(response, name)
  for _, pair in ipairs(response.headers or {}) do
    if pair[1]:lower() == name then
      return pair[2]
    end
  end
end

local function http_error(op, response)
  local status = response.status
  local busy = status >= 500 or status == 429
  local message = ("HTTP status %d instead of an answer"):format(status)
  local fix = "Look at what stands between here and the server: base_url, proxies, gateways."
  if status >= 300 and status < 400 then
    message = ("HTTP status %d: a redirect, which is not followed"):format(status)
    fix = "Set base_url to where the service really is."
  end
  return errors.new {
    kind = "http", code = status, status = status, op = op.name, message = message, fix = fix,
    who = busy and "wait" or "developer", retryable = busy,
    retry_after = tonumber((header(response, "retry-after") or ""):match("^%d+$")),
  }, busy and "backoff" or "no"
end

local function decode_error(op, response, problem)
  local message = ("the answer cannot be read: %s (byte %d of %d)"):format(
    problem.message, problem.offset, #response.body)
  local fix
  if problem.path == "errcode" or problem.code == "syntax" then
    fix = "WeCom always answers JSON with an errcode, so this came from something else: "
      .. "look at base_url, proxies, gateways."
  end
  return errors.new {
    kind = "decode", code = problem.code, path = problem.path, op = op.name, message = message,
    fix = fix, who = "admin", status = response.status, retryable = false, problems = { problem },
  }, "no"
end

local function api_error(op, reply, status)
  local err = errors.api(op.name, reply)
  local known = errors.explain(reply.errcode)
  local class = known and known.retry or "no"
  err.status = status
  if class == "wait" then
    err.retry_after = WINDOW_SECONDS[op.name] or WINDOW_SECONDS.default
  end
  return err, class
end

-- errcode 0 with this warning: the server did not understand the body and left parameters out.
local function is_dropped(reply)
  return type(reply.errmsg) == "string" and reply.errmsg:lower():find("wrong json format", 1, true)
end

local function dropped_error(op, reply)
  return errors.new {
    kind = "api", code = "wrong json format", errcode = reply.errcode, op = op.name,
    errmsg = errors.excerpt(reply.errmsg), who = "developer", retryable = false,
    message = "the server answered errcode 0 but could not read the parameters and dropped them",
    fix = "Look at what stands between here and the server and changes bodies.",
  }, "no"
end

-- What a response means: the reply; or nil, the error and its class for a retry.
local function judge(op, response)
  if type(response.body) ~= "string" or type(response.status) ~= "number" then
    return nil, driver_error("its response has no status or no body"), "no"
  end
  local reply, problem = engine.rules(op.reply):read(response.body)
  local errcode = reply and reply.errcode
  if errcode and errcode ~= 0 then
    return nil, api_error(op, reply, response.status)
  end
  if response.status < 200 or response.status >= 300 then
    return nil, http_error(op, response)
  end
  if problem then
    return nil, decode_error(op, response, problem)
  end
  if is_dropped(reply) then
    return nil, dropped_error(op, reply)
  end
  return reply
end

local JSON_HEADERS = { { "Accept", "application/json" }, { "Content-Type", "application/json" } }
local PLAIN_HEADERS = { { "Accept", "application/json" } }

local function url_of(state, op, query, token)
  local url = state.base_url .. op.path
  local mark = "?"
  if token then
    url = url .. "?access_token=" .. core.escape(token)
    mark = "&"
  end
  return query and url .. mark .. query or url
end

-- Sends once. Returns as `judge` does, and the body.
local function attempt(state, op, request, call)
  local driver = state.driver
  local token, err
  if not op.no_token then
    token, err = state.tokens:get(call.deadline)
    if not token then
      return nil, err, "no"
    end
    remember_secret(state, token)
  end
  call.attempt = call.attempt + 1
  emit(state, { type = "request", op = op.name, attempt = call.attempt })
  local began = driver.now()
  local response
  response, err = driver.send({
    method = op.method, url = url_of(state, op, request.query, token),
    headers = request.body and JSON_HEADERS or PLAIN_HEADERS, body = request.body,
    safe = op.safe, max_header = state.max_header, max_body = state.max_body,
    user_agent = state.user_agent,
  }, call.deadline - began)
  local reply, class
  if response then
    reply, err, class = judge(op, response)
    call.sent = true
  else
    err = driver_error(err)
    class = err.retryable and "backoff" or "no"
    call.sent = call.sent or err.sent ~= false
    err.sent = nil
  end
  emit(state, {
    type = "reply", op = op.name, attempt = call.attempt, seconds = driver.now() - began,
    status = response and response.status, bytes = response and #(response.body or ""),
    errcode = reply and reply.errcode or err and err.errcode, kind = err and err.kind,
  })
  if class == "refresh" and token then
    state.tokens:refused(token)
  end
  return reply, err, class, response and response.body
end

-- Something that writes may have happened, and nobody can say.
local function is_unknown(op, err, call)
  return not op.safe and call.sent and (err.kind == "transport" or err.kind == "timeout"
    or err.kind == "decode" or err.kind == "http" and err.status >= 500)
end

local function finish(state, op, err, call)
  err.op = err.op or op.name
  err.attempts = call.attempt
  if is_unknown(op, err, call) then
    err.outcome = "unknown"
    err.retryable = false
    err.fix = "It may have been done: look before you do it again."
  end
  return redact_error(state, err)
end

--- Performs one operation: its token, its retries and its waits, within its deadline.
-- @tparam table state the client's
-- @tparam table op an entry of wxmoments.operations
-- @tparam table request `{ query = "a=b" or nil, body = bytes or nil }`
-- @tparam ?number deadline by the driver's clock; state.deadline seconds from now if nil
-- @treturn table|nil reply; or nil and the error
-- @treturn string the reply's body
function engine.perform(state, op, request, deadline)
  local driver = state.driver
  local call = {
    attempt = 0, waited = 0, refreshed = false, sent = false,
    deadline = deadline or driver.now() + state.deadline,
  }
  while true do
    local reply, err, class, body = attempt(state, op, request, call)
    if reply then
      return reply, body
    end
    local action, delay = core.retry(state.retry, {
      kind = class, safe = op.safe, refused = REFUSED_WHOLE[err.errcode] or false,
      refreshed = call.refreshed, attempt = call.attempt, retry_after = err.retry_after,
      seconds_left = call.deadline - driver.now(), waited = call.waited, random = state.random(),
    })
    if action == "stop" then
      return nil, finish(state, op, err, call)
    end
    if action == "refresh" then
      call.refreshed = true
      emit(state, { type = "refresh", op = op.name, errcode = err.errcode })
    else
      call.waited = call.waited + (class == "wait" and delay or 0)
      emit(state, { type = "retry", op = op.name, attempt = call.attempt, seconds = delay,
        kind = err.kind, code = err.code })
      driver.sleep(delay)
    end
  end
end

--- Checks the parameters of an operation and performs it.
-- @treturn table|nil reply; or nil and the error
-- @treturn string the reply's body
function engine.call(state, op, params)
  local body, problems = engine.rules(op.params):write(params)
  if not body then
    return nil, redact_error(state, errors.argument(op.name, problems))
  end
  return engine.perform(state, op, { body = body })
end

--- Gets a token from the server.
-- @treturn string|nil token, or nil and the error
-- @treturn number its life in seconds
function engine.gettoken(state, corpid, corpsecret, deadline)
  local query = "corpid=" .. core.escape(corpid) .. "&corpsecret=" .. core.escape(corpsecret)
  local reply, err = engine.perform(state, operations.gettoken, { query = query }, deadline)
  if not reply then
    return nil, err
  end
  if not reply.access_token or not reply.expires_in then
    return nil, errors.new {
      kind = "decode", code = "required", op = "gettoken", who = "admin", retryable = false,
      path = reply.access_token and "expires_in" or "access_token",
      message = "is missing in the server's answer",
      fix = "This did not come from WeCom: look at base_url, proxies, gateways.",
    }
  end
  return reply.access_token, reply.expires_in
end

return engine
