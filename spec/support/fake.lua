--- Drivers for tests that need neither a server nor time: replies come from a function
-- or a list, and the clock moves only when somebody waits.

local errors = require "wxmoments.errors"
local loop = require "wxmoments.loop"

local fake = {}

--- A 200 with this body (a table of parts is joined).
function fake.ok(body)
  return { status = 200, headers = {}, body = body }
end

--- A driver that answers from `replies`: a list (each entry a response, or a function of
-- the request that gives `response` or `nil, err`; the last one stays) or one function.
-- `driver.requests` is what was sent, `driver.slept` every pause.
-- @tparam table|function replies
-- @tparam ?number|function latency seconds, or a function of the request that gives them (0:
-- at once); makes the driver concurrent
function fake.driver(replies, latency)
  local clock = 1000
  local self = { requests = {}, slept = {} }

  function self.now()
    return clock
  end

  if latency then
    self.loop = loop.new(self.now, function(seconds) clock = clock + seconds end)
  end

  local function answer(request)
    local entry = replies
    if type(replies) == "table" then
      entry = replies[math.min(#self.requests, #replies)]
    end
    if type(entry) == "function" then
      return entry(request, #self.requests)
    end
    return entry
  end

  function self.send(request, seconds_left)
    self.requests[#self.requests + 1] = request
    self.seconds_left = seconds_left
    if latency then
      local began = clock
      local at = clock + (type(latency) == "function" and latency(request) or latency)
      self.loop:wait(function() return clock >= at end, at)
      if clock - began > seconds_left then
        return nil, errors.new { kind = "timeout", code = "OPERATION_TIMEDOUT", sent = true,
          message = "timed out", retryable = true }
      end
    end
    return answer(request)
  end

  function self.sleep(seconds)
    self.slept[#self.slept + 1] = seconds
    if self.loop then
      local at = clock + seconds
      self.loop:wait(function() return clock >= at end, at)
    else
      clock = clock + seconds
    end
  end

  function self.advance(seconds)
    clock = clock + seconds
  end

  return self
end

--- Options of a client that needs no token from a server.
function fake.options(driver, more)
  local options = { access_token = function() return "T0KEN", 7200 end, driver = driver }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

--- The parameters of a request's query, decoded.
function fake.query(request)
  local query = {}
  for name, value in (request.url:match("%?(.*)$") or ""):gmatch("([^&=]+)=([^&]*)") do
    query[name] = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  end
  return query
end

return fake
