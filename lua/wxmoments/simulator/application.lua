--- A simulated WeCom corp as a pure application: a request table in, a response table out.

local customers = require "wxmoments.simulator.customers"
local dataset = require "wxmoments.simulator.dataset"
local driver = require "wxmoments.simulator.driver"
local endpoints = require "wxmoments.simulator.endpoints"
local faults = require "wxmoments.simulator.faults"
local json = require "wxmoments.simulator.json"
local limits = require "wxmoments.simulator.limits"
local params = require "wxmoments.simulator.params"
local publishers = require "wxmoments.simulator.publishers"
local reply = require "wxmoments.simulator.reply"
local tokens = require "wxmoments.simulator.tokens"
local truth = require "wxmoments.simulator.truth"
local url = require "wxmoments.simulator.url"
local wire = require "wxmoments.simulator.wire"

local application = {}

local RECORDED = 10000 -- requests kept for requests(); later ones are counted only

local SECRETS = { "access_token", "corpsecret" }

local EXPIRY_CODES = { [42001] = true, [40014] = true }

local Application = {}
local Application_mt = {
  __index = Application,
  __name = "wxmoments.simulator",
  __tostring = function(self)
    return string.format("wxmoments.simulator: %d moments", self._corp.data.count)
  end,
}

--- @tparam table options complete, as wxmoments.simulator.options makes them
-- @tparam[opt=os.time] function clock
-- @treturn table the application
function application.new(options, clock)
  local self = setmetatable({
    corpid = options.corpid, corpsecret = options.corpsecret,
    _clock = clock or os.time, _slept = 0, _hints = 0, _faults = options.faults,
    _latency = options.latency, _limits = limits.new(options.limits),
    _counts = {}, _requests = {},
  }, Application_mt)
  for _, endpoint in pairs(endpoints) do self._counts[endpoint.op] = 0 end
  self._began = clock and clock()
  self._corp = {
    options = options,
    data = dataset.new(options),
    publishers = publishers.new(options),
    customers = customers.new(options),
    tokens = tokens.new(options.seed, options.token_seconds),
    now = function() return self._clock() + self._slept end,
    forgotten = 0,
  }
  return self
end

-- The digits between the brackets of an errmsg: the second and a running number.
local function next_hint(self)
  self._hints = self._hints + 1
  return string.format("%010.0f%09.0f", math.floor(self._corp.now()), self._hints)
end

