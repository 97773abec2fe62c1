--- Iterators over whole ranges: every page of every window, in order, each row once.
--
-- Where the driver can do several things at once, one task a window fills its queue of
-- pages, a few windows side by side; elsewhere a page is fetched when the reader comes to
-- it. Rows always come in the order of the windows.
-- @module wxmoments.iterator

local checkpoint = require "wxmoments.checkpoint"
local core = require "wxmoments.core"
local errors = require "wxmoments.errors"
local rules = require "wxmoments.rules"
local windows = require "wxmoments.window"

local methods = {}
local Iterator = { __index = methods, __name = "wxmoments.iterator" }

-- What an iterator works with stands beside it: printing one shows no secret, and tasks
-- hold this alone, so that an iterator nobody holds any more is collected and closed.
local private = setmetatable({}, { __mode = "k" })

local iterator = {}

-- Pages that wait to be read, over all windows; bounds memory whatever the range.
local READ_AHEAD = 32

-- Seconds of the reader's that may be why a request failed; a tenth of a short deadline.
local LEAST_BUSY = 1

-- A window with more pages than this is a server gone astray.
local MAX_PAGES = 100000

-- The deadline of the next answer; nil when the total deadline is off. And what is left of it.
local function deadline_of(self)
  if not self.ends_at then
    return nil
  end
  local now = self.state.driver.now()
  return math.min(self.ends_at, now + self.state.deadline), self.ends_at - now
end

local function total_deadline_error(self)
  return errors.new {
    kind = "timeout", code = "TOTAL_DEADLINE", op = self.op.each.name, who = "developer",
    retryable = false, message = "the total_deadline of the whole loop has passed",
    fix = "Go on from it:checkpoint() with a new total_deadline.",
  }
end

-- Did a request fail only because nobody drove the loop while the reader was busy? The
-- caller's own time never counts: such a page is asked for again. What a reader takes between
-- any two pages is no reason: then every failure would get twice its attempts.
local function is_callers_time(self, err, idle)
  local busy, least = self.idle - idle, math.min(LEAST_BUSY, self.state.deadline / 10)
  return err ~= nil and busy >= least
    and (err.kind == "timeout" or err.kind == "transport") and err.retryable
end

-- Fetches one page of a window, within the deadlines.
local function fetch(self, window)
  local deadline, left = deadline_of(self)
  if left and left <= 0 then
    window.err = total_deadline_error(self)
    return
  end
  local before, idle = window.last, self.idle
  window:fetch(deadline, self.windows[self.head] ~= window)
  self.waiting_pages = self.waiting_pages + window.last - before
  if is_callers_time(self, window.err, idle) then
    window.err = nil
  end
end

-- May this window's next page be asked for? The one being read always may.
local function has_budget(self, window)
  return self.waiting_pages < self.read_ahead
    or window == self.windows[self.head] and window:is_empty()
end

-- Fills a window's queue to its end. Runs as a task.
local function fill(self, window)
  while not window.done and not window.err and not self.closed do
    if not has_budget(self, window) then
      self.loop:wait(function() return has_budget(self, window) end)
    end
    fetch(self, window)
  end
end

local function is_running(window)
  return window.task ~= nil and not window.task.done
end

-- The window at this place, opened if it is not yet.
local function window_at(self, index)
  local window = self.windows[index]
  if not window then
    window = windows.open(self, index)
    self.windows[index], self.opened = window, index
    if self.resume and self.resume.saved.window == index then
      window.resumed, self.resume = self.resume, nil
      window.params.cursor = window.resumed.saved.cursor
      -- Its open page comes again from its first row, so only the direction is known.
      window.order = window.resumed.saved.order
    end
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

-- May a task be started for this window? The one being read always has one: after an error
-- it must go on however many others are running.
local function may_start(self, index, running)
  return index == self.head
    or index <= self.count and running < self.at_once and self.waiting_pages < self.read_ahead
end

-- Starts tasks until as many windows as allowed are being filled.
local function start_tasks(self)
  local running, index = count_running(self), self.head
  while may_start(self, index, running) do
    local window = window_at(self, index)
    local raised = window.task and window.task.raised
    if not (window.done or window.err or raised or is_running(window)) then
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
    return fetch(self, window)
  end
  start_tasks(self)
  self.loop:wait(function()
    return not window:is_empty() or window.done or window.err or window.task.done
  end)
  local raised = window.task.raised
  if raised then
    window.task = nil -- may be asked again
    error(raised, 0)
  end
end

