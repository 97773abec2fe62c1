--- Reads the moments of the last days of a corp of yours, and says how many each member made.
-- Usage: WECOM_CORPID=ww… WECOM_CORPSECRET=… lua5.4 read_range.lua [days] [until: unix seconds]
-- WECOM_BASE_URL names another server, such as the simulator.

local wxmoments = require "wxmoments"

local days = tonumber(arg[1]) or 30
local end_time = tonumber(arg[2]) or os.time()

local corp = wxmoments.wecom {
  corpid = os.getenv "WECOM_CORPID",
  corpsecret = os.getenv "WECOM_CORPSECRET",
  base_url = os.getenv "WECOM_BASE_URL",
}

local made, names = {}, {}
local ok, err = pcall(function()
  for moment in corp:each_moment { start_time = end_time - days * 86400, end_time = end_time } do
    local creator = moment.creator or "(enterprise)"
    if not made[creator] then
      names[#names + 1] = creator
    end
    made[creator] = (made[creator] or 0) + 1
  end
end)
if not ok then
  -- One line: what was wrong, where, and what to do about it.
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

table.sort(names, function(a, b)
  return made[a] > made[b] or made[a] == made[b] and a < b
end)
for _, name in ipairs(names) do
  print(made[name], name)
end