local function record(self, op, values)
  if #self._requests >= RECORDED then return end
  local shown = {}
  for name, value in pairs(values) do shown[name] = value end
  for _, name in ipairs(SECRETS) do shown[name] = nil end
  self._requests[#self._requests + 1] = { op = op, params = shown }
end

-- What holds for every endpoint, then the endpoint itself: its fields, or nil, errcode and
-- what is wrong.
local function answer(self, endpoint, request, call)
  local code = endpoint.token
    and self._corp.tokens:refusal(call.query.access_token, self._corp.now())
  if code then return nil, code end
  if request.method ~= endpoint.method then return nil, 40058 end
  if endpoint.method == "POST" and not call.params then return nil, 40058 end
  local wrong, problem = params.problem(endpoint.fields, call.params or {})
  if wrong then return nil, wrong, problem end
  return endpoint.answer(self._corp, call)
end

local function reply_of(self, endpoint, request, call, hint)
  local fields, code, field = answer(self, endpoint, request, call)
  if not fields then return reply.refuse(code, hint, field) end
  return reply.ok(call.effect.errmsg or "ok", fields, endpoint.order)
end

-- Begins a request at an endpoint that has limits: the errcode when it is one too many.
local function begin(self, endpoint, way)
  if not endpoint.token then return nil end
  local too_much = self._limits:begin(endpoint.op, self._corp.now())
  way.holds = not too_much and endpoint.op or nil
  return too_much
end

--- Answers one request, for a host that can also do what happens on the way.
-- @tparam table request of the driver contract: method, url, body; the host is ignored
-- @treturn table response: status, headers, body
-- @treturn table way: `delay` (seconds before the answer), `cut` (bytes after which the
--   connection ends), `drip` { size, every }, `pad` { part, bytes }; see simulator.new. The
--   request counts as in flight until finish(way).
function Application:exchange(request)
  local path, query = url.split(request.url)
  local endpoint = endpoints[path]
  if not endpoint then return reply.html(404, "404 Not Found"), { delay = self._latency } end
  local op = endpoint.op
  self._counts[op] = self._counts[op] + 1
  local call = { query = query, params = json.decode_object(request.body or "") }
  record(self, op, endpoint.method == "GET" and query or call.params or {})
  local hint = next_hint(self)
  call.effect = faults.select(self._faults, op, self._counts[op], call.params or {}, hint)
  local effect, too_much = call.effect, begin(self, endpoint, call.effect.way)
  local response = too_much and reply.refuse(too_much, hint)
    or effect.response or reply_of(self, endpoint, request, call, hint)
  for _, spoil in ipairs(effect.spoil) do response.body = spoil(response.body) end
  effect.way.delay = effect.way.delay + self._latency
  return response, effect.way
end

--- Says that an exchange is over: its response was sent, or nobody wants it any more.
-- @tparam table way what exchange gave; once more does nothing
function Application:finish(way)
  if way.holds then self._limits:finish(way.holds) end
  way.holds = nil
end

--- Answers one request. What only happens on the way (delay, cut, drip) does not show here.
-- @tparam table request of the driver contract: method, url, body; the host is ignored
-- @treturn table response: status, headers, body
-- @raise for anything that is no request
function Application:handle(request)
  if type(request) ~= "table" or type(request.method) ~= "string"
    or type(request.url) ~= "string" then
    error("wxmoments.simulator: a request with method and url is needed", 2)
  end
  local response, way = self:exchange(request)
  self:finish(way)
  return wire.padded(response, way.pad)
end

--- Everything the simulator would answer from now on, in new tables of the caller's.
--
-- - `get_moment_list`: every moment with the document's field names, ordered by create_time,
--   then by the bytes of moment_id
-- - `get_moment_task`: by moment_id, the list of { userid, publish_status }; corp's moments only
-- - `get_moment_customer_list`: by moment_id, then userid, the list of { userid,
--   external_userid } for each publisher
-- - `get_moment_send_result`: by moment_id, then userid, the list of { external_userid } for
--   each publisher who has published
-- - `get_moment_comments`: by moment_id, then userid, { comment_list, like_list } for the same
--
-- All but the first are made when they are first indexed (`pairs` does not show them before):
-- of 100,000 moments that is much, of one little.
-- @tparam[opt] table only `moment_id`: nothing but this moment; all of it is empty when there
--   is none
-- @treturn table
function Application:truth(only)
  return truth(self._corp, self._corp.data:all(only and only.moment_id))
end

--- How many requests of an endpoint were handled, the refused ones included.
-- @tparam string op "gettoken", "get_moment_list" …
-- @treturn number
function Application:count(op)
  local count = self._counts[op]
  if not count then error("wxmoments.simulator: unknown op '" .. tostring(op) .. "'", 2) end
  return count
end

--- The same for all endpoints, by op.
function Application:counts()
  local counts = {}
  for op, count in pairs(self._counts) do counts[op] = count end
  return counts
end

--- How much was asked for at once, and refused because of the option `limits`.
-- @treturn table `most`: by op, the most requests there ever were in flight (gettoken is not
--   among them); `refused`: how many were, by limit: `in_flight` (45033), `per_minute` (45009)
function Application:load()
  return self._limits:load()
end

--- What was sent, in order: the first 10,000 requests.
-- @treturn table a list of { op, params }; params is the decoded body (the query for GET)
--   without any secret, empty where the body was no JSON object
function Application:requests()
  local list = {}
  for i, request in ipairs(self._requests) do list[i] = request end
  return list
end

--- Makes the present access token invalid: the next call with it is refused, the next
-- gettoken gives a new one.
-- @tparam[opt=42001] number errcode 42001 or 40014; WeCom says either
-- @treturn boolean false when no valid token had been given out
function Application:expire_token(errcode)
  errcode = errcode or 42001
  if not EXPIRY_CODES[errcode] then
    error("wxmoments.simulator: errcode must be 42001 or 40014", 2)
  end
  return self._corp.tokens:expire(errcode)
end

--- Deletes a moment: it is in no answer and no truth any more. What its deletion does to the
-- cursors given out, the option `cursors` says.
-- @tparam string moment_id
-- @treturn boolean false when there is no such moment
function Application:delete(moment_id)
  if type(moment_id) ~= "string" then
    error("wxmoments.simulator: moment_id must be a string", 2)
  end
  return self._corp.data:delete(moment_id)
end

--- Makes every cursor given out so far one that is refused.
function Application:forget_cursors()
  self._corp.forgotten = self._corp.forgotten + 1
end

--- A driver that answers in process: no server, no waiting.
-- `sleep` returns at once and moves the clock on, also the one that tokens live by; delays
-- and drips move it too. `now` counts what was slept, and with the option `clock` what that
-- clock moved. A cut connection and a deadline that passes are the curl driver's errors.
-- @tparam[opt] table clock `sleep` and `now` of the caller's own, instead: where its sleep lets
--   others go on, several requests are in flight at once. Tokens and limits go by the option
--   `clock` alone then.
-- @treturn table driver for wxmoments.wecom { driver = … }
function Application:driver(clock)
  return driver.new(self, clock or {
    sleep = function(seconds) self._slept = self._slept + math.max(0, seconds) end,
    now = function() return self._slept + (self._began and self._clock() - self._began or 0) end,
  })
end

return application
