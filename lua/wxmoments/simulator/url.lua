--- A request's URL taken apart: path and query, percent-decoded.

local url = {}

local function decode(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

--- Splits a URL; scheme and host do not matter and may be missing.
-- @tparam string text
-- @treturn string the path
-- @treturn table the query's values by name; of a name that comes twice the first counts
function url.split(text)
  local rest = text:match("^%a[%w+.-]*://[^/?#]*(.*)$") or text
  local path, query = rest:gsub("#.*$", ""):match("^([^?]*)%??(.*)$")
  local values = {}
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:gsub("%+", " "):match("^([^=]*)=?(.*)$")
    name = decode(name)
    if values[name] == nil then values[name] = decode(value) end
  end
  return path == "" and "/" or decode(path), values
end

return url
