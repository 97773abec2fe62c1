--- When the moments of a simulated corp were made: the seconds that break paging, then chance.

local random = require "wxmoments.simulator.random"

local MONTH = 2592000     -- the widest window of get_moment_list, in seconds
local BUSY = 25           -- moments in one second: more than one page holds
local BUSY_FROM = 100     -- below so many moments there is no busy second
local STREAM = 4000000000 -- far from the streams of the moments themselves

-- Seconds after the start at which windows begin and end, for windows of 30 days whether
-- they are laid side by side or overlap by a second or two; sorted, each once.
local function edges(span)
  local found, seen = {}, {}
  local function add(offset)
    if offset < 0 or offset > span or seen[offset] then return end
    seen[offset] = true
    found[#found + 1] = offset
  end
  add(0)
  add(span)
  add(span - 1)
  for k = 0, math.floor(span / (MONTH - 2)) + 1 do
    for width = MONTH - 2, MONTH do
      for around = -1, 1 do add(k * width + around) end
    end
  end
  return found
end

--- Makes the seconds, in no order.
-- The first and the last second come first, then one second with more moments than a page
-- holds, then the edges of 30-day windows counted from the start (as far as half of all
-- moments go), then chance, where one in ten shares its second with the one before.
-- @tparam number seed
-- @tparam number count how many
-- @tparam number from first second, unix seconds
-- @tparam number to last second, included
-- @treturn table a list of `count` integers
return function(seed, count, from, to)
  local chance = random.new(seed, STREAM)
  local span = to - from
  local made = {}
  local function put(time)
    if #made < count then made[#made + 1] = time end
  end
  put(from)
  put(to)
  local busy = from + chance:below(span + 1)
  for _ = 1, count >= BUSY_FROM and BUSY or 0 do put(busy) end
  for _, offset in ipairs(edges(span)) do
    if #made * 2 < count then put(from + offset) end
  end
  while #made < count do
    put(chance:chance(10) and made[#made] or from + chance:below(span + 1))
  end
  return made
end
