--- rules:check and rules:write: tables held against rules, and the JSON they become.

local cjson = require "cjson"
local core = require "wxmoments.core"

local EVERYTHING = {
  type = "object",
  span = { "from", "to", min = 1, max = 100 },
  one_of = { { "left", "right", min = 0, max = 1 }, { "a", "b" } },
  fields = {
    { "from", type = "integer", min = 0, max = 1000, required = true },
    { "to", type = "integer" },
    { "kind", type = "integer", enum = { 0, 1, 2 } },
    { "bytes", type = "string", min = 2, max = 4, unit = "bytes" },
    { "points", type = "string", max = 4, unit = "codepoints" },
    { "units", type = "string", max = 4, unit = "utf16" },
    { "word", type = "string", enum = { "image", "link" } },
    { "line", type = "string", printable = true },
    { "yes", type = "boolean" },
    { "ratio", type = "number" },
    { "ids", type = "list", min = 0, max = 3, items = { type = "string" } },
    { "sent_when_full", type = "list", omit_empty = true, items = { type = "integer" } },
    { "inner", type = "object", fields = {
      { "list", type = "list", items = { type = "object", fields = {
        { "id", type = "string", required = true } } } } } },
    { "open", type = "object", keep_unknown = true, fields = { { "known", type = "integer" } } },
    { "free", type = "any" },
    { "left", type = "integer" }, { "right", type = "integer" },
    { "a", type = "integer" }, { "b", type = "integer" },
    { "said", type = "string", max = 1, unit = "bytes", codes = { too_long = "invalid text size" },
      origin = "document", source = "seed 000" },
  },
}
local rules = core.rules(EVERYTHING)

-- A value that is right, with these changes.
local function given(changes)
  local value = { from = 1, a = 1 }
  for name, change in pairs(changes) do
    value[name] = change
  end
  return value
end

local cyclic = {}
cyclic.inside = { cyclic }

local deep = {}
do
  local at = deep
  for _ = 1, 40 do
    at.x = {}
    at = at.x
  end
end

local hidden = setmetatable({}, { __index = { from = 1, a = 1 } })

