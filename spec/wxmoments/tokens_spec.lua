--- Tokens: how often they are got, when they are dropped, and who gets them.

local fake = require "spec.support.fake"
local memory = require "wxmoments.store.memory"
local wxmoments = require "wxmoments"

local PARAMS = { start_time = 1, end_time = 2 }
local EMPTY = '{"errcode":0,"errmsg":"ok","next_cursor":"","moment_list":[]}'

-- A server that gives out tokens T1, T2 … and takes only those in `good`.
local function server(behaviour)
  local given = 0
  local self = { tokens = 0, calls = 0 }
  function self.answer(request)
    local query = fake.query(request)
    if request.url:find("/gettoken?", 1, true) then
      self.tokens = self.tokens + 1
      given = given + 1
      return behaviour.gettoken and behaviour.gettoken(given)
        or fake.ok(('{"errcode":0,"errmsg":"ok","access_token":"T%d","expires_in":7200}')
          :format(given))
    end
    self.calls = self.calls + 1
    return fake.ok(behaviour.call and behaviour.call(query.access_token, self.calls) or EMPTY)
  end
  return self
end

local function client(behaviour, more, latency)
  local self = server(behaviour)
  local driver = fake.driver(self.answer, latency)
  local options = {
    corpid = "ww1", corpsecret = "s3cret", driver = driver, token_store = memory.new(),
  }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return wxmoments.wecom(options), self, driver
end

local function only(good)
  return function(token)
    return token ~= good and '{"errcode":42001,"errmsg":"access_token expired"}' or nil
  end
end

