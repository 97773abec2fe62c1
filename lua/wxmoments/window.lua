--- One window of a range: its pages in the order they come, and which of their rows are its
-- own. A list without a range of time is one window, and all its rows are its own.
--
-- A window of time asks for a second more at both ends than it keeps, because the document
-- writes an open interval ("按时间只能取到(start_time, end_time)范围内的数据") and nobody says whether
-- the server means it.
-- @module wxmoments.window

local core = require "wxmoments.core"
local engine = require "wxmoments.engine"
local errors = require "wxmoments.errors"
local rules = require "wxmoments.rules"

local methods = {}
local Window = { __index = methods, __name = "wxmoments.window" }

local window = {}

-- Ids remembered to leave out rows that come again on a later page: two generations of
-- this many, or of a page where that is more, so that a window's memory is bounded too.
local REMEMBERED = 200

-- This many pages without a row, each with another cursor, are a server gone astray.
local MAX_EMPTY_PAGES = 1000

--- Opens a window. Nothing is asked for yet.
-- @tparam table reading what the whole iterator knows: state, op, range, params, max_pages
-- @tparam number index from 1, the oldest first
function window.open(reading, index)
  local each, range = reading.op.each, reading.range
  local from, to, ask_from, ask_to
  local params = { limit = each.limit }
  for name, value in pairs(reading.params) do
    params[name] = value
  end
  if range then
    from, to, ask_from, ask_to = core.window(range.from, range.to, each.window.span, index)
    params[each.window.from], params[each.window.to] = ask_from, ask_to
  end
  return setmetatable({
    index = index, from = from, to = to, params = params, op = reading.op, state = reading.state,
    pager = core.pager(reading.max_pages, MAX_EMPTY_PAGES), max_pages = reading.max_pages,
    pages = {}, first = 1, last = 0, -- the queue of pages that wait to be read
    ids = {}, older_ids = {}, id_count = 0,
    -- Of the rows so far, by time: "any" (too few to say), or nil for none.
    order = each.time and "any" or nil,
    done = false,
    err = nil, failed = false, -- what the next page's request ended in; whether for good
    lost = nil, -- what ends the window at once: see wxmoments.checkpoint
    resumed = nil,
  }, Window)
end

--- Is there no page that waits to be read?
function methods:is_empty()
  return self.first > self.last
end

--- What a row is known by; a flat row is that itself.
function window.id_of(each, row)
  return type(row) == "string" and row or row[each.id]
end

-- Has this id come already? Remembers it.
local function is_repeated(self, id)
  if self.ids[id] or self.older_ids[id] then
    return true
  end
  if self.id_count >= math.max(REMEMBERED, self.op.each.limit) then
    self.older_ids, self.ids, self.id_count = self.ids, {}, 0
  end
  self.ids[id] = true
  self.id_count = self.id_count + 1
  return false
end

-- The order that still holds when `time` comes after `last`.
local function order_after(order, last, time)
  if last == nil or time == last then
    return order
  end
  local now = time < last and "descending" or "ascending"
  if order == "any" or order == now then
    return now
  end
end

