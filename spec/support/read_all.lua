--- Reads a range and keeps nothing: prints how many moments came, and the most memory
-- this process ever took, in KiB. Arguments: base_url, corpid, corpsecret, start, end.

local wxmoments = require "wxmoments"

local base_url, corpid, corpsecret, start_time, end_time = arg[1], arg[2], arg[3], arg[4], arg[5]

local corp = wxmoments.wecom { base_url = base_url, corpid = corpid, corpsecret = corpsecret }
local count = 0
for _ in corp:each_moment { start_time = tonumber(start_time), end_time = tonumber(end_time) } do
  count = count + 1
end
local status = assert(io.open("/proc/self/status"))
local peak = status:read("*a"):match("VmHWM:%s*(%d+) kB")
status:close()
print(count, peak)
