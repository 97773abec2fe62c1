--- The host in process: a driver that does on a virtual clock what a network does.
-- Nothing waits. What fails is the curl driver's error with the curl driver's code.

local wire = require "wxmoments.simulator.wire"

local driver = {}

-- The client's own modules, which nginx does not have, and does not need.
local function failed(code, message)
  return nil, require("wxmoments.driver.curl").failure(code, message, true)
end

-- What of a reply comes is either whole (nil) or named as libcurl names it.
local function cut_off(head, length, came)
  if came >= length then return nil end
  if came < #head:match("^[^\n]*\n") then return "GOT_NOTHING", "Empty reply from server" end
  if came < #head then return "RECV_ERROR", "the connection was closed within the headers" end
  return "PARTIAL_FILE",
    string.format("transfer closed with %d bytes remaining to read", length - came)
end

local function too_long(request, head, length)
  if #head > (request.max_header or math.huge) then
    return "HEADER_TOO_BIG", "the headers are longer than max_header"
  end
  if length - #head > (request.max_body or math.huge) then
    return "BODY_TOO_BIG", "the body is longer than max_body"
  end
end

-- Seconds until the last of so many bytes has come.
local function duration(way, bytes)
  if not way.drip then return way.delay end
  return way.delay + math.max(0, math.ceil(bytes / way.drip.size) - 1) * way.drip.every
end

--- Makes a driver.
-- @tparam table application exchange(request) → response, way; finish(way)
--   (wxmoments.simulator.application)
-- @tparam table clock sleep(seconds), now()
-- @treturn table of the driver contract: send, sleep, now
function driver.new(application, clock)
  local function deliver(request, seconds_left, response, way)
    -- the headers' padding is small enough to be made, the body's may not be
    local head = wire.head(way.pad and way.pad.part == "headers"
      and wire.padded(response, way.pad) or response)
    local length = #head + #response.body + wire.blanks(response, way.pad)
    local came = math.min(length, way.cut or length)
    local seconds, left = duration(way, came), seconds_left or math.huge
    if seconds > left then
      clock.sleep(left)
      return failed("OPERATION_TIMEDOUT",
        string.format("Operation timed out after %.0f milliseconds", left * 1000))
    end
    clock.sleep(seconds)
    local code, message = cut_off(head, length, came)
    if not code then code, message = too_long(request, head, length) end
    if code then return failed(code, message) end
    return wire.padded(response, way.pad)
  end
  local function send(request, seconds_left)
    local response, way = application:exchange(request)
    -- a sleep may raise, to end the task that sleeps
    local ok, result, err = pcall(deliver, request, seconds_left, response, way)
    application:finish(way)
    if not ok then error(result, 0) end
    return result, err
  end
  return { send = send, sleep = clock.sleep, now = clock.now }
end

return driver
