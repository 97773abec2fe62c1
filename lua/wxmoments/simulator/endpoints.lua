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
-- `corp` has options, data, publishers, customers, tokens, now(), and how often its cursors
-- were forgotten; `call` has query, params, effect.

local dataset = require "wxmoments.simulator.dataset"
local json = require "wxmoments.simulator.json"
local listing = require "wxmoments.simulator.listing"
local params = require "wxmoments.simulator.params"
local records = require "wxmoments.simulator.records"

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
local function question(asked)
  return {
    json.number(asked.start_time), json.number(asked.end_time),
    given(asked.creator) or "", json.number(asked.filter_type or 2),
  }
end

-- What a cursor remembers of a place in the list of moments, and where that leads later on.
-- "keyed": the last row given, so that a deletion moves nothing. "positional": how many rows
-- came before, so that after a deletion among them a row is passed over.
local MARKS = {
  keyed = function(total, list, newest)
    return {
      of = function(place) return place > 0 and list[newest - place + 1] or 0 end,
      place = function(mark)
        local place = newest - dataset.place_of(list, mark) + 1
        return mark > 0 and math.max(0, math.min(total, place)) or 0
      end,
    }
  end,
  positional = listing.by_place,
}

local function get_moment_list(corp, call)
  local asked, data = call.params, corp.data
  local problem = range_problem(asked)
  if problem then return nil, 40058, problem end
  local open = corp.options.edges == "open"
  local list, newest, total = data:window(asked.start_time, asked.end_time, open,
    asked.filter_type, given(asked.creator))
  return listing.page(corp, call, {
    name = "moment_list", question = question(asked), total = total, most = ROWS, default = ROWS,
    marks = MARKS[corp.options.cursors](total, list, newest),
    row = function(place) return data:text(list[newest - place + 1]) end,
  })
end

-- ---- all ----------------------------------------------------------------------------------

local MOMENT = { name = "moment_id", type = "string", missing = 41059 }
local MEMBER = { name = "userid", type = "string", missing = 41009 }
local CURSOR = { name = "cursor", type = "string" }
local LIMIT = { name = "limit", type = "integer" }

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
      CURSOR, LIMIT,
    },
    order = { "next_cursor", "moment_list" },
    answer = get_moment_list,
  },
  ["/cgi-bin/externalcontact/get_moment_task"] = {
    op = "get_moment_task", method = "POST", token = true, paged = true,
    fields = { MOMENT, CURSOR, LIMIT },
    order = { "next_cursor", "task_list" },
    answer = records.get_moment_task,
  },
  ["/cgi-bin/externalcontact/get_moment_customer_list"] = {
    op = "get_moment_customer_list", method = "POST", token = true, paged = true,
    fields = { MOMENT, MEMBER, CURSOR, LIMIT },
    order = { "next_cursor", "customer_list" },
    answer = records.get_moment_customer_list,
  },
  ["/cgi-bin/externalcontact/get_moment_send_result"] = {
    op = "get_moment_send_result", method = "POST", token = true, paged = true,
    fields = { MOMENT, MEMBER, CURSOR, LIMIT },
    order = { "next_cursor", "customer_list" },
    answer = records.get_moment_send_result,
  },
  ["/cgi-bin/externalcontact/get_moment_comments"] = {
    op = "get_moment_comments", method = "POST", token = true, paged = false,
    fields = { MOMENT, MEMBER },
    order = { "comment_list", "like_list" },
    answer = records.get_moment_comments,
  },
}
