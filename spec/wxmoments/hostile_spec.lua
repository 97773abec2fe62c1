--- Bad input of every kind to every public function: the promised error, nothing else.

local cjson = require "cjson"
local core = require "wxmoments.core"
local fake = require "spec.support.fake"
local wxmoments = require "wxmoments"

local cycle = {}
cycle[1], cycle.self = cycle, cycle

local deep = {}
do
  local at = deep
  for _ = 1, 1000 do
    at[1] = {}
    at = at[1]
  end
end

local wide = {}
for i = 1, 5000 do
  wide["name" .. i] = i
end

local function boom()
  error("a metamethod was run")
end

local trapped = setmetatable({}, { __index = boom, __newindex = boom, __call = boom, __len = boom,
  __tostring = boom, __eq = boom, __pairs = boom, __concat = boom })

-- name → value; `false` stands for nil, which a table cannot hold
local HOSTILE = {
  ["nil"] = false, ["true"] = true, ["a function"] = print,
  ["a coroutine"] = coroutine.create(print), ["a file"] = io.stdout, ["null"] = cjson.null,
  ["zero"] = 0, ["a fraction"] = 0.5, ["NaN"] = 0 / 0,
  ["infinity"] = math.huge, ["minus infinity"] = -math.huge, ["2^53"] = 2 ^ 53, ["2^63"] = 2 ^ 63,
  ["1e308"] = 1e308, ["a negative number"] = -1, ["an empty string"] = "", ["a NUL"] = "a\0b",
  ["invalid UTF-8"] = "\255\254", ["a surrogate"] = "\237\160\128", ["a line break"] = "a\r\nb",
  ["a format"] = "%s%n%d", ["a huge string"] = ("x"):rep(2 ^ 21), ["an empty table"] = {},
  ["a list"] = { 1, 2, 3 }, ["a cycle"] = cycle, ["a deep table"] = deep, ["a wide table"] = wide,
  ["a trap"] = trapped, ["keys that are no strings"] = { [1.5] = 1, [true] = 2, [print] = 3 },
  ["a table as a key"] = { [{}] = 1 },
}

local function corp()
  return wxmoments.wecom(fake.options(fake.driver {
    fake.ok '{"errcode":0,"errmsg":"ok","next_cursor":"","moment_list":[]}' }))
end

