--- The engine: what a reply means, when it is sent again, and what an error says then.

local fake = require "spec.support.fake"
local wxmoments = require "wxmoments"

local PARAMS = { start_time = 1605000000, end_time = 1605172726 }
local EMPTY = fake.ok '{"errcode":0,"errmsg":"ok","next_cursor":"","moment_list":[]}'

local function refused(errcode, errmsg)
  return fake.ok(('{"errcode":%d,"errmsg":"%s"}'):format(errcode, errmsg or "x"))
end

local function status(code, headers, body)
  return { status = code, headers = headers or {}, body = body or "<html>" }
end

local function broken(code, sent)
  local errors = require "wxmoments.errors"
  return function()
    return nil, errors.new { kind = "transport", code = code, message = "broken", sent = sent,
      retryable = true }
  end
end

local function client(replies, more)
  local driver = fake.driver(replies)
  return wxmoments.wecom(fake.options(driver, more)), driver
end

-- what, replies, options, expected fields of the error, requests sent
local ENDS = {
  { "an errcode that is final",
    { refused(48002, "api forbidden, hint: [1], from ip: 203.0.113.7") }, {},
    { kind = "api", code = 48002, who = "admin", hint = "1", from_ip = "203.0.113.7", attempts = 1,
      retryable = false }, 1 },
  { "an errcode nobody knows", { refused(987654) }, {},
    { kind = "api", code = 987654, attempts = 1 }, 1 },
  { "system busy, again and again", { refused(-1, "system busy") }, {},
    { kind = "api", code = -1, errcode = -1, attempts = 4, retryable = true }, 4 },
  { "fewer attempts when told", { refused(-1) }, { retry = { attempts = 2 } },
    { attempts = 2 }, 2 },
  { "a rate window", { refused(45009) }, {},
    { code = 45009, retry_after = 60, who = "wait", attempts = 1 }, 1 },
  { "{}", { fake.ok "{}" }, {}, { kind = "decode", code = "required", path = "errcode" }, 1 },
  { "errcode 0 and nothing else", { fake.ok '{"errcode":0,"errmsg":"ok"}' }, {},
    { kind = "decode", code = "one_of" }, 1 },
  { "[]", { fake.ok "[]" }, {}, { kind = "decode", code = "type", who = "admin" }, 1 },
  { "null", { fake.ok "null" }, {}, { kind = "decode", code = "type" }, 1 },
  { "a page of HTML", { fake.ok "<html>" }, {}, { kind = "decode", code = "syntax" }, 1 },
  { "nothing", { fake.ok "" }, {}, { kind = "decode", code = "syntax" }, 1 },
  { "errcode 0 with the warning",
    { fake.ok '{"errcode":0,"errmsg":"Warning: wrong json format. ok"}' }, {},
    { kind = "api", code = "wrong json format", errcode = 0 }, 1 },
  { "an errcode as text", { fake.ok '{"errcode":"48002"}' }, {},
    { kind = "api", code = 48002 }, 1 },
  { "a wrong type",
    { fake.ok '{"errcode":0,"moment_list":[{"moment_id":"m","create_time":"soon"}]}' }, {},
    { kind = "decode", code = "not_exact", path = "moment_list[1].create_time" }, 1 },
  { "a moment without its id", { fake.ok '{"errcode":0,"moment_list":[{"create_time":1}]}' }, {},
    { kind = "decode", code = "required", path = "moment_list[1].moment_id" }, 1 },
  { "HTTP 404", { status(404) }, {}, { kind = "http", code = 404, status = 404, attempts = 1 }, 1 },
  { "HTTP 302", { status(302) }, {}, { kind = "http", code = 302, attempts = 1 }, 1 },
  { "HTTP 502, again and again", { status(502) }, {}, { kind = "http", code = 502, attempts = 4,
    retryable = true }, 4 },
  { "HTTP 503 that says when", { status(503, { { "Retry-After", "77" } }) }, {},
    { kind = "http", retry_after = 77, attempts = 1 }, 1 },
  { "an errcode under another status", { status(403, {}, '{"errcode":48002,"errmsg":"x"}') }, {},
    { kind = "api", code = 48002, status = 403 }, 1 },
  { "no connection", { broken("COULDNT_CONNECT", false) }, {}, { kind = "transport",
    code = "COULDNT_CONNECT", attempts = 4 }, 4 },
  { "a driver that says a string", { function() return nil, "boom" end }, {}, { kind = "transport",
    code = "DRIVER", attempts = 4 }, 4 },
  { "a driver that says nothing", { function() end }, {}, { kind = "transport",
    code = "DRIVER" }, 4 },
  { "a response that is none", { { status = "200" } }, {}, { kind = "transport",
    code = "DRIVER" }, 1 },
}