-- what, changes, code of the first problem, its path, a part of its message
local REFUSED = {
  { "absent", { from = nil, a = 1 }, "required", "from", "is required", bare = true },
  { "a string for an integer", { to = "3" }, "type", "to", "must be an integer, got a string" },
  { "a fraction", { to = 3.5 }, "not_exact", "to", "whole number" },
  { "NaN", { to = 0 / 0 }, "not_exact", "to" },
  { "infinity", { to = math.huge }, "not_exact", "to" },
  { "beyond 2^53", { to = 2 ^ 53 + 2 }, "not_exact", "to" },
  { "beyond 2^63", { to = 1e300 }, "not_exact", "to" },
  { "below", { from = -1 }, "too_small", "from", "at least 0, got -1" },
  { "above", { from = 1001 }, "too_large", "from", "at most 1000, got 1001" },
  { "no value of the enum", { kind = 3 }, "not_allowed", "kind", "must be 0, 1 or 2" },
  { "short", { bytes = "x" }, "too_short", "bytes", "at least 2 bytes long, got 1" },
  { "long in bytes", { bytes = "你好" }, "too_long", "bytes", "at most 4 bytes long, got 6" },
  { "long in characters", { points = "你好你好你" }, "too_long", "points", "4 characters" },
  { "long in UTF-16", { units = "😀😀a" }, "too_long", "units", "4 UTF-16 units long, got 5" },
  { "no word", { word = "video" }, "not_allowed", "word", "must be image or link" },
  { "invalid UTF-8", { points = "a\255" }, "utf8", "points", "at byte 2" },
  { "a surrogate", { points = "\237\160\128" }, "utf8", "points", "at byte 1" },
  { "overlong", { points = "\192\128" }, "utf8", "points" },
  { "a cut tail", { points = "a\228\189" }, "utf8", "points", "at byte 2" },
  { "a control character", { line = "a\nb" }, "control", "line", "at byte 2" },
  { "a NUL where none may be", { line = "a\0" }, "control", "line" },
  { "a number for a string", { line = 5 }, "type", "line", "must be a string, got a number" },
  { "no boolean", { yes = "true" }, "type", "yes", "must be a boolean" },
  { "a ratio that is none", { ratio = 0 / 0 }, "not_finite", "ratio" },
  { "too many", { ids = { "a", "b", "c", "d" } }, "too_many", "ids", "at most 3 entries, got 4" },
  { "a hole", { ids = { "a", [3] = "c" } }, "not_a_list", "ids" },
  { "a mixed table", { ids = { "a", b = "c" } }, "not_a_list", "ids" },
  { "an object for a list", { ids = { b = "c" } }, "not_a_list", "ids" },
  { "a fraction for a place", { ids = { [1.5] = "a" } }, "not_a_list", "ids" },
  { "a huge place", { ids = { [2 ^ 52] = "a" } }, "not_a_list", "ids" },
  { "a wrong entry", { ids = { "a", 2 } }, "type", "ids[2]", "must be a string, got a number" },
  { "null", { line = cjson.null }, "type", "line", "got null" },
  { "a function", { free = print }, "type", "free", "is a function, which JSON cannot say" },
  { "a coroutine", { free = { coroutine.create(print) } }, "type", "free[1]", "a coroutine" },
  { "a userdata", { free = io.stdout }, "type", "free", "a userdata" },
  { "deep inside", { inner = { list = { { id = "a" }, {} } } }, "required", "inner.list[2].id" },
  { "an unknown name", { frmo = 1 }, "unknown", "frmo", "did you mean 'from'?" },
  { "an unknown name far off", { zzzzzz = 1 }, "unknown", "zzzzzz", "is not a known name" },
  { "a name that is no name", { ["a\n.b"] = 1 }, "unknown", '["a?.b"]' },
  { "a key that is no string", { [1] = 2 }, "key", nil, "a number" },
  { "a cycle", { free = cyclic }, "cycle", "free.inside[1]", "contains itself" },
  { "depth", { free = deep }, "too_deep", nil },
  { "a metatable that hides", { free = hidden }, "metatable", "free", "__index" },
  { "two of one", { left = 1, right = 2 }, "one_of", nil, "at most 1 of left or right, got 2" },
  { "none of one", { from = 1 }, "one_of", nil, "at least 1 of a or b, got 0", bare = true },
  { "order", { from = 5, to = 5 }, "span", "to", "at least 1 after from, is 0" },
  { "distance", { from = 5, to = 106 }, "span", "to", "at most 100 after from, is 101" },
  { "the document's words", { said = "xy" }, "invalid text size", "said", "at most 1 bytes" },
}

