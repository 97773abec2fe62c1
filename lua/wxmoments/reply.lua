--- What a response means: the reply it carries, or an error and what a retry may do.
--
-- The class of an error is one of core.retry's: "no", "backoff", "wait", "refresh".
-- @module wxmoments.reply

local errors = require "wxmoments.errors"
local rules = require "wxmoments.rules"

local reply = {}

-- Rate windows (45009): the shortest is a minute; a wrong secret blocks gettoken for an hour.
local WINDOW_SECONDS = { gettoken = 3600, default = 60 }

local LOOK_BETWEEN = "Look at what stands between here and the server: base_url, proxies, gateways."

--- The error of a driver that failed; its own where it made one.
-- @param err whatever the driver gave
-- @tparam boolean retryable whether it may go better another time
function reply.driver_error(err, retryable)
  if errors.is(err) then
    return err
  end
  if err == nil then
    err = "it gave neither a response nor an error"
  end
  local ok, text = pcall(tostring, err)
  return errors.new {
    kind = "transport", code = "DRIVER", who = "developer", retryable = retryable,
    message = "the driver failed: " .. errors.excerpt(ok and text or type(err)),
  }
end

--- What is wrong with the form of a driver's response, or nil. A user's driver is input.
function reply.misshapen(response)
  if type(response) ~= "table" then
    return "its response is no table"
  end
  local status = response.status
  if type(status) ~= "number" or not (status >= 100 and status <= 999) or status % 1 ~= 0 then
    return "its response has no 'status' from 100 to 999"
  end
  if type(response.body) ~= "string" then
    return "its response has no string 'body'"
  end
  if type(response.headers) ~= "table" then
    return "its response has no list of 'headers'"
  end
  for i = 1, #response.headers do
    local pair = response.headers[i]
    if type(pair) ~= "table" or type(pair[1]) ~= "string" or type(pair[2]) ~= "string" then
      return "a header of its response is no pair of strings"
    end
  end
end

local function header(response, name)
  for _, pair in ipairs(response.headers) do
    if pair[1]:lower() == name then
      return pair[2]
    end
  end
  return ""
end

-- Seconds that the server asks for; a date, or more than eleven days, counts as not said.
local function retry_after(response)
  local seconds = header(response, "retry-after"):match("^%d+$")
  return seconds and #seconds <= 6 and tonumber(seconds) or nil
end

local function http_error(op, response)
  local status = response.status
  local busy = status >= 500 or status == 429
  local message = ("HTTP status %d instead of an answer from %s"):format(status, op.path)
  local fix = LOOK_BETWEEN
  if status >= 300 and status < 400 then
    message = ("HTTP status %d: a redirect, which is not followed"):format(status)
    fix = "Set base_url to where the service really is."
  end
  return errors.new {
    kind = "http", code = status, status = status, op = op.name, message = message, fix = fix,
    who = busy and "wait" or "developer", retryable = busy,
    retry_after = retry_after(response),
  }, busy and "backoff" or "no"
end

local function decode_error(op, response, problem)
  local fix
  if problem.code == "syntax" or problem.path == "errcode" or not problem.path then
    fix = "WeCom always answers JSON with an errcode, so this came from something else. "
      .. LOOK_BETWEEN
  end
  local body = response.body
  local message = ("the answer cannot be read: %s (byte %d of %d)"):format(problem.message,
    problem.offset, #body)
  if body == "" then
    message = "the answer is empty"
  elseif problem.code == "syntax" and body:find("^%s*<") then
    message = "the answer is no JSON but begins '" .. errors.excerpt(body:sub(1, 40)) .. "'"
  end
  return errors.new {
    kind = "decode", code = problem.code, path = problem.path, op = op.name, message = message,
    fix = fix, who = "admin", status = response.status, retryable = false, problems = { problem },
  }, "no"
end

local function api_error(op, answer, status)
  local err = errors.api(op.name, answer)
  local known = errors.explain(answer.errcode)
  local class = known and known.retry or "no"
  err.status = status
  if class == "wait" then
    err.retry_after = WINDOW_SECONDS[op.name] or WINDOW_SECONDS.default
  end
  return err, class
end

-- errcode 0 with this warning: the server did not understand the body and left parameters out.
local function is_dropped(answer)
  return type(answer.errmsg) == "string"
    and answer.errmsg:lower():find("wrong json format", 1, true)
end

local function dropped_error(op, answer)
  return errors.new {
    kind = "api", code = "wrong json format", errcode = answer.errcode, op = op.name,
    errmsg = errors.excerpt(answer.errmsg), who = "developer", retryable = false,
    message = "the server answered errcode 0 but could not read the parameters and dropped them",
    fix = LOOK_BETWEEN,
  }, "no"
end

-- Who commented or liked: the one id there is, whichever it is, and whose kind it is.
local function name_actors(op, answer)
  for _, list in ipairs(op.actors) do
    for _, row in ipairs(answer[list]) do
      row.actor = row.external_userid or row.userid
      row.actor_kind = row.external_userid and "customer" or row.userid and "member" or nil
    end
  end
end

--- Judges a response. An errcode counts wherever it stands and whatever else is wrong.
-- @tparam table op an entry of wxmoments.operations
-- @tparam table response well-formed
-- @treturn table|nil the answer by the operation's rules; or nil, the error, its class
function reply.judge(op, response)
  local answer, problem = rules.of(op.reply):read(response.body)
  local errcode = answer and answer.errcode
  if errcode and errcode ~= 0 then
    return nil, api_error(op, answer, response.status)
  end
  if response.status < 200 or response.status >= 300 then
    return nil, http_error(op, response)
  end
  if errcode and is_dropped(answer) then
    return nil, dropped_error(op, answer)
  end
  if problem then
    return nil, decode_error(op, response, problem)
  end
  if op.actors then
    name_actors(op, answer)
  end
  return answer
end

return reply
