--- The simulator's options: their defaults and what each may be.

local endpoints = require "wxmoments.simulator.endpoints"
local faults = require "wxmoments.simulator.faults"

local options = {}

local LAST_SECOND = 253402300799 -- the end of the year 9999

local function integer(first, last)
  return function(value)
    if type(value) ~= "number" or value % 1 ~= 0 or value < first or value > last then
      return string.format("must be an integer from %.0f to %.0f", first, last)
    end
  end
end

local function seconds(value)
  if type(value) ~= "number" or not (value >= 0 and value <= 86400) then
    return "must be a number of seconds from 0 to 86400"
  end
end

local function text(value)
  if type(value) ~= "string" or value == "" then return "must be a string that is not empty" end
end

local function callable(value)
  if type(value) ~= "function" then return "must be a function" end
end

local function one_of(...)
  local allowed = { ... }
  return function(value)
    for _, each in ipairs(allowed) do
      if value == each then return end
    end
    return 'must be "' .. table.concat(allowed, '" or "') .. '"'
  end
end

local function plan(value)
  if type(value) ~= "table" then return "must be a list" end
  local ops = {}
  for _, endpoint in pairs(endpoints) do ops[endpoint.op] = endpoint.paged end
  return faults.problem(value, ops)
end

-- A table of two paths. `both`: neither may be missing.
local function paths(first, second, both)
  return function(value)
    if type(value) ~= "table" then return "must be a table" end
    for name, path in pairs(value) do
      if name ~= first and name ~= second then
        return ("has an unknown field '%s' (known: %s, %s)"):format(tostring(name), first, second)
      end
      if type(path) ~= "string" then return name .. " must be a string" end
    end
    if both and not (value[first] and value[second]) then
      return "needs both " .. first .. " and " .. second
    end
  end
end

local LIMIT = integer(1, 1000000000)
local LIMITS = { in_flight = LIMIT, per_minute = LIMIT }

local function rates(value)
  if type(value) ~= "table" then return "must be a table" end
  for name, number in pairs(value) do
    if not LIMITS[name] then
      return ("has an unknown field '%s' (known: in_flight, per_minute)"):format(tostring(name))
    end
    local wrong = LIMITS[name](number)
    if wrong then return name .. " " .. wrong end
  end
end

local key_pair = paths("certificate", "key", true)
local certificate = one_of("wrong_name", "expired", "unknown_ca", "self_signed")

local function tls(value)
  if value == true then return end
  if type(value) == "table" then return key_pair(value) end
  local wrong = certificate(value)
  return wrong and wrong .. ", or true, or a table"
end

local function boolean(value)
  if type(value) ~= "boolean" then return "must be true or false" end
end

local function protocols(value)
  local wrong = type(value) ~= "string" or value == ""
  for word in (wrong and "" or value):gmatch("%S+") do
    wrong = wrong or not word:find("^TLSv1%.?[123]?$")
  end
  if wrong then return 'must be like "TLSv1.2 TLSv1.3"' end
end

-- The corp itself; 2024 as a year of data.
local CORP = {
  corpid = { text, "ww0123456789abcdef" },
  corpsecret = { text, "simulated-secret" },
  seed = { integer(0, 2147483646), 1 },
  moments = { integer(0, 2000000), 2000 },
  members = { integer(0, 100000), 20 },
  customers = { integer(0, 1000000), 50 },
  start_time = { integer(0, LAST_SECOND), 1704067200 },
  end_time = { integer(0, LAST_SECOND), 1735689599 },
  edges = { one_of("open", "closed"), "open" },
  last_cursor = { one_of("", "absent", "null"), "" },
  token_seconds = { integer(1, 31536000), 7200 },
  cursors = { one_of("keyed", "positional"), "keyed" },
  latency = { seconds, 0 },
  faults = { plan },
  limits = { rates },
}

local WHOLE = { "seed", "moments", "members", "customers", "start_time", "end_time" }

-- What each way to run it takes besides.
local MORE = {
  new = { clock = { callable } },
  serve = {
    port = { integer(1, 65535) }, nginx = { paths("binary", "modules") },
    tls = { tls }, http2 = { boolean }, protocols = { protocols },
  },
}

-- The ones that mean nothing to HTTP in the clear.
local OF_TLS = { "http2", "protocols" }

local function known(kind)
  local names = {}
  for name in pairs(CORP) do names[#names + 1] = name end
  for name in pairs(MORE[kind]) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

local function problem(kind, given)
  for name, value in pairs(given) do
    local option = CORP[name] or MORE[kind][name]
    if not option then
      return "unknown option '" .. tostring(name) .. "' (known: " .. known(kind) .. ")"
    end
    local wrong = option[1](value)
    if wrong then return name .. (wrong:find("^faults%[") and ": " or " ") .. wrong end
  end
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local new = {}
  for key, inner in pairs(value) do new[key] = copy(inner) end
  return new
end

-- What is wrong between options that are right each by itself.
local function conflict(corp, host)
  for _, name in ipairs(OF_TLS) do
    if host[name] and not host.tls then return name .. " needs tls" end
  end
  if corp.start_time > corp.end_time then return "start_time must not be after end_time" end
end

-- Takes the options that are not the corp's own out of the others.
local function part(kind, all)
  local host = {}
  for name in pairs(MORE[kind]) do
    host[name], all[name] = all[name], nil
  end
  return host
end

--- Checks options and fills in the rest.
-- @tparam string kind "new" or "serve"
-- @tparam table|nil given
-- @treturn table|nil the corp's options, complete, a copy
-- @treturn table|string the options of this way to run it; or what is wrong
function options.read(kind, given)
  if given ~= nil and type(given) ~= "table" then return nil, "options must be a table" end
  local wrong = problem(kind, given or {})
  if wrong then return nil, wrong end
  local all = copy(given or {})
  for name, option in pairs(CORP) do
    if all[name] == nil then all[name] = option[2] end
  end
  all.faults, all.limits = all.faults or {}, all.limits or {}
  -- 3.0 is welcome and must print as 3 on 5.4
  for _, name in ipairs(WHOLE) do all[name] = math.floor(all[name]) end
  local host = part(kind, all)
  wrong = conflict(all, host)
  if wrong then return nil, wrong end
  return all, host
end

return options
