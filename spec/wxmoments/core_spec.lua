--- The small functions of the C core, as Lua sees them. The C units are in spec/c.

local core = require "wxmoments.core"

describe("core", function()
  it("measures text in the unit that is named", function()
    for _, case in ipairs {
      { "abc", 3, 3, 3 }, { "你好", 6, 2, 2 }, { "e\204\129", 3, 2, 2 }, { "👍🏽", 8, 2, 4 },
      { "", 0, 0, 0 }, { "a\0b", 3, 3, 3 },
    } do
      assert.equal(case[2], core.length(case[1], "bytes"))
      assert.equal(case[3], core.length(case[1], "codepoints"))
      assert.equal(case[4], core.length(case[1], "utf16"))
    end
  end)

  it("says where text is not UTF-8", function()
    for text, offset in pairs { ["\255"] = 1, ["ab\192\128"] = 3, ["\237\160\128"] = 1,
      ["你\228\189"] = 4, ["\244\144\128\128"] = 1 } do
      local length, at = core.length(text, "codepoints")
      assert.is_nil(length)
      assert.equal(offset, at)
    end
  end)

  it("knows columns of a terminal", function()
    for text, columns in pairs { abc = 3, ["你好"] = 4, ["👍"] = 2, ["e\204\129"] = 1, [""] = 0 } do
      assert.equal(columns, core.width(text))
    end
    assert.same({ "你好", 4 }, { core.fit("你好世界", 5) })
    assert.same({ "", 0 }, { core.fit("你", 1) })
    assert.same({ "", 0 }, { core.fit("你", -1) })
  end)

  it("writes numbers alike on every Lua", function()
    for text, number in pairs { ["0"] = 0, ["-5"] = -5, ["3"] = 3.0, ["0.1"] = 0.1,
      ["1e+300"] = 1e300, ["9007199254740992"] = 2 ^ 53, ["1605000000"] = 1605000000 } do
      assert.equal(text, core.number(number))
    end
    assert.has_error(function() core.number(0 / 0) end)
    assert.has_error(function() core.number(math.huge) end)
  end)

  it("escapes for a URL", function()
    assert.equal("a-b_c.d~e%20%26%2F%3D%E4%BD%A0%00", core.escape("a-b_c.d~e &/=你\0"))
  end)

  it("counts edits between names", function()
    for _, case in ipairs {
      { "cursor", "cursor", 0 }, { "curosr", "cursor", 1 }, { "LIMIT", "limit", 0 },
      { "star_time", "start_time", 1 }, { "", "abc", 3 }, { ("x"):rep(100), "x", 48 },
    } do
      assert.equal(case[3], core.distance(case[1], case[2]))
    end
  end)

  it("signs as the documents' two vectors say", function()
    local ticket =
      "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
    local text = "jsapi_ticket=" .. ticket
      .. "&noncestr=Wm3WZYTPz0wzccnW&timestamp=1414587457&url=http://mp.weixin.qq.com"
    assert.equal("f4d90daf4b3bca3078ab155816175ba34c443a7b", core.sha1(text))
    assert.equal("0f9de62fce790f9a083d5c99e95740ceb90c27ed", core.sha1(text .. "?params=value"))
  end)

  it("has a clock that goes forward and dice that differ", function()
    local before = core.now()
    assert.is_true(core.now() >= before)
    local seen = {}
    for _ = 1, 100 do
      local x = core.random()
      assert.is_true(x >= 0 and x < 1)
      assert.is_nil(seen[x])
      seen[x] = true
    end
  end)
end)

describe("core.window", function()
  local SPAN = 2592000

  for _, case in ipairs {
    { "a year and a month", 1600000000, 1600000000 + 400 * 86400, 14 },
    { "one second", 5, 5, 1 },
    { "one full window", 100, 100 + SPAN - 2, 1 },
    { "one second more", 100, 100 + SPAN - 1, 2 },
    { "from the beginning of time", 0, SPAN * 2, 3 },
  } do
    it("covers " .. case[1] .. " without gap or overlap", function()
      local from, to, count = case[2], case[3], case[4]
      assert.equal(count, core.window_count(from, to, SPAN))
      local expected = from
      for i = 1, count do
        local share_from, share_to, ask_from, ask_to = core.window(from, to, SPAN, i)
        assert.equal(expected, share_from)
        assert.is_true(ask_to - ask_from <= SPAN)
        assert.equal(math.max(share_from - 1, 0), ask_from)
        assert.equal(share_to + 1, ask_to)
        expected = share_to + 1
      end
      assert.equal(to + 1, expected)
    end)
  end

  it("raises for what is no range", function()
    for _, bad in ipairs { { 5, 4, SPAN }, { -1, 4, SPAN }, { 0, 4, 2 }, { 0, 0.5, SPAN },
      { 0, 0 / 0, SPAN }, { 0, 2 ^ 60, SPAN } } do
      assert.has_error(function() core.window_count(bad[1], bad[2], bad[3]) end)
    end
    assert.has_error(function() core.window(0, 10, SPAN, 2) end)
    assert.has_error(function() core.window(0, 10, SPAN, 0) end)
  end)
end)

