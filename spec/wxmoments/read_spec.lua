--- rules:read: a reply's bytes held against rules and made into tables.

local cjson = require "cjson"
local core = require "wxmoments.core"

local math_type = rawget(math, "type") -- 5.3 and later

local rules = core.rules {
  type = "object",
  fields = {
    { "errcode", type = "integer", required = true, from_text = true },
    { "errmsg", type = "string" },
    { "time", type = "integer", from_text = true },
    { "plain", type = "integer" },
    { "id", type = "string", from_number = true },
    { "name", type = "string", max = 3, unit = "codepoints" },
    { "ratio", type = "number" },
    { "flag", type = "boolean" },
    { "free", type = "any" },
    { "list", type = "list", fill = true, items = { type = "object", fields = {
      { "id", type = "string", required = true } } } },
    { "image", type = "list", from_single = true, items = { type = "object", fields = {
      { "media_id", type = "string" } } } },
    { "inner", type = "object", fields = { { "x", type = "integer" } } },
  },
}

local function body_of(rest)
  return '{"errcode":0' .. (rest == "" and "" or "," .. rest) .. "}"
end

-- What is inside besides errcode and the list that is always there.
local function read(rest)
  local value, problem = rules:read(body_of(rest))
  if value then
    value.errcode = nil
    if next(value.list) == nil then
      value.list = nil
    end
  end
  return value, problem
end

local UNDERSTOOD = {
  { "an integer", '"time":1605000000', { time = 1605000000 } },
  { "an integer as text", '"time":"1605000000"', { time = 1605000000 } },
  { "a whole number with a point", '"time":16.0', { time = 16 } },
  { "a whole number with an exponent", '"time":16e2', { time = 1600 } },
  { "a negative one", '"time":-5', { time = -5 } },
  { "2^53", '"time":9007199254740992', { time = 2 ^ 53 } },
  { "an id that is a number", '"id":12345678901234567890', { id = "12345678901234567890" } },
  { "an id with a space at its end", '"id":"woAJ "', { id = "woAJ " } },
  { "a decimal to the letter", '"id":23.10647000', { id = "23.10647000" } },
  { "a ratio", '"ratio":0.1', { ratio = 0.1 } },
  { "a flag", '"flag":false', { flag = false } },
  { "null as absent", '"name":null,"list":null', {} },
  { "a bare element where a list belongs", '"image":{"media_id":"m"}',
    { image = { { media_id = "m" } } } },
  { "the list itself", '"image":[{"media_id":"m"},{"media_id":"n"}]',
    { image = { { media_id = "m" }, { media_id = "n" } } } },
  { "an empty list", '"image":[]', { image = {} } },
  { "fields nobody knows", '"new":{"a":[1,"b",{"c":null}]},"x":true',
    { new = { a = { 1, "b", {} } }, x = true } },
  { "large numbers nobody knows, as text", '"new":9007199254740993', { new = "9007199254740993" } },
  { "numbers beyond a double, as text", '"new":1e999', { new = "1e999" } },
  { "null in a list nobody knows", '"new":[null]', { new = { cjson.null } } },
  { "an escaped name", [["err\u006dsg":"x"]], { errmsg = "x" } },
  { "the order of a list", '"list":[{"id":"a"},{"id":"b"}]',
    { list = { { id = "a" }, { id = "b" } } } },
}

-- what, inside, code, path, byte offset of the problem
local WRONG = {
  { "a fraction too small for a double", '"time":5000000000000000.4', "not_exact", "time" },
  { "a fraction for an integer", '"time":1.5', "not_exact", "time", 21 },
  { "an integer beyond 2^53", '"time":9007199254740993', "not_exact", "time", 21 },
  { "text that is no integer", '"time":"soon"', "not_exact", "time" },
  { "text where none is understood", '"plain":"5"', "type", "plain", 22 },
  { "a number for a name", '"name":5', "type", "name", 21 },
  { "a name too long", '"name":"abcd"', "too_long", "name", 21 },
  { "a list for an object", '"inner":[]', "type", "inner", 22 },
  { "an object for a list", '"list":{}', "type", "list", 21 },
  { "an object for a string", '"errmsg":{"a":1}', "type", "errmsg" },
  { "a boolean for a string", '"errmsg":true', "type", "errmsg" },
  { "a wrong entry", '"list":[{"id":"a"},{"id":5}]', "type", "list[2].id", 39 },
  { "an entry without its id", '"list":[{"id":"a"},{}]', "required", "list[2].id" },
  { "an entry that is null", '"list":[null]', "type", "list[1]" },
  { "a number beyond 2^53 in another spelling", '"time":9007199254740993.0', "not_exact",
    "time" },
  { "a number beyond a double", '"ratio":1e999', "not_finite", "ratio" },
  { "the same name twice", '"time":1,"time":2', "duplicate", "time" },
}

