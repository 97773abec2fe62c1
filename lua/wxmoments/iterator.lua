--- Iterators over whole ranges: every page of every window, in order, each row once.
--
-- A window is a queue of pages. Where the driver can do several things at once, one task
-- a window fills its queue, a few windows side by side; elsewhere a page is fetched when
-- the reader comes to it. Rows always come in the order of the windows.
-- @module wxmoments.iterator

local core = require "wxmoments.core"
local engine = require "wxmoments.engine"
local errors = require "wxmoments.errors"
local rules = require "wxmoments.rules"

local Iterator = { __name = "wxmoments.iterator" }
Iterator.__index = Iterator

-- What an iterator works with stands beside it: printing one shows no secret, and tasks
-- hold this alone, so that an iterator nobody holds any more is collected and closed.
local private = setmetatable({}, { __mode = "k" })

local iterator = {}

-- Pages that wait to be read, over all windows; bounds memory whatever the range.
local READ_AHEAD = 32

-- Ids remembered to leave out rows that come again on a later page: two generations of
-- this many, so that a window's memory is bounded too.
local REMEMBERED = 200

-- A window of 30 days with more pages than this is a server gone astray.
local MAX_PAGES = 100000
local MAX_EMPTY_PAGES = 1000

-- Has this id come already? Remembers it.
local function is_repeated(window, id)
  if window.ids[id] or window.older_ids[id] then
    return true
  end
  if window.id_count == REMEMBERED then
    window.older_ids, window.ids, window.id_count = window.ids, {}, 0
  end
  window.ids[id] = true
  window.id_count = window.id_count + 1
  return false
end