-- Makes the window's next page the one being read. The page before stays at hand, and the
-- time of the last row given: a checkpoint needs them.
local function turn_page(self, window)
  local old, page = self.page, window:take()
  self.waiting_pages = self.waiting_pages - 1
  if old and old.window == window.index then
    local last = old.rows[#old.rows]
    self.previous = old
    local time = self.op.each.time
    self.last_time = time and last and last[time] or self.last_time
  else
    self.previous = nil
    self.last_time = window.resumed and window.resumed.saved.last_time
  end
  page.window = window.index
  self.page, self.at = page, 1
end

-- Makes the next page of rows, in order, the one being read. False at the end; nil, err.
local function next_page(self)
  while self.head <= self.count do
    if self.closed then -- by something that was called on the way
      return nil
    end
    local window = self.windows[self.head]
    if not window then
      advance(self)
    elseif window.lost then
      return nil, window.lost
    elseif not window:is_empty() then
      turn_page(self, window)
      if #self.page.rows > 0 then
        return true
      end
    elseif window.err then
      return nil, window:take_error()
    elseif window.done then
      self.windows[self.head] = nil
      self.head = self.head + 1
    else
      advance(self)
    end
  end
  return false
end

local function close(self)
  self.closed = true
  for index = self.head, self.opened do
    local window = self.windows[index]
    if window and window.task then
      self.loop:kill(window.task)
    end
  end
end

local function private_of(it, method)
  local self = private[it]
  if not self then
    error(("wxmoments: call it as it:%s()"):format(method), 3)
  end
  return self
end

-- Goes on to the next page, as next_page; counts what time the reader kept to itself.
local function turn(self)
  local now = self.state.driver.now
  if self.total_deadline and not self.ends_at then
    self.ends_at = now() + self.total_deadline
  end
  self.idle = self.idle + (self.left_at and now() - self.left_at or 0)
  local more, err = next_page(self)
  self.left_at = now()
  return more, err
end

local function closed_error(self)
  return errors.new {
    kind = "state", code = "closed", op = self.op.each.name, who = "developer", retryable = false,
    message = "the iterator was closed before its end",
    fix = "Go on with a new iterator from it:checkpoint().",
  }
end

--- The next row.
-- @treturn table|nil row; nil at the end, and then `it.complete` is true; or nil and the
-- error, after which it may be called again and asks for the same page again
function methods:next()
  local self_ = private_of(self, "next")
  if self_.closed then
    return nil, self_.refused or not self.complete and closed_error(self_) or nil
  end
  local page = self_.page
  if not page or self_.at > #page.rows then
    local more, err = turn(self_)
    if more == false then
      close(self_)
      self.complete = true
    end
    if not more then
      return nil, err
    end
    page = self_.page
  end
  self_.at = self_.at + 1
  return page.rows[self_.at - 1]
end

--- Where it stands: a small plain table, fit for JSON, from which
-- `corp:each_moment { resume = saved }` goes on in another process. May be called at any
-- time, also after an error or close.
-- @treturn table|nil nil where the parameters were wrong
function methods:checkpoint()
  local self_ = private_of(self, "checkpoint")
  return not self_.refused and checkpoint.make(self_) or nil
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
function methods:close()
  local self_ = private[self]
  if self_ and not self_.closed then
    close(self_)
  end
end

Iterator.__close = methods.close
Iterator.__gc = methods.close

function Iterator:__tostring()
  return Iterator.__name .. (self.complete and ": complete" or "")
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

local rules_of_resume = {}

local function resume_rules(each)
  local rule = rules_of_resume[each]
  if not rule then
    rule = checkpoint.params_rule(each)
    rules_of_resume[each] = rule
  end
  return rules.of(rule)
end

-- Parameters that stand for a whole iterator; problems, if any; the checkpoint to go on from.
local function read_params(op, given)
  local each = op.each
  if type(given) ~= "table" or rawget(given, "resume") == nil then
    return given, rules.of(each.params):check(given)
  end
  local problems = resume_rules(each):check(given)
    or checkpoint.misplaced(each, given.resume)
  if problems then
    return nil, problems
  end
  local saved, params = given.resume, {}
  for name, value in pairs(saved.params) do
    params[name] = value
  end
  for name in pairs(checkpoint.OPTIONS) do
    params[name] = given[name]
  end
  return params, nil, saved
end

local function refuse(it, op, problems)
  private[it] = { refused = errors.argument(op.each.name, problems), closed = true }
  return it, nil, nil, it
end

-- The parameters that go to the server.
local function params_of_server(params)
  local sent = {}
  for name, value in pairs(params) do
    if not checkpoint.OPTIONS[name] then
      sent[name] = value
    end
  end
  return sent
end

-- What a whole reading works with.
local function new_reading(state, op, params, saved)
  local window = op.each.window
  local self = {
    state = state, op = params.ids_only and op.flat or op, loop = state.loop,
    range = window and { from = params[window.from], to = params[window.to] },
    params = params_of_server(params),
    max_pages = params.max_pages or MAX_PAGES, read_ahead = params.read_ahead or READ_AHEAD,
    total_deadline = params.total_deadline, at_once = state.limits.in_flight,
    windows = {}, head = 1, opened = 0, waiting_pages = 0,
    page = nil, previous = nil, at = 1, last_time = nil, closed = false,
    idle = 0, left_at = nil, -- seconds the reader kept its pages to itself, and since when
  }
  self.count = window and core.window_count(self.range.from, self.range.to, window.span) or 1
  if saved then
    self.resume = checkpoint.resume(saved)
    self.head = saved.complete and self.count + 1 or saved.window
    self.opened = self.head - 1
  end
  return self
end

--- Makes an iterator over an operation's rows.
-- @tparam table state the client's
-- @tparam table op an entry of wxmoments.operations that has `each`
-- @tparam table given the range's parameters, or `resume`, a checkpoint; and of options
-- `max_pages` of a window, `read_ahead` pages over all windows, `total_deadline` seconds for
-- the whole loop, and, where rows are little more than ids, `ids_only` for flat strings.
-- What is wrong with them comes from `next`
-- @treturn table iterator; the other values are what generic `for` closes it by (5.4)
function iterator.new(state, op, given)
  local it = setmetatable({ complete = false }, Iterator)
  local params, problems, saved = read_params(op, given)
  if problems then
    return refuse(it, op, problems)
  end
  private[it] = new_reading(state, op, params, saved)
  it._guard = guard(private[it])
  return it, nil, nil, it
end

return iterator
