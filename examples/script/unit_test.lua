--- How to test code of your own without a server: the simulator as a driver, with a fault
-- at the second page, and the code under test must still see every moment.

local simulator = require "wxmoments.simulator"
local wxmoments = require "wxmoments"

local YEAR = { start_time = 1704067200, end_time = 1735689599 } -- 2024, UTC

-- The code under test: how many moments have pictures?
local function count_pictures(corp)
  local count = 0
  for moment in corp:each_moment(YEAR) do
    if moment.image then
      count = count + 1
    end
  end
  return count
end

local sim = simulator.new {
  moments = 500, start_time = YEAR.start_time, end_time = YEAR.end_time,
  faults = { { op = "get_moment_list", call = 2, errcode = -1 } }, -- system busy
}
local corp = wxmoments.wecom {
  corpid = sim.corpid, corpsecret = sim.corpsecret, driver = sim:driver(),
}

local expected = 0
for _, moment in ipairs(sim:truth().get_moment_list) do
  if moment.image then
    expected = expected + 1
  end
end

assert(count_pictures(corp) == expected)
print(expected .. " of 500 moments have pictures; none was lost to the fault")
