--- The engine: the one loop that may wait. It writes a request by the rules, has the
-- driver send it, has the reply judged, and sends again or gives up as core.retry says.
-- @module wxmoments.engine

local core = require "wxmoments.core"
local errors = require "wxmoments.errors"
local operations = require "wxmoments.operations"
local replies = require "wxmoments.reply"
local rules = require "wxmoments.rules"
local tokens = require "wxmoments.tokens"

local engine = {}

-- Refused before anything was done: even what must not happen twice may be sent again.
local REFUSED_WHOLE = { [40014] = true, [42001] = true, [41001] = true, [45009] = true,
  [45033] = true }

local JSON_HEADERS = { { "Accept", "application/json" }, { "Content-Type", "application/json" } }
local PLAIN_HEADERS = { { "Accept", "application/json" } }

local function emit(state, event)
  if state.on_event then
    state.on_event(event)
  end
end

local function url_of(state, op, query, token)
  local url, mark = state.base_url .. op.path, "?"
  if token then
    url, mark = url .. "?access_token=" .. core.escape(token), "&"
  end
  return query and url .. mark .. query or url
end

-- A driver of the user's may raise, with whatever it knows in the text: that is an error as
-- any other, and redacted as such.
local function send(state, request, seconds)
  if not state.foreign_driver then
    return state.driver.send(request, seconds)
  end
  local ok, response, err = pcall(state.driver.send, request, seconds)
  if not ok then
    return nil, errors.is(response) and response or replies.driver_error(response, false)
  end
  return response, err
end

-- The token may have taken all the time there was; no driver is asked for less than nothing.
local function too_late()
  return nil, errors.new {
    kind = "timeout", code = "DEADLINE", who = "wait", retryable = true,
    message = "the deadline passed before the request could be sent",
  }, "no"
end

-- Has the driver send one request. Returns as reply.judge does, and the response if there
-- was one. A driver that fails says whether something may have left; in doubt it has.
local function exchange(state, op, request, call, token)
  local seconds = call.deadline - state.driver.now()
  if seconds <= 0 then
    return too_late()
  end
  local response, err = send(state, {
    method = op.method, url = url_of(state, op, request.query, token),
    headers = request.body and JSON_HEADERS or PLAIN_HEADERS, body = request.body,
    safe = op.safe, max_header = state.max_header, max_body = state.max_body,
    user_agent = state.user_agent,
  }, seconds)
  local wrong = response and replies.misshapen(response)
  if response and not wrong then
    call.sent = true
    local answer, class
    answer, err, class = replies.judge(op, response)
    return answer, err, class, response
  end
  err = replies.driver_error(wrong or err, not wrong)
  call.sent = call.sent or err.sent ~= false
  err.sent = nil
  return nil, err, err.retryable and "backoff" or "no"
end

-- Sends once and tells of it. Returns as reply.judge does, and the answer's body.
local function told(state, op, request, call, token)
  if not state.on_event then
    local answer, err, class, response = exchange(state, op, request, call, token)
    return answer, err, class, answer and response.body
  end
  state.on_event { type = "request", op = op.name, attempt = call.attempt }
  local began = state.driver.now()
  local answer, err, class, response = exchange(state, op, request, call, token)
  local event = { type = "reply", op = op.name, attempt = call.attempt,
    seconds = state.driver.now() - began, kind = err and err.kind,
    errcode = (answer or err).errcode }
  if response then
    event.status, event.bytes = response.status, #response.body
  end
  state.on_event(event)
  return answer, err, class, answer and response.body
end

-- Gets a token where one is needed, and sends once. Returns as `told` does.
local function attempt(state, op, request, call)
  local token, err
  if not op.no_token then
    token, err = state.tokens:get(call.deadline)
    if not token then
      return nil, err, "no"
    end
    state.secrets:remember(token)
  end
  call.attempt = call.attempt + 1
  local answer, class, body
  answer, err, class, body = told(state, op, request, call, token)
  if class == "refresh" and token then
    state.tokens:refused(token)
  end
  return answer, err, class, body
