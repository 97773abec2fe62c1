--- A TCP proxy on loopback between a client and a server, for tests of what a connection can do.
--
-- A child process of the tests' own (spec/support/child.lua). It passes bytes on as they come,
-- TLS or not, and does at one byte what a rule of its plan says.
--
--     local proxy = require "spec.support.proxy"
--     local host = proxy.start { to = server.port, rules = {
--       { connection = 1, after = 100, cut = true },     -- FIN when 100 bytes have come
--       { connection = 2, reply = 3, after = 0, reset = true },  -- RST before the third reply
--       { overall = true, reply = 7, delay = 0.2 },      -- the seventh reply of all is late
--       { from = "client", split = 1 },                  -- requests arrive byte by byte
--     } }
--     host.base_url, host.port, host:log(), host:stop()
--
-- A rule says where:
--   from         whose bytes: "server" (as if nothing is said) or "client"
--   connection   on this connection only, counted from 1
--   reply        in the n-th burst of these bytes (one that follows bytes the other way: the n-th
--                reply, or request, of HTTP in the clear) of the connection
--   overall      what is counted is counted over all connections, not on each
--   after        when so many bytes have been passed on (0), counted from the beginning of that
--                reply, else of the connection (of everything, with overall)
-- and one of these, once for each connection (once at all, with overall):
--   cut = true       both sides see the end (FIN)
--   reset = true     both sides see a reset (RST)
--   delay = seconds  nothing goes on for so long
--   split = size     from there to the end of that reply (else of the connection) the bytes go in
--                    pieces of this size, `every` (0.001) seconds one
-- The log: { connection = 1, event = "cut"|"reset"|"delay"|"split", rule = its number, from,
-- passed = bytes so far on the connection } as rules are followed, and at the end of each
-- connection { connection, event = "end", server = bytes, client = bytes }.

local child = require "spec.support.child"

local proxy = {}

--- Starts a proxy. @tparam table plan `to` (a port on loopback), `rules`, `seconds` of life (20,
-- at most 60). @treturn table host: port, base_url, log(), stop(). Raises when it does not start.
function proxy.start(plan)
  return child.start(debug.getinfo(1, "S").source:sub(2), plan)
end

if not child.is(...) then
  return proxy
end

-- ---- the proxy: two coroutines a connection ----

local socket = require "socket"

local EVERY = 0.001
local OTHER = { server = "client", client = "server" }

-- Bytes and bursts over all connections, by the side they come from.
local all = { server = { passed = 0, bursts = 0 }, client = { passed = 0, bursts = 0 } }
local done = {} -- rule → true, of those that count over all connections

local function event_of(rule)
  for _, name in ipairs { "cut", "reset", "delay", "split" } do
    if rule[name] then
      return name
    end
  end
end

local function is_open(rule, side)
  local number = side.link.number
  return (rule.from or "server") == side.name and (rule.connection or number) == number
    and not side.done[rule] and not done[rule]
end

--- How many bytes may pass before a rule is to be followed; nil when it does not apply here.
local function distance(rule, side)
  local after = rule.after or 0
  if not is_open(rule, side) then
    return nil
  elseif not rule.reply then
    return after - (rule.overall and all[side.name] or side).passed
  elseif rule.reply == (rule.overall and side.burst_of_all or side.bursts) then
    return after - side.burst
  end
end

--- The rule that comes first, its number, and how many bytes may pass before it.
local function next_rule(side)
  local first, number, nearest
  for i, rule in ipairs(side.link.plan.rules or {}) do
    local bytes = distance(rule, side)
    if bytes and bytes >= 0 and (not nearest or bytes < nearest) then
      first, number, nearest = rule, i, bytes
    end
  end
  return first, number, nearest
end

--- Ends both sides at once, and the coroutine of the other direction.
local function finish(link, reset)
  for _, side in pairs(link.sides) do
    if reset then
      side.socket:setoption("linger", { on = true, timeout = 0 })
    else
      side.socket:receive(65536) -- what is unread would make a reset of the end
    end
    side.socket:close()
  end
  for _, routine in ipairs(link.routines) do
    if routine ~= coroutine.running() then
      child.kill(routine)
    end
  end
  link.ended = true
  link.log { connection = link.number, event = "end",
             server = link.sides.server.passed, client = link.sides.client.passed }
end

--- Does what a rule says.
local function follow(rule, number, side)
  local link, event = side.link, event_of(rule)
  side.done[rule] = true
  done[rule] = rule.overall
  link.log { connection = link.number, event = event, rule = number, from = side.name,
             passed = side.passed }
  if event == "delay" then
    child.wait(socket.gettime() + rule.delay)
  elseif event == "split" then
    side.split, side.split_burst = rule, rule.reply and side.bursts
  else
    finish(link, event == "reset")
  end
end

local function count(side, bytes)
  side.passed, side.burst = side.passed + bytes, side.burst + bytes
  all[side.name].passed = all[side.name].passed + bytes
end

--- Passes bytes on, whole or in pieces.
local function put(side, bytes)
  local target = side.link.sides[OTHER[side.name]].socket
  local split = side.split
  local size = split and split.split or math.max(1, #bytes)
  for from = 1, #bytes, size do
    local piece = bytes:sub(from, from + size - 1)
    count(side, #piece)
    if not child.send(target, piece) then
      return false
    end
    if split then
      child.wait(socket.gettime() + (split.every or EVERY))
    end
  end
  return true
end

--- A burst begins with the first bytes after some that went the other way.
local function begin_burst(side)
  local link = side.link
  if link.talking ~= side.name then
    link.talking = side.name
    side.burst, side.bursts = 0, side.bursts + 1
    all[side.name].bursts = all[side.name].bursts + 1
    side.burst_of_all = all[side.name].bursts
    if side.split_burst and side.split_burst ~= side.bursts then
      side.split, side.split_burst = nil, nil
    end
  end
end

--- Passes on what has come, rule by rule. Returns false when the connection is over.
local function pass(side, bytes)
  begin_burst(side)
  repeat
    local rule, number, nearest = next_rule(side)
    local now = bytes:sub(1, nearest or #bytes)
    if not put(side, now) then
      return false
    end
    bytes = bytes:sub(#now + 1)
    if rule and #now == nearest then
      follow(rule, number, side)
    end
  until side.link.ended or bytes == ""
  return not side.link.ended
end

--- One direction, until its side says no more; then the other side is told.
local function pump(side)
  local open = true
  while open do
    local data, err, partial = side.socket:receive(65536)
    data = data or partial
    open = (#data == 0 or pass(side, data)) and (not err or err == "timeout")
    if open and err == "timeout" then
      child.wait("read", side.socket)
    end
  end
  local link = side.link
  link.open = link.open - 1
  if link.ended then
    return
  elseif link.open == 0 then
    finish(link, false)
  else
    link.sides[OTHER[side.name]].socket:shutdown("send")
  end
end

child.run(select(2, ...), function(client, number, context)
  local server = socket.connect("127.0.0.1", context.plan.to)
  if not server then
    client:close()
    return
  end
  server:settimeout(0)
  server:setoption("tcp-nodelay", true)
  local link = { number = number, plan = context.plan, log = context.log, open = 2,
                 sides = {}, routines = {} }
  for name, its_socket in pairs { client = client, server = server } do
    link.sides[name] = { name = name, link = link, socket = its_socket, passed = 0, burst = 0,
                         bursts = 0, burst_of_all = 0, done = {} }
  end
  for _, side in pairs(link.sides) do
    link.routines[#link.routines + 1] = child.spawn(pump, side)
  end
end)
