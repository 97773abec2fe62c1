--- A scripted HTTP server on loopback, for tests of what goes over real sockets.
--
-- Required, this file is the helper; run by lua5.4 it is the server, a child process of its own
-- (lua-socket is needed by the child only). The server does to the letter what its script says,
-- writes down each request it has read, and ends when it is stopped, when the test process ends,
-- or after `seconds`.
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

local server = {
  CLOSE = { close = true },
  HANG = { hang = true },
}

-- ---- what both sides use ----

local load_text = rawget(_G, "loadstring") or load

--- A value as Lua source on one line.
local function dump(value)
  if type(value) ~= "table" then
    if type(value) ~= "string" then
      return tostring(value)
    end
    return (string.format("%q", value):gsub("\\\n", "\\n"):gsub("\r", "\\r"))
  end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = "[" .. dump(key) .. "]=" .. dump(item)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

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

local Host = {}
Host.__index = Host

--- The requests read so far. One that was answered is always in it.
function Host:log()
  local entries = {}
  for line in io.lines(self._log) do
    entries[#entries + 1] = assert(load_text("return " .. line))()
  end
  return entries
end

--- Ends the server and removes its files. May be called again.
function Host:stop()
  if self._pipe then
    self._pipe:close() -- the end of its input is the server's end; this waits for it
    os.remove(self._log)
    self._pipe = nil
  end
end

--- Starts a server. @tparam table script `connections` (see above), `seconds` of life (20, at
-- most 60). @treturn table host: port, base_url, log(), stop(). Raises when it does not start.
function server.start(script)
  local program = debug.getinfo(1, "S").source:sub(2)
  local fifo, log = os.tmpname(), os.tmpname()
  os.remove(fifo)
  os.execute("mkfifo -m 600 " .. fifo)
  -- The child is Lua 5.4 with its own paths, whatever Lua and paths this process has.
  local pipe = assert(io.popen("exec env -u LUA_INIT -u LUA_INIT_5_4 -u LUA_PATH -u LUA_CPATH "
    .. "-u LUA_PATH_5_4 -u LUA_CPATH_5_4 lua5.4 " .. program .. " --serve " .. log
    .. " > " .. fifo, "w"))
  pipe:write(dump(script), "\n")
  pipe:flush()
  local answer = assert(io.open(fifo))
  local port = tonumber(answer:read("*l"))
  answer:close()
  os.remove(fifo)
  local host = setmetatable({ _pipe = pipe, _log = log, port = port,
                              base_url = "http://127.0.0.1:" .. tostring(port) }, Host)
  if not port then
    host:stop()
    error("the test server did not start (is lua-socket for Lua 5.4 installed?)", 2)
  end
  return host
end

if (...) ~= "--serve" then
  return server
end

-- ---- the server: one coroutine a connection, over socket.select ----

local socket = require "socket"

local log = assert(io.open(select(2, ...), "a"))
local script = assert(load_text("return " .. io.read("*l")))()
local give_up = socket.gettime() + math.min(script.seconds or 20, 60)
local input = { getfd = function() return 0 end, dirty = function() return false end }

--- A coroutine yields "read" or "write" (until its socket is ready) or a time to go on at.
local function receive(client, pattern)
  local sofar = ""
  while true do
    local data, err, partial = client:receive(pattern, sofar)
    if data or err == "closed" then
      return data
    end
    sofar = partial
    coroutine.yield("read")
  end
end

local function send(client, bytes)
  local from = 1
  while from <= #bytes do
    local last, err, partial = client:send(bytes, from)
    if not last and err ~= "timeout" then
      return
    end
    from = (last or partial) + 1
    if from <= #bytes then
      coroutine.yield("write")
    end
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
    coroutine.yield(socket.gettime() + (action.every or 0.01))
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
    coroutine.yield(socket.gettime() + 0.002)
  end
  other:close()
end

--- Does the actions in order. Returns true when the connection is to be closed.
local function act(client, actions)
  for _, action in ipairs(actions or {}) do
    if type(action) == "string" then
      send(client, action)
    elseif type(action) == "number" then
      coroutine.yield(socket.gettime() + action)
    elseif action.close then
      return true
    elseif action.hang then
      coroutine.yield(math.huge)
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

local function serve(client, number)
  local replies = script.connections[math.min(number, #script.connections)]
  local closing = act(client, replies.first)
  local count = 0
  while not closing do
    local request = read_request(client)
    if not request then
      break
    end
    count = count + 1
    request.connection, request.request = number, count
    log:write(dump(request), "\n")
    log:flush()
    closing = act(client, replies[math.min(count, #replies)])
  end
  client:close()
end

local listener = assert(socket.bind("127.0.0.1", 0, 128))
listener:settimeout(0)
local _, port = listener:getsockname()
print(port)
io.stdout:close()

local waiting = {} -- client → { routine, what it waits for }
local connections = 0

--- Lets a connection go on until it waits again or ends.
local function step(client, entry)
  local ok, what = coroutine.resume(entry.routine, client, entry.number)
  if ok and coroutine.status(entry.routine) == "suspended" then
    entry.what = what
    return
  end
  waiting[client] = nil
  if not ok then
    io.stderr:write("test server: ", tostring(what), "\n")
    client:close()
  end
end

--- Waits for whatever comes first. Returns the sockets that may be read and written.
local function wait()
  local wake, readers, writers = give_up, { listener, input }, {}
  for client, entry in pairs(waiting) do
    if entry.what == "read" then
      readers[#readers + 1] = client
    elseif entry.what == "write" then
      writers[#writers + 1] = client
    else
      wake = math.min(wake, entry.what)
    end
  end
  return socket.select(readers, writers, math.max(0, wake - socket.gettime()))
end

--- The connections that may go on: { [client] = entry }, apart from the table that changes.
local function awake(readable, writable, now)
  local ready = {}
  for client, entry in pairs(waiting) do
    local is_time = type(entry.what) == "number" and entry.what <= now
    if readable[client] or writable[client] or is_time then
      ready[client] = entry
    end
  end
  return ready
end

local function accept()
  local client = listener:accept()
  if client then
    connections = connections + 1
    client:settimeout(0)
    client:setoption("tcp-nodelay", true)
    waiting[client] = { routine = coroutine.create(serve), number = connections }
    step(client, waiting[client])
  end
end

while true do
  local readable, writable = wait()
  local now = socket.gettime()
  if readable[input] or now >= give_up then
    os.exit(0)
  end
  for client, entry in pairs(awake(readable, writable, now)) do
    step(client, entry)
  end
  if readable[listener] then
    accept()
  end
end
