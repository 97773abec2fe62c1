--- The curl driver under the whole client, over real sockets: what is sent, how often, and
-- what an error says. The transport itself: spec/wxmoments/curl_spec.lua.

local server = require "spec.support.server"
local wxmoments = require "wxmoments"

local PARAMS = { start_time = 1605000000, end_time = 1605172726 }
local OK = server.reply { body = '{"errcode":0,"errmsg":"ok","next_cursor":"","moment_list":[]}' }

local host

local function start(script)
  host = server.start(script)
  return host
end

local function client(more)
  local options = { access_token = function() return "T0KEN", 7200 end, base_url = host.base_url,
    retry = { base = 0.01, cap = 0.02 }, proxy = "" }
  for name, value in pairs(more or {}) do options[name] = value end
  return wxmoments.wecom(options)
end

describe("the curl driver", function()
  after_each(function()
    if host then host:stop() end
    host = nil
  end)

  it("sends what the document says, and keeps the connection", function()
    start { connections = { { { OK } } } }
    local corp = client()
    for _ = 1, 3 do
      assert(corp:get_moment_list(PARAMS))
    end
    local log = host:log()
    assert.equal(3, #log)
    for i, entry in ipairs(log) do
      assert.same({ 1, i, "POST" }, { entry.connection, entry.request, entry.method })
      assert.equal("/cgi-bin/externalcontact/get_moment_list?access_token=T0KEN", entry.target)
      assert.equal('{"start_time":1605000000,"end_time":1605172726}', entry.body)
      assert.equal("application/json", entry.headers["content-type"])
      assert.equal("wxmoments/" .. wxmoments._VERSION, entry.headers["user-agent"])
      assert.is_nil(entry.headers.expect)
      assert.is_nil(entry.headers["accept-encoding"])
    end
  end)

  -- The kept connection dies after the second POST was read: nobody knows whether it was done.
  for _, case in ipairs { { true, 2, nil }, { false, 1, "unknown" } } do
    local safe, times, outcome = case[1], case[2], case[3]
    it(("sends a POST that is %s %d time(s) when the kept connection dies under it"):format(
      safe and "safe" or "not safe", times), function()
      start { connections = { { { OK }, { server.CLOSE } }, { { OK } } } }
      local corp = client()
      assert(corp:get_moment_list(PARAMS))
      local reply, err = corp:call { path = "/cgi-bin/x", body = { n = 1 }, safe = safe }
      local seen, fresh = 0, false
      for _, entry in ipairs(host:log()) do
        if entry.target:find("^/cgi%-bin/x") then
          seen = seen + 1
          fresh = fresh or entry.connection > 1
        end
      end
      if safe then
        assert.is_table(reply, tostring(err))
        assert.equal(times, seen)
      else
        -- It rode a connection of its own, so it came through; and it was there once.
        assert.is_table(reply, tostring(err))
        assert.equal(1, seen)
        assert.is_true(fresh)
      end
      assert.is_nil(outcome == nil and err or nil)
    end)
  end

  it("says 'unknown' when a connection dies under what must not happen twice", function()
    start { connections = { { { server.CLOSE } } } }
    local reply, err = client():call { path = "/cgi-bin/x", body = { n = 1 } }
    assert.is_nil(reply)
    assert.same({ "transport", "unknown", 1, false },
      { err.kind, err.outcome, err.attempts, err.retryable })
    assert.equal(1, #host:log())
  end)

  it("tries what is safe again, within bounds", function()
    start { connections = { { { server.CLOSE } } } }
    local reply, err = client { retry = { attempts = 3, base = 0.01, cap = 0.01 } }
      :get_moment_list(PARAMS)
    assert.is_nil(reply)
    assert.same({ "transport", 3 }, { err.kind, err.attempts })
    assert.is_nil(err.outcome)
  end)

  it("stops at the deadline", function()
    start { connections = { { { server.HANG } } } }
    local core = require "wxmoments.core"
    local began = core.now()
    local reply, err = client { deadline = 0.3 }:get_moment_list(PARAMS)
    assert.is_nil(reply)
    assert.same({ "timeout", "OPERATION_TIMEDOUT" }, { err.kind, err.code })
    assert.truthy(err.fix:find("deadline", 1, true))
    assert.is_true(core.now() - began < 5)
  end)

  it("refuses a body beyond its bound", function()
    start { connections = { { { server.reply { body = ("x"):rep(5000) } } } } }
    local reply, err = client { max_body = 1024 }:get_moment_list(PARAMS)
    assert.is_nil(reply)
    assert.same({ "decode", "BODY_TOO_BIG", 1, false },
      { err.kind, err.code, err.attempts, err.retryable })
  end)

  it("does not follow a redirect", function()
    start { connections = { { { server.reply { status = 302,
      headers = { { "Location", "http://127.0.0.1:1/elsewhere" } } } } } } }
    local reply, err = client():get_moment_list(PARAMS)
    assert.is_nil(reply)
    assert.same({ "http", 302 }, { err.kind, err.code })
    assert.equal(1, #host:log())
  end)

  it("says that nobody listens", function()
    start { connections = { { { OK } } } }
    local corp = client { retry = { attempts = 2, base = 0.01, cap = 0.01 } }
    host:stop()
    local reply, err = corp:get_moment_list(PARAMS)
    assert.is_nil(reply)
    assert.same({ "transport", "COULDNT_CONNECT", 2 }, { err.kind, err.code, err.attempts })
    assert.truthy(err.fix:find("base_url", 1, true))
    local _, unsafe = corp:call { path = "/x", body = {} }
    assert.is_nil(unsafe.outcome) -- nothing can have left
  end)

  it("does not show a loopback request to the environment's proxy", function()
    start { connections = { { { OK } } } }
    local code = ([[
      local corp = require "wxmoments".wecom { base_url = "%s",
        access_token = function() return "T" end, retry = { attempts = 1 } }
      print(corp:get_moment_list { start_time = 1, end_time = 2 })]]):format(host.base_url)
    local interpreter = rawget(_G, "jit") and "luajit" or "lua5.4"
    local pipe = io.popen("http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 "
      .. interpreter .. " -e '" .. code .. "' 2>&1")
    local output = pipe:read("*a")
    pipe:close()
    assert.truthy(output:find("^table"), output)
    assert.equal(1, #host:log())
  end)

  it("sleeps", function()
    local driver = require "wxmoments.driver.curl".new {}
    local began = driver.now()
    driver.sleep(0.05)
    local slept = driver.now() - began
    assert.is_true(slept >= 0.05 and slept < 3)
  end)

  it("ends a transfer with its task", function()
    start { connections = { { { server.HANG } } } }
    local driver = require "wxmoments.driver.curl".new {}
    local corp = client()
    local task = driver.loop:spawn(function() corp:get_moment_list(PARAMS) end)
    assert.is_false(task.done)
    driver.loop:kill(task)
    assert.is_true(task.done)
  end)

  it("refuses to block an nginx worker unless told aloud", function()
    start { connections = { { { OK } } } }
    local corp, aloud = client(), client { blocking = true }
    rawset(_G, "ngx", { get_phase = function() return "content" end })
    local reply, err = corp:get_moment_list(PARAMS)
    local spoken = aloud:get_moment_list(PARAMS)
    rawset(_G, "ngx", nil)
    assert.is_nil(reply)
    assert.same({ "state", "blocking_driver" }, { err.kind, err.code })
    assert.truthy(err.message:find("content", 1, true))
    assert.is_table(spoken)
    assert.equal(1, #host:log())
  end)
end)