describe("rules:check", function()
  for _, case in ipairs(REFUSED) do
    local what, changes, code, path, message = case[1], case[2], case[3], case[4], case[5]
    it("refuses " .. what, function()
      local value = case.bare and changes or given(changes)
      local problems = rules:check(value)
      assert.is_table(problems)
      assert.equal(code, problems[1].code)
      if path then
        assert.equal(path, problems[1].path)
      end
      assert.truthy(problems[1].message:find(message or "", 1, true), problems[1].message)
      local body, again = rules:write(value)
      assert.is_nil(body)
      assert.same(problems, again)
    end)
  end

  it("finds every problem at once, in the order of the fields", function()
    local problems = rules:check {
      to = "x", kind = 9, bytes = "", ids = { 1, 2 }, b = 1, fromm = 1,
    }
    local paths = {}
    for i, problem in ipairs(problems) do
      paths[i] = problem.path
    end
    assert.same({ "from", "to", "kind", "bytes", "ids[1]", "ids[2]", "fromm" }, paths)
  end)

  it("gives a problem's figures and source", function()
    local problem = rules:check(given { bytes = "12345" })[1]
    assert.same({ 4, 5, "bytes" }, { problem.limit, problem.got, problem.unit })
    problem = rules:check(given { said = "xy" })[1]
    assert.same({ "document", "seed 000" }, { problem.origin, problem.source })
  end)

  it("stops at a hundred problems", function()
    local ids = {}
    for i = 1, 1000 do
      ids[i] = i
    end
    assert.equal(100, #rules:check(given { ids = ids }))
  end)

  for what, value in pairs { ["nothing"] = false, ["a string"] = "x", ["a number"] = 5 } do
    it("refuses " .. what .. " for the whole", function()
      if value == false then
        value = nil
      end
      local problem = rules:check(value)[1]
      assert.equal("type", problem.code)
      assert.equal("must be an object, got " .. what, problem.message)
      assert.is_nil(problem.path)
    end)
  end
end)

-- what, changes, what must stand in the body
local WRITTEN = {
  { "integers to the last digit", { free = 9007199254740991 }, '"free":9007199254740991' },
  { "a whole float as an integer", { to = 3.0 }, '"to":3' },
  { "2^53", { to = nil, free = 2 ^ 53 }, '"free":9007199254740992' },
  { "the shortest float", { ratio = 0.1 }, '"ratio":0.1' },
  { "a long float", { ratio = 1 / 3 }, '"ratio":0.3333333333333333' },
  { "an empty list", { ids = {} }, '"ids":[]' },
  { "a list", { ids = { "a", "b" } }, '"ids":["a","b"]' },
  { "false", { yes = false }, '"yes":false' },
  { "zero", { kind = 0 }, '"kind":0' },
  { "raw UTF-8", { line = "你好 😀" }, '"line":"你好 😀"' },
  { "escapes", { points = '"\\\n\1' }, [["points":"\"\\\n\u0001"]] },
  { "a NUL", { points = "a\0b" }, [["points":"a\u0000b"]] },
  { "names that are kept", { open = { known = 1, other = { 1 } } },
    '"open":{"known":1,"other":[1]}' },
  { "anything", { free = { 1, "a", true, {}, { x = cjson.null } } },
    '"free":[1,"a",true,{},{"x":null}]' },
}

describe("rules:write", function()
  for _, case in ipairs(WRITTEN) do
    it("writes " .. case[1], function()
      local body = assert(rules:write(given(case[2])))
      assert.truthy(body:find(case[3], 1, true), body)
      assert.has_no.errors(function() cjson.decode(body) end)
    end)
  end

  it("writes fields in the rule's order and nothing that was not given", function()
    assert.equal('{"from":1,"kind":2,"a":1}', rules:write { a = 1, kind = 2, from = 1 })
  end)

  it("leaves out an empty list where the rule says so", function()
    assert.equal('{"from":1,"a":1}', rules:write(given { sent_when_full = {} }))
    assert.truthy(
      rules:write(given { sent_when_full = { 1 } }):find('"sent_when_full":[1]', 1, true))
    -- lua-cjson marks lists by a metatable that hides nothing
    local marked = setmetatable({}, { __name = "list" })
    assert.equal('{"from":1,"a":1}', rules:write(given { sent_when_full = marked }))
  end)

  it("can be put into an HTML script element", function()
    local text = "</script>\226\128\168\226\128\169"
    local body = rules:write(given { free = text }, true)
    assert.truthy(body:find([["<\/script>\u2028\u2029"]], 1, true), body)
    assert.truthy(rules:write(given { free = text }):find(text, 1, true))
  end)

  it("changes nothing of what it is given", function()
    local ids = { "a" }
    local value = given { ids = ids, inner = { list = {} } }
    rules:write(value)
    assert.same(given { ids = { "a" }, inner = { list = {} } }, value)
    assert.equal(ids, value.ids)
  end)

  it("refuses a body beyond its bound", function()
    local long = ("x"):rep(2 ^ 20)
    local list = {}
    for i = 1, 40 do
      list[i] = long
    end
    local body, problems = rules:write(given { free = list })
    assert.is_nil(body)
    assert.equal("too_big", problems[1].code)
    assert.equal('{"from":1,"a":1}', rules:write(given {}))
  end)

  it("bounds its work, whatever a table holds many times over", function()
    local table_of_tables = { 1 }
    for _ = 1, 30 do
      table_of_tables = { table_of_tables, table_of_tables }
    end
    local any = core.rules { type = "any" }
    local body, problems = any:write(table_of_tables)
    assert.is_nil(body)
    assert.equal("too_big", problems[#problems].code)
    local names = given {}
    for i = 1, 20000 do
      names["name" .. i] = i
    end
    assert.equal(100, #rules:check(names))
  end)

  it("leaves the next read its room", function()
    local any = core.rules { type = "any" }
    assert.is_nil((any:write(("x"):rep(33 * 2 ^ 20))))
    assert.equal("\n", any:read([["\n"]]))
  end)

  it("is not disturbed by a finalizer that writes and reads too", function()
    local proxy = rawget(_G, "newproxy")
    local small = core.rules { type = "object", fields = { { "n", type = "integer" },
      { "s", type = "string" } } }
    local function litter()
      local function work()
        small:write { n = 7, s = "of a finalizer" }
        small:read([[{"s":"a\u4f60"}]])
      end
      if proxy then
        getmetatable(proxy(true)).__gc = work
      else
        setmetatable({}, { __gc = work })
      end
    end
    for i = 1, 3000 do
      litter()
      assert.equal('{"n":' .. i .. ',"s":"text"}', small:write { n = i, s = "text" })
      assert.equal("b你", small:read([[{"s":"b\u4f60"}]]).s)
    end
  end)

  it("says invalid UTF-8 in a name, and looks at every metatable", function()
    local problem = rules:check(given { free = { ["a\255"] = 1 } })[1]
    assert.same({ "utf8", 'free["a?"]' }, { problem.code, problem.path })
    problem = rules:check(given { sent_when_full = setmetatable({}, { __index = { 1 } }) })[1]
    assert.same({ "metatable", "sent_when_full" }, { problem.code, problem.path })
  end)

  it("runs nothing of the caller's", function()
    local ran = false
    local trap = setmetatable({},
      { __newindex = function() ran = true end, __call = function() end })
    assert(rules:write(given { free = trap }))
    assert.is_false(ran)
  end)
end)

describe("core.rules", function()
  for what, rule in pairs {
    ["no type"] = {},
    ["an unknown type"] = { type = "text" },
    ["an unknown setting"] = { type = "string", maximum = 5 },
    ["a length without a unit"] = { type = "string", max = 5 },
    ["an unknown field in a span"] = { type = "object", span = { "a", "b" }, fields = {} },
    ["a field without a name"] = { type = "object", fields = { { type = "string" } } },
    ["no table for items"] = { type = "list", items = 5 },
    ["a bound that is no number"] = { type = "integer", min = "1" },
    ["a flag that is none"] = { type = "integer", required = 1 },
    ["fields that are no table"] = { type = "object", fields = 5 },
    ["an enum that is no table"] = { type = "integer", enum = 5 },
    ["an enum of fractions"] = { type = "integer", enum = { 1.5 } },
    ["an enum of a list"] = { type = "list", enum = { 1 } },
    ["bounds of a number"] = { type = "number", min = 1 },
    ["two fields of one name"] = { type = "object",
      fields = { { "a", type = "any" }, { "a", type = "any" } } },
  } do
    it("raises for " .. what, function()
      assert.has_error(function() core.rules(rule) end)
    end)
  end

  it("raises for more fields than it can mark, and for endless nesting", function()
    local fields = {}
    for i = 1, 65 do
      fields[i] = { "f" .. i, type = "integer" }
    end
    assert.has_error(function() core.rules { type = "object", fields = fields } end)
    local rule = { type = "list" }
    rule.items = rule
    assert.has_error(function() core.rules(rule) end)
  end)
end)
