--- Options of constructors and calls, held against a table that names and types them.
-- @module wxmoments.options

local core = require "wxmoments.core"

local options = {}

--- The known name that is most like a given one, or nil when none is near.
-- @tparam string name
-- @tparam table known names as keys
function options.nearest(name, known)
  local best, least = nil, 2 + math.floor(#name / 3)
  for candidate in pairs(known) do
    local distance = core.distance(name, candidate)
    if distance < least or (distance == least and best and candidate < best) then
      best, least = candidate, distance
    end
  end
  return best
end

local function type_of(value)
  local kind = type(value)
  if kind == "number" and (value ~= value or value == math.huge or value == -math.huge) then
    return "a number that is not finite"
  end
  return kind
end

local function is_one_of(kind, allowed)
  for choice in allowed:gmatch("%a+") do
    if kind == choice then
      return true
    end
  end
  return false
end

--- Has the table a metatable that would show other fields than it has itself?
function options.hides(given)
  local metatable = getmetatable(given)
  return type(metatable) == "table"
    and (rawget(metatable, "__index") or rawget(metatable, "__pairs")) ~= nil
end

-- What is wrong with one option, or nil.
local function wrong_option(name, value, known)
  local allowed = known[name]
  if not allowed then
    local near = type(name) == "string" and options.nearest(name, known)
    local shown = type(name) == "string" and name:gsub("[^%w_]", "?"):sub(1, 40) or type(name)
    return ("has no option '%s'%s"):format(shown, near and "; did you mean '" .. near .. "'?" or "")
  end
  local kind = type_of(value)
  if not is_one_of(kind, allowed) then
    return (": option '%s' must be a %s, got %s"):format(name, allowed:gsub("|", " or a "), kind)
  end
end

--- Reads a table of options, raw. Raises where one is unknown or of another type: such a
-- mistake is the author's.
-- @tparam string what the function, for the message
-- @tparam table given
-- @tparam table known `{ name = "string", other = "table|function", … }`
-- @tparam number level as of `error`, seen from the caller of this function
-- @treturn table the options: a copy, which later changes do not reach
function options.read(what, given, known, level)
  level = level + 1
  if type(given) ~= "table" then
    error(("wxmoments: %s takes a table of options, got %s"):format(what, type(given)), level)
  end
  if options.hides(given) then
    error(("wxmoments: %s: the options have a metatable: give a plain table"):format(what), level)
  end
  local read = {}
  for name, value in next, given do
    local wrong = wrong_option(name, value, known)
    if wrong then
      error("wxmoments: " .. what .. (wrong:find("^:") and "" or " ") .. wrong, level)
    end
    read[name] = value
  end
  return read
end

--- Raises unless the number is within its bounds.
-- @tparam string what
-- @tparam string name
-- @tparam ?number value nil passes
-- @tparam number least
-- @tparam number most
-- @tparam number level as of `error`, seen from the caller of this function
function options.range(what, name, value, least, most, level)
  if value ~= nil and (value < least or value > most) then
    error(("wxmoments: %s: option '%s' must be from %s to %s"):format(what, name,
      core.number(least), core.number(most)), level + 1)
  end
end

return options
