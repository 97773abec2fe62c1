--- The tests' own proxy: it does at one byte what its plan says, and nothing else.

local curl = require "wxmoments.curl"
local socket = require "socket"

local proxy = require "spec.support.proxy"
local server = require "spec.support.server"

local BODY = "0123456789"
local REPLY = server.reply { body = BODY }

describe("the proxy", function()
  local origin, host, pool

  before_each(function() pool = curl.pool() end)
  after_each(function()
    pool:close()
    if host then host:stop() end
    if origin then origin:stop() end
    host, origin = nil, nil
  end)

  local function start(rules, replies)
    origin = server.start { connections = { replies or { { REPLY } } } }
    host = proxy.start { to = origin.port, rules = rules }
  end

  -- The body of one answer; or false, code, message.
  local function fetch(body)
    local transfer = assert(pool:start {
      method = body and "POST" or "GET", url = host.base_url .. "/", headers = {}, body = body,
      safe = true, max_header = 65536, max_body = 2 ^ 24, seconds = 10, proxy = "",
    })
    while not transfer:done() do pool:wait(1) end
    local response, code, message = transfer:result()
    transfer:close()
    if not response then return false, code, message end
    return response.body
  end

  -- Every byte that comes on a new connection until it ends, and how long that took.
  local function read_raw(request)
    local began = socket.gettime()
    local client = assert(socket.connect("127.0.0.1", host.port))
    client:settimeout(10)
    client:send(request or "GET / HTTP/1.1\r\n\r\n")
    local all, _, partial = client:receive("*a")
    client:close()
    return all or partial, socket.gettime() - began
  end

  -- The proxy's log without the ends of connections.
  local function followed()
    local list = {}
    for _, entry in ipairs(host:log()) do
      if entry.event ~= "end" then list[#list + 1] = entry end
    end
    return list
  end

  it("passes bytes on, both ways, on one connection and on several", function()
    local long = ("x"):rep(500000)
    start({}, { { server.reply { body = long } }, { REPLY } })
    assert.equal(long, fetch(("y"):rep(300000)))
    assert.equal(BODY, fetch())
    local log = origin:log()
    assert.equal(300000, #log[1].body)
    assert.same({ 1, 2 }, { log[2].connection, log[2].request })
    pool:close()
    pool = curl.pool()
    assert.equal(long, fetch())
    assert.same({}, followed())
  end)

  it("cuts and resets after every number of bytes", function()
    for _, event in ipairs { "cut", "reset" } do
      local rules = {}
      for bytes = 0, #REPLY do
        rules[bytes + 1] = { connection = bytes + 1, after = bytes, [event] = true }
      end
      start(rules)
      for bytes = 0, #REPLY do
        assert.equal(REPLY:sub(1, bytes), (read_raw()))
      end
      local log = followed()
      assert.equal(#REPLY + 1, #log)
      for i, entry in ipairs(log) do
        assert.same({ connection = i, event = event, rule = i, from = "server", passed = i - 1 },
          entry)
      end
      host:stop()
      origin:stop()
    end
  end)

  it("tells an end from a reset", function()
    local head = #REPLY - #BODY
    start {
      { connection = 1, after = head + 4, cut = true },
      { connection = 2, after = head + 4, reset = true },
      { connection = 3, after = 0, cut = true },
    }
    local _, code = fetch()
    assert.equal("PARTIAL_FILE", code)
    local message
    _, code, message = fetch()
    assert.equal("RECV_ERROR", code)
    assert.matches("reset", message)
    _, code = fetch()
    assert.equal("GOT_NOTHING", code)
    assert.equal(BODY, fetch())
  end)

  it("counts replies on a connection and over all", function()
    start({
      { connection = 1, reply = 3, after = 5, cut = true },
      { overall = true, reply = 6, after = 2, cut = true },
      { overall = true, after = 7 * #REPLY, cut = true },
    }, { { REPLY } })
    local function ask(client)
      client:send("GET / HTTP/1.1\r\n\r\n")
      local got, _, partial = client:receive(#REPLY)
      return #(got or partial)
    end
    local counts = {}
    for _ = 1, 3 do
      local client = assert(socket.connect("127.0.0.1", host.port))
      client:settimeout(10)
      for _ = 1, 3 do
        counts[#counts + 1] = ask(client)
        if counts[#counts] < #REPLY then break end
      end
      client:close()
    end
    local whole = #REPLY
    -- 2 whole replies and 5 bytes, 2 whole and 2 bytes; then 3 × whole − 7 bytes are left
    assert.same({ whole, whole, 5, whole, whole, 2, whole, whole, whole - 7 }, counts)
  end)

  it("delays, and sends in pieces", function()
    start({
      { connection = 1, after = 3, delay = 0.2 },
      { connection = 2, after = 10, split = 5, every = 0.02 },
    }, { { REPLY, server.CLOSE } })
    local bytes, seconds = read_raw()
    assert.equal(REPLY, bytes)
    assert.is_true(seconds >= 0.2)
    bytes, seconds = read_raw()
    assert.equal(REPLY, bytes)
    assert.is_true(seconds >= 0.02 * math.ceil((#REPLY - 10) / 5))
    bytes, seconds = read_raw()
    assert.equal(REPLY, bytes)
    assert.is_true(seconds < 0.15)
  end)

  it("treats what the client sends alike", function()
    start {
      { connection = 1, from = "client", after = 10, cut = true },
      { connection = 2, from = "client", split = 1, every = 0 },
    }
    assert.equal("", (read_raw()))
    assert.equal(BODY, fetch("a body in single bytes"))
    assert.equal("a body in single bytes", origin:log()[1].body)
    assert.equal(1, #origin:log())
    assert.same({ 10, 0 }, { followed()[1].passed, followed()[2].passed })
  end)

  it("closes a connection that its server does not take", function()
    start {}
    origin:stop()
    assert.equal("", (read_raw()))
  end)
end)
