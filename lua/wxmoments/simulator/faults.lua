--- Faults on demand: what goes wrong, at which call of which endpoint.

local pages = require "wxmoments.simulator.pages"
local reply = require "wxmoments.simulator.reply"
local spoil = require "wxmoments.simulator.spoil"

local faults = {}

local REPEATED = 5 -- rows that come a second time

-- How long a reply is made that is too long, where the plan does not say.
local TOO_LONG = { body = 64 * 1024 * 1024 + 1, headers = 1024 * 1024 }

-- What a fault can do: `instead` gives the reply in the endpoint's place, `page` changes how
-- a list is cut (no row gets lost), `errmsg` stands in place of "ok", `cursor` is the errcode
-- for every cursor, `spoil` changes the body's bytes, `way` what happens to them on the way.
-- `needs` names a field that has no default.
local KINDS = {
  errcode = {
    instead = function(fault, hint) return reply.refuse(fault.errcode, hint, nil, fault.errmsg) end,
  },
  status = {
    instead = function(fault)
      local status = fault.status or 502
      return reply.html(status, status == 502 and "502 Bad Gateway" or "Error " .. status)
    end,
  },
  body = { needs = "body", instead = function(fault) return reply.json(fault.body) end },
  empty_object = { instead = function() return reply.json("{}") end },
  html = { instead = function() return reply.html(200, "Welcome") end },

  wrong_json_warning = { errmsg = "ok. Warning: wrong json format. " },

  same_cursor = {
    page = function(page)
      page.next_cursor = page.sent or pages.cursor(page, page.place, false)
    end,
  },
  short_page = { page = function(page) page.fresh = math.ceil(page.fresh / 2) end },
  -- never twice in a row: where every call has this fault, reading must still come to an end
  empty_page = {
    page = function(page)
      if not page.after_empty then page.fresh, page.emptied = 0, true end
    end,
  },
  repeat_rows = {
    page = function(page)
      page.back = math.min(REPEATED, page.place, page.limit - 1)
      page.fresh = math.min(page.fresh, page.limit - page.back)
    end,
  },
  cursor_refused = { cursor = 40058 },

  truncated = { spoil = function(body, fault) return spoil.truncate(body, fault.bytes) end },
  broken_json = { spoil = spoil.break_syntax },
  wrong_types = {
    spoil = function(body, fault, turn) return spoil.change_type(body, fault.field, turn) end,
  },
  number_ids = { spoil = spoil.number_ids },
  text_numbers = { spoil = spoil.text_numbers },

  delay = {
    needs = "seconds", way = function(way, fault) way.delay = way.delay + fault.seconds end,
  },
  cut = { way = function(way, fault) way.cut = fault.bytes or 0 end },
  drip = {
    way = function(way, fault)
      way.drip = { size = fault.size or 1, every = fault.every or 0.01 }
    end,
  },
  oversize = {
    way = function(way, fault)
      local part = fault.part or "body"
      way.pad = { part = part, bytes = fault.bytes or TOO_LONG[part] }
    end,
  },
}

local function known(names)
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, ", ")
end

local function count(value)
  return type(value) == "number" and value % 1 == 0 and value >= 1
end

local function seconds(value)
  return type(value) == "number" and value >= 0 and value <= 86400
end

local function code(value)
  return type(value) == "number" and value % 1 == 0 and value >= -2147483648
    and value <= 2147483647
end

local function text(value) return type(value) == "string" end

-- What each field of a plan's entry may be.
local FIELDS = {
  op = { text, "a string" },
  moment_id = { text, "a string" },
  userid = { text, "a string" },
  call = { count, "an integer from 1" },
  times = { count, "an integer from 1" },
  kind = { text, "a string" },
  errcode = { code, "an integer" },
  errmsg = { text, "a string" },
  status = { function(value) return count(value) and value >= 200 and value <= 599 end,
    "an HTTP status from 200 to 599" },
  body = { text, "a string" },
  bytes = { function(value) return value == 0 or count(value) end, "an integer from 0" },
  seconds = { seconds, "a number of seconds" },
  every = { seconds, "a number of seconds" },
  size = { count, "an integer from 1" },
  field = { text, "a string" },
  part = { function(value) return TOO_LONG[value] ~= nil end, '"body" or "headers"' },
}

local function field_problem(fault)
  for name, value in pairs(fault) do
    local field = FIELDS[name]
    if not field then
      return "unknown field '" .. tostring(name) .. "' (known: " .. known(FIELDS) .. ")"
    end
    if not field[1](value) then return name .. " must be " .. field[2] end
  end
end

local function kind_problem(fault, paged)
  local kind = KINDS[fault.kind or "errcode"]
  if not kind then
    return "unknown kind '" .. fault.kind .. "' (known: " .. known(KINDS) .. ")"
  end
  if kind == KINDS.errcode and not fault.errcode then return "a kind or an errcode is needed" end
  if kind.needs and not fault[kind.needs] then
    return kind.needs .. " must be " .. FIELDS[kind.needs][2]
  end
  if (kind.page or kind.cursor) and fault.op and not paged[fault.op] then
    return "kind '" .. fault.kind .. "' needs an endpoint that has pages"
  end
end

--- Checks a plan.
-- @tparam table plan the list of faults
-- @tparam table ops endpoint names; the value says whether it has pages
-- @treturn string|nil what is wrong
function faults.problem(plan, ops)
  for i, fault in ipairs(plan) do
    local problem
    if type(fault) ~= "table" then
      problem = "a table is needed"
    else
      problem = field_problem(fault) or kind_problem(fault, ops)
      if not problem and fault.op and ops[fault.op] == nil then
        problem = "unknown op '" .. fault.op .. "' (known: " .. known(ops) .. ")"
      end
    end
    if problem then return "faults[" .. i .. "]: " .. problem end
  end
end

-- What a fault may ask of a request's parameters.
local OF_PARAMS = { "moment_id", "userid" }

-- `call` names one call, `times` widens that; without `call` it is the first `times` calls,
-- or every call.
local function applies(fault, op, call, values)
  if fault.op and fault.op ~= op then return false end
  for _, name in ipairs(OF_PARAMS) do
    if fault[name] and fault[name] ~= values[name] then return false end
  end
  local first = fault.call or 1
  local times = fault.times or (fault.call and 1) or math.huge
  return call >= first and call < first + times
end

--- Picks from a plan what happens to one call.
-- @tparam table plan
-- @tparam string op
-- @tparam number call how often the endpoint was asked, this time included
-- @tparam table values the request's parameters
-- @tparam string hint the digits of an errmsg
-- @treturn table response (instead of the endpoint's own, or nil), errmsg (or nil),
--   cursor_refused (the errcode for a cursor, or nil), page (a list of functions that take
--   the page), spoil (a list of functions body → body), way (delay in seconds, and perhaps
--   cut, drip, pad)
function faults.select(plan, op, call, values, hint)
  local effect = { page = {}, spoil = {}, way = { delay = 0 } }
  for _, fault in ipairs(plan) do
    if applies(fault, op, call, values) then
      local kind = KINDS[fault.kind or "errcode"]
      if kind.instead and not effect.response then effect.response = kind.instead(fault, hint) end
      effect.errmsg = effect.errmsg or kind.errmsg
      if kind.cursor then effect.cursor_refused = fault.errcode or kind.cursor end
      effect.page[#effect.page + 1] = kind.page
      effect.spoil[#effect.spoil + 1] = kind.spoil and function(body)
        return kind.spoil(body, fault, call - (fault.call or 1) + 1)
      end
      if kind.way then kind.way(effect.way, fault) end
    end
  end
  return effect
end

return faults
