--- JSON as rules:read and rules:write have it: RFC 8259 production by production; thousands
-- of generated documents beside lua-cjson; what is written by random rules reads as it was.

local cjson = require "cjson"
local core = require "wxmoments.core"

local any = core.rules { type = "any" }
local null = cjson.null

-- Of each production: texts that are right, with their value, and texts that are wrong, with
-- the byte, from 1, at which that is seen. Names are the RFC's.
local PRODUCTIONS = {
  {
    "JSON-text",
    right = { { "5", 5 }, { '"x"', "x" }, { "true", true }, { "null", null }, { "[]", {} },
      { "{}", {} } },
    wrong = { { "", 1 }, { " \n", 3 }, { "1 2", 3 }, { "{}{}", 3 }, { "[]]", 3 }, { "{}x", 3 },
      { "{}\0", 3 }, { "\0{}", 1 }, { "\239\187\191{}", 1 }, { "<html></html>", 1 },
      { "[1],", 4 }, { "\255\254{\0}\0", 1 } },
  },
  {
    "ws",
    right = { { " \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n", { 1, 2 } },
      { ' { "a" : 1 , "b" : 2 } ', { a = 1, b = 2 } }, { "[ ]", {} }, { "{ }", {} } },
    wrong = { { "\v1", 1 }, { "\f1", 1 }, { "[1\v]", 3 }, { "\194\1601", 1 }, { "1\0", 2 },
      { "\226\128\1681", 1 }, { "[1]//", 4 }, { "{/**/}", 2 }, { "#\n1", 1 } },
  },
  {
    "begin-array, end-array", right = { { "[]", {} }, { "[[],[[]]]", { {}, { {} } } } },
    wrong = { { "[", 2 }, { "]", 1 }, { "[[]", 4 }, { "[1}", 3 }, { "(1)", 1 }, { "{]", 2 } },
  },
  {
    "begin-object, end-object",
    right = { { "{}", {} }, { '{"a":{"b":{}}}', { a = { b = {} } } } },
    wrong = { { "{", 2 }, { "}", 1 }, { '{"a":{}', 8 }, { '{"a":1]', 7 }, { "[}", 2 },
      { '{"a":[1}}', 8 } },
  },
  {
    "name-separator", right = { { '{"a":1}', { a = 1 } }, { '{"a"\n:\n1}', { a = 1 } } },
    wrong = { { '{"a" 1}', 6 }, { '{"a"=1}', 5 }, { '{"a"::1}', 6 }, { '{"a"}', 5 },
      { "[1:2]", 3 }, { '{"a"', 5 }, { '{"a":', 6 }, { '{"a",1}', 5 } },
  },
  {
    "value-separator", right = { { "[1,2]", { 1, 2 } }, { '{"a":1,"b":2}', { a = 1, b = 2 } } },
    wrong = { { "[1 2]", 4 }, { "[1;2]", 3 }, { "[1,,2]", 4 }, { "[,1]", 2 }, { "[1,]", 4 },
      { '{"a":1,}', 8 }, { '{,"a":1}', 2 }, { '{"a":1 "b":2}', 8 }, { '{"a":1,,"b":2}', 8 },
      { "[,]", 2 }, { "{,}", 2 } },
  },
  {
    "value: false, null, true",
    right = { { "[false,null,true]", { false, null, true } }, { '{"a":false}', { a = false } },
      { '{"a":null,"b":true}', { b = true } } },
    wrong = { { "True", 1 }, { "TRUE", 1 }, { "tru", 1 }, { "nul", 1 }, { "fals", 1 },
      { "truee", 5 }, { "nil", 1 }, { "yes", 1 }, { "undefined", 1 }, { "t rue", 1 },
      { '{"a":tru}', 6 }, { "nulll", 5 } },
  },
  {
    "object, member",
    right = { { '{"":1}', { [""] = 1 } }, { '{" ":1}', { [" "] = 1 } },
      { '{"a":{"a":{"a":1}}}', { a = { a = { a = 1 } } } }, { '{"1":1}', { ["1"] = 1 } },
      { [[{"\u0061\n":1}]], { ["a\n"] = 1 } }, { '{"你":"好"}', { ["你"] = "好" } },
      { [[{"\u0000":1}]], { ["\0"] = 1 } }, { '{"a":1,"a":2}', { a = 2 } } },
    wrong = { { "{a:1}", 2 }, { "{'a':1}", 2 }, { "{1:1}", 2 }, { "{null:1}", 2 }, { "{5}", 2 },
      { '{"a":1,b:2}', 8 }, { '{"a"}', 5 }, { '{"a":}', 6 }, { '{"a":1,"b"}', 11 },
      { "{[]:1}", 2 }, { '{"a\n":1}', 4 } },
  },
  {
    "array",
    right = { { "[1]", { 1 } }, { '[1,"a",[2],{"b":3}]', { 1, "a", { 2 }, { b = 3 } } },
      { "[null]", { null } } },
    wrong = { { '["a":1]', 5 }, { "[1", 3 }, { "[1,", 4 }, { "1]", 2 }, { "[1]]", 4 } },
  },
  {
    "number: minus", right = { { "-1", -1 }, { "[-5]", { -5 } }, { "-0.5", -0.5 }, { "-0", 0 } },
    wrong = { { "-", 1 }, { "--1", 1 }, { "+1", 1 }, { "- 1", 1 }, { "-a", 1 },
      { "\226\136\1461", 1 }, { "-Infinity", 1 } },
  },
  {
    "number: int, zero, digit1-9",
    right = { { "0", 0 }, { "9", 9 }, { "10", 10 }, { "1234567890", 1234567890 },
      { "9007199254740992", 2 ^ 53 }, { "-9007199254740992", -2 ^ 53 },
      { "9007199254740993", "9007199254740993" }, { "-9007199254740993", "-9007199254740993" },
      { ("9"):rep(100), ("9"):rep(100) } },
    wrong = { { "01", 1 }, { "00", 1 }, { "-01", 2 }, { "0x10", 2 }, { "1_000", 2 }, { "1a", 2 },
      { "NaN", 1 }, { "Infinity", 1 }, { "1 0", 3 }, { "\239\188\145", 1 }, { '{"a":0x10}', 7 } },
  },
  {
    "number: frac, decimal-point",
    right = { { "0.5", 0.5 }, { "1.0", 1 }, { "1.50", 1.5 }, { "0.1", 0.1 }, { "123.456", 123.456 },
      { "0.30000000000000004", 0.1 + 0.2 }, { "0." .. ("0"):rep(400) .. "1", 0 } },
    wrong = { { "1.", 3 }, { ".5", 1 }, { "1.a", 3 }, { "1..5", 3 }, { "1.5.5", 4 }, { "1,5", 2 },
      { "-.5", 1 }, { "1.-5", 3 }, { "[1.]", 4 } },
  },
  {
    "number: exp, e, plus",
    right = { { "1e3", 1000 }, { "1E3", 1000 }, { "1e+3", 1000 }, { "1e-3", 0.001 }, { "0e0", 0 },
      { "1.5e1", 15 }, { "1e007", 1e7 }, { "1.7976931348623157e308", 1.7976931348623157e308 },
      { "5e-324", 5e-324 }, { "1e-999", 0 }, { "1e999", "1e999" }, { "-1e400", "-1e400" } },
    wrong = { { "1e", 3 }, { "1e+", 4 }, { "1E-", 4 }, { "e5", 1 }, { "1ee5", 3 }, { "1e+-5", 4 },
      { "1e5.5", 4 }, { "1e 5", 3 }, { "[1e]", 4 }, { "1e5e5", 4 } },
  },
  {
    "string: quotation-mark", right = { { '""', "" }, { '"a"', "a" }, { '"\'"', "'" } },
    wrong = { { '"', 2 }, { '"a', 3 }, { "'a'", 1 }, { '"a""', 4 }, { 'a"', 1 }, { "`a`", 1 },
      { '"12345678901234567890', 22 } },
  },
  {
    "string: unescaped",
    right = { { '" !#[]~\127"', " !#[]~\127" }, { '"é你😀"', "é你😀" },
      { '"\194\128\223\191"', "\194\128\223\191" },
      { '"\224\160\128\239\191\191"', "\224\160\128\239\191\191" },
      { '"\240\144\128\128\244\143\191\191"', "\240\144\128\128\244\143\191\191" },
      { '"\226\128\168"', "\226\128\168" }, { '"\239\187\191"', "\239\187\191" },
      { '"/"', "/" }, { '"12345678é12345678"', "12345678é12345678" } },
    wrong = { { '"\0"', 2 }, { '"\1"', 2 }, { '"a\nb"', 3 }, { '"a\tb"', 3 }, { '"\31"', 2 },
      { '"\128"', 2 }, { '"\255"', 2 }, { '"\192\128"', 2 }, { '"\193\191"', 2 },
      { '"\224\159\191"', 2 }, { '"\237\160\128"', 2 }, { '"\237\191\191"', 2 },
      { '"\240\143\191\191"', 2 }, { '"\244\144\128\128"', 2 }, { '"\245\128\128\128"', 2 },
      { '"\228\189"', 2 }, { '"\228\189', 2 }, { '"\228"', 2 }, { '"12345678\255"', 10 } },
  },
  {
    "string: escape",
    right = { { [["\"\\\/\b\f\n\r\t"]], '"\\/\b\f\n\r\t' }, { [["a\nb"]], "a\nb" },
      { [["\\\\"]], "\\\\" }, { [["\\u0041"]], "\\u0041" },
      { [["12345678\n12345678"]], "12345678\n12345678" } },
    wrong = { { [["\a"]], 2 }, { [["\'"]], 2 }, { [["\x41"]], 2 }, { [["\0"]], 2 }, { [["\"]], 4 },
      { [["\B"]], 2 }, { [["\ "]], 2 }, { '"\\\n"', 2 }, { '"\\\0"', 2 }, { '"\\', 2 },
      { [["\v"]], 2 } },
  },
  {
    "string: %x75 4HEXDIG",
    right = { { [["\u0041"]], "A" }, { [["\u00e9\u00E9"]], "éé" }, { [["\u4f60\u597D"]], "你好" },
      { [["\u0000"]], "\0" }, { [["a\u0000b"]], "a\0b" }, { [["\uffff"]], "\239\191\191" },
      { [["\u007f\u0080\u07ff\u0800"]], "\127\194\128\223\191\224\160\128" },
      { [["\ud83d\ude00"]], "😀" },
      { [["\uD800\uDC00\uDBFF\uDFFF"]], "\240\144\128\128\244\143\191\191" },
      { [["\ud7ff\ue000"]], "\237\159\191\238\128\128" }, { [["\u00410"]], "A0" } },
    wrong = { { [["\u"]], 2 }, { [["\u004"]], 2 }, { [["\u004g"]], 2 }, { [["\U0041"]], 2 },
      { [["\u 041"]], 2 }, { [["\u{41}"]], 2 }, { [["\u-041"]], 2 }, { [["\u12]], 2 },
      { [["\ud83d"]], 2 }, { [["\ud83dx"]], 2 }, { [["\ud83d\n"]], 2 }, { [["\ud83d\u0041"]], 2 },
      { [["\ud83d\ud83d"]], 2 }, { [["\ude00"]], 2 }, { [["\ude00\ud83d"]], 2 },
      { [["\ud83d\ude0"]], 2 }, { [["\ud83d\u"]], 2 } },
  },
}

-- Park and Miller's generator: its numbers are exact on every Lua. n: 1 up to n.
local function dice(seed)
  local state = seed % 2147483646 + 1
  return function(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
end

local function pick(random, list)
  return list[random(#list)]
end

-- The same value? Tables by what is in them; 1 is 1.0.
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

describe("RFC 8259:", function()
  for _, production in ipairs(PRODUCTIONS) do
    it(production[1] .. ", right", function()
      for _, case in ipairs(production.right) do
        local value, problem = any:read(case[1])
        assert.equal(nil, problem and problem.message, case[1])
        assert.is_true(same(case[2], value), case[1])
      end
    end)

    it(production[1] .. ", wrong", function()
      for _, case in ipairs(production.wrong) do
        local value, problem = any:read(case[1])
        assert.is_nil(value, case[1])
        assert.same({ "syntax", case[2] }, { problem.code, problem.offset }, case[1])
      end
    end)
  end
end)

-- --- documents ---------------------------------------------------------------------------

local SPACES = { "", "", "", " ", "\n", "\t", "\r\n", "  " }
local NUMBERS = { "0", "-0", "1", "-1", "1605172726", "9007199254740992", "9007199254740993",
  "-9007199254740993", "123456789012345678901234567890", "0.5", "-0.1", "1e3", "1E-7", "1.5e+10",
  "23.10647", "0.30000000000000004", "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308",
  "1e999", "1e-999", "123456789.123456789", "9007199254740993.0", "4.35", "1e22", "1e23" }
local CHARACTERS = { "a", "b", "1", " ", "/", "~", "\127", "é", "你", "好", "😀", "\226\128\168",
  [[\"]], [[\\]], [[\/]], [[\b]], [[\f]], [[\n]], [[\r]], [[\t]], [[\u0041]], [[\u00e9]],
  [[\u4F60]], [[\ud83d\ude00]], [[\u0000]], [[\u001f]], "abcdefgh", "客户朋友圈" }

local function space(random)
  return pick(random, SPACES)
end

local function string_text(random)
  local parts = {}
  for i = 1, random(8) - 1 do
    parts[i] = pick(random, CHARACTERS)
  end
  return '"' .. table.concat(parts) .. '"'
end

local function number_text(random)
  if random(2) == 1 then
    return pick(random, NUMBERS)
  end
  local text = (random(3) == 1 and "-" or "") .. (random(1000000) - 1)
  if random(2) == 1 then text = text .. "." .. (random(1000000) - 1) end
  if random(4) == 1 then text = text .. "e" .. (random(60) - 30) end
  return text
end

local document

local function list_text(random, depth)
  local parts = {}
  for i = 1, random(5) - 1 do
    parts[i] = document(random, depth + 1)
  end
  return "[" .. space(random) .. table.concat(parts, ",") .. "]"
end

-- No name comes twice: there the two readers may differ.
local function object_text(random, depth)
  local parts = {}
  for i = 1, random(5) - 1 do
    parts[i] = space(random) .. '"' .. i .. string_text(random):sub(2) .. space(random) .. ":"
      .. document(random, depth + 1)
  end
  return "{" .. space(random) .. table.concat(parts, ",") .. "}"
end

function document(random, depth)
  local kind = random(depth > 5 and 5 or 9)
  if depth == 0 then kind = 7 + random(2) end
  local text
  if kind <= 2 then
    text = number_text(random)
  elseif kind <= 4 then
    text = string_text(random)
  elseif kind == 5 then
    text = pick(random, { "true", "false", "null" })
  elseif kind <= 8 then
    text = object_text(random, depth)
  else
    text = list_text(random, depth)
  end
  return space(random) .. text .. space(random)
end

local agrees

local function tables_agree(ours, theirs)
  for key, value in pairs(theirs) do
    local mine = ours[key]
    local absent = value == null and type(key) == "string" and mine == nil
    if not absent and not agrees(mine, value) then return false end
  end
  for key in pairs(ours) do
    if theirs[key] == nil then return false end
  end
  return true
end

-- Is `ours` what lua-cjson's `theirs` means? Its numbers are all doubles on one Lua; where
-- ours is text, no double was exact. It has null where ours has nothing.
function agrees(ours, theirs)
  if type(theirs) == "table" and type(ours) == "table" then
    return tables_agree(ours, theirs)
  end
  if type(theirs) == "number" and type(ours) == "string" then
    return math.abs(theirs) >= 2 ^ 53 and tonumber(ours) + 0.0 == theirs + 0.0
  end
  return ours == theirs
end

describe("beside lua-cjson", function()
  it("reads generated documents alike, and none that is cut short", function()
    local cuts = 0
    for seed = 1, 5000 do
      local text = document(dice(seed), 0)
      local ours, problem = any:read(text)
      assert(problem == nil, ("seed %d: %s: %s"):format(seed, problem and problem.message, text))
      assert(agrees(ours, cjson.decode(text)), ("seed %d: %s"):format(seed, text))
      local last = #text:match("^(.*%S)")
      for n = 0, last < 60 and last - 1 or -1 do
        local value, cut = any:read(text:sub(1, n))
        cuts = cuts + 1
        assert(value == nil and cut.code == "syntax" and cut.offset >= 1 and cut.offset <= n + 1,
          ("seed %d, cut at %d: %s"):format(seed, n, text))
      end
    end
    assert.is_true(cuts > 20000)
  end)

  it("writes what lua-cjson reads alike", function()
    for seed = 1, 2000 do
      local value = any:read(document(dice(seed), 0))
      local body = assert(any:write(value))
      assert(agrees((any:read(body)), cjson.decode(body)), ("seed %d: %s"):format(seed, body))
    end
  end)
end)

-- --- rules -------------------------------------------------------------------------------

local WORDS = { "image", "link", "视频", "a b", "" }
local LETTERS = { "a", "b", "é", "你", "😀", " ", '"', "\\", "/", "\226\128\168" }
-- What a letter counts in each unit.
local SIZES = {
  bytes = { 1, 1, 2, 3, 4, 1, 1, 1, 1, 3 },
  codepoints = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
  utf16 = { 1, 1, 1, 1, 2, 1, 1, 1, 1, 1 },
}

-- A text of min up to max in the unit.
local function text_within(random, unit, min, max)
  local parts, size, wanted = {}, 0, min + random(max - min + 1) - 1
  while size < wanted do
    local i = random(#LETTERS)
    if size + SIZES[unit][i] > wanted then i = 1 end
    parts[#parts + 1] = LETTERS[i]
    size = size + SIZES[unit][i]
  end
  return table.concat(parts)
end

local function free_value(random, depth)
  local kind = random(depth > 3 and 4 or 6)
  if kind == 1 then return random(2000000000) - 1000000000 end
  if kind == 2 then return random(2000000) / 1024 end
  if kind == 3 then return text_within(random, "codepoints", 0, 12) end
  if kind == 4 then return random(2) == 1 end
  local value = {}
  for i = 1, random(4) - 1 do
    value[kind == 5 and i or "k" .. random(100)] = free_value(random, depth + 1)
  end
  return value
end

local make_rule

-- Each returns a rule and a function that gives a value within it.
local MAKERS = {
  any = function()
    return {}, function(random) return free_value(random, 0) end
  end,
  boolean = function()
    return {}, function(random) return random(2) == 1 end
  end,
  integer = function(random)
    if random(3) == 1 then
      local enum = { random(9), -random(9), 0, 2 ^ 53 }
      return { enum = enum }, function(dies) return pick(dies, enum) end
    end
    local min = random(2000000) - 1000000
    local max = min + random(1000) - 1
    return { min = min, max = max, from_text = random(2) == 1 },
      function(dies) return min + dies(max - min + 1) - 1 end
  end,
  number = function()
    return {}, function(random)
      return (random(2000000000) - 1000000000) / pick(random, { 1, 3, 7, 10, 1024, 1e300, 1e-290 })
    end
  end,
  string = function(random)
    if random(4) == 1 then
      return { enum = WORDS }, function(dies) return pick(dies, WORDS) end
    end
    local unit = pick(random, { "bytes", "codepoints", "utf16" })
    local min = random(4) - 1
    local max = min + random(12) - 1
    return { unit = unit, min = min, max = max, from_number = random(2) == 1,
      printable = random(2) == 1 }, function(dies) return text_within(dies, unit, min, max) end
  end,
  list = function(random, depth)
    local items, item = make_rule(random, depth + 1)
    local omit_empty = random(3) == 1
    local min = random(3) - (omit_empty and 0 or 1)
    local max = min + random(4) - 1
    return { items = items, min = min, max = max, omit_empty = omit_empty }, function(dies)
      local list = {}
      for i = 1, min + dies(max - min + 1) - 1 do list[i] = item(dies) end
      return list
    end
  end,
  object = function(random, depth)
    local fields, values = {}, {}
    for i = 1, random(6) - 1 do
      local name = "f" .. i .. text_within(random, "codepoints", 0, 3)
      fields[i], values[i] = make_rule(random, depth + 1)
      fields[i][1], fields[i].required = name, random(2) == 1
    end
    local open = random(3) == 1
    return { fields = fields, keep_unknown = open }, function(dies)
      local object = {}
      for i, field in ipairs(fields) do
        if field.required or dies(2) == 1 then object[field[1]] = values[i](dies) end
      end
      if open and dies(2) == 1 then object.unknown = free_value(dies, 0) end
      return object
    end
  end,
}

local FLAT = { "any", "boolean", "integer", "number", "string" }
local NESTED = { "list", "object", "object", "integer", "string" }

function make_rule(random, depth)
  local kind = pick(random, depth > 4 and FLAT or depth == 0 and { "list", "object" } or NESTED)
  local rule, value = MAKERS[kind](random, depth)
  rule.type = kind
  return rule, value
end

describe("by random rules", function()
  it("what is written reads as it was", function()
    for seed = 1, 3000 do
      local random = dice(seed)
      local rule, value_within = make_rule(random, 0)
      local rules = core.rules(rule)
      for _ = 1, 3 do
        local value = value_within(random)
        local body, problems = rules:write(value)
        assert(body, problems and ("seed %d: %s %s"):format(seed, problems[1].path or "",
          problems[1].message))
        local got, problem = rules:read(body)
        assert(problem == nil, problem and ("seed %d: %s %s: %s"):format(seed,
          problem.path or "", problem.message, body))
        assert(same(value, got), ("seed %d: %s"):format(seed, body))
        assert(same(value, (any:read((rules:write(value, true))))), ("seed %d"):format(seed))
      end
    end
  end)
end)
