--- Child processes of the tests' own that serve on loopback: what spec/support/server.lua and
-- spec/support/proxy.lua share.
--
-- Such a file is both: required, it is the helper; run by lua5.4 it is the child, which needs
-- lua-socket. The child listens on a free port, does for each connection what its plan says,
-- keeps a log, and ends when it is stopped, when the test process ends, or after `seconds`.
--
--     child.start(path of the file, plan)      -- in the test process → host
--     child.is(...)                            -- in the file: whether this is the child
--     child.run(path of the log, serve)        -- in the child
--     host.port, host.base_url, host:log(), host:stop()

local child = {}

local LIFE, LONGEST_LIFE = 20, 60 -- seconds
local MARK = "--serve"

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

-- ---- in the test process ----

local Host = {}
Host.__index = Host

--- What the child has written down so far, in order.
function Host:log()
  local entries = {}
  for line in io.lines(self._log) do
    entries[#entries + 1] = assert(load_text("return " .. line))()
  end
  return entries
end

--- Ends the child and removes its files. May be called again.
function Host:stop()
  if self._pipe then
    self._pipe:close() -- the end of its input is the child's end; this waits for it
    os.remove(self._log)
    self._pipe = nil
  end
end

--- Starts a child. @tparam string program the path of the file it runs. @tparam table plan
-- plain data; `seconds` of life (20, at most 60). @treturn table host. Raises when it does not
-- start.
function child.start(program, plan)
  local fifo, log = os.tmpname(), os.tmpname()
  os.remove(fifo)
  os.execute("mkfifo -m 600 " .. fifo)
  -- The child is Lua 5.4 with its own paths, whatever Lua and paths this process has.
  local pipe = assert(io.popen("exec env -u LUA_INIT -u LUA_INIT_5_4 -u LUA_PATH -u LUA_CPATH "
    .. "-u LUA_PATH_5_4 -u LUA_CPATH_5_4 lua5.4 " .. program .. " " .. MARK .. " " .. log
    .. " > " .. fifo, "w"))
  local answer = assert(io.open(fifo)) -- before the plan, which may be more than a pipe holds
  pipe:write(dump(plan), "\n")
  pipe:flush()
  local port = tonumber(answer:read("*l"))
  answer:close()
  os.remove(fifo)
  local host = setmetatable({ _pipe = pipe, _log = log, port = port,
                              base_url = "http://127.0.0.1:" .. tostring(port) }, Host)
  if not port then
    host:stop()
    error("the tests' child did not start (is lua-socket for Lua 5.4 installed?)", 2)
  end
  return host
end

--- Whether a file was run as the child. Takes the file's `...`.
function child.is(mark)
  return mark == MARK
end

-- ---- in the child: coroutines over socket.select ----

local routines = {} -- coroutine → { what it waits for, the socket it waits for }

--- Lets a coroutine go on until it waits again or ends.
local function step(routine, ...)
  local ok, what, socket = coroutine.resume(routine, ...)
  local is_waiting = ok and coroutine.status(routine) == "suspended"
  if routines[routine] then
    routines[routine] = is_waiting and { what = what, socket = socket } or nil
  end
  if not ok then
    io.stderr:write("tests' child: ", tostring(what), "\n")
    os.exit(1)
  end
end

--- Runs a function as a coroutine beside the others.
function child.spawn(action, ...)
  local routine = coroutine.create(action)
  routines[routine] = {}
  step(routine, ...)
  return routine
end

--- Forgets a coroutine that waits.
function child.kill(routine)
  routines[routine] = nil
end

--- Waits, in a coroutine: for "read" or "write" on a socket, or until a time.
function child.wait(what, socket)
  coroutine.yield(what, socket)
end

--- Sends all bytes. Returns false when the other side takes no more.
function child.send(client, bytes)
  local from = 1
  while from <= #bytes do
    local last, err, partial = client:send(bytes, from)
    if not last and err ~= "timeout" then
      return false
    end
    from = (last or partial) + 1
    if from <= #bytes then
      child.wait("write", client)
    end
  end
  return true
end

--- The coroutines that may go on: { [routine] = what it waited for }.
local function awake(readable, writable, now)
  local ready = {}
  for routine, entry in pairs(routines) do
    local what = entry.what
    if (what == "read" and readable[entry.socket]) or (what == "write" and writable[entry.socket])
      or (type(what) == "number" and what <= now) then
      ready[routine] = entry
    end
  end
  return ready
end

--- What the coroutines wait for: sockets to read, sockets to write, the earliest time.
local function wishes(wake, ...)
  local readers, writers = { ... }, {}
  for _, entry in pairs(routines) do
    if entry.what == "read" then
      readers[#readers + 1] = entry.socket
    elseif entry.what == "write" then
      writers[#writers + 1] = entry.socket
    else
      wake = math.min(wake, entry.what)
    end
  end
  return readers, writers, wake
end

local function accept(listener, serve, number, context)
  local client = listener:accept()
  if not client then
    return number
  end
  client:settimeout(0)
  client:setoption("tcp-nodelay", true)
  child.spawn(serve, client, number + 1, context)
  return number + 1
end

--- Serves until the end. @tparam string path the log's, as the child was given it.
-- @tparam function serve (client, number of the connection, { plan, log = function(entry) }),
-- run as a coroutine; it closes the client
function child.run(path, serve)
  local socket = require "socket"
  local file = assert(io.open(path, "a"))
  local plan = assert(load_text("return " .. io.read("*l")))()
  local give_up = socket.gettime() + math.min(plan.seconds or LIFE, LONGEST_LIFE)
  local input = { getfd = function() return 0 end, dirty = function() return false end }
  local listener = assert(socket.bind("127.0.0.1", 0, 128))
  listener:settimeout(0)
  local _, port = listener:getsockname()
  print(port)
  io.stdout:close()
  local context = { plan = plan, log = function(entry)
    file:write(dump(entry), "\n")
    file:flush()
  end }
  local connections = 0
  while true do
    local readers, writers, wake = wishes(give_up, listener, input)
    local readable, writable =
      socket.select(readers, writers, math.max(0, wake - socket.gettime()))
    local now = socket.gettime()
    if readable[input] or now >= give_up then
      os.exit(0)
    end
    for routine, entry in pairs(awake(readable, writable, now)) do
      if routines[routine] == entry then -- another one may have ended it
        step(routine)
      end
    end
    if readable[listener] then
      connections = accept(listener, serve, connections, context)
    end
  end
end

return child
