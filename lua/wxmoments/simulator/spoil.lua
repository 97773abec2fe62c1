--- Bodies changed on purpose: what some faults make of the bytes of a good reply.
-- The bodies are ours (wxmoments.simulator.json): no blanks, and inside a string no quote
-- without a backslash, so that `"name":` is found nowhere but at a field.

local json = require "wxmoments.simulator.json"
local random = require "wxmoments.simulator.random"

local spoil = {}

-- Whose type is changed, in turn.
local TYPED = {
  "create_time", "moment_id", "moment_list", "next_cursor", "access_token", "expires_in", "errcode",
  "task_list", "customer_list", "comment_list", "like_list", "userid", "external_userid",
  "publish_status",
}

local IDS = { "moment_id", "userid", "external_userid" }

local NUMBERS = { "errcode", "create_time", "expires_in", "publish_status" }

-- ---- finding one's way in a body ----------------------------------------------------------

-- Where the string that begins at `from` ends.
local function string_end(text, from)
  local at = from + 1
  while true do
    at = text:find('[\\"]', at)
    if not at or text:sub(at, at) == '"' then return at or #text end
    at = at + 2
  end
end

-- Calls `visit(at, character)` for what the pattern finds outside strings, until it gives
-- something, and gives that.
local function outside_strings(text, from, pattern, visit)
  local at = from
  while true do
    at = text:find('["' .. pattern .. "]", at)
    if not at then return nil end
    local character = text:sub(at, at)
    if character == '"' then
      at = string_end(text, at)
    else
      local found = visit(at, character)
      if found then return found end
    end
    at = at + 1
  end
end

-- Where the value that begins at `from` ends.
local function value_end(text, from)
  local first = text:sub(from, from)
  if first == '"' then return string_end(text, from) end
  if first ~= "[" and first ~= "{" then return (text:find("[,%]}]", from) or #text + 1) - 1 end
  local depth = 0
  return outside_strings(text, from, "%[%]{}", function(at, character)
    depth = depth + ((character == "[" or character == "{") and 1 or -1)
    return depth == 0 and at
  end) or #text
end

-- Puts `change(value's text)` in place of a field's value, wherever the field is, or `most`
-- times.
local function change_values(text, field, change, most)
  local parts, from, changed = {}, 1, 0
  local name = '"' .. field .. '":'
  while changed < (most or math.huge) do
    local _, last = text:find(name, from, true)
    if not last then break end
    local finish = value_end(text, last + 1)
    parts[#parts + 1] = text:sub(from, last)
    parts[#parts + 1] = change(text:sub(last + 1, finish))
    from, changed = finish + 1, changed + 1
  end
  return table.concat(parts) .. text:sub(from)
end

-- ---- what is made of a body ---------------------------------------------------------------

--- The first half of a body, or its first `bytes`; never all of it.
function spoil.truncate(body, bytes)
  return body:sub(1, math.max(0, math.min(bytes or math.floor(#body / 2), #body - 1)))
end

--- One comma too many, in the middle as far as there is a comma.
function spoil.break_syntax(body)
  local middle, last = #body / 2, #body
  outside_strings(body, 1, ",", function(at)
    last = at
    return at >= middle
  end)
  return body:sub(1, last) .. "," .. body:sub(last + 1)
end

local function other_type(value)
  if value:find("^[%[{]") then return json.encode(value) end -- a list becomes a string,
  if value:find("^[%d-]") then return '{"value":' .. value .. "}" end -- a number an object,
  return "[" .. value .. "]" -- and a string a list
end

--- A field of another type than the document says, where it stands for the first time.
-- @tparam string body
-- @tparam[opt] string field; without it one of those the body has, in turn
-- @tparam number turn from 1
function spoil.change_type(body, field, turn)
  local present = {}
  for _, name in ipairs(TYPED) do
    if body:find('"' .. name .. '":', 1, true) then present[#present + 1] = name end
  end
  field = field or present[(turn - 1) % math.max(1, #present) + 1]
  return field and change_values(body, field, other_type, 1) or body
end

--- The number that stands for an id when ids are sent as numbers: 19 digits, beyond 2^53
-- and below 2^63.
-- @tparam string id
-- @treturn string its digits
function spoil.number_of(id)
  return string.format("9007%010d%05d", random.hash(id), random.hash(id:reverse()) % 100000)
end

--- Ids as bare numbers.
function spoil.number_ids(body)
  for _, name in ipairs(IDS) do
    body = change_values(body, name, function(value) return spoil.number_of(value:sub(2, -2)) end)
  end
  return body
end

--- Numbers as text.
function spoil.text_numbers(body)
  for _, name in ipairs(NUMBERS) do
    body = change_values(body, name, function(value) return '"' .. value .. '"' end)
  end
  return body
end

return spoil
