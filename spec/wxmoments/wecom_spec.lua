--- The client: its options, its methods, any endpoint by call.

local fake = require "spec.support.fake"
local wxmoments = require "wxmoments"

local OK = '{"errcode":0,"errmsg":"ok"}'

local function client(body, more)
  local driver = fake.driver { fake.ok(body or OK) }
  return wxmoments.wecom(fake.options(driver, more)), driver
end

local function message_of(fn)
  local ok, message = pcall(fn)
  assert.is_false(ok)
  return tostring(message)
end

describe("wxmoments.wecom", function()
  for _, case in ipairs {
    { "no options", nil, "takes a table of options, got nil" },
    { "no corpid", { corpsecret = "x" }, "option 'corpid' is required" },
    { "no corpsecret", { corpid = "ww1" }, "option 'corpsecret' is required" },
    { "an empty corpsecret", { corpid = "ww1", corpsecret = "" },
      "option 'corpsecret' is required" },
    { "two ways to a token", { corpsecret = "x", access_token = print }, "either 'corpsecret' or" },
    { "a misspelt option", { corpid = "ww1", corpsecert = "x" }, "did you mean 'corpsecret'?" },
    { "a corpid that is a number", { corpid = 1, corpsecret = "x" }, "'corpid' must be a string" },
    { "a deadline of nothing", { deadline = 0 }, "'deadline' must be from" },
    { "a deadline that is NaN", { deadline = 0 / 0 }, "not finite" },
    { "too many attempts", { retry = { attempts = 1e9 } }, "'attempts' must be from 1 to 100" },
    { "a misspelt retry option", { retry = { attempt = 3 } }, "did you mean 'attempts'?" },
    { "none in flight", { limits = { in_flight = 0 } }, "'in_flight' must be from 1" },
    { "a driver that lacks a function", { driver = { send = print } },
      "'driver' has no function 'sleep'" },
    { "tokens of a function in a store, without a key", { token_store = {} },
      "needs a 'token_key'" },
    { "a store that lacks a function", { token_store = { get = print }, token_key = "x" },
      "'token_store' has no function" },
    { "http", { base_url = "http://example.com" }, "'base_url' must be https" },
    { "ftp", { base_url = "ftp://example.com", insecure = true },
      "'base_url' must be like" },
    { "a file", { base_url = "file:///etc/passwd" }, "'base_url' must be" },
    { "no URL", { base_url = "qyapi.weixin.qq.com" }, "'base_url' must be like" },
    { "a query in the URL", { base_url = "https://a/?b=c" }, "'base_url' must be like" },
    { "a user in the URL", { base_url = "https://me:pw@a/" }, "'base_url' must be like" },
    { "a line break in the URL", { base_url = "https://a/\r\nX: y" }, "'base_url' must be like" },
    { "a port beyond the last", { base_url = "https://a:99999" }, "'base_url' must be like" },
    { "a secret read with its line end", { corpid = "ww1", corpsecret = "x\n" }, "white space" },
    { "a port that is none", { base_url = "https://a:b/" }, "'base_url' must be like" },
  } do
    it("raises for " .. case[1] .. ", where the caller stands", function()
      local given = case[2]
      if given and not given.corpid and not given.corpsecret and not given.access_token then
        given.access_token = function() return "T" end
      end
      local message = message_of(function() return (wxmoments.wecom(given)) end)
      assert.truthy(message:find(case[3], 1, true), message)
      assert.truthy(message:find("wecom_spec.lua", 1, true), message)
    end)
  end

  for given, sent in pairs {
    ["https://example.com"] = "https://example.com/cgi-bin/x",
    ["https://example.com/"] = "https://example.com/cgi-bin/x",
    ["HTTPS://example.com:8443/gate/way/"] = "https://example.com:8443/gate/way/cgi-bin/x",
    ["http://127.0.0.1:80"] = "http://127.0.0.1:80/cgi-bin/x",
    ["http://localhost"] = "http://localhost/cgi-bin/x",
    ["http://[::1]:8080"] = "http://[::1]:8080/cgi-bin/x",
  } do
    it("takes base_url " .. given, function()
      local corp, driver = client(OK, { base_url = given })
      assert(corp:call { path = "/cgi-bin/x" })
      assert.equal(sent .. "?access_token=T0KEN", driver.requests[1].url)
    end)
  end

  it("takes http anywhere when told aloud", function()
    local corp = client(OK, { base_url = "http://gateway.internal", insecure = true })
    assert(corp:call { path = "/x" })
  end)

  it("takes a driver that is only a function", function()
    local corp = wxmoments.wecom {
      access_token = function() return "T" end,
      driver = function(request, seconds_left)
        assert(request.url and seconds_left > 0)
        return fake.ok(OK)
      end,
    }
    assert.equal(0, corp:call({ path = "/x" }).errcode)
  end)

  it("says what it is", function()
    local corp = wxmoments.wecom { corpid = "ww1", corpsecret = "s3cret", driver = fake.driver {} }
    assert.equal("wxmoments.wecom: ww1", tostring(corp))
    assert.equal("wxmoments.wecom", tostring((client())))
  end)

  it("has its methods called with a colon", function()
    local corp = client()
    for _, name in ipairs { "get_moment_list", "each_moment", "check", "call" } do
      assert.truthy(message_of(function() corp[name] { start_time = 1 } end)
        :find("call it as corp:" .. name, 1, true))
    end
  end)

  it("keeps the body a reply came from", function()
    local body = '{"errcode":0,"errmsg":"ok","next_cursor":"","moment_list":[],"new":1}'
    local corp = client(body)
    local page = assert(corp:get_moment_list { start_time = 1, end_time = 2 })
    assert.equal(1, page.new)
    assert.equal(body, wxmoments.raw(page))
    assert.is_nil(wxmoments.raw {})
    assert.is_nil(wxmoments.raw(nil))
  end)
end)

