--- The host over real HTTP: one nginx with the Lua module, started and ended for one simulator.

local json = require "wxmoments.simulator.json"
local process = require "wxmoments.simulator.process"
local tls = require "wxmoments.simulator.tls"

local nginx = {}

local PORTS = { first = 20000, last = 32000 } -- below those the kernel gives to clients
local TRIES = 20
local STOP_SECONDS = 5 -- until a polite signal has failed

local MISSING = "wxmoments.simulator: nginx with its Lua module is needed "
  .. "(Debian and Ubuntu: apt-get install nginx libnginx-mod-http-lua): "

-- ---- which nginx --------------------------------------------------------------------------

-- Administrators' folders are not in every user's PATH.
local FIND = 'PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/local/openresty/nginx/sbin"; '
  .. "command -v nginx || command -v openresty"

-- Built as modules in this order; the second needs the first.
local MODULES = { "ndk_http_module.so", "ngx_http_lua_module.so" }

local MODULE_FOLDERS = {
  "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/nginx/modules",
  "/usr/local/lib/nginx/modules", "/usr/share/nginx/modules",
}

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function module_files(folder)
  if not exists(folder .. "/" .. MODULES[2]) then return nil end
  local files = {}
  for _, name in ipairs(MODULES) do
    local path = folder .. "/" .. name
    if exists(path) then files[#files + 1] = path end
  end
  return files
end

-- The Lua module's files; an empty list where it is built in, nil where there is none.
local function find_modules(built, folder)
  if folder then return module_files(folder) end
  if built:find("%-%-add%-module=%S*lua%-nginx") or built:find("%-%-add%-module=%S*ngx_lua") then
    return {}
  end
  local folders = { built:match("%-%-modules%-path=(%S+)") }
  for _, each in ipairs(MODULE_FOLDERS) do folders[#folders + 1] = each end
  for _, each in ipairs(folders) do
    local files = module_files(each)
    if files then return files end
  end
end

-- What `nginx -V` says about the nginx to use: { binary, built, modules }.
local function find_nginx(wanted)
  local binary = wanted.binary or process.run(FIND):match("^[^\n]+")
  if not binary then return nil, MISSING .. "no nginx found" end
  local built = process.run(process.quote(binary) .. " -V 2>&1")
  if not built:find("configure arguments:", 1, true) then
    return nil, MISSING .. "'" .. binary .. "' does not run"
  end
  local modules = find_modules(built, wanted.modules)
  if not modules then return nil, MISSING .. "no ngx_http_lua_module.so found" end
  return { binary = binary, built = built, modules = modules }
end

-- 1.22.1 as 1022001; 0 when it is not said.
local function version(built)
  local major, minor, patch = built:match("/(%d+)%.(%d+)%.(%d+)")
  return major and tonumber(major) * 1000000 + tonumber(minor) * 1000 + tonumber(patch) or 0
end

-- ---- the configuration --------------------------------------------------------------------

local TEMPORARY = { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }

local CONFIGURATION = [[
daemon on;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
$main
events { worker_connections 1024; }
http {
  access_log off;
  server_tokens off;
  default_type application/octet-stream;
  keepalive_timeout 75s;
  keepalive_requests 1000000;
  client_max_body_size 8m;
  client_body_buffer_size 8m;
  $temporary
  lua_package_path $path;
  lua_package_cpath $cpath;
  init_by_lua_block { require("wxmoments.simulator.worker").load() }
  init_worker_by_lua_block { require("wxmoments.simulator.worker").watch() }
  server {
    listen 127.0.0.1:$listen;
    $tls
    location / {
      content_by_lua_block { require("wxmoments.simulator.worker").answer() }
      log_by_lua_block { require("wxmoments.simulator.worker").finish() }
    }
  }
}
]]

-- One word of nginx's configuration.
local function word(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

-- What an nginx was built without, of what is asked for.
local function lacking(found, host)
  for option, module in pairs { tls = "ssl", http2 = "v2" } do
    if host[option] and not found.built:find("--with-http_" .. module .. "_module", 1, true) then
      return "wxmoments.simulator: this nginx has no http_" .. module .. "_module, which "
        .. option .. " needs"
    end
  end
end

-- A path that begins at the root: nginx looks from a folder of its own.
local function rooted(path)
  if path:sub(1, 1) == "/" then return path end
  return process.run("pwd"):match("^[^\n]*") .. "/" .. path
end

local function rooted_search(path)
  local templates = {}
  for template in path:gmatch("[^;]+") do templates[#templates + 1] = rooted(template) end
  return table.concat(templates, ";") .. ";;"
end

-- nginx runs LuaJIT, so C modules are looked for where this process does only if it takes the
-- same ones; the two semicolons stand for the system's own places.
local function search_paths()
  local cpath = _VERSION == "Lua 5.1" and rooted_search(package.cpath) or ";;"
  return rooted_search(package.path), cpath
end

local function main_directives(found)
  local lines = {}
  -- root's nginx would change to a user who may not enter the private folder; for anybody
  -- else the directive only causes a warning
  if process.run("id -u"):match("%d+") == "0" then lines[1] = "user root;" end
  for _, file in ipairs(found.modules) do
    lines[#lines + 1] = "load_module " .. word(rooted(file)) .. ";"
  end
  return table.concat(lines, "\n")
end

local function temporary_directives(found)
  local lines = {}
  for _, name in ipairs(TEMPORARY) do
    if not found.built:find("--without-http_" .. name .. "_module", 1, true) then
      lines[#lines + 1] = name .. "_temp_path temp_" .. name .. ";"
    end
  end
  return table.concat(lines, "\n  ")
end

-- 1.25.1 took http2 out of `listen`.
local function listen_values(found, port, host)
  local listen, lines = string.format("%d", port), {}
  if host.tls then
    listen = listen .. " ssl"
    lines[1] = tls.directives({
      certificate = rooted(host.files.certificate), key = rooted(host.files.key),
    }, host.protocols, word)
  end
  if host.http2 then
    local apart = version(found.built) >= 1025001
    listen, lines[2] = listen .. (apart and "" or " http2"), apart and "http2 on;" or nil
  end
  return listen, table.concat(lines, "\n    ")
end

local function configuration(found, port, host)
  local path, cpath = search_paths()
  local listen, lines = listen_values(found, port, host)
  local values = {
    main = main_directives(found), temporary = temporary_directives(found),
    path = word(path), cpath = word(cpath), listen = listen, tls = lines,
  }
  return (CONFIGURATION:gsub("%$(%l+)", values))
end

local function write(path, text)
  local file, message = io.open(path, "wb")
  if not file then return nil, message end
  file:write(text)
  return file:close()
end

-- ---- the port -----------------------------------------------------------------------------

local TIME_WAIT = "06" -- the state of a connection that is over; nginx binds in spite of it

-- Ports that are in use here, from the kernel's tables; empty where there are none.
local function used_ports()
  local used = {}
  for _, name in ipairs { "/proc/net/tcp", "/proc/net/tcp6" } do
    local file = io.open(name)
    for line in file and file:lines() or function() end do
      local port, state = line:match("^%s*%d+: %x+:(%x+) %x+:%x+ (%x+)")
      if port and state ~= TIME_WAIT then used[tonumber(port, 16)] = true end
    end
    if file then file:close() end
  end
  return used
end

-- Taken from the system: two simulators that start together must not follow one another
-- from port to port.
local function random_port()
  local file = io.open("/dev/urandom", "rb")
  local bytes = file and file:read(2) or string.format("%02d", os.time() % 100)
  if file then file:close() end
  local number = bytes:byte(1) * 256 + bytes:byte(2)
  return PORTS.first + number % (PORTS.last - PORTS.first + 1)
end

local function free_port()
  local used = used_ports()
  local port
  repeat port = random_port() until not used[port]
  return port
end

-- ---- start and stop -----------------------------------------------------------------------

-- nginx forks when its sockets are open and its data is made; its number comes a moment later.
-- Lua's variables are this process's own and may lead to C modules of another Lua.
local START = [[
unset LUA_PATH LUA_CPATH LUA_INIT
exec 2>$directory/startup.log
$binary $log -p $directory/ -c $directory/nginx.conf </dev/null >/dev/null \
  || { cat $directory/startup.log; exit 1; }
tries=0
while [ ! -s $directory/nginx.pid ] && [ $tries -lt 250 ]; do
  sleep 0.02
  tries=$((tries+1))
done
cat $directory/nginx.pid]]

local function start(found, directory, port, host)
  local ok, message = write(directory .. "/nginx.conf", configuration(found, port, host))
  if not ok then return nil, message end
  local values = {
    directory = process.quote(directory), binary = process.quote(found.binary),
    -- `-e` came with 1.19.5; without it the first messages go to the system's own log
    log = version(found.built) >= 1019005 and "-e error.log" or "",
  }
  local output, status = process.run((START:gsub("%$(%l%l%l+)", function(name)
    return values[name] -- nil leaves the shell's own variables alone
  end)))
  local pid = status == 0 and output:match("^%s*(%d+)%s*$")
  if pid then return pid end
  return nil, "wxmoments.simulator: nginx did not start: "
    .. (output:match("%[emerg%][^\n]*") or output:match("[^\n]*error[^\n]*") or output), output
end

-- Starts nginx on the port that is wanted, or on one that is free.
local function start_somewhere(found, directory, host)
  local wanted = host.port
  if wanted then
    if used_ports()[wanted] then
      return nil, string.format("wxmoments.simulator: port %d is in use", wanted)
    end
    local pid, message = start(found, directory, wanted, host)
    return pid, pid and wanted or message
  end
  local pid, message, output
  for _ = 1, TRIES do
    local port = free_port()
    pid, message, output = start(found, directory, port, host)
    if pid then return pid, port end
    if not output or not output:find("bind() to", 1, true) then break end
  end
  return nil, message
end

local function wait_for_end(pid, began)
  for _ = 1, STOP_SECONDS * 50 do
    if process.started(pid) ~= began then return true end
    process.run("sleep 0.02")
  end
  return false
end

-- Ends nginx, if the number still is this nginx's. Not with QUIT: it now and then takes nginx
-- a second, and nobody waits for requests under way any more.
local function stop(pid, began, directory)
  for _, signal in ipairs { "TERM", "KILL" } do
    if not began or process.started(pid) ~= began then break end
    process.signal(signal, pid)
    if wait_for_end(pid, began) then break end
  end
  process.remove(directory)
end

local Host_mt = {
  __name = "wxmoments.simulator.host",
  __tostring = function(self) return "wxmoments.simulator.host: " .. self.base_url end,
  __close = function(self) self.stop() end,
}

local function started(pid, port, directory, host, corp)
  local began, stopped = process.started(pid), false
  return setmetatable({
    corpid = corp.corpid, corpsecret = corp.corpsecret,
    base_url = string.format("%s://127.0.0.1:%d", host.tls and "https" or "http", port),
    port = port,
    ca_file = host.tls and host.files.ca_file or nil,
    pid = tonumber(pid),
    stop = function()
      if stopped then return end
      stopped = true
      stop(pid, began, directory)
    end,
  }, Host_mt)
end

-- Writes what nginx needs into its folder and starts it. Returns its number and its port.
local function start_in(directory, found, host, corp)
  if host.tls then
    local files, message = tls.prepare(host.tls, directory)
    if not files then return nil, message end
    host.files = files
  end
  local own = process.own()
  local began = process.started(own)
  local ok, message = write(directory .. "/simulator.json", json.encode {
    options = corp, directory = directory, starter = began and own, starter_began = began,
  })
  if not ok then return nil, message end
  return start_somewhere(found, directory, host)
end

--- Starts nginx for a simulator.
-- @tparam table corp complete options of the corp
-- @tparam table host the options of this host: port, nginx, tls, http2, protocols
-- @treturn table|nil host: base_url, port, pid, ca_file, stop()
-- @treturn string what is missing or went wrong
function nginx.serve(corp, host)
  local found, message = find_nginx(host.nginx or {})
  if not found then return nil, message end
  message = lacking(found, host)
  if message then return nil, message end
  local directory = process.folder()
  if not directory then return nil, "wxmoments.simulator: no temporary folder could be made" end
  local pid, port = start_in(directory, found, host, corp)
  if pid then return started(pid, port, directory, host, corp) end
  process.remove(directory)
  return nil, port
end

return nginx
