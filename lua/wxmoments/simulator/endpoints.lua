--- The endpoints a simulated corp answers: one entry each, by path.
-- An entry is data and one function:
--
--   op       the official name
--   method   what it must be asked with, else 40058
--   token    whether it needs an access_token
--   paged    whether it gives pages (faults that change pages apply)
--   fields   what its body may hold (wxmoments.simulator.params)
--   order    the reply's own fields in the document's order
--   answer   function(corp, call) → fields | nil, errcode, what is wrong
--
-- `corp` has options, data, tokens, now(), and how often its cursors were forgotten; `call`
-- has query, params, effect.

local dataset = require "wxmoments.simulator.dataset"
local json = require "wxmoments.simulator.json"
local pages = require "wxmoments.simulator.pages"
local params = require "wxmoments.simulator.params"

local given = params.given

local SPAN = 2592000 -- 30 days in seconds, the most get_moment_list takes
local ROWS = 20      -- its largest and default page

-- ---- gettoken -----------------------------------------------------------------------------

local function gettoken(corp, call)
  local corpid, secret = given(call.query.corpid), given(call.query.corpsecret)
  if not corpid then return nil, 41002 end
  if not secret then return nil, 41004 end
  if corpid ~= corp.options.corpid then return nil, 40013 end
  if secret ~= corp.options.corpsecret then return nil, 40001 end
  local token, seconds = corp.tokens:get(corp.now())
  return { access_token = token, expires_in = seconds }
end

-- ---- get_moment_list ----------------------------------------------------------------------

local function range_problem(asked)
  if asked.start_time >= asked.end_time then return "start_time not before end_time" end
  if asked.end_time - asked.start_time > SPAN then return "end_time exceed max range " .. SPAN end
end

-- limit is no part of it: it may change from page to page
local function question(corp, asked)
  return table.concat({
    json.number(asked.start_time), json.number(asked.end_time),
    given(asked.creator) or "", json.number(asked.filter_type or 2),
    json.number(corp.forgotten),
  }, "|")
end

-- What a cursor remembers of a place in a list, and where that leads later on. "keyed": the
-- last row given, so that a deletion moves nothing. "positional": how many rows came before,
-- so that after a deletion among them a row is passed over.
local MARKS = {
  keyed = function(list, newest, total)
    return {
      of = function(place) return place > 0 and list[newest - place + 1] or 0 end,
      place = function(mark)
        local place = newest - dataset.place_of(list, mark) + 1
        return mark > 0 and math.max(0, math.min(total, place)) or 0
      end,
    }
  end,
  positional = function(_, _, total)
    return {
      of = function(place) return place end,
      place = function(mark) return math.min(total, mark) end,
    }
  end,
}

local function page_size(limit)
  if not limit or limit < 1 or limit > ROWS then return ROWS end
  return limit
end

-- How the last page says that it is the last; the document leaves it open.
-- "absent" is absent here too.
local LAST_CURSOR = { [""] = "", null = json.null }

local function get_moment_list(corp, call)
  local asked, data = call.params, corp.data
  local problem = range_problem(asked)
  if problem then return nil, 40058, problem end
  local open = corp.options.edges == "open"
  local list, newest, total = data:window(asked.start_time, asked.end_time, open,
    asked.filter_type, given(asked.creator))
  local cursor, refused = given(asked.cursor), call.effect.cursor_refused
  if cursor and refused then return nil, refused, "cursor invalid" end
  local marks = MARKS[corp.options.cursors](list, newest, total)
  local page = pages.open(question(corp, asked), cursor, marks, total, page_size(asked.limit))
  if not page then return nil, 40058, "cursor invalid" end
  for _, change in ipairs(call.effect.page) do change(page) end
  local rows = {}
  for place = page.place - page.back, page.place + page.fresh - 1 do
    rows[#rows + 1] = data:text(list[newest - place])
  end
  return {
    next_cursor = pages.next_cursor(page) or LAST_CURSOR[corp.options.last_cursor],
    moment_list = json.raw("[" .. table.concat(rows, ",") .. "]"),
  }
end

-- ---- all ----------------------------------------------------------------------------------

return {
  ["/cgi-bin/gettoken"] = {
    op = "gettoken", method = "GET", token = false, paged = false, fields = {},
    order = { "access_token", "expires_in" },
    answer = gettoken,
  },
  ["/cgi-bin/externalcontact/get_moment_list"] = {
    op = "get_moment_list", method = "POST", token = true, paged = true,
    fields = {
      { name = "start_time", type = "integer", required = true },
      { name = "end_time", type = "integer", required = true },
      { name = "creator", type = "string" },
      { name = "filter_type", type = "integer", max = 2 },
      { name = "cursor", type = "string" },
      { name = "limit", type = "integer" },
    },
    order = { "next_cursor", "moment_list" },
    answer = get_moment_list,
  },
}
