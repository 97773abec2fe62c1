--- Options held against what is known.

local options = require "wxmoments.options"

local KNOWN = { deadline = "number", driver = "function|table", corpid = "string" }

describe("options", function()
  for _, case in ipairs {
    { "an unknown name", { deadlin = 5 }, "f has no option 'deadlin'; did you mean 'deadline'?" },
    { "a name like nothing", { zzzzzzzzzz = 5 }, "f has no option 'zzzzzzzzzz'" },
    { "a name that is none", { [5] = 5 }, "f has no option 'number'" },
    { "a hostile name", { ["a\n\0b"] = 5 }, "f has no option 'a??b'" },
    { "another type", { corpid = 5 }, "option 'corpid' must be a string, got number" },
    { "none of two types", { driver = 5 },
      "option 'driver' must be a function or a table, got number" },
    { "NaN", { deadline = 0 / 0 }, "got a number that is not finite" },
    { "infinity", { deadline = math.huge }, "got a number that is not finite" },
    { "a metatable", setmetatable({}, { __index = { corpid = "x" } }), "give a plain table" },
    { "no table", "x", "f takes a table of options, got string" },
  } do
    it("refuse " .. case[1] .. " where the caller stands", function()
      local function f(given)
        return (options.read("f", given, KNOWN, 2))
      end
      local ok, message = pcall(function() local _ = f(case[2]) end)
      assert.is_false(ok)
      assert.truthy(message:find(case[3], 1, true), message)
      assert.truthy(message:find("options_spec.lua", 1, true), message)
    end)
  end

  it("accept what is known", function()
    local given = { deadline = 5, driver = print }
    local read = options.read("f", given, KNOWN, 1)
    assert.same(given, read)
    assert.are_not.equal(given, read)
    assert.same({}, options.read("f", {}, KNOWN, 1))
  end)

  it("bound numbers", function()
    options.range("f", "x", nil, 1, 2, 1)
    options.range("f", "x", 1.5, 1, 2, 1)
    assert.has_error(function() options.range("f", "x", 3, 1, 2, 1) end)
    assert.has_error(function() options.range("f", "x", 0, 1, 2, 1) end)
  end)

  it("find the nearest name, alike every time", function()
    assert.equal("driver", options.nearest("drivr", KNOWN))
    assert.is_nil(options.nearest("nothing_like_it", KNOWN))
  end)
end)
