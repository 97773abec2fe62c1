--- A request body's parameters held against a table of fields.

local params = {}

local EXACT = 9007199254740992 -- 2^53

local function integer(value)
  return type(value) == "number" and value % 1 == 0 and value < EXACT and value > -EXACT
end

local check = {}

function check.integer(field, value)
  if not integer(value) then return field.name .. " is not an integer" end
  if value < (field.min or 0) then return field.name .. " below min " .. (field.min or 0) end
  if field.max and value > field.max then return field.name .. " exceed max " .. field.max end
end

function check.string(field, value)
  if type(value) ~= "string" then return field.name .. " is not a string" end
end

--- Looks for the first field that is wrong.
-- A string that is empty counts as not given, as the service's own "cursor" does.
-- @tparam table fields list of { name, type = "integer"|"string", required, min = 0, max,
--   missing = the errcode of a string that is not given }
-- @tparam table values the decoded body
-- @treturn number|nil the errcode of what is wrong
-- @treturn string|nil that in the words of an errmsg, the field's name first, where the code
--   does not say it
function params.problem(fields, values)
  for _, field in ipairs(fields) do
    local value = values[field.name]
    if field.missing and (value == nil or value == "") then return field.missing end
    if value == nil then
      if field.required then return 40058, field.name .. " missing" end
    else
      local problem = check[field.type](field, value)
      if problem then return 40058, problem end
    end
  end
end

--- A parameter, or nil when it was empty or absent.
function params.given(value)
  if value == "" then return nil end
  return value
end

return params
