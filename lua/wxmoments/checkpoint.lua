--- Checkpoints: where an iterator stands, as a small plain table that another process can
-- go on from, without losing or repeating a row.
--
--     { version = 1, each = "each_moment", params = { … the range and its filters … },
--       window = 3,               the window being read, from 1
--       cursor = "…",             its open page, as it was asked for; absent on the first
--       ids = { … },              rows already given of the open page
--       previous_ids = { … },     and of the page before, should they come again
--       order = "descending",     how the window's rows came, if they came by their time
--       last_time = 1605000000,   the time of the last row that was given
--       complete = true }         instead of the rest: everything was given
--
-- Ids, not a place in the page: a row that is deleted meanwhile must not lose another. A
-- checkpoint comes from a file, so it is checked as any input.
-- @module wxmoments.checkpoint

local core = require "wxmoments.core"
local errors = require "wxmoments.errors"

local checkpoint = {}

local VERSION = 1

--- Options of an iterator beside the operation's own parameters: they are not kept.
checkpoint.OPTIONS = { max_pages = true, read_ahead = true, total_deadline = true,
  ids_only = true }

-- These may say that a cursor is not known, as may any code that is in no catalogue: the
-- documents name none. What else is final has another reason.
local MAY_BE_CURSOR = { [40035] = true, [40058] = true, [40063] = true, [701105] = true }

-- Two pages of the largest page there is.
local MAX_IDS = 10000

--- The rules of a checkpoint of an iterator.
-- @tparam table each of an entry of wxmoments.operations
function checkpoint.rule(each)
  return {
    type = "object",
    fields = {
      { "version", type = "integer", enum = { VERSION }, required = true },
      { "each", type = "string", enum = { each.name }, required = true },
      { "params", type = "object", required = true, fields = each.params.fields,
        span = each.params.span },
      { "window", type = "integer", min = 1 },
      { "cursor", type = "string" },
      { "ids", type = "list", max = MAX_IDS, items = { type = "string" } },
      { "previous_ids", type = "list", max = MAX_IDS, items = { type = "string" } },
      { "order", type = "string", enum = { "descending", "ascending", "any" } },
      { "last_time", type = "integer" },
      { "complete", type = "boolean" },
    },
  }
end

