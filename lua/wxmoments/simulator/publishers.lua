--- Who a simulated moment was given to for publishing, and who did publish.
-- Everything follows from the seed and numbers; nothing is kept but the members' names.

local moments = require "wxmoments.simulator.moments"
local random = require "wxmoments.simulator.random"

local publishers = {}

local PUBLISHED = 80 -- percent of a corp's tasks

local Publishers = {}
local Publishers_mt = { __index = Publishers, __name = "wxmoments.simulator.publishers" }

--- @tparam table options seed, members
function publishers.new(options)
  return setmetatable({
    _seed = options.seed, _members = options.members,
    -- more than one moment asks for, so that some are nobody's publishers
    _staff = math.max(moments.staff, 2 * options.members),
  }, Publishers_mt)
end

-- Members by userid, made when first asked for.
local function numbers(self)
  if not self._numbers then
    self._numbers = {}
    for number = 0, self._staff - 1 do self._numbers[moments.member(number)] = number end
  end
  return self._numbers
end

-- The first publisher of a corp's moment. The others are the members after it, round and round.
local function first(self, moment)
  return (moment.number * 7919 + self._seed) % self._staff
end

--- How many publishers a moment has: one when it is personal.
-- @tparam table moment as Dataset:find gives it
-- @treturn number
function Publishers:count(moment)
  return moment.create_type == 0 and self._members or 1
end

--- A publisher's number.
-- @tparam table moment
-- @tparam number place from 1
-- @treturn number
function Publishers:at(moment, place)
  if moment.create_type == 0 then return (first(self, moment) + place - 1) % self._staff end
  return numbers(self)[moment.creator]
end

--- A publisher's number.
-- @tparam table moment
-- @tparam string userid
-- @treturn number|nil nil when the moment was not given to this member
function Publishers:find(moment, userid)
  local number = numbers(self)[userid]
  if moment.create_type ~= 0 then return userid == moment.creator and number or nil end
  local after = number and (number - first(self, moment)) % self._staff
  return after and after < self._members and number or nil
end

--- Whether a publisher has published; the creator of a personal moment always has.
-- @tparam table moment
-- @tparam number member
-- @treturn boolean
function Publishers:has_published(moment, member)
  if moment.create_type ~= 0 then return true end
  return random.of(self._seed, "published", moment.number, member):chance(PUBLISHED)
end

--- Any member of the corp.
-- @tparam table chance the generator that picks
-- @treturn number
function Publishers:anybody(chance)
  return chance:below(self._staff)
end

--- What get_moment_task says about one publisher, as a new table.
function Publishers:task(moment, place)
  local member = self:at(moment, place)
  return {
    userid = moments.member(member),
    publish_status = self:has_published(moment, member) and 1 or 0,
  }
end

return publishers