describe("tokens", function()
  it("are got once and kept", function()
    local corp, told, driver = client {}
    for _ = 1, 5 do
      assert(corp:get_moment_list(PARAMS))
    end
    assert.same({ 1, 5 }, { told.tokens, told.calls })
    assert.same({ corpid = "ww1", corpsecret = "s3cret" }, fake.query(driver.requests[1]))
    assert.equal("GET", driver.requests[1].method)
  end)

  it("are shared by clients of one app, and by no others", function()
    local store = memory.new()
    local a, told_a = client({}, { token_store = store })
    local b, told_b = client({}, { token_store = store })
    local c, told_c = client({}, { token_store = store, corpsecret = "another" })
    local d, told_d = client({}, { token_store = store, corpid = "ww2" })
    for _, corp in ipairs { a, b, c, d } do
      assert(corp:get_moment_list(PARAMS))
    end
    assert.same({ 1, 0, 1, 1 }, { told_a.tokens, told_b.tokens, told_c.tokens, told_d.tokens })
  end)

  for _, errcode in ipairs { 42001, 40014, 41001 } do
    it("that are refused with " .. errcode .. " cost one gettoken and one resend", function()
      local corp, told = client { call = function(_, n)
        return n == 2 and ('{"errcode":%d,"errmsg":"x"}'):format(errcode) or nil
      end }
      assert(corp:get_moment_list(PARAMS))
      assert(corp:get_moment_list(PARAMS))
      assert(corp:get_moment_list(PARAMS))
      assert.same({ 2, 4 }, { told.tokens, told.calls })
    end)
  end

  it("that are refused twice are the caller's error", function()
    local corp, told = client { call = only "never" }
    local reply, err = corp:get_moment_list(PARAMS)
    assert.is_nil(reply)
    assert.same({ "api", 42001, 2 }, { err.kind, err.code, err.attempts })
    assert.same({ 2, 2 }, { told.tokens, told.calls })
  end)

  for _, errcode in ipairs { 40001, 40091, 40013 } do
    it(errcode .. " is final, at gettoken and elsewhere", function()
      local body = fake.ok(('{"errcode":%d,"errmsg":"x"}'):format(errcode))
      local corp, told = client { gettoken = function() return body end }
      local _, err = corp:get_moment_list(PARAMS)
      assert.same({ "gettoken", errcode, 1 }, { err.op, err.code, told.tokens })
      corp, told = client { call = function() return body.body end }
      _, err = corp:get_moment_list(PARAMS)
      assert.same({ "get_moment_list", errcode, 1, 1 },
        { err.op, err.code, told.tokens, told.calls })
    end)
  end

  it("are asked for again when the server is busy", function()
    local corp, told = client { gettoken = function(n)
      return n < 3 and fake.ok '{"errcode":-1,"errmsg":"system busy"}' or nil
    end }
    assert(corp:get_moment_list(PARAMS))
    assert.equal(3, told.tokens)
  end)

  for what, body in pairs {
    ["no token"] = '{"errcode":0,"expires_in":7200}',
    ["an empty token"] = '{"errcode":0,"access_token":"","expires_in":7200}',
    ["a huge token"] = '{"errcode":0,"access_token":"' .. ("x"):rep(513) .. '","expires_in":7200}',
    ["no life"] = '{"errcode":0,"access_token":"T"}',
    ["a life that is none"] = '{"errcode":0,"access_token":"T","expires_in":0}',
    ["nothing"] = "{}",
  } do
    it("are no tokens when the server gives " .. what, function()
      local corp = client { gettoken = function() return fake.ok(body) end }
      local _, err = corp:get_moment_list(PARAMS)
      assert.same({ "decode", "gettoken" }, { err.kind, err.op })
    end)
  end

  it("are kept until 200 s before their end, or half of a shorter life", function()
    for life, kept in pairs { [7200] = 7000, [300] = 150, [1] = 0.5 } do
      local ttl
      local store = memory.new()
      local set = store.set
      store.set = function(self, key, token, seconds)
        ttl = seconds
        set(self, key, token, seconds)
      end
      local corp = client({ gettoken = function()
        return fake.ok(('{"errcode":0,"access_token":"T","expires_in":%d}'):format(life))
      end }, { token_store = store })
      assert(corp:get_moment_list(PARAMS))
      assert.equal(kept, ttl)
    end
  end)

  it("are got once for a hundred calls that start together", function()
    local corp, told, driver = client({}, {}, 0.05)
    local done = 0
    for _ = 1, 100 do
      driver.loop:spawn(function()
        assert(corp:get_moment_list(PARAMS))
        done = done + 1
      end)
    end
    driver.loop:wait(function() return done == 100 end, driver.now() + 60)
    assert.same({ 1, 100, 100 }, { told.tokens, told.calls, done })
  end)

  it("are renewed once for a hundred calls that are refused together", function()
    local corp, told, driver = client({ call = only "T2" }, {}, 0.05)
    local done = 0
    for _ = 1, 100 do
      driver.loop:spawn(function()
        assert(corp:get_moment_list(PARAMS))
        done = done + 1
      end)
    end
    driver.loop:wait(function() return done == 100 end, driver.now() + 60)
    assert.same({ 2, 200, 100 }, { told.tokens, told.calls, done })
  end)

  it("are got by another when the getter is given up", function()
    local corp, told, driver = client({}, {}, 0.05)
    local first = driver.loop:spawn(function() corp:get_moment_list(PARAMS) end)
    local reply
    driver.loop:spawn(function() reply = corp:get_moment_list(PARAMS) end)
    driver.loop:kill(first)
    driver.loop:wait(function() return reply end, driver.now() + 5)
    assert.is_table(reply)
    assert.equal(1, told.tokens) -- the one given up was still on its way
    assert.truthy(driver.requests[1].url:find("/gettoken?", 1, true))
    assert.truthy(driver.requests[2].url:find("/gettoken?", 1, true))
  end)

  it("that cannot be got are not asked for by everyone in turn", function()
    local corp, told, driver = client({ gettoken = function()
      return fake.ok '{"errcode":40001,"errmsg":"invalid credential"}'
    end }, {}, 0.05)
    local failed, attempts = 0, {}
    for _ = 1, 20 do
      driver.loop:spawn(function()
        local _, err = corp:get_moment_list(PARAMS)
        failed = failed + (err.code == 40001 and 1 or 0)
        attempts[#attempts + 1] = err.attempts
      end)
    end
    driver.loop:wait(function() return failed == 20 end, driver.now() + 60)
    assert.same({ 20, 1 }, { failed, told.tokens })
    assert.equal(1, attempts[1])
    assert.equal(40001, select(2, corp:get_moment_list(PARAMS)).code)
    assert.equal(1, told.tokens)
    driver.loop:wait(function() return false end, driver.now() + 61)
    corp:get_moment_list(PARAMS)
    assert.equal(2, told.tokens)
  end)

  it("keep the count of attempts when they fail", function()
    local corp = client { gettoken = function() return fake.ok '{"errcode":-1,"errmsg":"x"}' end }
    local _, err = corp:get_moment_list(PARAMS)
    assert.same({ "gettoken", -1, 4 }, { err.op, err.code, err.attempts })
  end)

  it("with a space are no tokens", function()
    local corp = client { gettoken = function()
      return fake.ok '{"errcode":0,"access_token":"has space","expires_in":7200}'
    end }
    assert.equal("decode", select(2, corp:get_moment_list(PARAMS)).kind)
  end)

  it("are waited for no longer than the deadline", function()
    local store = memory.new()
    local corp, told = client({}, { token_store = store, deadline = 3 })
    store.lock = function() return nil end
    local _, err = corp:get_moment_list(PARAMS)
    assert.same({ "timeout", "DEADLINE", 0 }, { err.kind, err.code, told.tokens })
  end)

  it("leave the lock free when a store fails", function()
    local store = memory.new()
    local corp = client({}, { token_store = store })
    store.set = function() error("disk full") end
    assert.has_error(function() corp:get_moment_list(PARAMS) end)
    store.set = nil
    assert(corp:get_moment_list(PARAMS))
  end)

  it("of a store are ignored when they are none", function()
    local store = memory.new()
    store.get = function() return "bad\r\ntoken" end
    local corp, told = client({}, { token_store = store })
    assert(corp:get_moment_list(PARAMS))
    assert.equal(1, told.tokens)
  end)
end)

describe("an access_token function", function()
  local function provided(fn, call)
    local told = server { call = call }
    local driver = fake.driver(told.answer)
    return wxmoments.wecom { access_token = fn, driver = driver }, told, driver
  end

  it("is asked once for what may be kept, each time for what may not", function()
    local asked = 0
    local corp = provided(function() asked = asked + 1; return "T1", 7200 end)
    for _ = 1, 3 do assert(corp:get_moment_list(PARAMS)) end
    assert.equal(1, asked)
    corp = provided(function() asked = asked + 1; return "T1" end)
    for _ = 1, 3 do assert(corp:get_moment_list(PARAMS)) end
    assert.equal(4, asked)
  end)

  it("is told when its token was refused", function()
    local forced = {}
    local corp = provided(function(force)
      forced[#forced + 1] = force
      return force and "T2" or "T1", 7200
    end, only "T2")
    assert(corp:get_moment_list(PARAMS))
    assert(corp:get_moment_list(PARAMS))
    assert.same({ false, true }, forced)
  end)

  for what, fn in pairs {
    ["nothing"] = function() end,
    ["a reason"] = function() return nil, "no suite ticket yet" end,
    ["a number"] = function() return 5 end,
    ["an empty string"] = function() return "" end,
    ["a line break"] = function() return "a\r\nHost: x" end,
    ["a table"] = function() return {} end,
  } do
    it("that gives " .. what .. " is an error", function()
      local corp, _, driver = provided(fn)
      local _, err = corp:get_moment_list(PARAMS)
      assert.same({ "state", "no_token" }, { err.kind, err.code })
      assert.equal(0, #driver.requests)
      if what == "a reason" then
        assert.truthy(err.message:find("no suite ticket yet", 1, true))
      end
    end)
  end

  it("shares a store under a key of its own", function()
    local store = memory.new()
    local function app(token, key)
      local told = server { call = only(token) }
      return wxmoments.wecom { access_token = function() return token, 7200 end,
        driver = fake.driver(told.answer), token_store = store, token_key = key }
    end
    assert(app("T1", "app 1"):get_moment_list(PARAMS))
    assert(app("T2", "app 2"):get_moment_list(PARAMS))
    assert.has_error(function() app("T3", nil) end)
  end)

  it("that raises raises, and may be asked again", function()
    local broken = true
    local corp = provided(function()
      if broken then error("boom") end
      return "T1"
    end)
    assert.has_error(function() corp:get_moment_list(PARAMS) end)
    broken = false
    assert(corp:get_moment_list(PARAMS))
  end)
end)
