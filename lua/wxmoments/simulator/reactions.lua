--- Comments and likes on a simulated moment, by customers it reached and by members.

local moments = require "wxmoments.simulator.moments"
local random = require "wxmoments.simulator.random"

local SECONDS = 259200 -- three days, in which everything is said
local COMMENTS, LIKES = 8, 12 -- by customers, at most

-- A comment or a like by either of two.
local function by(chance, moment, external_userid, member)
  return {
    external_userid = external_userid, userid = member and moments.member(member),
    create_time = moment.create_time + chance:between(1, SECONDS),
  }
end

-- The same customer may say several things; the publisher answers some.
local function comments(chance, moment, member, people)
  local list = {}
  local count, at = people.customers:reached(moment, member)
  for _ = 1, count > 0 and chance:below(COMMENTS + 1) or 0 do
    list[#list + 1] = by(chance, moment, at(chance:between(1, count)))
    if chance:chance(40) then list[#list + 1] = by(chance, moment, nil, member) end
  end
  return list
end

-- Once each: customers from one place on, then perhaps a member.
local function likes(chance, moment, people, count, at)
  local list, from = {}, chance:below(math.max(1, count))
  for i = 1, chance:below(math.min(LIKES, count) + 1) do
    list[i] = by(chance, moment, at((from + i) % count + 1))
  end
  if chance:chance(30) then
    list[#list + 1] = by(chance, moment, nil, people.publishers:anybody(chance))
  end
  return list
end

--- What get_moment_comments says about one publisher's moment.
-- @tparam number seed
-- @tparam table people customers and publishers of the corp
-- @tparam table moment as Dataset:find gives it
-- @tparam number member its publisher
-- @treturn table comment_list and like_list, new tables in no order
return function(seed, people, moment, member)
  local chance = random.of(seed, "reactions", moment.number, member)
  return {
    comment_list = comments(chance, moment, member, people),
    like_list = likes(chance, moment, people, people.customers:reached(moment, member)),
  }
end