-- The rows of a page that are this window's own and new.
local function own_rows(self, window, rows)
  local each, own = self.op.each, {}
  for i = 1, #rows do
    local row = rows[i]
    local at = row[each.window.time]
    if at >= window.from and at <= window.to and not is_repeated(window, row[each.id]) then
      own[#own + 1] = row
    end
  end
  return own
end

local function open_window(self, index)
  local each, range = self.op.each, self.range
  local from, to, ask_from, ask_to = core.window(range.from, range.to, each.window.span, index)
  local params = { limit = each.limit }
  for name, value in pairs(self.params) do
    params[name] = value
  end
  params[each.window.from], params[each.window.to] = ask_from, ask_to
  return {
    from = from, to = to, params = params,
    pager = core.pager(self.max_pages, MAX_EMPTY_PAGES),
    pages = {}, first = 1, last = 0, -- the queue of pages that wait to be read
    ids = {}, older_ids = {}, id_count = 0,
    done = false, err = nil, task = nil,
  }
end

local function pager_error(self, code, text)
  return errors.new {
    kind = "decode", code = code, op = self.op.name, message = text, retryable = false,
    who = "admin", fix = "Report it to WeCom's support; the rows so far are right.",
  }
end

-- Fetches the window's next page into its queue, or sets its error.
local function fetch_page(self, window)
  window.pager:ask()
  local page, body = engine.call(self.state, self.op, window.params)
  if not page then
    window.pager:lost()
    window.err = body
    return
  end
  local rows = page[self.op.each.rows]
  if #rows > 0 then
    -- A page that has to wait for windows before it waits as bytes, a fifth of its tables.
    window.last = window.last + 1
    window.pages[window.last] = window == self.windows[self.head] and rows or body
    self.waiting_pages = self.waiting_pages + 1
  end
  local state, code, text = window.pager:feed(page.next_cursor, #rows)
  window.params.cursor = page.next_cursor
  window.done = state == "done"
  if state == "failed" then
    window.err, window.failed = pager_error(self, code, text), true
  end
end

local function is_empty(window)
  return window.first > window.last
end

-- May this window's next page be asked for? The one being read always may.
local function has_budget(self, window)
  return self.waiting_pages < READ_AHEAD or window == self.windows[self.head] and is_empty(window)
end

-- Fills a window's queue to its end. Runs as a task.
local function fill(self, window)
  while not window.done and not window.err do
    if not has_budget(self, window) then
      self.loop:wait(function() return has_budget(self, window) end)
    end
    fetch_page(self, window)
  end
end

local function is_running(window)
  return window.task ~= nil and not window.task.done
end

-- The window at this place, opened if it is not yet.
local function window_at(self, index)
  local window = self.windows[index]
  if not window then
    window = open_window(self, index)
    self.windows[index], self.opened = window, index
  end
  return window
end

local function count_running(self)
  local running = 0
  for index = self.head, self.opened do
    running = running + (is_running(self.windows[index]) and 1 or 0)
  end
  return running
end

-- Starts tasks until as many windows as allowed are being filled, the one being read first.
local function start_tasks(self)
  local running, index = count_running(self), self.head
  while running < self.at_once and index <= self.count do
    if index > self.head and self.waiting_pages >= READ_AHEAD then
      return
    end
    local window = window_at(self, index)
    if not window.done and not window.err and not is_running(window) then
      window.task = self.loop:spawn(function() return fill(self, window) end)
      running = running + (is_running(window) and 1 or 0)
    end
    index = index + 1
  end
end

-- Lets the window that is being read get its next page, or its end, or its error.
local function advance(self)
  local window = window_at(self, self.head)
  if not self.loop then
    return fetch_page(self, window)
  end
  start_tasks(self)
  self.loop:wait(function()
    return not is_empty(window) or window.done or window.err or window.task.done
  end)
  if window.task.raised then
    error(window.task.raised, 0)
  end
end

-- Takes the oldest page out of the window's queue: its own rows, maybe none.
local function take_page(self, window)
  local rows = window.pages[window.first]
  window.pages[window.first] = nil
  window.first = window.first + 1
  self.waiting_pages = self.waiting_pages - 1
  if type(rows) == "string" then -- it was read without a problem when it came
    rows = rules.of(self.op.reply):read(rows)[self.op.each.rows]
  end
  return own_rows(self, window, rows)
end

-- The next page of rows in order; nil at the end; nil, err.
local function next_page(self)
  while self.head <= self.count do
    local window = self.windows[self.head]
    if not window then
      advance(self)
    elseif not is_empty(window) then
      local rows = take_page(self, window)
      if #rows > 0 then
        return rows
      end
    elseif window.err then
      local err = window.err
      if not window.failed then -- the same page can be asked for again
        window.err = nil
      end
      return nil, err
    elseif window.done then
      self.windows[self.head] = nil
      self.head = self.head + 1
    else
      advance(self)
    end
  end
  return nil
end

local function close(self)
  self.closed = true
  for index = self.head, self.opened do
    local window = self.windows[index]
    if window and window.task then
      self.loop:kill(window.task)
    end
  end
  self.windows, self.rows = {}, nil
end

--- The next row.
-- @treturn table|nil row; nil at the end, and then `it.complete` is true; or nil and the
-- error, after which it may be called again and asks for the same page again
function Iterator:next()
  local self_ = private[self]
  if not self_ then
    error("wxmoments: call it as it:next()", 2)
  end
  if self_.refused then
    return nil, self_.refused
  end
  if self_.closed then
    return nil
  end
  local rows = self_.rows
  if not rows or self_.at > #rows then
    local err
    rows, err = next_page(self_)
    self_.rows, self_.at = rows, 1
    if not rows then
      if not err then
        close(self_)
        self.complete = true
      end
      return nil, err
    end
  end
  self_.at = self_.at + 1
  return rows[self_.at - 1]
end

--- For the generic `for`: the next row, or nil at the end. Raises the error object, and
-- is closed then.
function Iterator:__call()
  local row, err = self:next()
  if err then
    self:close()
    error(err, 0)
  end
  return row
end

--- Ends it: nothing of it is in flight after that. May be called again.
function Iterator:close()
  local self_ = private[self]
  if self_ and not self_.closed then
    close(self_)
  end
end

Iterator.__close = Iterator.close
Iterator.__gc = Iterator.close

function Iterator:__tostring()
  return self.__name .. (self.complete and ": complete" or "")
end

-- LuaJIT and 5.1 finalize no tables, but this.
local function guard(self)
  local proxy = rawget(_G, "newproxy")
  if not proxy then
    return nil
  end
  local sentinel = proxy(true)
  getmetatable(sentinel).__gc = function() close(self) end
  return sentinel
end

--- Makes an iterator over an operation's rows.
-- @tparam table state the client's
-- @tparam table op an entry of wxmoments.operations that has `each`
-- @tparam table params of the range; what is wrong with them comes from `next`
-- @treturn table iterator; the other values are what generic `for` closes it by (5.4)
function iterator.new(state, op, params)
  local it = setmetatable({ complete = false }, Iterator)
  local problems = rules.of(op.each.params):check(params)
  if problems then
    private[it] = { refused = errors.argument(op.each.name, problems), closed = true }
    return it, nil, nil, it
  end
  local window = op.each.window
  local self = {
    state = state, op = op, loop = state.driver.loop,
    range = { from = params[window.from], to = params[window.to] },
    params = {}, max_pages = params.max_pages or MAX_PAGES,
    at_once = state.limits.in_flight,
    windows = {}, head = 1, opened = 0, waiting_pages = 0, rows = nil, at = 1, closed = false,
  }
  for name, value in pairs(params) do
    if name ~= "max_pages" then
      self.params[name] = value
    end
  end
  self.count = core.window_count(self.range.from, self.range.to, window.span)
  private[it] = self
  it._guard = guard(self)
  return it, nil, nil, it
end

return iterator
