--- The answer of an endpoint that gives a list: one page of it.

local json = require "wxmoments.simulator.json"
local pages = require "wxmoments.simulator.pages"
local params = require "wxmoments.simulator.params"

local listing = {}

--- Marks for the cursors of a list in which nothing moves (pages.open): the rows that came
-- before.
-- @tparam number total rows of the whole list
function listing.by_place(total)
  return {
    of = function(place) return place end,
    place = function(mark) return math.min(total, mark) end,
  }
end

local function page_size(limit, most, default)
  if not limit or limit < 1 or limit > most then return default end
  return limit
end

-- How the last page says that it is the last; the document leaves it open.
-- "absent" is absent here too.
local LAST_CURSOR = { [""] = "", null = json.null }

--- Cuts the page that a call asks for.
-- @tparam table corp
-- @tparam table call
-- @tparam table list `name` of the reply's field; `question`, a list of strings that its
--   cursors hold for; `total`; `row`, place from 1 → JSON; `most` and `default` rows of a
--   page; `marks`, those of by_place when there are none
-- @treturn table|nil the reply's fields
-- @treturn number errcode
-- @treturn string what is wrong
function listing.page(corp, call, list)
  local asked = call.params
  local cursor, refused = params.given(asked.cursor), call.effect.cursor_refused
  if cursor and refused then return nil, refused, "cursor invalid" end
  local question = table.concat(list.question, "|") .. "|" .. json.number(corp.forgotten)
  local page = pages.open(question, cursor, list.marks or listing.by_place(list.total),
    list.total, page_size(asked.limit, list.most, list.default))
  if not page then return nil, 40058, "cursor invalid" end
  for _, change in ipairs(call.effect.page) do change(page) end
  local rows = {}
  for place = page.place - page.back + 1, page.place + page.fresh do
    rows[#rows + 1] = list.row(place)
  end
  return {
    next_cursor = pages.next_cursor(page) or LAST_CURSOR[corp.options.last_cursor],
    [list.name] = json.list(rows),
  }
end

return listing