--- The rules of an iterator's parameters when it goes on from a checkpoint.
function checkpoint.params_rule(each)
  local resume, fields = checkpoint.rule(each), {}
  resume[1], resume.required = "resume", true
  fields[1] = resume
  for _, field in ipairs(each.params.fields) do
    if checkpoint.OPTIONS[field[1]] then
      fields[#fields + 1] = field
    end
  end
  return { type = "object", fields = fields }
end

--- What no rule can say: is the checkpoint's window one of its range?
-- @treturn ?table problems
function checkpoint.misplaced(each, saved)
  local params, range, count = saved.params, each.window, 1
  if range then
    count = core.window_count(params[range.from], params[range.to], range.span)
  end
  if saved.complete or saved.window and saved.window <= count then
    return nil
  end
  return { {
    code = saved.window and "too_large" or "required", path = "resume.window",
    message = saved.window and "must be a window of the range, which has " .. core.number(count)
      or "is required",
    limit = count, got = saved.window,
  } }
end

-- The ids given of a page: what a checkpoint knew of it, and its first `count` rows.
local function ids_of(page, count, each)
  local ids, seen = {}, {}
  local function add(id)
    if not seen[id] then
      seen[id] = true
      ids[#ids + 1] = id
    end
  end
  for _, id in ipairs(page.carried or {}) do
    add(id)
  end
  for _, id in ipairs(page.skipped) do
    add(id)
  end
  for i = 1, count do
    local row = page.rows[i]
    add(type(row) == "string" and row or row[each.id])
  end
  return ids
end

-- May the rows given so far be told from the others by their time? Not when the second of
-- the last one may have begun on a page whose ids are not at hand.
local function is_told_by_time(reading, window, last_time)
  local oldest = reading.previous or reading.page
  if not window.order or not last_time then
    return false
  end
  if oldest.cursor == nil then
    return true
  end
  if oldest.resumed then -- what was given before it is told by the checkpoint's own order
    return oldest.resumed.saved.order ~= nil
  end
  return oldest.first_time ~= nil and oldest.first_time ~= last_time
end

-- The parameters of the whole range, without the options of this iterator.
local function params_of(reading)
  local each, params = reading.op.each, {}
  for name, value in pairs(reading.params) do
    params[name] = value
  end
  if reading.range then
    params[each.window.from], params[each.window.to] = reading.range.from, reading.range.to
  end
  return params
end

local function copy_of(list)
  local copy = {}
  for i, value in ipairs(list or {}) do
    copy[i] = value
  end
  return copy
end

-- A checkpoint as it was given, when nothing of its window was given since.
local function again(saved)
  return {
    version = saved.version, each = saved.each, window = saved.window, cursor = saved.cursor,
    ids = copy_of(saved.ids), previous_ids = copy_of(saved.previous_ids),
    order = saved.order, last_time = saved.last_time,
  }
end

-- The time of the last row that was given, where rows have one.
local function last_time_of(reading, page, given)
  local time = reading.op.each.time
  return time and (given > 0 and page.rows[given][time] or reading.last_time) or nil
end

--- Where a reading stands.
-- @tparam table reading what the iterator works with
-- @treturn table the checkpoint
function checkpoint.make(reading)
  local each, page, window = reading.op.each, reading.page, reading.windows[reading.head]
  local saved = { version = VERSION, each = each.name, params = params_of(reading) }
  if reading.head > reading.count then
    saved.complete = true
    return saved
  end
  saved.window, saved.ids, saved.previous_ids = reading.head, {}, {}
  if not page or page.window ~= reading.head then
    local resumed = window and window.resumed or reading.resume
    if resumed then
      saved = again(resumed.saved)
      saved.params = params_of(reading)
    end
    return saved
  end
  local given, previous = reading.at - 1, reading.previous
  saved.cursor, saved.ids = page.cursor, ids_of(page, given, each)
  if previous then
    saved.previous_ids = ids_of(previous, #previous.rows, each)
  elseif page.resumed then
    saved.previous_ids = copy_of(page.resumed.saved.previous_ids)
  end
  saved.last_time = last_time_of(reading, page, given)
  if is_told_by_time(reading, window, saved.last_time) then
    saved.order = window.order
  end
  return saved
end

local methods = {}
local Resumed = { __index = methods, __name = "wxmoments.checkpoint" }

--- What a resumed window knows of the rows that were given before.
-- @tparam table saved a checkpoint, checked by `checkpoint.params_rule`
function checkpoint.resume(saved)
  local ids = {}
  for _, name in ipairs { "ids", "previous_ids" } do
    for _, id in ipairs(saved[name] or {}) do
      ids[id] = true
    end
  end
  return setmetatable({ saved = saved, ids = ids, restarted = false, passed = false }, Resumed)
end

--- Marks a page that was taken: on the first since the checkpoint stand the rows that it
-- knew; while a window is read again, those of the last second may stand on any.
function methods:mark(page, last_time)
  if not self.taken and not self.restarted then
    page.resumed, page.carried = self, self.saved.ids
  elseif self.restarted and last_time == self.saved.last_time then
    page.resumed, page.carried = self, copy_of(self.saved.ids)
    for _, id in ipairs(self.saved.previous_ids or {}) do
      page.carried[#page.carried + 1] = id
    end
  end
  self.taken = true
end

--- Does this error, the first answer since the checkpoint, refuse its cursor?
function methods:is_refusal(err)
  return not self.asked and err.kind == "api" and not err.retryable
    and (MAY_BE_CURSOR[err.errcode] or not errors.explain(err.errcode))
end

-- Does `time` come before the last time that was given, in the order of the rows?
local function is_before(self, time)
  local order, last = self.saved.order, self.saved.last_time
  return order == "descending" and time > last or order == "ascending" and time < last
end

local function lost(window, err)
  local each = window.op.each
  if not each.time then
    return errors.new {
      kind = "state", code = "cursor_lost", op = each.name, who = "developer", retryable = false,
      message = "the server no longer takes the checkpoint's cursor, and which rows were given "
        .. "cannot be known",
      fix = "Read the list again from its beginning, and leave out the ids you have.", cause = err,
    }
  end
  return errors.new {
    kind = "state", code = "cursor_lost", op = each.name, who = "developer", retryable = false,
    message = ("the server no longer takes the checkpoint's cursor, and which rows from %s to %s "
      .. "were given cannot be known"):format(core.number(window.from), core.number(window.to)),
    fix = ("Read again from start_time = %s on, and leave out the ids you have.")
      :format(core.number(window.from)),
    cause = err,
  }
end

--- The window is to be read again from its beginning.
-- @treturn ?table an error where the rows that were given cannot be told from the others
function methods:restart(window, err)
  local nothing_given = next(self.ids) == nil and not self.saved.last_time
    and (window.op.each.time ~= nil or not self.saved.cursor)
  if not nothing_given and not (self.saved.order and self.saved.last_time) then
    return lost(window, err)
  end
  self.restarted, self.window, self.refused = true, window, err
end

--- Was this row not given before the checkpoint?
function methods:is_new(id, time)
  if self.ids[id] then
    return false
  end
  if not self.restarted or not self.saved.last_time then
    return true
  end
  if is_before(self, time) then
    if self.passed then -- the rows do not come by their time after all
      self.lost = lost(self.window, self.refused)
    end
    return false
  end
  self.passed = self.passed or self.saved.last_time ~= nil and time ~= self.saved.last_time
  return true
end

return checkpoint
