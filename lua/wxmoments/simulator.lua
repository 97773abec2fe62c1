--- A stateful WeCom to test against: in process, or over real HTTP on nginx.
--
-- It gives out access tokens and answers get_moment_list
-- (developer.work.weixin.qq.com, path 96352) from data that a seed decides, and does wrong
-- what a plan of faults says.
-- @module wxmoments.simulator
-- @usage
-- local simulator = require "wxmoments.simulator"
-- local sim = simulator.new { moments = 500, faults = {
--   { op = "get_moment_list", call = 3, errcode = -1 },  -- the third call: system busy
--   { op = "get_moment_list", call = 5, times = 2, kind = "status", status = 502 },
--   { kind = "short_page" },                             -- every page
-- } }
-- local corp = wxmoments.wecom {
--   corpid = sim.corpid, corpsecret = sim.corpsecret, driver = sim:driver() }

local application = require "wxmoments.simulator.application"
local nginx = require "wxmoments.simulator.nginx"
local options = require "wxmoments.simulator.options"

local simulator = {}

--- Makes a simulated corp.
--
-- All options have defaults, and what is not known raises.
--
-- - `corpid`, `corpsecret`: what gettoken wants
-- - `seed` (1), `moments` (2000): which data, and how much
-- - `start_time`, `end_time`: unix seconds of the first and the last moment (the year 2024, UTC)
-- - `edges` ("open"): whether a window leaves out its two edge seconds ("open", as the document
--   writes it) or has them in ("closed")
-- - `last_cursor` (""): next_cursor of a last page: "", "absent" or "null"
-- - `token_seconds` (7200): a token's life
-- - `faults` ({}): a list of { op, call, times, and errcode (with errmsg) or kind }. `call`
--   counts the requests of that endpoint from 1, `times` makes it so many in a row; without
--   `call` it is every call (or the first `times`); without `op` every endpoint. Kinds:
--   "status" (`status`, 502), "html", "body" (`body`), "empty_object", "wrong_json_warning",
--   and for lists "same_cursor", "short_page", "empty_page", "repeat_rows". The last three
--   lose no row.
-- - `clock` (os.time): function that gives unix seconds
-- @tparam[opt] table given
-- @treturn table with corpid, corpsecret and the methods handle, driver, truth, count,
--   requests and expire_token (wxmoments.simulator.application)
-- @raise for an unknown option or a wrong value
function simulator.new(given)
  local corp, more = options.read("new", given)
  if not corp then error("wxmoments.simulator: " .. more, 2) end
  return application.new(corp, more.clock)
end

--- Serves a simulated corp over HTTP on the loopback address.
--
-- nginx runs until stop() is called or the calling process is gone, with files in a private
-- temporary folder that goes away with it. Besides the endpoints, `GET /_simulator/state`
-- answers { counts, requests } and `POST /_simulator/expire_token?errcode=42001` does what
-- expire_token does. The data is that of simulator.new with the same options.
-- @tparam[opt] table given the options of new without `clock`, and
--   `port` (a free one), `nginx` = { binary = path, modules = folder of the Lua module }
-- @treturn table|nil { base_url, port, pid, corpid, corpsecret, stop = function() }
-- @treturn string what is missing or went wrong
-- @raise for an unknown option or a wrong value
function simulator.serve(given)
  local corp, more = options.read("serve", given)
  if not corp then error("wxmoments.simulator: " .. more, 2) end
  return nginx.serve(corp, more)
end

return simulator