-- The rows of a page that are this window's own and new; the ids of those that were given
-- before the checkpoint it was resumed from; the time of the first of both.
local function own_rows(self, rows)
  local each, own, skipped, first_time = self.op.each, {}, {}, nil
  for i = 1, #rows do
    local row = rows[i]
    local time, id = each.time and row[each.time], window.id_of(each, row)
    local inside = not time or time >= self.from and time <= self.to
    if inside and not is_repeated(self, id) then
      self.order = self.order and order_after(self.order, self.last_time, time)
      self.last_time, first_time = time, first_time or time
      if not self.resumed or self.resumed:is_new(id, time) then
        own[#own + 1] = row
      else
        skipped[#skipped + 1] = id
      end
    end
  end
  return own, skipped, first_time
end

-- What can be done about a pager that failed; else the server is to blame.
local PAGER_FIXES = {
  too_many_pages = { kind = "state", who = "developer",
    fix = "Give a larger max_pages if a window may really have so many." },
  memory = { kind = "state", who = "admin", fix = "Give the process more memory." },
}
local SERVER_FIX = { kind = "decode", who = "admin",
  fix = "Report it to WeCom's support; the rows so far are right." }

local function pager_error(self, code, text)
  local known = PAGER_FIXES[code] or SERVER_FIX
  return errors.new {
    kind = known.kind, code = code, op = self.op.name, message = text, retryable = false,
    who = known.who, fix = known.fix,
  }
end

-- A row from beyond what was asked for belongs to no window: to drop it would lose it, if
-- its time is in another unit, say.
local function stray_error(self, rows)
  local each = self.op.each
  if not each.time then
    return nil
  end
  local from, to = self.params[each.window.from], self.params[each.window.to]
  for i = 1, #rows do
    local time = rows[i][each.time]
    if time < from or time > to then
      return errors.new {
        kind = "decode", code = "outside_window", op = self.op.name, who = "admin",
        path = ("%s[%d].%s"):format(each.rows, i, each.time), retryable = false,
        message = ("is %s, which is not from %s to %s as was asked"):format(core.number(time),
          core.number(from), core.number(to)),
        fix = SERVER_FIX.fix,
      }
    end
  end
end

-- A checkpoint's cursor may have died with its session: then the window is read again from
-- its beginning, and what was given is left out, where that can be known.
local function restart(self, err)
  if not (self.resumed and self.params.cursor and self.resumed:is_refusal(err)) then
    return err
  end
  local lost = self.resumed:restart(self, err)
  if lost then
    return lost
  end
  self.params.cursor, self.order, self.last_time = nil, "any", nil
  self.pager = core.pager(self.max_pages, MAX_EMPTY_PAGES)
end

--- Asks for the next page and puts it into the queue; or sets `err`, after which it may be
-- called again unless `failed`. `done` is true after the last page.
-- @tparam ?number deadline by the driver's clock
-- @tparam boolean as_bytes a page that has to wait long waits as bytes: a fifth of its tables
function methods:fetch(deadline, as_bytes)
  local cursor = self.params.cursor
  local page, body = engine.call(self.state, self.op, self.params, deadline)
  if not page then
    self.err = restart(self, body)
    return
  end
  if self.resumed then
    self.resumed.asked = true
  end
  local rows = page[self.op.each.rows]
  self.err = stray_error(self, rows)
  if self.err then
    self.failed = true
    return
  end
  if #rows > 0 then
    self.last = self.last + 1
    self.pages[self.last] = { cursor = cursor, rows = as_bytes and body or rows }
  end
  self.pager:ask()
  local state, code, text = self.pager:feed(page.next_cursor, #rows)
  self.params.cursor = page.next_cursor
  self.done = state == "done"
  if state == "failed" then
    self.err, self.failed = pager_error(self, code, text), true
  end
end

--- Takes the oldest page out of the queue.
-- @treturn table `{ cursor = what it was asked with, rows = the window's own, maybe none,
-- skipped = ids that were given before, first_time = of the first of both }`
function methods:take()
  local page = self.pages[self.first]
  self.pages[self.first] = nil
  self.first = self.first + 1
  local rows = page.rows
  if type(rows) == "string" then -- it was read without a problem when it came
    rows = rules.of(self.op.reply):read(rows)[self.op.each.rows]
  end
  page.rows, page.skipped, page.first_time = own_rows(self, rows)
  if self.resumed then
    self.lost = self.resumed.lost
    self.resumed:mark(page, self.last_time)
  end
  return page
end

--- Takes the error, so that the same page can be asked for again; one that is final stays.
function methods:take_error()
  local err = self.err
  if not self.failed then
    self.err = nil
  end
  return err
end

return window
