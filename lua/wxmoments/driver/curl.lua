--- The curl driver: libcurl's multi interface, one pool of connections a process.
-- Blocks the process when called plainly; concurrent inside this module's own tasks.
-- @module wxmoments.driver.curl

local core = require "wxmoments.core"
local errors = require "wxmoments.errors"
local loop = require "wxmoments.loop"

local driver = {}

-- The pool and its loop, made when first needed. One a process: connections, the parsed
-- CA store and the cache of names are worth sharing.
local pool, shared_loop

local function open_pool()
  if not pool then
    local curl = require "wxmoments.curl"
    pool = curl.pool()
    shared_loop = loop.new(core.now, function(seconds) pool:wait(seconds) end)
  end
  return pool
end

-- What a user can do about the failures that have a usual reason.
local FIXES = {
  COULDNT_RESOLVE_HOST = "Check the host in base_url and this machine's DNS.",
  COULDNT_RESOLVE_PROXY = "Check the option 'proxy' and this machine's DNS.",
  COULDNT_CONNECT = "Check base_url, the firewall, and the proxy, if the option 'proxy' or the "
    .. "environment names one.",
  PEER_FAILED_VERIFICATION = "The server's certificate was refused: check base_url, "
    .. "the clock, and the option 'ca_file'.",
  SSL_CACERT_BADFILE = "Check that the file in the option 'ca_file' exists and is PEM.",
  SSL_CONNECT_ERROR = "The server must speak TLS 1.2 or later on this port; if it speaks plain "
    .. "http there, base_url says https by mistake.",
  URL_MALFORMAT = "Check base_url and the option 'proxy'.",
  OPERATION_TIMEDOUT = "Give a longer 'deadline', or look at the network.",
  BODY_TOO_BIG = "Give a larger 'max_body' if such a reply is right.",
  HEADER_TOO_BIG = "Something on the way adds headers: look at proxies and gateways.",
}

-- Replies that passed a bound came; the others are failures of the way.
local KINDS = { OPERATION_TIMEDOUT = "timeout", BODY_TOO_BIG = "decode", HEADER_TOO_BIG = "decode" }

-- These come again until somebody changes something.
local LASTING = {
  PEER_FAILED_VERIFICATION = true, SSL_CACERT_BADFILE = true, SSL_CERTPROBLEM = true,
  UNSUPPORTED_PROTOCOL = true, URL_MALFORMAT = true,
  BODY_TOO_BIG = true, HEADER_TOO_BIG = true,
}

local function failure(code, message, sent)
  local kind = KINDS[code] or "transport"
  return errors.new {
    kind = kind, code = code, message = message, fix = FIXES[code],
    sent = sent, retryable = not LASTING[code],
    who = (LASTING[code] or kind == "transport") and "admin" or "wait",
  }
end

driver.failure = failure -- the simulator's connections fail alike

-- Inside nginx a blocking call stops every request of the worker.
local function refuse_in_nginx(blocking)
  local ngx = rawget(_G, "ngx")
  if not ngx or blocking then
    return nil
  end
  local phase = ngx.get_phase and ngx.get_phase() or "unknown"
  return errors.new {
    kind = "state", code = "blocking_driver", who = "developer", retryable = false, sent = false,
    message = "the curl driver would block the nginx worker (phase " .. phase .. ")",
    fix = "Give a 'driver' that does not block, or say 'blocking = true' aloud.",
  }
end

-- The environment's proxy is not for loopback: http is allowed there because nobody sees it.
local function proxy_of(options, url)
  local host = url:match("^%a+://(%[[^%]]*%])") or url:match("^%a+://([^/:?]*)") or ""
  if options.proxy == nil
    and (host == "localhost" or host == "[::1]" or host:find("^127%.") ~= nil) then
    return ""
  end
  return options.proxy
end

--- Makes a driver.
-- @tparam table options
-- @tparam ?string options.ca_file PEM file of CAs instead of the system's
-- @tparam ?string options.proxy URL; "" for none; nil: as the environment says
-- @tparam ?boolean options.blocking allows use inside nginx
-- @treturn table driver: `send`, `sleep`, `now`, `loop`
function driver.new(options)
  local self = { now = core.now }
  open_pool()
  -- Tasks only where a coroutine can be waited through (not in PUC 5.1).
  self.loop = loop.is_possible and shared_loop or nil

  --- Sends one request and waits for its response, at most `seconds`.
  -- @treturn table|nil response; or nil and an error whose `sent` is false when no byte
  -- of the request can have left
  function self.send(request, seconds)
    local refused = refuse_in_nginx(options.blocking)
    if refused then
      return nil, refused
    end
    local transfer, code, message = pool:start {
      method = request.method, url = request.url, headers = request.headers,
      body = request.body, safe = request.safe,
      max_header = request.max_header, max_body = request.max_body,
      seconds = seconds, ca_file = options.ca_file, proxy = proxy_of(options, request.url),
      user_agent = request.user_agent,
    }
    if not transfer then
      return nil, failure(code, message, false)
    end
    local spared = shared_loop:on_kill(function() transfer:close() end)
    shared_loop:wait(function() return transfer:done() end)
    spared()
    local response, sent
    response, code, message, sent = transfer:result()
    transfer:close()
    if not response then
      return nil, failure(code, message, sent)
    end
    return response
  end

  --- Waits; inside a task of this module the others go on.
  function self.sleep(seconds)
    shared_loop:wait(function() return false end, core.now() + seconds)
  end

  return self
end

return driver
