--- How a list is cut into pages, with cursors that hold only for the same question.

local random = require "wxmoments.simulator.random"

local pages = {}

local MODULUS = 2147483647
local CHECK, MARK = 6, 6 -- characters of a cursor

-- What a cursor says: a mark of a place in the list, and whether the page before was an
-- empty one.
local function pack(mark, after_empty)
  return mark * 2 + (after_empty and 1 or 0)
end

local function write(question, mark, after_empty)
  local number = pack(mark, after_empty)
  local hidden = (number + random.hash(question)) % MODULUS
  local check = random.hash(question .. "#" .. random.digits(number, MARK))
  return random.digits(check, CHECK) .. random.digits(hidden, MARK)
end

-- The mark and the flag of a cursor; nil when it is not ours or of another question.
local function read(question, cursor)
  local hidden = #cursor == CHECK + MARK and random.number(cursor:sub(CHECK + 1))
  if not hidden then return nil end
  local number = (hidden - random.hash(question)) % MODULUS
  local flag = number % 2
  local mark, after_empty = math.floor((number - flag) / 2), flag == 1
  if write(question, mark, after_empty) ~= cursor then return nil end
  return mark, after_empty
end

--- Opens the page a request asks for.
-- @tparam string question the parameters that its cursors hold for, as one text
-- @tparam string|nil cursor as it was sent
-- @tparam table marks two functions: of(place) → what a cursor remembers of it, an integer
--   from 0; place(mark) → the place that leads to, from 0 to `total`
-- @tparam number total rows of the whole list
-- @tparam number limit
-- @treturn table|nil the page: place (rows before it), fresh (rows not given before), back
--   (rows of the page before that come again), total, limit, sent, after_empty; nil for a
--   cursor that is not this list's
function pages.open(question, cursor, marks, total, limit)
  local place, after_empty = 0, false
  if cursor then
    local mark
    mark, after_empty = read(question, cursor)
    if not mark then return nil end
    place = marks.place(mark)
  end
  return {
    question = question, marks = marks, sent = cursor, place = place, after_empty = after_empty,
    total = total, limit = limit, fresh = math.min(limit, total - place), back = 0,
  }
end

--- The cursor that leads to a place.
-- @tparam table page
-- @tparam number place rows before the page it leads to
-- @tparam boolean after_empty whether it comes from an empty page
-- @treturn string
function pages.cursor(page, place, after_empty)
  return write(page.question, page.marks.of(place), after_empty)
end

--- The cursor that continues after a page; nil when it was the last.
function pages.next_cursor(page)
  local place = page.place + page.fresh
  if page.next_cursor then return page.next_cursor end
  if page.emptied or place < page.total then
    return pages.cursor(page, place, page.emptied)
  end
end

return pages
