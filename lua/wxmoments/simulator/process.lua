--- Processes and folders through the shell: what plain Lua has no function for.

local process = {}

--- Quotes a text as one word for the shell.
function process.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs a command.
-- @tparam string command
-- @treturn string what it printed
-- @treturn number its exit status
function process.run(command)
  -- the status is printed, because close() tells it on 5.2 and later only
  local pipe = assert(io.popen("(" .. command .. "\n); printf '\\n%d' $?"))
  local printed = pipe:read("*a")
  pipe:close()
  local output, status = printed:match("^(.*)\n(%d+)$")
  return output or printed, tonumber(status or 1)
end

--- The number of the running process.
function process.own()
  return (process.run("echo $PPID"):match("%d+"))
end

--- When a process began, in the kernel's ticks: together with the number it names one process
-- for good, where a number alone may be used again. Linux only.
-- @tparam string|number|nil pid
-- @treturn string|nil nil when there is no such process (or no /proc)
function process.started(pid)
  local file = pid and io.open("/proc/" .. pid .. "/stat")
  if not file then return nil end
  local stat = file:read("*a")
  file:close()
  -- the name, in brackets, may hold anything; after it come the state and 18 more fields
  local state, rest = (stat or ""):match("^.*%) (%a) (.*)$")
  if not state or state == "Z" or state == "X" then return nil end
  local at = 0
  for field in rest:gmatch("%S+") do
    at = at + 1
    if at == 19 then return field end
  end
end

--- Sends a signal to one process.
function process.signal(name, pid)
  os.execute("kill -" .. name .. " " .. string.format("%d", pid) .. " 2>/dev/null")
end

--- Makes a new folder that only this user may enter.
-- @treturn string|nil its path
function process.folder()
  local path, status = process.run("mktemp -d -t wxmoments-simulator.XXXXXX 2>/dev/null")
  path = path:gsub("\n+$", "")
  return status == 0 and path ~= "" and path or nil
end

--- Removes a folder that process.folder made.
function process.remove(path)
  os.execute("rm -rf " .. process.quote(path))
end

return process