-- A call may give a value, or nil and an error of ours, or raise one of ours or a text.
local function assert_orderly(fn, ...)
  local results = { pcall(fn, ...) }
  local ok, value, err = results[1], results[2], results[3]
  if not ok then
    assert.is_true(type(value) == "string" or wxmoments.is_error(value), "raised a " .. type(value))
    assert.falsy(tostring(value):find("a metamethod was run", 1, true))
    assert.falsy(tostring(value):find("attempt to", 1, true), tostring(value))
    assert.is_true(#tostring(value) < 2000)
  elseif value == nil and err ~= nil then
    assert.is_true(wxmoments.is_error(err))
    assert.equal("argument", err.kind)
    assert.is_true(#tostring(err) < 2000)
  end
end

local function value_of(name)
  local value = HOSTILE[name]
  if value == false then return nil end
  return value
end

local PARAM_NAMES = { "start_time", "end_time", "creator", "filter_type", "cursor", "limit" }

local OPTION_NAMES = { "corpid", "corpsecret", "access_token", "base_url", "insecure",
  "token_store", "driver", "deadline", "retry", "max_wait", "limits", "max_body", "on_event",
  "ca_file", "proxy", "blocking" }

-- What stands in this folder: nothing here may leave a file behind.
local function entries()
  local pipe = assert(io.popen("ls -A"))
  local names = pipe:read("*a")
  pipe:close()
  return names
end

describe("bad input", function()
  local before

  setup(function() before = entries() end)
  teardown(function() assert.equal(before, entries()) end)

  for name in pairs(HOSTILE) do
    it("as the whole argument: " .. name, function()
      local value, client = value_of(name), corp()
      assert_orderly(wxmoments.wecom, value)
      assert_orderly(wxmoments.explain, value)
      assert_orderly(wxmoments.explain, 41062, value)
      assert_orderly(wxmoments.raw, value)
      assert_orderly(wxmoments.is_error, value)
      assert_orderly(client.get_moment_list, client, value)
      assert_orderly(client.get_moment_list, value, value)
      assert_orderly(client.call, client, value)
      assert_orderly(client.check, client, "get_moment_list", value)
      assert_orderly(client.check, client, value, {})
      assert_orderly(function()
        local iterator = client:each_moment(value)
        return iterator:next()
      end)
      assert_orderly(client.each_moment(client, value).next, value)
    end)

    it("as any parameter: " .. name, function()
      local client = corp()
      for _, param in ipairs(PARAM_NAMES) do
        local params = { start_time = 1605000000, end_time = 1605172726 }
        params[param] = value_of(name)
        assert_orderly(client.get_moment_list, client, params)
        assert_orderly(client.check, client, "get_moment_list", params)
        assert_orderly(client.check, client, "each_moment", params)
        assert_orderly(function() return client:each_moment(params):next() end)
      end
      for _, param in ipairs { "method", "path", "query", "body", "safe" } do
        local request = { path = "/cgi-bin/x" }
        request[param] = value_of(name)
        assert_orderly(client.call, client, request)
      end
      assert_orderly(client.call, client, { path = "/x", query = { a = value_of(name) } })
      assert_orderly(client.call, client, { path = "/x", body = { a = value_of(name) } })
    end)

    it("as any option: " .. name, function()
      for _, option in ipairs(OPTION_NAMES) do
        local options = { corpid = "ww1", corpsecret = "s" }
        options[option] = value_of(name)
        -- These two are objects: what their metatables do is theirs, and is asked for.
        if not (name == "a trap" and (option == "driver" or option == "token_store")) then
          assert_orderly(wxmoments.wecom, options)
        end
      end
      for _, option in ipairs { "attempts", "base", "cap" } do
        assert_orderly(wxmoments.wecom,
          { corpid = "ww1", corpsecret = "s", retry = { [option] = value_of(name) } })
      end
      assert_orderly(wxmoments.wecom,
        { corpid = "ww1", corpsecret = "s", limits = { in_flight = value_of(name) } })
    end)

    it("to the core: " .. name, function()
      local value = value_of(name)
      local function assert_raises_text_or_not(...)
        local ok, message = pcall(...)
        assert.is_true(ok or type(message) == "string")
      end
      for what, fn in pairs(core) do
        -- Any string is a good name for a file: those two are sys_spec's.
        if what == "replace_file" or what == "lock" then
          fn = core.private_file
        end
        for _, arguments in ipairs { { value }, { value, value }, { value, value, value, value },
          { "x", value }, { { type = value } }, { { type = "object", fields = value } },
          { { type = "object", fields = { value } } }, { { type = "integer", enum = value } },
          { { type = "object", span = value, fields = {} } },
          { { type = "object", one_of = { value }, codes = value, fields = {} } } } do
          assert_raises_text_or_not(fn, arguments[1], arguments[2], arguments[3], arguments[4])
        end
      end
      local rules = core.rules { type = "any" }
      assert_raises_text_or_not(rules.write, value, value)
      rules:check(value)
      assert_raises_text_or_not(rules.read, rules, value)
    end)
  end

  for name in pairs(HOSTILE) do
    it("from a server or a driver: " .. name, function()
      local value = value_of(name)
      if rawequal(value, trapped) then
        value = setmetatable({}, { __tostring = boom })
      end
      for _, answer in ipairs {
        function() return value end,
        function() return nil, value end,
        function() return { status = value, headers = {}, body = "{}" } end,
        function() return { status = 200, headers = {}, body = value } end,
        function() return { status = 503, headers = value, body = "" } end,
        function() return { status = 503, headers = { value }, body = "" } end,
      } do
        local driver = fake.driver(answer)
        local client = wxmoments.wecom(fake.options(driver, { retry = { attempts = 1 } }))
        local results = { pcall(client.get_moment_list, client, { start_time = 1, end_time = 2 }) }
        assert.is_true(results[1], tostring(results[2]))
        assert.is_true(wxmoments.is_error(results[3]))
        assert.is_string(tostring(results[3]))
      end
    end)
  end
end)