describe("rules:read", function()
  for _, case in ipairs(UNDERSTOOD) do
    it("understands " .. case[1], function()
      local value, problem = read(case[2])
      assert.is_nil(problem)
      assert.same(case[3], value)
    end)
  end

  for _, case in ipairs(WRONG) do
    it("finds " .. case[1], function()
      local value, problem = rules:read(body_of(case[2]))
      assert.same({ case[3], case[4] }, { problem.code, problem.path })
      if case[5] then
        assert.equal(case[5], problem.offset)
      end
      if case[3] ~= "duplicate" then
        assert.equal(0, value.errcode)
      end
    end)
  end

  it("gives nothing of what is no JSON (spec/wxmoments/json_spec.lua), and says where", function()
    for body, offset in pairs { ["<html></html>"] = 1, ['{"errcode":0,"list":[}'] = 22,
      ['{"list":5,"errcode":0,}'] = 23, ['{"errcode":0}x'] = 14 } do
      local value, problem = rules:read(body)
      assert.is_nil(value)
      assert.same({ "syntax", offset }, { problem.code, problem.offset })
    end
  end)

  it("says in which object a name is missing", function()
    for body, path in pairs { ["{5}"] = false, ['{"a":1,5}'] = false, ['{"a":{5}}'] = "a",
      ['{"a":[{"b":1},{5}]}'] = "a[2]" } do
      assert.equal(path or nil, select(2, rules:read(body)).path)
    end
  end)

  it("makes a flat list of one field, checked all the same", function()
    local flat = core.rules { type = "object", fields = { { "list", type = "list", pick = "id",
      items = { type = "object", fields = { { "id", type = "string", required = true },
        { "other", type = "list", items = { type = "integer" } } } } } } }
    local value, problem = flat:read('{"list":[{"id":"a"},{"x":{"id":"no"},"id":"b","other":[1]}]}')
    assert.is_nil(problem)
    assert.same({ list = { "a", "b" } }, value)
    for body, path in pairs { ['{"list":[{"id":"a"},{}]}'] = "list[2].id",
      ['{"list":[{"id":null}]}'] = "list[1].id", ['{"list":[{"id":5}]}'] = "list[1].id",
      ['{"list":["a"]}'] = "list[1]",
      ['{"list":[{"id":"a","other":[""]}]}'] = "list[1].other[1]" } do
      problem = select(2, flat:read(body))
      assert.equal(path, problem.path)
    end
    assert.has_error(function()
      core.rules { type = "list", pick = "x", items = { type = "object", fields = {} } }
    end)
    assert.has_error(function() core.rules { type = "list", pick = "x" } end)
  end)

  it("holds groups of fields against what came", function()
    local grouped = core.rules { type = "object", one_of = { { "a", "b", min = 1, max = 1 } },
      fields = { { "a", type = "integer" }, { "b", type = "list", fill = true } } }
    assert.is_nil(select(2, grouped:read('{"a":1}')))
    assert.is_nil(select(2, grouped:read('{"b":[]}')))
    for _, body in ipairs { "{}", '{"a":null}', '{"a":1,"b":[]}' } do
      local _, problem = grouped:read(body)
      assert.same({ "one_of" }, { problem.code, problem.path })
    end
  end)

  it("wants an errcode: {} is no empty list", function()
    local value, problem = rules:read("{}")
    assert.same({ list = {} }, value)
    assert.same({ "required", "errcode" }, { problem.code, problem.path })
    assert.equal("errcode", select(2, rules:read('{"errcode":null}')).path)
  end)

  it("wants an object", function()
    for body, got in pairs { ["[]"] = "a list", ["null"] = "null", ["5"] = "a number",
      ['"x"'] = "a string", ["true"] = "a boolean" } do
      local value, problem = rules:read(body)
      assert.is_nil(value)
      assert.equal("must be an object, got " .. got, problem.message)
    end
  end)

  it("finds errcode whatever else is wrong, wherever it stands", function()
    for _, body in ipairs {
      '{"list":5,"errcode":40014}', '{"errcode":"40014","list":{"errcode":1}}',
      '{"a":{"errcode":1},"errmsg":[],"errcode":40014}',
    } do
      assert.equal(40014, rules:read(body).errcode)
    end
  end)

  it("makes integers that are integers", function()
    if math_type then
      local value = rules:read('{"errcode":0,"time":16e2,"new":5}')
      assert.equal("integer", math_type(value.time))
      assert.equal("integer", math_type(value.new))
      assert.equal("integer", math_type(value.errcode))
    end
  end)

  it("bounds depth", function()
    local function nested(depth)
      return '{"errcode":0,"free":' .. ("["):rep(depth) .. ("]"):rep(depth) .. "}"
    end
    assert.is_nil(select(2, rules:read(nested(31))))
    local value, problem = rules:read(nested(32))
    assert.is_nil(value)
    assert.equal("too_deep", problem.code)
    assert.is_nil(rules:read(("["):rep(100000)))
    assert.is_nil(rules:read(('{"a":'):rep(100000)))
  end)

  it("bounds the number of values", function()
    local body = '{"errcode":0,"free":[' .. ("1,"):rep(2000000) .. "1]}"
    local value, problem = rules:read(body)
    assert.is_nil(value)
    assert.equal("too_big", problem.code)
  end)

  it("refuses a reply cut at any byte", function()
    local whole = '{"errcode":0,"list":[{"id":"\\u4f60"}],'
      .. '"free":[1.5e3,true,null,"x"],"ratio":-0.5}'
    assert.is_nil(select(2, rules:read(whole)))
    for n = 0, #whole - 1 do
      local value, problem = rules:read(whole:sub(1, n))
      assert.is_nil(value)
      assert.equal("syntax", problem.code)
      assert.is_true(problem.offset >= 1 and problem.offset <= n + 1)
    end
  end)

  it("reads the next body right after a bad one", function()
    rules:read('{"list":[{"id":"\\u0041')
    assert.same({ errcode = 0, list = {} }, rules:read('{"errcode":0}'))
  end)

  it("raises when it is given no string", function()
    for _, value in ipairs { 5, {}, true } do
      assert.has_error(function() rules:read(value) end)
    end
    assert.has_error(function() rules.read(5, "") end)
  end)
end)