describe("core.pager", function()
  it("goes from page to page to the end", function()
    for _, last in ipairs { "", false } do
      local pager = core.pager(10, 10)
      assert.equal("ready", pager:state())
      pager:ask()
      assert.equal("waiting", pager:state())
      assert.equal("ready", pager:feed("a", 20))
      pager:ask()
      pager:lost()
      pager:ask()
      assert.equal("done", pager:feed(last or nil, 0))
      assert.has_error(function() pager:ask() end)
    end
  end)

  for what, case in pairs {
    same_cursor = { { "a", 1 }, { "a", 1 } },
    ["same_cursor after others"] = { { "a", 1 }, { "b", 1 }, { "c", 1 }, { "a", 1 } },
    too_many_pages = { { "a", 1 }, { "b", 1 }, { "c", 1 }, { "d", 1 }, { "e", 1 } },
    too_many_empty_pages = { { "a", 1 }, { "b", 0 }, { "c", 0 }, { "d", 0 } },
  } do
    it("fails for " .. what, function()
      local pager = core.pager(5, 3)
      local state, code, text
      for _, page in ipairs(case) do
        pager:ask()
        state, code, text = pager:feed(page[1], page[2])
      end
      assert.equal("failed", state)
      assert.equal(what:match("^%S+"), code)
      assert.is_string(text)
      assert.same({ state, code, text }, { pager:state() })
    end)
  end

  it("refuses events out of turn", function()
    local pager = core.pager(5, 3)
    assert.has_error(function() pager:feed("a", 1) end)
    assert.has_error(function() pager:lost() end)
    pager:ask()
    assert.has_error(function() pager:ask() end)
    assert.has_error(function() pager:feed("a", -1) end)
    assert.has_error(function() pager:feed({}, 1) end)
  end)
end)

describe("core.retry", function()
  local POLICY = { attempts = 4, base = 0.5, cap = 8, max_wait = 100 }

  local function decide(failure)
    local all = { kind = "backoff", safe = true, attempt = 1, seconds_left = 30, random = 0.5 }
    for name, value in pairs(failure) do
      all[name] = value
    end
    return core.retry(POLICY, all)
  end

  for _, case in ipairs {
    { "the first pause", {}, "again", 0.25 },
    { "the second", { attempt = 2 }, "again", 0.5 },
    { "the third", { attempt = 3, random = 0.999 }, "again", 1.998 },
    { "enough attempts", { attempt = 4 }, "stop" },
    { "what the server asked for", { retry_after = 5 }, "again", 5 },
    { "no time left", { retry_after = 40 }, "stop" },
    { "what must not happen twice", { safe = false }, "stop" },
    { "what was refused whole", { safe = false, refused = true }, "again", 0.25 },
    { "what is final", { kind = "no" }, "stop" },
    { "a refused token", { kind = "refresh" }, "refresh", 0 },
    { "a token refused twice", { kind = "refresh", refreshed = true }, "stop" },
    { "a rate window", { kind = "wait", retry_after = 20 }, "again", 20 },
    { "a rate window too long", { kind = "wait", retry_after = 101 }, "stop" },
    { "rate windows that add up", { kind = "wait", retry_after = 20, waited = 90 }, "stop" },
  } do
    it("decides on " .. case[1], function()
      local action, delay = decide(case[2])
      assert.equal(case[3], action)
      if case[4] then
        assert.is_true(math.abs(case[4] - delay) < 1e-9, tostring(delay))
      end
    end)
  end

  it("never draws more than the cap", function()
    local _, delay = core.retry({ attempts = 99, base = 1, cap = 8 },
      { kind = "backoff", safe = true, attempt = 50, seconds_left = 30, random = 0.999999 })
    assert.is_true(delay < 8)
  end)
end)
