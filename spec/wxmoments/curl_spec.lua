--- The transport against real sockets on loopback: spec/support/server.lua, and nginx for TLS.

local curl = require "wxmoments.curl"
local server = require "spec.support.server"

local SECRET = "c2VjcmV0LXRva2VuLTEyMzQ1"

--- Seconds of the wall clock (plain Lua has whole seconds only).
local function now()
  local pipe = io.popen("date +%s.%N")
  local text = pipe:read("*l")
  pipe:close()
  return tonumber((text:gsub(",", ".")))
end

--- Waits until the transfer is done, 20 seconds at most. Returns its result.
local function finish(pool, transfer)
  for _ = 1, 2000 do
    if transfer:done() then
      return transfer:result()
    end
    pool:wait(0.01)
  end
  error("the transfer does not end")
end

--- A request with what every one of these needs.
local function request(fields)
  local made = { method = "GET", seconds = 5, proxy = "", safe = true }
  for key, value in pairs(fields) do
    made[key] = value
  end
  return made
end

local function run(pool, fields)
  return finish(pool, assert(pool:start(request(fields))))
end

--- All values of a response's header, in order.
local function header(response, name)
  local values = {}
  for _, pair in ipairs(response.headers) do
    if pair[1] == name then
      values[#values + 1] = pair[2]
    end
  end
  return table.concat(values, "|")
end

describe("curl", function()
  local pool, host

  --- Starts the server with the same actions for every request of every connection, or with
  -- `connections` of its own.
  local function serve(actions, connections)
    if host then
      host:stop()
    end
    host = server.start { connections = connections or { { actions } } }
    return host
  end

  --- The result of one GET of these actions.
  local function get(actions, fields)
    serve(actions)
    fields = fields or {}
    fields.url = host.base_url .. "/cgi-bin/x?access_token=" .. SECRET
    return run(pool, fields)
  end

  before_each(function()
    pool = curl.pool()
  end)

  after_each(function()
    pool:close()
    if host then
      host:stop()
      host = nil
    end
  end)

  it("tells its version", function()
    assert.matches("^%d+%.%d+%.%d+", curl.version)
  end)

  describe("what is sent", function()
    local function sent(fields)
      serve { server.reply {} }
      fields.url = host.base_url .. "/a/b?c=d&e=%20"
      local response, code = run(pool, fields)
      assert(response, code)
      return host:log()[1]
    end

    it("is the method, the target, the headers and the body given", function()
      local body = "\0{}\r\n\255"
      local got = sent { method = "POST", body = body, user_agent = "wxmoments/1",
                         headers = { { "Content-Type", "application/json" }, { "X-Empty", "" },
                                     { "x-tab", "a\tb" }, { "X-Utf8", "你好" } } }
      assert.equal("POST", got.method)
      assert.equal("/a/b?c=d&e=%20", got.target)
      assert.equal(body, got.body)
      assert.equal("application/json", got.headers["content-type"])
      assert.equal("", got.headers["x-empty"])
      assert.equal("a\tb", got.headers["x-tab"])
      assert.equal("你好", got.headers["x-utf8"])
      assert.equal("wxmoments/1", got.headers["user-agent"])
      assert.equal("127.0.0.1:" .. host.port, got.headers.host)
    end)

    it("asks neither for compression nor for a promise, and names no type by itself", function()
      local got = sent { method = "POST", body = ("x"):rep(2 * 1024 * 1024) }
      assert.equal(2 * 1024 * 1024, #got.body)
      assert.is_nil(got.headers["expect"])
      assert.is_nil(got.headers["accept-encoding"])
      assert.is_nil(got.headers["content-type"])
      assert.is_nil(got.headers["user-agent"])
    end)

    for _, case in ipairs {
      { "GET", nil, nil }, { "DELETE", nil, nil },
      { "POST", nil, "0" }, { "PUT", nil, "0" }, { "PATCH", nil, "0" },
      { "GET", "x", "1" }, { "PUT", "xy", "2" }, { "DELETE", "", "0" }, { "PATCH", "xyz", "3" },
    } do
      it(case[1] .. (case[2] and " with" or " without") .. " a body", function()
        local got = sent { method = case[1], body = case[2] }
        assert.equal(case[1], got.method)
        assert.equal(case[3], got.headers["content-length"])
        assert.equal(case[2] or "", got.body)
      end)
    end
  end)

  describe("a response", function()
    local hello = { headers = { { "X-One", " 1 " }, { "Set-Cookie", "a" }, { "set-cookie", "b" },
                                { "X-Empty", "" } }, body = "hello\0\r\n" }

    it("has status, headers in order and as sent, and a body of any bytes", function()
      local response = get { server.reply(hello) }
      assert.equal(200, response.status)
      assert.equal("hello\0\r\n", response.body)
      assert.same({ { "X-One", "1" }, { "Set-Cookie", "a" }, { "set-cookie", "b" },
                    { "X-Empty", "" }, { "Content-Length", "8" } }, response.headers)
    end)

    it("may be chunked, without its trailers among the headers", function()
      local response = get { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n",
                             { drip = "5\r\nhello\r\n6\r\n world\r\n0\r\n", size = 3 },
                             "X-A: 2\r\nHTTP/1.1: 3\r\n\r\n" }
      assert.equal("hello world", response.body)
      assert.equal("1", header(response, "X-A"))
      assert.equal(2, #response.headers)
    end)

    it("may end with its connection", function()
      local response = get { server.reply { body = "abc", sized = false }, 0.05, "def",
                             server.CLOSE }
      assert.equal("abcdef", response.body)
    end)

    it("may come byte by byte", function()
      local response = get { { drip = server.reply(hello), every = 0.001 } }
      assert.equal("hello\0\r\n", response.body)
      assert.equal("a", header(response, "Set-Cookie"))
    end)

    it("has no body with 204, 304 and HEAD", function()
      assert.equal("", get({ "HTTP/1.1 204 No\r\n\r\n" }).body)
      assert.equal(304, get({ "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n" }).status)
      local response = get({ "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" },
                           { method = "HEAD", max_body = 10 })
      assert.equal(200, response.status)
      assert.equal("", response.body)
      assert.equal("99999", header(response, "Content-Length"))
    end)

    it("drops what interim answers said", function()
      local response = get { "HTTP/1.1 103 Early\r\nX-A: early\r\n\r\n",
                             "HTTP/1.1 100 Continue\r\nX-A: go on\r\n\r\n", 0.02,
                             server.reply { status = 201, headers = { { "X-A", "final" } } } }
      assert.equal(201, response.status)
      assert.equal("final", header(response, "X-A"))
    end)

    it("joins folded header lines", function()
      local response = get { "HTTP/1.1 200 OK\r\nX-A: one\r\n  two\r\n\tthree\r\nX-B: b\r\n"
                             .. "Content-Length: 0\r\n\r\n" }
      assert.equal("one two three", header(response, "X-A"))
      assert.equal("b", header(response, "X-B"))
    end)

    it("is any status, redirects included, which are not followed", function()
      for _, status in ipairs { 302, 404, 407, 500, 599 } do
        local response = get { server.reply { status = status, body = "x",
                                              headers = { { "Location", "/elsewhere" } } } }
        assert.equal(status, response.status)
        assert.equal("/elsewhere", header(response, "Location"))
        assert.equal(1, #host:log())
      end
    end)

    it("is the same table each time", function()
      serve { server.reply(hello) }
      local transfer = pool:start(request { url = host.base_url })
      assert.is_nil(transfer:result())
      local response = finish(pool, transfer)
      assert.equal(response, transfer:result())
      collectgarbage()
      assert.equal(response, transfer:result())
      assert.equal("hello\0\r\n", transfer:result().body)
    end)
  end)

  describe("connections", function()
    it("are kept", function()
      serve { server.reply { body = "x" } }
      for _ = 1, 5 do
        assert.equal("x", run(pool, { url = host.base_url .. "/" }).body)
      end
      local log = host:log()
      assert.equal(5, #log)
      assert.equal(1, log[5].connection)
      assert.equal(5, log[5].request)
    end)

    it("are all kept after a burst that fades", function()
      local script = {}
      for i = 1, 12 do
        script[i] = { { 0.02 * i, server.reply {} } }
      end
      serve(nil, script)
      for _ = 1, 2 do
        local transfers = {}
        for i = 1, 12 do
          transfers[i] = assert(pool:start(request { url = host.base_url }))
        end
        for i = 1, 12 do
          assert.equal(200, finish(pool, transfers[i]).status)
        end
      end
      local log, last = host:log(), 0
      for _, entry in ipairs(log) do
        last = math.max(last, entry.connection)
      end
      assert.equal(24, #log)
      assert.equal(12, last)
    end)

    -- What a gateway does that closes a kept connection just when it is used again.
    local second_is_lost = { { { server.reply {} }, { server.CLOSE } }, { { server.reply {} } } }

    it("that die under a request cost a safe one nothing", function()
      serve(nil, second_is_lost)
      local fields = { method = "POST", body = "{}", url = host.base_url }
      assert.equal(200, run(pool, fields).status)
      assert.equal(200, run(pool, fields).status)
      local log = host:log()
      assert.equal(3, #log)
      assert.equal(2, log[3].connection)
    end)

    for _, safe in ipairs { "false", "nil" } do
      it("are fresh for a request that is not safe (" .. safe .. ")", function()
        -- Every connection would lose its second request.
        serve(nil, { second_is_lost[1] })
        for i = 1, 3 do
          local fields = request { method = "POST", body = "{}", url = host.base_url }
          fields.safe = safe == "false" and false or nil
          assert.equal(200, finish(pool, assert(pool:start(fields))).status)
          assert.equal(i, host:log()[i].connection)
        end
        assert.equal(3, #host:log())
      end)
    end

    it("send a request that is not safe once, whatever happens", function()
      serve(nil, { { { server.CLOSE } } })
      local ok, code, _, sent = run(pool, { method = "POST", body = "{}", url = host.base_url,
                                            safe = false })
      assert.is_false(ok)
      assert.equal("GOT_NOTHING", code)
      assert.is_true(sent)
      pool:wait(0.1)
      assert.equal(1, #host:log())
    end)

    it("carry many transfers at once", function()
      serve { 0.2, server.reply { body = "x" } }
      local begin, transfers = now(), {}
      for i = 1, 50 do
        transfers[i] = assert(pool:start(request { url = host.base_url .. "/" .. i }))
      end
      assert.equal(50, pool:wait(0))
      for i = 1, 50 do
        assert.equal("x", finish(pool, transfers[i]).body)
      end
      assert.equal(0, pool:wait(0))
      assert.is_true(now() - begin < 2)
    end)
  end)

  describe("a failure", function()
    --- Asserts a failed result with this code and `sent`; returns the message.
    local function failed(code, was_sent, ok, got, message, sent)
      assert.is_false(ok)
      assert.equal(code, got)
      assert.equal("string", type(message))
      assert.is_nil(message:find("[%c]"))
      assert.is_nil(message:find(SECRET, 1, true))
      assert.is_true(#message > 5)
      assert.equal(was_sent, sent)
      return message
    end

    it("is a refused port", function()
      serve {}
      local url = host.base_url .. "/?access_token=" .. SECRET
      host:stop()
      failed("COULDNT_CONNECT", false, run(pool, { url = url }))
    end)

    it("is a name that does not exist", function()
      failed("COULDNT_RESOLVE_HOST", false,
             -- No name server is asked for a name with a label this long.
             run(pool, { url = "http://" .. ("x"):rep(64) .. ".invalid/?access_token=" .. SECRET }))
    end)

    it("is a deadline before the answer", function()
      local begin = now()
      failed("OPERATION_TIMEDOUT", true, get({ server.HANG }, { seconds = 0.2 }))
      local took = now() - begin
      assert.is_true(took > 0.15 and took < 1, took)
    end)

    it("is a deadline in the middle of a body", function()
      failed("OPERATION_TIMEDOUT", true,
             get({ { drip = server.reply { body = ("x"):rep(1000) } } }, { seconds = 0.2 }))
    end)

    it("is a deadline before a byte has left", function()
      serve(nil, { { first = { server.HANG } } })
      failed("OPERATION_TIMEDOUT", false,
             run(pool, { url = "https://127.0.0.1:" .. host.port .. "/?access_token=" .. SECRET,
                         seconds = 0.2 }))
    end)

    it("is a connection that takes too long", function()
      serve(nil, { { first = { server.HANG } } })
      failed("OPERATION_TIMEDOUT", false,
             run(pool, { url = "https://127.0.0.1:" .. host.port, connect_seconds = 0.2 }))
    end)

    it("is an end before the answer", function()
      failed("GOT_NOTHING", true, get { server.CLOSE })
    end)

    for _, head in ipairs { "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" } do
      it("is an end inside the headers, after " .. #head .. " bytes", function()
        failed("RECV_ERROR", true, get { head, server.CLOSE })
      end)
    end

    for name, head in pairs {
      sized = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
      chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc",
    } do
      it("is an end in the middle of a " .. name .. " body", function()
        failed("PARTIAL_FILE", true, get { head, server.CLOSE })
      end)
    end

    it("is an answer in no HTTP", function()
      failed("UNSUPPORTED_PROTOCOL", true, get { "SSH-2.0-hello\r\n", server.CLOSE })
    end)

    for _, url in ipairs { "file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
                           "nothing://127.0.0.1/" } do
      it("is a protocol that is not HTTP: " .. url, function()
        failed("UNSUPPORTED_PROTOCOL", false, run(pool, { url = url .. "?" .. SECRET }))
      end)
    end

    for _, url in ipairs { "http://", "http://[::1", "http://a b/", "http://127.0.0.1:99999/" } do
      it("is a malformed URL: " .. url, function()
        local ok, code, _, sent = run(pool, { url = url .. "?" .. SECRET })
        assert.is_false(ok)
        assert.is_true(code == "URL_MALFORMAT" or code == "COULDNT_RESOLVE_HOST", code)
        assert.is_false(sent)
      end)
    end

    it("is a URL beyond all measure, at once", function()
      local ok, code, message = pool:start(request { url = "http://" .. ("x"):rep(9000000) })
      assert.is_nil(ok)
      assert.equal("BAD_FUNCTION_ARGUMENT", code)
      assert.is_true(#message < 200)
      assert.equal(0, pool:wait(0))
    end)

    it("is a proxy that cannot be used, without its password", function()
      local ok, code, message = pool:start(request { url = "http://127.0.0.1/",
                                                     proxy = "what://user:" .. SECRET .. "@h:1" })
      if ok then
        ok, code, message = finish(pool, ok)
      end
      assert.is_falsy(ok)
      assert.equal("COULDNT_CONNECT", code)
      assert.is_nil(message:find(SECRET, 1, true))
    end)

    it("is the same each time", function()
      serve { server.CLOSE }
      local transfer = pool:start(request { url = host.base_url })
      local first = { finish(pool, transfer) }
      assert.same(first, { transfer:result() })
      assert.same(first, { transfer:result() })
    end)
  end)

  describe("a cap", function()
    local function capped(code, ok, got, message, sent)
      assert.is_false(ok)
      assert.equal(code, got)
      assert.matches("larger than its limit", message)
      assert.is_true(sent)
    end

    it("ends a body that is announced too large, early", function()
      local begin = now()
      capped("BODY_TOO_BIG", get({ "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
                                   server.HANG }, { max_body = 100 }))
      assert.is_true(now() - begin < 2)
    end)

    it("ends a body that grows too large", function()
      capped("BODY_TOO_BIG", get({ server.reply { sized = false },
                                   { fill = "x", times = 5000000 } }, { max_body = 100 }))
      capped("BODY_TOO_BIG", get({ server.reply { chunked = true, body = ("x"):rep(101) } },
                                 { max_body = 100 }))
      capped("BODY_TOO_BIG", get({ server.reply { body = "x" } }, { max_body = 0 }))
    end)

    it("is reached by what just fits", function()
      assert.equal(100, #get({ server.reply { body = ("x"):rep(100) } }, { max_body = 100 }).body)
      assert.equal(100, #get({ server.reply { chunked = true, body = ("x"):rep(100) } },
                             { max_body = 100 }).body)
      assert.equal("", get({ server.reply {} }, { max_body = 0 }).body)
      local reply = server.reply { body = "x" }
      assert.equal("x", get({ reply }, { max_header = #reply - 1 }).body)
      capped("HEADER_TOO_BIG", get({ reply }, { max_header = #reply - 2 }))
    end)

    it("ends headers that are too many, too long, or come again and again", function()
      local line = "X-A: " .. ("a"):rep(90) .. "\r\n"
      capped("HEADER_TOO_BIG", get({ "HTTP/1.1 200 OK\r\n", { fill = line, times = 100 },
                                     server.HANG }, { max_header = 4096 }))
      capped("HEADER_TOO_BIG", get({ "HTTP/1.1 200 OK\r\nX: ", { fill = "x", times = 5000 },
                                     "\r\n\r\n", server.HANG }, { max_header = 4096 }))
      capped("HEADER_TOO_BIG", get({ { fill = "HTTP/1.1 100 Continue\r\n\r\n", times = 1000 },
                                     server.HANG }, { max_header = 4096 }))
    end)

    it("ends a header line without an end", function()
      capped("HEADER_TOO_BIG", get { "HTTP/1.1 200 OK\r\nX: ", { fill = "x", times = 500000 },
                                     server.HANG })
    end)

    it("ends trailers without an end", function()
      capped("HEADER_TOO_BIG", get({ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                                     { fill = "X-A: b\r\n", times = 5000 }, server.HANG },
                                   { max_header = 4096 }))
    end)

    it("is there when none is given", function()
      capped("HEADER_TOO_BIG", get { "HTTP/1.1 200 OK\r\n", { fill = "X-A: b\r\n", times = 20000 },
                                     server.HANG })
    end)
  end)

  describe("a proxy", function()
    it("gets the whole URL", function()
      serve { server.reply { body = "from the proxy" } }
      local response = run(pool, { url = "http://api.invalid/x?y=z", proxy = host.base_url })
      assert.equal("from the proxy", response.body)
      assert.equal("http://api.invalid/x?y=z", host:log()[1].target)
    end)

    it("that refuses a tunnel fails the transfer", function()
      serve { server.reply { status = 403, headers = { { "X-Proxy", "1" } } } }
      local ok, code = run(pool, { url = "https://api.invalid/?" .. SECRET,
                                   proxy = host.base_url })
      assert.is_false(ok)
      assert.is_true(code == "RECV_ERROR" or code == "COULDNT_CONNECT", code)
      assert.equal("CONNECT", host:log()[1].method)
      assert.equal("api.invalid:443", host:log()[1].target)
    end)
  end)

  describe("waiting", function()
    it("sleeps when nothing is running", function()
      local begin = now()
      assert.equal(0, pool:wait(0.2))
      local took = now() - begin
      assert.is_true(took > 0.15 and took < 1, took)
    end)

    it("does not wait with 0 or less", function()
      serve { server.HANG }
      local begin = now()
      local transfer = pool:start(request { url = host.base_url })
      assert.equal(1, pool:wait(0))
      assert.equal(1, pool:wait(-1))
      assert.equal(1, pool:wait(-math.huge))
      assert.is_true(now() - begin < 0.15)
      transfer:close()
      assert.equal(0, pool:wait(0))
    end)

    it("is not needed for the request to leave on a kept connection", function()
      serve { server.reply {} }
      local url = host.base_url
      run(pool, { url = url })
      local transfer = pool:start(request { url = url })
      os.execute("sleep 0.1")
      assert.equal(2, #host:log())
      transfer:close()
    end)

    it("does not sleep over a transfer that ended when it was started", function()
      local begin = now()
      local transfer = pool:start(request { url = "http://[::1" })
      if transfer:done() then
        pool:wait(2)
        assert.is_true(now() - begin < 1)
      end
      assert.equal("URL_MALFORMAT", (select(2, finish(pool, transfer))))
      begin = now()
      pool:wait(0.2) -- this one may sleep
      assert.is_true(now() - begin > 0.15)
    end)

    it("may come late: a deadline counts from the start", function()
      serve { server.HANG }
      local transfer = pool:start(request { url = host.base_url, seconds = 0.1 })
      os.execute("sleep 0.2")
      assert.equal(0, pool:wait(0))
      assert.equal("OPERATION_TIMEDOUT", (select(2, transfer:result())))
    end)

    it("ends early for a signal, with and without transfers", function()
      local interpreter, i = "lua", -1
      while arg and arg[i] do -- the outermost of the arguments
        interpreter, i = arg[i], i - 1
      end
      serve { server.HANG }
      local script = os.tmpname()
      for _, url in ipairs { "", host.base_url } do
        local file = assert(io.open(script, "w"))
        file:write(([[
          package.cpath = %q
          local url = %q
          local pool = require "wxmoments.curl".pool()
          local transfer = url ~= ""
            and pool:start { method = "GET", url = url, seconds = 9, proxy = "" }
          print(pcall(function() repeat pool:wait(3) until url == "" or transfer:done() end))
        ]]):format(package.cpath, url))
        file:close()
        local begin = now()
        local pipe = io.popen(interpreter .. " " .. script
          .. " & pid=$!; sleep 0.5; kill -INT $pid; wait $pid")
        local output = pipe:read("*a")
        pipe:close()
        assert.matches("interrupted", output)
        assert.is_true(now() - begin < 2)
      end
      os.remove(script)
    end)
  end)

  describe("ends", function()
    local url

    before_each(function()
      serve { server.HANG }
      url = host.base_url .. "/?access_token=" .. SECRET
    end)

    it("of a pool fail its transfers", function()
      local early = pool:start(request { url = url })
      local late
      pool:wait(0)
      for _ = 1, 20 do
        pool:wait(0.01)
      end
      late = pool:start(request { url = url:gsub("http:", "https:") }) -- waits for its handshake
      pool:close()
      pool:close()
      for transfer, was_sent in pairs { [early] = true, [late] = false } do
        assert.is_true(transfer:done())
        local ok, code, message, sent = transfer:result()
        assert.is_false(ok)
        assert.equal("CLOSED", code)
        assert.equal("The pool was closed", message)
        assert.equal(was_sent, sent)
        transfer:close()
      end
    end)

    it("of a pool leave the responses it brought", function()
      serve { server.reply { body = "x" } }
      local transfer = pool:start(request { url = host.base_url })
      finish(pool, transfer)
      pool:close()
      assert.equal("x", transfer:result().body)
    end)

    it("of a transfer take it out of its pool", function()
      local transfer = pool:start(request { url = url })
      assert.equal(1, pool:wait(0))
      transfer:close()
      transfer:close()
      assert.equal(0, pool:wait(0))
    end)

    it("make every other method raise", function()
      local transfer = pool:start(request { url = url })
      transfer:close()
      assert.has_error(function() transfer:done() end, "wxmoments.transfer is closed")
      assert.has_error(function() transfer:result() end, "wxmoments.transfer is closed")
      pool:close()
      assert.has_error(function() pool:wait(0) end, "wxmoments.pool is closed")
      assert.has_error(function() pool:start(request { url = url }) end,
                       "wxmoments.pool is closed")
    end)

    it("show in the text", function()
      local transfer = pool:start(request { url = url })
      assert.equal("wxmoments.transfer: running", tostring(transfer))
      assert.equal("wxmoments.pool: open", tostring(pool))
      pool:close()
      assert.equal("wxmoments.transfer: done", tostring(transfer))
      assert.equal("wxmoments.pool: closed", tostring(pool))
      transfer:close()
      assert.equal("wxmoments.transfer: closed", tostring(transfer))
      assert.equal("wxmoments.transfer", getmetatable(transfer).__name)
      assert.equal("wxmoments.pool", getmetatable(pool).__name)
      for _, object in ipairs { pool, transfer } do
        for _, event in ipairs { "__gc", "__close" } do
          getmetatable(object)[event](object)
          assert.equal("function", type(object.close))
        end
      end
    end)

    it("may come by collection, in any order", function()
      for round = 1, 30 do
        local other = curl.pool()
        local kept = {}
        for i = 1, 4 do
          kept[i] = assert(other:start(request { url = url }))
          pool:start(request { url = url }) -- dropped at once
        end
        if round % 3 == 0 then
          other:wait(0)
        elseif round % 3 == 1 then
          kept = nil
        end
        other = nil -- luacheck: ignore
        collectgarbage()
        pool:wait(0)
        for _, transfer in ipairs(kept or {}) do
          assert.equal("CLOSED", (select(2, transfer:result())))
        end
      end
      collectgarbage()
      assert.equal(0, pool:wait(0))
    end)
  end)

  describe("a mistake in the request", function()
    local huge = 2 ^ 1023 * 2
    local nan = huge - huge

    for _, case in ipairs {
      { "method", nil, "'method' must be GET" }, { "method", "get", "'method'" },
      { "method", "CONNECT", "'method'" }, { "method", "GET /" .. SECRET, "'method'" },
      { "method", 5, "'method' must be a string" }, { "method", "GET\0", "'method'" },
      { "url", nil, "'url' must be a string, not empty" }, { "url", "", "'url'" },
      { "url", {}, "'url'" }, { "url", "http://a/" .. SECRET .. "\r\nX: y", "'url'" },
      { "url", "http://a/\0" .. SECRET, "'url' must be without control characters" },
      { "url", "http://a/\127", "'url'" }, { "url", 80, "'url'" },
      { "body", 5, "'body' must be a string" }, { "body", {}, "'body'" },
      { "body", true, "'body'" }, { "safe", 1, "'safe' must be a boolean" },
      { "safe", "true", "'safe'" },
      { "seconds", nil, "'seconds' must be a number of seconds above 0" },
      { "seconds", 0, "'seconds'" }, { "seconds", -1, "'seconds'" },
      { "seconds", nan, "'seconds'" }, { "seconds", -huge, "'seconds'" },
      { "seconds", "5", "'seconds'" }, { "seconds", {}, "'seconds'" },
      { "connect_seconds", 0, "'connect_seconds'" },
      { "connect_seconds", nan, "'connect_seconds'" },
      { "connect_seconds", false, "'connect_seconds'" },
      { "max_body", -1, "'max_body'" }, { "max_body", nan, "'max_body'" },
      { "max_body", "1", "'max_body'" }, { "max_header", {}, "'max_header'" },
      { "ca_file", 1, "'ca_file' must be a string" }, { "ca_file", "a\0b", "'ca_file'" },
      { "proxy", false, "'proxy' must be a string" }, { "proxy", "h\n", "'proxy'" },
      { "user_agent", "a\r\nX: " .. SECRET, "'user_agent'" }, { "user_agent", 5, "'user_agent'" },
      { "headers", "x", "'headers' must be a list of pairs" },
      { "headers", { "x" }, "'headers[1]' must be a pair of strings" },
      { "headers", { { "X", "y" }, {} }, "'headers[2]' must be a pair of strings" },
      { "headers", { { "X", 5 } }, "'headers[1]' must be a pair of strings" },
      { "headers", { { "X" } }, "'headers[1]' must be a pair of strings" },
      { "headers", { { "X:y", SECRET } }, "'headers[1]' must have a proper name" },
      { "headers", { { "", SECRET } }, "'headers[1]' must have a proper name" },
      { "headers", { { "X\0", SECRET } }, "'headers[1]' must have a proper name" },
      { "headers", { { "X Y", SECRET } }, "'headers[1]' must have a proper name" },
      { "headers", { { "X", SECRET .. "\r\nY: z" } },
        "'headers[1]' must be without control characters" },
      { "headers", { { "X", "\0" } }, "'headers[1]' must be without control characters" },
      { "headers", { { "Content-LENGTH", "5" } }, "'headers[1]' is set by the transport" },
      { "headers", { { "transfer-encoding", "chunked" } }, "'headers[1]' is set by the transport" },
    } do
      it(case[1] .. ": " .. tostring(case[3]) .. " (" .. type(case[2]) .. ")", function()
        local bad = request { url = "http://127.0.0.1:1/" }
        bad[case[1]] = case[2]
        local ok, message = pcall(pool.start, pool, bad)
        assert.is_false(ok)
        assert.is_truthy(message:find(case[3], 1, true), message)
        assert.is_nil(message:find(SECRET, 1, true))
        assert.equal(0, pool:wait(0))
      end)
    end

    it("is a body with HEAD", function()
      local ok, message = pcall(pool.start, pool,
        request { method = "HEAD", body = "x", url = "http://127.0.0.1:1/" })
      assert.is_false(ok)
      assert.matches("'body' must be absent with HEAD", message)
    end)

    it("is no table, or no pool", function()
      for _, value in ipairs { 5, "x", true, pool } do
        assert.is_false(pcall(pool.start, pool, value))
        assert.is_false(pcall(pool.start, value, {}))
        assert.is_false(pcall(pool.close, value ~= pool and value or {}))
      end
      assert.is_false(pcall(pool.start, pool))
      assert.is_false(pcall(pool.start))
      assert.is_false(pcall(pool.wait, pool))
      assert.is_false(pcall(pool.wait, pool, nan))
      assert.is_false(pcall(pool.wait, pool, {}))
      local transfer = pool:start(request { url = "http://127.0.0.1:1/" })
      assert.is_false(pcall(pool.wait, transfer, 0))
      assert.is_false(pcall(transfer.done, pool))
    end)

    it("is not a huge number: that is no limit", function()
      serve { server.reply { body = "x" } }
      for _, big in ipairs { 1e6, 1e15, 1e300, huge } do
        local response = run(pool, { url = host.base_url, seconds = big, connect_seconds = big,
                                     max_body = big, max_header = big })
        assert.equal("x", response.body)
      end
      assert.equal("x", run(pool, { url = host.base_url, max_body = 1.5 }).body)
    end)

    it("is not looked for behind the table's back", function()
      local asked = false
      local proxied = setmetatable({}, { __index = function() asked = true end })
      assert.is_false(pcall(pool.start, pool, proxied))
      assert.is_false(asked)
    end)
  end)

  describe("TLS", function()
    local folder, nginx_pid, port

    local function sh(command)
      local ok = os.execute("cd " .. folder .. " && { " .. command .. "\n} >log 2>&1")
      assert(ok == true or ok == 0, command)
    end

    local function write(name, text)
      local file = assert(io.open(folder .. "/" .. name, "w"))
      file:write(text)
      file:close()
    end

    local function read(name)
      local file = assert(io.open(folder .. "/" .. name))
      local text = file:read("*a")
      file:close()
      return text
    end

    setup(function()
      folder = os.tmpname()
      os.remove(folder)
      assert(os.execute("mkdir -m 700 " .. folder))
      write("ext", "subjectAltName=DNS:localhost\n")
      sh("for ca in good other; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
        .. "-nodes -keyout $ca.key -out $ca.pem -days 2 -subj /CN=$ca; done")
      sh("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout srv.key "
        .. "-out srv.csr -subj /CN=localhost && openssl x509 -req -in srv.csr -CA good.pem "
        .. "-CAkey good.key -CAcreateserial -out srv.pem -days 2 -extfile ext")
      -- A free port of its own: one that the test server has just had.
      local lender = server.start { connections = { {} } }
      port = lender.port
      lender:stop()
      write("nginx.conf", ([[
daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
events { worker_connections 256; }
http {
  access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t;
  uwsgi_temp_path t; scgi_temp_path t; keepalive_requests 1000000;
  server {
    listen 127.0.0.1:%d ssl; server_name localhost;
    ssl_certificate srv.pem; ssl_certificate_key srv.key;
    location / { default_type text/plain; return 200 "secure"; }
  }
}
]]):format(port))
      sh("PATH=$PATH:/usr/sbin; timeout 60 nginx -p " .. folder
        .. "/ -c nginx.conf & echo $! > pid")
      nginx_pid = tonumber(read("pid"))
      local probe = curl.pool()
      for _ = 1, 100 do
        local ok, code = run(probe, { url = "https://127.0.0.1:" .. port })
        if ok or code ~= "COULDNT_CONNECT" then
          break
        end
        probe:wait(0.05)
      end
      probe:close()
    end)

    teardown(function()
      if nginx_pid then
        os.execute("kill " .. nginx_pid)
      end
      os.execute("rm -rf " .. folder)
    end)

    local function fetch(fields, name)
      fields.url = "https://" .. (name or "localhost") .. ":" .. port .. "/?access_token=" .. SECRET
      return run(pool, fields)
    end

    local function refused(ok, code, message, sent)
      assert.is_false(ok)
      assert.equal("PEER_FAILED_VERIFICATION", code)
      assert.is_nil(message:find(SECRET, 1, true))
      assert.is_false(sent)
    end

    it("refuses a CA it does not know, also after it was known", function()
      refused(fetch {})
      refused(fetch { ca_file = folder .. "/other.pem" })
      assert.equal("secure", fetch({ ca_file = folder .. "/good.pem" }).body)
      refused(fetch { ca_file = folder .. "/other.pem" })
      refused(fetch {})
    end)

    it("accepts the CA it is given", function()
      for _ = 1, 3 do
        assert.equal("secure", fetch({ ca_file = folder .. "/good.pem" }).body)
      end
    end)

    it("parses the CAs once, not for each connection", function()
      local major, minor = curl.version:match("^(%d+)%.(%d+)")
      if tonumber(major) * 1000 + tonumber(minor) < 7087 then
        return -- libcurl does not keep them yet
      end
      write("many.pem", read("other.pem"):rep(300) .. read("good.pem"))
      local fields = { ca_file = folder .. "/many.pem", safe = false }
      local function cpu(times)
        local begin = os.clock()
        for _ = 1, times do
          assert.equal("secure", fetch(fields).body)
        end
        return (os.clock() - begin) / times
      end
      local first, later = cpu(1), cpu(10)
      assert.is_true(later < first / 2, later / first)
    end)

    it("goes through a proxy's tunnel, whose answer is not the response", function()
      serve { "HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n", { relay = port } }
      local response = fetch { ca_file = folder .. "/good.pem", proxy = host.base_url }
      assert.equal("secure", response.body)
      assert.equal("", header(response, "X-Proxy"))
      assert.equal("text/plain", header(response, "Content-Type"))
      assert.equal("CONNECT", host:log()[1].method)
      assert.is_nil(host:log()[1].target:find(SECRET, 1, true))
    end)

    it("refuses another name", function()
      -- The certificate is for localhost.
      refused(fetch({ ca_file = folder .. "/good.pem" }, "127.0.0.1"))
    end)

    it("says when the CA file cannot be read", function()
      local ok, code, _, sent = fetch { ca_file = folder .. "/missing.pem" }
      assert.is_false(ok)
      assert.equal("SSL_CACERT_BADFILE", code)
      assert.is_false(sent)
    end)

    it("is not spoken to a server without it", function()
      serve { server.reply {} }
      local ok, code, _, sent = run(pool, { url = "https://127.0.0.1:" .. host.port })
      assert.is_false(ok)
      assert.is_true(code == "SSL_CONNECT_ERROR" or code == "OPERATION_TIMEDOUT", code)
      assert.is_false(sent)
    end)
  end)
end)
