--- Everything a simulated corp would answer, as tables to compare with.
-- What there is about each moment is made when it is asked for, because all of it is much.

local moments = require "wxmoments.simulator.moments"
local reactions = require "wxmoments.simulator.reactions"

local function rows(count, row)
  local list = {}
  for place = 1, count do list[place] = row(place) end
  return list
end

-- Of one moment: value(member) by userid, for every publisher or those who have published.
local function by_userid(corp, moment, published, value)
  local all = {}
  for place = 1, corp.publishers:count(moment) do
    local member = corp.publishers:at(moment, place)
    if not published or corp.publishers:has_published(moment, member) then
      all[moments.member(member)] = value(member)
    end
  end
  return all
end

-- What each endpoint says about one moment.
local OF_MOMENT = {
  get_moment_task = function(corp, moment)
    if moment.create_type ~= 0 then return nil end
    return rows(corp.publishers:count(moment), function(place)
      return corp.publishers:task(moment, place)
    end)
  end,
  get_moment_customer_list = function(corp, moment)
    return by_userid(corp, moment, false, function(member)
      return rows(corp.customers:chosen_rows(moment, member))
    end)
  end,
  get_moment_send_result = function(corp, moment)
    return by_userid(corp, moment, true, function(member)
      return rows(corp.customers:reached_rows(moment, member))
    end)
  end,
  get_moment_comments = function(corp, moment)
    return by_userid(corp, moment, true, function(member)
      return reactions(corp.options.seed, corp, moment, member)
    end)
  end,
}

-- What Application:truth gives, of which `list` are the moments.
return function(corp, list)
  return setmetatable({ get_moment_list = list }, {
    __index = function(self, op)
      local of_moment = OF_MOMENT[op]
      if not of_moment then return nil end
      local all = {}
      for _, row in ipairs(list) do
        local moment = corp.data:find(row.moment_id)
        -- deleted since
        if moment then all[moment.moment_id] = of_moment(corp, moment) end
      end
      self[op] = all
      return all
    end,
  })
end
