--- The error object, and the words of the catalogue.

local errors = require "wxmoments.errors"

describe("errors", function()
  it("are one line as text", function()
    local err = errors.new { kind = "argument", op = "get_moment_list", path = "limit",
      message = "must be at most 20, got 21" }
    assert.equal("wxmoments: get_moment_list: limit: must be at most 20, got 21", tostring(err))
    err = errors.new { kind = "http", message = "a\nb", fix = "c" }
    assert.equal("wxmoments: a b (fix: c)", tostring(err))
    assert.equal("wxmoments: nil", tostring(errors.new {}))
  end)

  it("are known from other tables", function()
    assert.is_true(errors.is(errors.new { kind = "state" }))
    for _, value in ipairs { {}, 5, "x", setmetatable({}, {}) } do
      assert.is_false(errors.is(value))
    end
    assert.is_false(errors.is(nil))
  end)

  for what, case in pairs {
    ["all of it"] = {
      "invalid access_token, hint: [1593154712301234567], from ip: 203.0.113.7, more info at "
        .. "https://open.work.weixin.qq.com/devtool/query?e=40014",
      "'invalid access_token'", "1593154712301234567", "203.0.113.7" },
    ["an IPv6 address"] = {
      "x, hint: [1], from ip: 2001:db8::1, more info at y", "'x'", "1", "2001:db8::1" },
    ["no hint"] = { "x, more info at https://y", "'x'" },
    ["words alone"] = { "system busy", "'system busy'" },
    ["a field's name"] = {
      "text.content exceed max length 5120. invalid Request Parameter, hint: [2]",
      "'text.content exceed max length 5120. invalid Request Parameter'", "2" },
  } do
    it("take the server's words apart: " .. what, function()
      local err = errors.api("get_moment_list", { errcode = 40014, errmsg = case[1] })
      assert.equal("api", err.kind)
      assert.equal(40014, err.code)
      assert.equal(40014, err.errcode)
      assert.truthy(err.message:find(case[2], 1, true), err.message)
      assert.falsy(err.message:find("hint", 1, true))
      assert.equal(case[3], err.hint)
      assert.equal(case[4], err.from_ip)
      assert.is_string(err.fix)
    end)
  end

  it("name the address that has to be allowed", function()
    local err = errors.api("x", {
      errcode = 60020, errmsg = "not allow, hint: [1], from ip: 203.0.113.7, more",
    })
    assert.truthy(err.fix:find("203.0.113.7", 1, true))
    assert.equal("admin", err.who)
  end)

  it("survive words that are none", function()
    local err = errors.api("x", { errcode = 99999999, errmsg = "\255\0\n" .. ("long "):rep(1000) })
    assert.truthy(#tostring(err) < 500)
    assert.is_false(err.retryable)
    assert.is_nil(err.fix)
    assert.equal(-1, errors.api("x", { errcode = -1 }).code)
  end)

  it("explain an errcode in English and Chinese", function()
    local english, chinese = errors.explain(41062), errors.explain(41062, "zh")
    assert.same({ "fix", "meaning", "retry", "who" }, (function()
      local names = {}
      for name in pairs(english) do
        names[#names + 1] = name
      end
      table.sort(names)
      return names
    end)())
    assert.truthy(chinese.meaning:find("[\228-\233]"))
    assert.is_nil(errors.explain(123456789))
    assert.is_nil(errors.explain("41062"))
    assert.is_nil(errors.explain({}))
    assert.has_error(function() errors.explain(41062, "fr") end)
  end)
end)
