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
  for row = 1, self.count do
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
    _lists = {}, _text = {},
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

-- The first place in a list whose time is not before `bound` (after it, when strict).
local function first_from(time, list, bound, strict)
  local low, high = 1, #list + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local at = time[list[middle]]
    if at > bound or (at == bound and not strict) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
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
  local first = first_from(self._time, list, start_time, open)
  local last = first_from(self._time, list, end_time, not open) - 1
  return list, last, math.max(0, last - first + 1)
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
