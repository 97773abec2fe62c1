--- One process of many that read a range together, a row each: goes on from the checkpoint
-- in the file that is named, prints the next row's id (or "complete"), and leaves the next
-- checkpoint there.

local cjson = require "cjson"
local simulator = require "wxmoments.simulator"
local wxmoments = require "wxmoments"

local path = arg[1]

local sim = simulator.new { moments = 200 }
local corp = wxmoments.wecom {
  corpid = sim.corpid, corpsecret = sim.corpsecret, driver = sim:driver(),
}

local params = { start_time = 1704067200, end_time = 1735689599 }
local file = io.open(path, "rb")
if file then
  params = { resume = cjson.decode(file:read("*a")) }
  file:close()
end

local it = corp:each_moment(params)
local row, err = it:next()
if err then
  error(err)
end
print(row and row.moment_id or "complete")

file = assert(io.open(path, "wb"))
file:write(cjson.encode(it:checkpoint()))
file:close()