end

-- Kinds of errors after which something that writes may have happened, and nobody can say.
local MAY_HAVE_HAPPENED = { transport = true, timeout = true, decode = true }

local function is_unknown(op, err, call, class)
  if op.safe or not call.sent then
    return false
  end
  return MAY_HAVE_HAPPENED[err.kind] or err.kind == "http" and err.status >= 500
    or err.kind == "api" and class == "backoff" and not REFUSED_WHOLE[err.errcode]
end

local function finish(state, op, err, call, class)
  err.op = err.op or op.name
  err.attempts = err.attempts or call.attempt
  if is_unknown(op, err, call, class) then
    err.outcome = "unknown"
    err.retryable = false
    err.fix = "It may have been done: look before you do it again."
  end
  return state.secrets:redact_error(err)
end

--- Performs one operation: its token, its retries and its waits, within its deadline.
-- @tparam table state the client's
-- @tparam table op an entry of wxmoments.operations
-- @tparam table request `{ query = "a=b" or nil, body = bytes or nil }`
-- @tparam ?number deadline by the driver's clock; state.deadline seconds from now if nil
-- @treturn table|nil the answer; or nil and the error
-- @treturn string the answer's body
function engine.perform(state, op, request, deadline)
  local driver = state.driver
  local call = {
    attempt = 0, waited = 0, refreshed = false, sent = false,
    deadline = deadline or driver.now() + state.deadline,
  }
  while true do
    local answer, err, class, body = attempt(state, op, request, call)
    if answer then
      return answer, body
    end
    local action, delay = core.retry(state.retry, {
      kind = class, safe = op.safe, refused = REFUSED_WHOLE[err.errcode] or false,
      refreshed = call.refreshed, attempt = call.attempt, retry_after = err.retry_after,
      seconds_left = call.deadline - driver.now(), waited = call.waited, random = state.random(),
    })
    if action == "stop" then
      return nil, finish(state, op, err, call, class)
    end
    if REFUSED_WHOLE[err.errcode] then
      call.sent = false -- of this attempt nothing is left behind
    end
    if action == "refresh" then
      call.refreshed = true
      emit(state, { type = "refresh", op = op.name, errcode = err.errcode })
    else
      call.waited = call.waited + (class == "wait" and delay or 0)
      emit(state, { type = "retry", op = op.name, attempt = call.attempt, seconds = delay,
        kind = err.kind, code = err.code })
      driver.sleep(delay)
      if driver.now() >= call.deadline then -- it slept longer than it was told
        return nil, finish(state, op, err, call, class)
      end
    end
  end
end

--- Checks the parameters of an operation and performs it.
-- @tparam ?number deadline as of `perform`
-- @treturn table|nil the answer; or nil and the error
-- @treturn string the answer's body
function engine.call(state, op, params, deadline)
  local body, problems = rules.of(op.params):write(params)
  if not body then
    return nil, state.secrets:redact_error(errors.argument(op.name, problems))
  end
  return engine.perform(state, op, { body = body }, deadline)
end

--- Gets a token from the server.
-- @treturn string|nil token, or nil and the error
-- @treturn number its life in seconds
function engine.gettoken(state, corpid, corpsecret, deadline)
  local query = "corpid=" .. core.escape(corpid) .. "&corpsecret=" .. core.escape(corpsecret)
  local answer, err = engine.perform(state, operations.gettoken, { query = query }, deadline)
  if not answer then
    return nil, err
  end
  local good = tokens.is_token(answer.access_token)
  if not good or not answer.expires_in then
    return nil, errors.new {
      kind = "decode", code = "required", op = "gettoken", who = "admin", retryable = false,
      path = good and "expires_in" or "access_token",
      message = "is missing in the server's answer, or is none",
      fix = "This did not come from WeCom: look at base_url, proxies, gateways.",
    }
  end
  return answer.access_token, answer.expires_in
end

return engine
