--- The simulator inside an nginx worker: the same application over real HTTP, and a door for
-- tests at /_simulator/.
-- luacheck: globals ngx

local application = require "wxmoments.simulator.application"
local json = require "wxmoments.simulator.json"
local process = require "wxmoments.simulator.process"
local url = require "wxmoments.simulator.url"

local worker = {}

local LOOK_EVERY = 1 -- seconds between two looks at the process that started nginx

local sim, config

--- Makes the data, before nginx forks: when the start command returns, it is there.
function worker.load()
  local file = assert(io.open(ngx.config.prefix() .. "simulator.json", "rb"))
  config = assert(json.decode_object(file:read("*a")))
  file:close()
  sim = application.new(config.options)
end

local function look(premature)
  if premature or process.started(config.starter) == config.starter_began then return end
  -- the folder first: nginx may be gone before a second command could run
  process.remove(config.directory)
  process.signal("TERM", config.nginx)
end

--- Ends nginx when the process that started it is gone.
function worker.watch()
  local file = io.open(ngx.config.prefix() .. "nginx.pid")
  config.nginx = file and file:read("*a"):match("%d+")
  if file then file:close() end
  if config.starter and config.nginx then ngx.timer.every(LOOK_EVERY, look) end
end

local function state()
  local requests = sim:requests()
  return 200, {
    counts = sim:counts(), requests = #requests > 0 and requests or json.raw("[]"),
  }
end

local function expire_token(query)
  local ok, expired = pcall(sim.expire_token, sim, tonumber(query.errcode or 42001) or 0)
  if not ok then return 400, { error = "errcode must be 42001 or 40014" } end
  return 200, { expired = expired }
end

local DOOR = {
  ["GET /_simulator/state"] = state,
  ["POST /_simulator/expire_token"] = expire_token,
}

local function respond(request)
  local path, query = url.split(request.url)
  local control = DOOR[request.method .. " " .. path]
  if not control then return sim:handle(request) end
  local status, value = control(query)
  local headers = { { "Content-Type", "application/json" } }
  return { status = status, headers = headers, body = json.encode(value) }
end

--- Answers the request nginx is at.
function worker.answer()
  ngx.req.read_body()
  local response = respond {
    method = ngx.req.get_method(), url = ngx.var.request_uri, body = ngx.req.get_body_data(),
  }
  ngx.status = response.status
  for _, header in ipairs(response.headers) do ngx.header[header[1]] = header[2] end
  ngx.header["Content-Length"] = #response.body
  ngx.print(response.body)
end

return worker
