--- A scripted HTTP server on loopback, for tests of what goes over real sockets.
--
-- A child process of the tests' own (spec/support/child.lua). It does to the letter what its
-- script says and writes down each request it has read.
--
--     local server = require "spec.support.server"
--     local host = server.start {
--       connections = {                        -- one entry a connection; the last one serves
--         {                                    -- all later connections too
--           { server.reply { body = "one" } }, -- one list of actions a request; the last one
--           { 0.2, server.CLOSE },             -- serves all later requests too
--         },
--         { { server.reply {} } },
--       },
--     }
--     host.base_url, host.port               -- "http://127.0.0.1:43210", 43210
--     host:log()                             -- requests read so far, in order
--     host:stop()
--
-- Actions:   "bytes"             sent as they are
--            0.2                 seconds of doing nothing
--            { drip = "bytes", every = 0.01, size = 1 }    sent piece by piece
--            { fill = "x", times = 100000 }                bytes repeated
--            { relay = port }    passes bytes to and from this loopback port (a proxy's tunnel)
--            server.CLOSE        ends the connection
--            server.HANG         never does anything again, and keeps the connection open
-- A connection may have `first = { actions }`, done before any request is read.
-- A log entry: { connection = 1, request = 1, method, target, headers = { name = value }, body },
-- names in lower case.

local child = require "spec.support.child"

local server = {
  CLOSE = { close = true },
  HANG = { hang = true },
}

-- ---- the helper ----

--- The bytes of a response: status 200, headers { {name, value}, … }, body "". Sized, unless
-- `chunked`, or `sized = false` (the end of the connection ends it, then).
function server.reply(t)
  local body = t.body or ""
  local lines = { "HTTP/1.1 " .. (t.status or 200) .. " " .. (t.reason or "Reply") }
  for _, pair in ipairs(t.headers or {}) do
    lines[#lines + 1] = pair[1] .. ": " .. pair[2]
  end
  if t.chunked then
    lines[#lines + 1] = "Transfer-Encoding: chunked"
    body = (#body > 0 and string.format("%x\r\n%s\r\n", #body, body) or "") .. "0\r\n\r\n"
  elseif t.sized ~= false then
    lines[#lines + 1] = "Content-Length: " .. #body
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

--- Starts a server. @tparam table script `connections` (see above), `seconds` of life (20, at
-- most 60). @treturn table host: port, base_url, log(), stop(). Raises when it does not start.
function server.start(script)
  return child.start(debug.getinfo(1, "S").source:sub(2), script)
end

if not child.is(...) then
  return server
end

-- ---- the server: one coroutine a connection ----

local socket = require "socket"

local send = child.send

local function receive(client, pattern)
  local sofar = ""
  while true do
    local data, err, partial = client:receive(pattern, sofar)
    if data or err == "closed" then
      return data
    end
    sofar = partial
    child.wait("read", client)
  end
end

--- Reads a request; nil at the end of the connection.
local function read_request(client)
  local line = receive(client, "*l")
  local request = { headers = {} }
  request.method, request.target = (line or ""):match("^(%S+) (%S+)")
  repeat
    line = receive(client, "*l")
    local name, value = (line or ""):match("^([^:]+):%s*(.*)$")
    if name then
      request.headers[name:lower()] = value
    end
  until not name
  local length = tonumber(request.headers["content-length"]) or 0
  request.body = length > 0 and receive(client, length) or ""
  return line and request.method and request.body and request
end

--- Sends piece by piece.
local function drip(client, action)
  local size = action.size or 1
  for from = 1, #action.drip, size do
    send(client, action.drip:sub(from, from + size - 1))
    child.wait(socket.gettime() + (action.every or 0.01))
  end
end

--- Passes bytes both ways until one side ends.
local function relay(client, port)
  local other = assert(socket.connect("127.0.0.1", port))
  other:settimeout(0)
  local function pass(from, to)
    local data, err, partial = from:receive(65536)
    send(to, data or partial)
    return err ~= "closed"
  end
  while pass(client, other) and pass(other, client) do
    child.wait(socket.gettime() + 0.002)
  end
  other:close()
end

--- Does the actions in order. Returns true when the connection is to be closed.
local function act(client, actions)
  for _, action in ipairs(actions or {}) do
    if type(action) == "string" then
      send(client, action)
    elseif type(action) == "number" then
      child.wait(socket.gettime() + action)
    elseif action.close then
      return true
    elseif action.hang then
      child.wait(math.huge)
    elseif action.fill then
      send(client, action.fill:rep(action.times))
    elseif action.relay then
      relay(client, action.relay)
      return true
    else
      drip(client, action)
    end
  end
end

child.run(select(2, ...), function(client, number, context)
  local connections = context.plan.connections
  local replies = connections[math.min(number, #connections)]
  local closing = act(client, replies.first)
  local count = 0
  while not closing do
    local request = read_request(client)
    if not request then
      break
    end
    count = count + 1
    request.connection, request.request = number, count
    context.log(request)
    closing = act(client, replies[math.min(count, #replies)])
  end
  client:close()
end)
