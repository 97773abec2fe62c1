--- JSON as the simulated server writes and reads it: exact integers, keys in a known order.
-- lua-cjson reads; writing is ours, because its two dialects print numbers and empty lists
-- differently.

local cjson = require "cjson"

local json = { null = cjson.null }

local reader = cjson.new()
reader.decode_invalid_numbers(false)

local EXACT = 9007199254740992 -- 2^53

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(character)
  return ESCAPES[character] or string.format("\\u%04x", character:byte())
end

local raw_mt = { __name = "wxmoments.simulator.raw" }

--- Marks a text that is JSON already.
function json.raw(text)
  return setmetatable({ text = text }, raw_mt)
end

--- Writes a list of texts that are JSON already; an empty one too is a list.
function json.list(texts)
  return json.raw("[" .. table.concat(texts, ",") .. "]")
end

--- A number's text: integers to the last digit up to 2^53, the same on every Lua.
function json.number(number)
  if number % 1 == 0 and number < EXACT and number > -EXACT then
    return string.format("%.0f", number)
  end
  return string.format("%.17g", number)
end

local encode

local function sorted_keys(object)
  local keys = {}
  for key in pairs(object) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function encode_list(list)
  local parts = {}
  for i = 1, #list do parts[i] = encode(list[i]) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_table(object, order)
  if getmetatable(object) == raw_mt then return object.text end
  if #object > 0 then return encode_list(object) end
  local parts = {}
  for _, key in ipairs(order or sorted_keys(object)) do
    if object[key] ~= nil then
      parts[#parts + 1] = encode(key) .. ":" .. encode(object[key])
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Writes a value.
-- @param value strings (raw UTF-8), numbers, booleans, json.null, lists and objects; an empty
--   table is an object (json.raw "[]" writes an empty list)
-- @tparam[opt] table order the object's keys in the order to write, else sorted
-- @treturn string
function encode(value, order)
  local kind = type(value)
  if kind == "table" then return encode_table(value, order) end
  if kind == "string" then return '"' .. value:gsub('[%c"\\]', escape) .. '"' end
  if kind == "number" then return json.number(value) end
  if value == json.null then return "null" end
  return tostring(value)
end
json.encode = encode

-- Debian's lua-cjson gives floats on 5.4; floor makes an integer there and changes nothing
-- on 5.1 and LuaJIT.
local function whole_numbers(value)
  if type(value) == "number" then
    return value % 1 == 0 and value < EXACT and value > -EXACT and math.floor(value) or value
  end
  if type(value) == "table" then
    for key, inner in pairs(value) do value[key] = whole_numbers(inner) end
  end
  return value
end

--- Reads a JSON object.
-- @tparam string text
-- @treturn table|nil the object; nil for anything else
function json.decode_object(text)
  if not text:find("^%s*{") then return nil end
  local ok, value = pcall(reader.decode, text)
  return ok and whole_numbers(value) or nil
end

return json