describe("the engine", function()
  for _, case in ipairs(ENDS) do
    it("ends in an error for " .. case[1], function()
      local corp, driver = client(case[2], case[3])
      local reply, err = corp:get_moment_list(PARAMS)
      assert.is_nil(reply)
      assert.is_true(wxmoments.is_error(err))
      for name, value in pairs(case[4]) do
        assert.equal(value, err[name], name)
      end
      assert.equal("get_moment_list", err.op)
      assert.is_string(err.message)
      assert.is_nil(err.sent)
      assert.is_nil(err.outcome)
      assert.equal(case[5], #driver.requests)
    end)
  end

  it("sends again what may be sent again, with pauses that grow", function()
    local corp, driver = client { refused(-1), status(502), broken("RECV_ERROR"), EMPTY }
    assert.same({}, assert(corp:get_moment_list(PARAMS)).moment_list)
    assert.equal(4, #driver.requests)
    assert.equal(3, #driver.slept)
    for i, pause in ipairs(driver.slept) do
      assert.is_true(pause >= 0 and pause < 0.5 * 2 ^ (i - 1))
    end
  end)

  it("waits for a rate window when allowed", function()
    local corp, driver = client({ refused(45009), EMPTY }, { max_wait = 90, deadline = 100 })
    assert(corp:get_moment_list(PARAMS))
    assert.same({ 60 }, driver.slept)
    corp, driver = client({ refused(45009) }, { max_wait = 90, deadline = 1000 })
    assert.equal(2, select(2, corp:get_moment_list(PARAMS)).attempts)
    assert.same({ 60 }, driver.slept)
  end)

  it("gives the driver what is left of the deadline, and stops at it", function()
    local driver
    driver = fake.driver(function() driver.advance(4); return refused(-1) end)
    local corp = wxmoments.wecom(fake.options(driver, { deadline = 10 }))
    local _, err = corp:get_moment_list(PARAMS)
    assert.equal(-1, err.code)
    assert.is_true(#driver.requests <= 3)
    assert.is_true(driver.seconds_left > 0 and driver.seconds_left < 10)
  end)

  describe("and what must not happen twice", function()
    local REQUEST = { method = "POST", path = "/cgi-bin/x", body = { a = 1 } }

    for _, case in ipairs {
      { "a connection that broke", broken("RECV_ERROR"), "unknown" },
      { "a connection that never was", broken("COULDNT_CONNECT", false), nil },
      { "HTTP 502", status(502), "unknown" },
      { "HTTP 404", status(404), nil },
      { "an answer that cannot be read", fake.ok "<html>", "unknown" },
      { "a refusal", refused(48002), nil },
      { "system busy", refused(-1), "unknown" },
    } do
      it("is not sent again after " .. case[1], function()
        local corp, driver = client { case[2] }
        local reply, err = corp:call(REQUEST)
        assert.is_nil(reply)
        assert.equal(case[3], err.outcome)
        assert.equal(1, #driver.requests)
        assert.is_false(driver.requests[1].safe)
        if case[3] then
          assert.is_false(err.retryable)
          assert.truthy(err.fix:find("look before you do it again", 1, true))
        end
      end)
    end

    it("is sent again when it was refused as a whole", function()
      local corp, driver = client { refused(42001), fake.ok '{"errcode":0}' }
      assert(corp:call(REQUEST))
      assert.equal(2, #driver.requests)
    end)
  end)

  it("says what the last attempt left behind, not the one that was refused", function()
    local corp = client { refused(42001), broken("COULDNT_CONNECT", false) }
    local _, err = corp:call { path = "/cgi-bin/x", body = {} }
    assert.same({ "COULDNT_CONNECT", nil }, { err.code, err.outcome })
  end)

  it("takes what a driver raises as an error, without its secrets", function()
    local corp, driver = client { function(request) error("cannot reach " .. request.url) end }
    local reply, err = corp:get_moment_list(PARAMS)
    assert.is_nil(reply)
    assert.same({ "transport", "DRIVER", 1 }, { err.kind, err.code, #driver.requests })
    assert.truthy(err.message:find("cannot reach", 1, true))
    assert.falsy(tostring(err):find("T0KEN", 1, true))
  end)

  it("does not wait for ever because a header says so", function()
    for _, value in ipairs { ("9"):rep(400), "-5", "soon", "Fri, 31 Dec 1999 23:59:59 GMT" } do
      local corp = client({ status(503, { { "Retry-After", value } }) },
        { retry = { attempts = 1 } })
      assert.is_nil((select(2, corp:get_moment_list(PARAMS)).retry_after))
    end
  end)

  it("reads whole requests off the wire", function()
    local corp, driver = client { EMPTY }
    corp:get_moment_list { start_time = 1, end_time = 2 }
    local request = driver.requests[1]
    assert.equal("POST", request.method)
    assert.equal("https://qyapi.weixin.qq.com/cgi-bin/externalcontact/get_moment_list"
      .. "?access_token=T0KEN", request.url)
    assert.same({ { "Accept", "application/json" }, { "Content-Type", "application/json" } },
      request.headers)
    assert.is_true(request.safe)
    assert.truthy(request.user_agent:find("^wxmoments/%d"))
    assert.is_true(request.max_body > 0 and request.max_header > 0)
  end)

  it("tells what it does, when asked", function()
    local events = {}
    local corp = client({ refused(-1), refused(42001), EMPTY }, {
      on_event = function(event) events[#events + 1] = event end,
    })
    assert(corp:get_moment_list(PARAMS))
    local types = {}
    for i, event in ipairs(events) do
      types[i] = event.type
      assert.equal("get_moment_list", event.op)
    end
    assert.same({ "request", "reply", "retry", "request", "reply", "refresh", "request", "reply" },
      types)
    assert.equal(-1, events[2].errcode)
    assert.equal(42001, events[6].errcode)
    assert.equal(200, events[8].status)
    assert.equal(#EMPTY.body, events[8].bytes)
  end)
end)
