--- The customers of a simulated corp's members: for whom a moment was meant, whom it reached.
-- Any place of a list is found without making the places before it.

local moments = require "wxmoments.simulator.moments"
local random = require "wxmoments.simulator.random"

local customers = {}

local SHARED = 10   -- every tenth customer is one of every member
local ALL, NONE = 20, 5 -- percent of publications that reach all that were meant, or nobody

local Customers = {}
local Customers_mt = { __index = Customers, __name = "wxmoments.simulator.customers" }

--- @tparam table options seed, customers
function customers.new(options)
  return setmetatable({ _seed = options.seed, _count = options.customers }, Customers_mt)
end

-- The nine digits in the middle are permutations of the two numbers, so ids never meet.
local function external_userid(self, member, number)
  local owner = number % SHARED == 0 and 0 or member + 1
  local chance = random.of(self._seed, "customer", owner, number)
  return "wm" .. chance:word(6) .. random.digits((owner * 7654321 + 5) % 16777216, 4)
    .. random.digits((number * 387420489 + 99) % 1073741824, 5) .. chance:word(15)
end

--- For whom a publisher's moment was meant: all customers when it is public.
-- @tparam table moment as Dataset:find gives it
-- @tparam number member
-- @treturn number how many
-- @treturn function place (from 1) → external_userid
function Customers:chosen(moment, member)
  local count, from = self._count, 0
  if moment.visible_type == 0 and count > 0 then
    local chance = random.of(self._seed, "chosen", moment.number, member)
    from, count = chance:below(count), chance:below(count + 1)
  end
  return count, function(place)
    return external_userid(self, member, (from + place - 1) % self._count)
  end
end

--- Who can see it: some of those, in the same order.
-- @tparam table moment
-- @tparam number member
-- @treturn number how many
-- @treturn function place (from 1) → external_userid
function Customers:reached(moment, member)
  local count, at = self:chosen(moment, member)
  local chance = random.of(self._seed, "reached", moment.number, member)
  local luck = chance:below(100)
  if luck < ALL then return count, at end
  if luck < ALL + NONE then return 0, at end
  local every = chance:between(3, 20) -- each of these is left out
  return count - math.floor(count / every), function(place)
    return at(place + math.floor((place - 1) / (every - 1)))
  end
end

--- What get_moment_customer_list says: how many rows, and place → row as a new table.
function Customers:chosen_rows(moment, member)
  local count, at = self:chosen(moment, member)
  local userid = moments.member(member)
  return count, function(place) return { userid = userid, external_userid = at(place) } end
end

--- The same of get_moment_send_result.
function Customers:reached_rows(moment, member)
  local count, at = self:reached(moment, member)
  return count, function(place) return { external_userid = at(place) } end
end

return customers
