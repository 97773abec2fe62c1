--- All moments of a simulated corp, ordered, with what finds a window without a scan.

local json = require "wxmoments.simulator.json"
local moments = require "wxmoments.simulator.moments"
local times = require "wxmoments.simulator.times"

local dataset = {}

local Dataset = {}
local Dataset_mt = { __index = Dataset, __name = "wxmoments.simulator.dataset" }

local ALL = 2 -- filter_type: personal and corp

-- Order of bytes; `<` on strings follows the locale on PUC Lua.
local function bytes_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Row numbers by filter: one list for everybody, one for each creator.
local function index_rows(self)
  for row = 1, self._rows do
    for filter = 0, ALL do
      if filter == ALL or filter == self._type[row] then
        self:_add(filter, "", row)
        if self._creator[row] then self:_add(filter, self._creator[row], row) end
      end
    end
  end
end

--- Makes the data.
-- @tparam table options seed, moments, start_time, end_time
-- @treturn table
function dataset.new(options)
  local seed, made = options.seed, {}
  for number, time in ipairs(times(seed, options.moments, options.start_time, options.end_time)) do
    local id, create_type, creator = moments.head(seed, number)
    made[number] = { time = time, id = id, type = create_type, creator = creator, number = number }
  end
  table.sort(made, function(a, b)
    if a.time ~= b.time then return a.time < b.time end
    return bytes_before(a.id, b.id)
  end)
  local self = setmetatable({
    count = #made, _seed = seed, _time = {}, _number = {}, _type = {}, _creator = {},
    _lists = {}, _text = {}, _rows = #made, _deleted = {},
  }, Dataset_mt)
  for row, entry in ipairs(made) do
    self._time[row], self._number[row] = entry.time, entry.number
    self._type[row], self._creator[row] = entry.type, entry.creator or false
  end
  index_rows(self)
  return self
end

function Dataset:_add(filter, creator, row)
  local key = filter .. ":" .. creator
  local list = self._lists[key]
  if not list then
    list = {}
    self._lists[key] = list
  end
  list[#list + 1] = row
end

-- The first place in a sorted list whose row passes; behind the list when none does.
local function first_place(list, passes)
  local low, high = 1, #list + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if passes(list[middle]) then high = middle else low = middle + 1 end
  end
  return low
end

--- The place in a list where a row stands, or would stand.
function dataset.place_of(list, row)
  return first_place(list, function(other) return other >= row end)
end

--- The rows of a window.
-- @tparam number start_time unix seconds
-- @tparam number end_time
-- @tparam boolean open whether moments at exactly these two seconds stay out
-- @tparam[opt=2] number filter_type 0 corp, 1 personal, 2 both
-- @tparam[opt] string creator
-- @treturn table a list of row numbers, oldest first
-- @treturn number where the window's newest row stands in it
-- @treturn number how many rows the window has
function Dataset:window(start_time, end_time, open, filter_type, creator)
  local list = self._lists[(filter_type or ALL) .. ":" .. (creator or "")] or {}
  local time = self._time
  local first = first_place(list, function(row)
    return time[row] > start_time or (time[row] == start_time and not open)
  end)
  local last = first_place(list, function(row)
    return time[row] > end_time or (time[row] == end_time and open)
  end) - 1
  return list, last, math.max(0, last - first + 1)
end

-- The row of every moment, by its id; made when the first is asked for by its id.
local function rows_by_id(self)
  if not self._by_id then
    self._by_id = {}
    for row = 1, self._rows do
      self._by_id[(moments.head(self._seed, self._number[row]))] = row
    end
  end
  return self._by_id
end

--- Looks a moment up.
-- @tparam string id
-- @treturn table|nil what decides who publishes and sees it (moments.outline); nil when
--   there is none with this id
function Dataset:find(id)
  local row = rows_by_id(self)[id]
  if not row or self._deleted[row] then return nil end
  return moments.outline(self._seed, self._number[row], self._time[row])
end

--- Takes a moment away.
-- @tparam string id
-- @treturn boolean false when there is none with this id
function Dataset:delete(id)
  local row = rows_by_id(self)[id]
  if not row or self._deleted[row] then return false end
  self._deleted[row] = true
  self.count = self.count - 1
  for _, list in pairs(self._lists) do
    local place = dataset.place_of(list, row)
    if list[place] == row then table.remove(list, place) end
  end
  return true
end

--- Every moment there is, as new tables, oldest first.
-- @tparam[opt] string id only the one with this id
function Dataset:all(id)
  local list = {}
  if id then
    list[1] = self:find(id) and self:moment(rows_by_id(self)[id])
    return list
  end
  for row = 1, self._rows do
    if not self._deleted[row] then list[#list + 1] = self:moment(row) end
  end
  return list
end

--- One moment as a new table.
function Dataset:moment(row)
  return moments.build(self._seed, self._number[row], self._time[row])
end

--- One moment as JSON, made when first asked for.
function Dataset:text(row)
  local text = self._text[row]
  if not text then
    text = json.encode(self:moment(row), moments.order)
    self._text[row] = text
  end
  return text
end

return dataset