describe("corp:check", function()
  it("checks parameters and sends nothing", function()
    local corp, driver = client()
    assert.is_true(corp:check("get_moment_list", { start_time = 1, end_time = 2 }))
    local ok, err = corp:check("get_moment_list", { start_time = 1, limit = 21 })
    assert.is_nil(ok)
    assert.same({ "argument", "required", "end_time", "get_moment_list" },
      { err.kind, err.code, err.path, err.op })
    assert.equal(2, #err.problems)
    assert.equal("wxmoments: get_moment_list: end_time: is required; also limit must be at most "
      .. "20, got 21", tostring(err))
    assert.is_true(corp:check("each_moment", { start_time = 1, end_time = 1e10 }))
    assert.equal(0, #driver.requests)
  end)

  it("names a misspelt parameter first, and says what to do", function()
    local corp = client()
    local _, err = corp:check("each_moment", { star_time = 1, end_time = 2 })
    assert.equal("wxmoments: each_moment: star_time: is not a known name; did you mean "
      .. "'start_time'?; also start_time is required", tostring(err))
    _, err = corp:check("each_moment", { start_time = 1704067200000, end_time = 1704067300000 })
    assert.truthy(err.fix:find("milliseconds", 1, true))
    _, err = corp:check("get_moment_list", { start_time = 0, end_time = 1e8 })
    assert.truthy(err.fix:find("each_moment reads any range", 1, true))
  end)

  it("raises for an operation there is none of", function()
    local corp = client()
    assert.truthy(message_of(function() corp:check("get_moment_lists", {}) end)
      :find("did you mean 'get_moment_list'?", 1, true))
    for _, name in ipairs { 5, true, {} } do
      assert.has_error(function() corp:check(name, {}) end)
    end
    assert.has_error(function() corp:check("gettoken", {}) end)
  end)

  -- The limits of the document, each with its sentence in ../operations.lua.
  for _, case in ipairs {
    { "30 days", { end_time = 1605000000 + 2592000 }, nil },
    { "a second over 30 days", { end_time = 1605000000 + 2592001 }, "span" },
    { "no time between", { end_time = 1605000000 }, "span" },
    { "the end before the start", { end_time = 1 }, "span" },
    { "milliseconds", { start_time = 1605000000000 }, "too_large" },
    { "before 1970", { start_time = -1 }, "too_small" },
    { "a time as text", { start_time = "1605000000" }, "type" },
    { "limit 20", { limit = 20 }, nil },
    { "limit 21, which the server would silently make 20", { limit = 21 }, "too_large" },
    { "limit 0", { limit = 0 }, "too_small" },
    { "filter_type 3", { filter_type = 3 }, "not_allowed" },
    { "an empty creator", { creator = "" }, "too_short" },
    { "the first page's empty cursor", { cursor = "" }, nil },
    { "filtertype", { filtertype = 1 }, "unknown" },
  } do
    it("knows " .. case[1], function()
      local params = { start_time = 1605000000, end_time = 1605172726 }
      for name, value in pairs(case[2]) do params[name] = value end
      local _, err = (client()):check("get_moment_list", params)
      assert.equal(case[3], err and err.code)
    end)
  end
end)

describe("corp:call", function()
  it("sends any request", function()
    local corp, driver = client('{"errcode":0,"big":12345678901234567890,"list":[]}')
    local reply = assert(corp:call {
      path = "/cgi-bin/department/list", query = { id = 5, name = "你 好", all = true },
    })
    assert.equal("12345678901234567890", reply.big)
    local request = driver.requests[1]
    assert.same({ "GET", true }, { request.method, request.safe })
    assert.is_nil(request.body)
    assert.equal("https://qyapi.weixin.qq.com/cgi-bin/department/list?access_token=T0KEN"
      .. "&all=true&id=5&name=%E4%BD%A0%20%E5%A5%BD", request.url)
    assert(corp:call { path = "/x", body = { userid = "a", list = { 1, 2 } } })
    request = driver.requests[2]
    assert.same({ "POST", false }, { request.method, request.safe })
    assert(corp:call { path = "/x", body = '{"as":"it is"}', safe = true, method = "post" })
    request = driver.requests[3]
    assert.same({ "POST", true, '{"as":"it is"}' }, { request.method, request.safe, request.body })
  end)

  it("takes an answer without errcode, which old endpoints give", function()
    local corp = client '{"suite_access_token":"x"}'
    assert.equal("x", corp:call({ path = "/x" }).suite_access_token)
  end)

  it("gives errors as any call does", function()
    local corp = client '{"errcode":48002,"errmsg":"api forbidden"}'
    local reply, err = corp:call { path = "/cgi-bin/department/list" }
    assert.is_nil(reply)
    assert.same({ "api", 48002, "list" }, { err.kind, err.code, err.op })
    reply, err = corp:call { path = "/x", body = { f = print } }
    assert.is_nil(reply)
    assert.same({ "argument", "type", "body.f" }, { err.kind, err.code, err.path })
  end)

  for what, request in pairs {
    ["no path"] = {}, ["a path that is no path"] = { path = "cgi-bin" },
    ["a query in the path"] = { path = "/x?access_token=5" },
    ["a line break in the path"] = { path = "/x\r\nHost: y" },
    ["a method that is none"] = { path = "/x", method = "GET /\r\n" },
    ["a token of one's own"] = { path = "/x", query = { access_token = "x" } },
    ["a query that is no text"] = { path = "/x", query = { a = {} } },
    ["a query without names"] = { path = "/x", query = { "a" } },
    ["an unknown option"] = { path = "/x", headers = {} },
    ["a body that is a number"] = { path = "/x", body = 5 },
  } do
    it("raises for " .. what, function()
      local corp, driver = client()
      assert.truthy(message_of(function() corp:call(request) end):find("wecom_spec.lua", 1, true))
      assert.equal(0, #driver.requests)
    end)
  end
end)

describe("the public module", function()
  it("has what the documentation names", function()
    assert.truthy(wxmoments._VERSION:find("^%d+%.%d+%.%d+$"))
    assert.equal(require "cjson".null, wxmoments.null)
    assert.is_table(wxmoments.explain(41062))
    assert.is_false(wxmoments.is_error("x"))
  end)

  it("leaves no globals behind", function()
    local before = {}
    for name in pairs(_G) do before[name] = true end
    for name in pairs(package.loaded) do
      if name:find("^wxmoments") and not name:find("^wxmoments%.c") then
        package.loaded[name] = nil
      end
    end
    require "wxmoments"
    for name in pairs(_G) do assert.is_true(before[name], name) end
  end)
end)
