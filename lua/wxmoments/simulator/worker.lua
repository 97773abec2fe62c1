--- The simulator inside an nginx worker: the same application over real HTTP, and a door for
-- tests at /_simulator/.
-- luacheck: globals ngx

local application = require "wxmoments.simulator.application"
local json = require "wxmoments.simulator.json"
local process = require "wxmoments.simulator.process"
local url = require "wxmoments.simulator.url"
local wire = require "wxmoments.simulator.wire"

local worker = {}

local AT_ONCE = 65536 -- bytes of a reply that is too long
local NO_MORE = 444   -- ends the connection, and sends nothing besides

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
    counts = sim:counts(), load = sim:load(),
    requests = #requests > 0 and requests or json.raw("[]"),
  }
end

local function expire_token(query)
  local ok, expired = pcall(sim.expire_token, sim, tonumber(query.errcode or 42001) or 0)
  if not ok then return 400, { error = "errcode must be 42001 or 40014" } end
  return 200, { expired = expired }
end

local function delete(query)
  return 200, { deleted = sim:delete(query.moment_id or "") }
end

local function forget_cursors()
  sim:forget_cursors()
  return 200, { forgotten = true }
end

local DOOR = {
  ["GET /_simulator/state"] = state,
  ["POST /_simulator/expire_token"] = expire_token,
  ["POST /_simulator/delete"] = delete,
  ["POST /_simulator/forget_cursors"] = forget_cursors,
}

local function respond(request)
  local path, query = url.split(request.url)
  local control = DOOR[request.method .. " " .. path]
  if not control then return sim:exchange(request) end
  local status, value = control(query)
  local headers = { { "Content-Type", "application/json" } }
  return { status = status, headers = headers, body = json.encode(value) }, { delay = 0 }
end

-- Status and headers, with those that come several times, and the body's length.
local function set_head(response, length)
  ngx.status = response.status
  local headers = {}
  for _, header in ipairs(response.headers) do
    local name, value = header[1], header[2]
    headers[name] = headers[name] or {}
    table.insert(headers[name], value)
  end
  for name, values in pairs(headers) do ngx.header[name] = values[2] and values or values[1] end
  ngx.header["Content-Length"] = length
end

-- Sends the reply as nginx sends replies.
local function send(response, blanks)
  set_head(response, #response.body + blanks)
  ngx.print(response.body)
  local chunk = (" "):rep(math.min(blanks, AT_ONCE))
  while blanks > 0 do
    ngx.print(chunk:sub(1, math.min(blanks, AT_ONCE)))
    if not ngx.flush(true) then return end
    blanks = blanks - AT_ONCE
  end
end

-- Gives bytes to `put` piece by piece, until it fails or there are no more.
local function in_pieces(bytes, drip, put)
  local size = drip and drip.size or math.max(1, #bytes)
  for from = 1, #bytes, size do
    if from > 1 then ngx.sleep(drip.every) end
    if not put(bytes:sub(from, from + size - 1)) then return end
  end
end

-- HTTP/1.1 to the byte: what is sent is what wire.head says, then the body.
local function send_bytes(response, way)
  local bytes = wire.head(response) .. response.body
  bytes = bytes:sub(1, way.cut or #bytes)
  if bytes ~= "" then
    local socket = assert(ngx.req.socket(true))
    in_pieces(bytes, way.drip, function(piece) return socket:send(piece) end)
  end
  return ngx.exit(NO_MORE)
end

-- HTTP/2 has no bytes of ours: a cut loses the stream before anything came, and only the body
-- comes in pieces.
local function send_stream(response, way)
  if way.cut then return ngx.exit(NO_MORE) end
  set_head(response, #response.body)
  in_pieces(response.body, way.drip, function(piece)
    return ngx.print(piece) and ngx.flush(true)
  end)
end

--- Answers the request nginx is at.
function worker.answer()
  ngx.req.read_body()
  local response, way = respond {
    method = ngx.req.get_method(), url = ngx.var.request_uri, body = ngx.req.get_body_data(),
  }
  ngx.ctx.way = way
  if way.delay > 0 then ngx.sleep(way.delay) end
  if not (way.cut or way.drip) then
    local headers = way.pad and way.pad.part == "headers"
    return send(headers and wire.padded(response, way.pad) or response,
      wire.blanks(response, way.pad))
  end
  local send_so = ngx.req.http_version() < 2 and send_bytes or send_stream
  return send_so(wire.padded(response, way.pad), way)
end

--- Ends what answer began, whatever became of the connection.
function worker.finish()
  if ngx.ctx.way then sim:finish(ngx.ctx.way) end
end

return worker
