-- The rockspec says what is in the tree, and what is installed from it works elsewhere.

local lfs = require "lfs"

local ROOT = lfs.currentdir()
local ROCKSPEC = "wxmoments-scm-1.rockspec"

-- Reads a simulated year through the installed modules; prints three facts about it.
local READER = [[
local wxmoments = require "wxmoments"
local simulator = require "wxmoments.simulator"
local from, to = 1700000000, 1731536000
local sim = simulator.new {
  corpid = "ww1", corpsecret = "s", seed = 1, moments = 60, start_time = from, end_time = to,
}
local corp = wxmoments.wecom { corpid = "ww1", corpsecret = "s", driver = sim:driver() }
local rows = 0
for _ in corp:each_moment { start_time = from, end_time = to } do rows = rows + 1 end
print("rows", rows, "of", #sim:truth().get_moment_list)
print("curl", require("wxmoments.curl").version)
print("from", package.searchpath and package.searchpath("wxmoments", package.path)
  or debug.getinfo(wxmoments.wecom, "S").source)
]]

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs a command in a folder, with nothing of our own environment but PATH and what is given.
-- Returns whether it ended well, and all it wrote.
local function run(folder, environment, command)
  local words = { "cd", quote(folder), "&& env -i", "PATH=" .. quote(os.getenv("PATH")) }
  for name, value in pairs(environment) do words[#words + 1] = name .. "=" .. quote(value) end
  words[#words + 1] = command .. " 2>&1; echo \"status $?\""
  local pipe = assert(io.popen(table.concat(words, " ")))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.*)status (%d+)\n$")
  return status == "0", text
end

local function load_rockspec()
  local file = assert(io.open(ROCKSPEC))
  local text = file:read("*a")
  file:close()
  -- luacheck: globals setfenv loadstring
  local rockspec = {}
  if setfenv then
    setfenv(assert(loadstring(text, ROCKSPEC)), rockspec)()
  else
    assert(load(text, ROCKSPEC, "t", rockspec))()
  end
  return rockspec
end

-- Every file below a folder whose name ends in `ending`, as a sorted list of paths.
local function files_below(folder, ending, found)
  found = found or {}
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    local is_folder = lfs.attributes(path, "mode") == "directory"
    if is_folder and not name:find("^%.") then
      files_below(path, ending, found)
    elseif not is_folder and name:sub(-#ending) == ending then
      found[#found + 1] = path
    end
  end
  table.sort(found)
  return found
end

local function sorted(list)
  local copy = {}
  for i, item in ipairs(list) do copy[i] = item end
  table.sort(copy)
  return copy
end

describe("the rockspec", function()
  local rockspec

  setup(function() rockspec = load_rockspec() end)

  it("lists each Lua module of the tree under its name, and no other", function()
    local modules, missing, found = rockspec.build.modules, {}, {}
    for _, path in ipairs(files_below("lua", ".lua")) do
      local name = path:sub(#"lua/" + 1, -#".lua" - 1):gsub("/", ".")
      found[name] = true
      if modules[name] ~= path then missing[#missing + 1] = path end
    end
    assert.same({}, missing)
    for name, source in pairs(modules) do
      assert.is_true(type(source) == "table" or found[name], name .. " is no longer there")
    end
  end)

  it("lists each C file in the shared object it belongs to", function()
    local core = {}
    local curl = { "csrc/lua_curl.c", "csrc/wxm_buf.c", "csrc/wxm_curl.c", "csrc/wxm_pin.c" }
    for _, path in ipairs(files_below("csrc", ".c")) do
      if path ~= "csrc/lua_curl.c" and path ~= "csrc/wxm_curl.c" then core[#core + 1] = path end
    end
    local modules = rockspec.build.modules
    assert.same(core, sorted(modules["wxmoments.core"].sources))
    assert.same(curl, sorted(modules["wxmoments.curl"].sources))
  end)

  it("links libcurl to curl.so alone, found by its library", function()
    local modules = rockspec.build.modules
    assert.is_nil(modules["wxmoments.core"].libraries)
    assert.same({ "curl" }, modules["wxmoments.curl"].libraries)
    assert.same({ library = "curl" }, rockspec.external_dependencies.CURL)
  end)

  it("names no Lua file like a C module", function()
    for name, source in pairs(rockspec.build.modules) do
      if type(source) == "table" then
        assert.is_nil(lfs.attributes("lua/" .. name:gsub("%.", "/") .. ".lua", "mode"), name)
      end
    end
  end)
end)

describe("installed #install", function()
  local scratch, environment

  setup(function()
    scratch = os.tmpname()
    os.remove(scratch)
    assert(lfs.mkdir(scratch))
    -- Debian's own lua-cjson and argparse, which LuaRocks can't see.
    local config = assert(io.open(scratch .. "/luarocks.lua", "w"))
    config:write('rocks_provided = { ["lua-cjson"] = "2.1.0-1", argparse = "0.7.1-1" }\n')
    config:close()
    local reader = assert(io.open(scratch .. "/reader.lua", "w"))
    reader:write(READER)
    reader:close()
    environment = { HOME = scratch, LUAROCKS_CONFIG = scratch .. "/luarocks.lua" }
    local ok, output = run(ROOT, environment, "make -s rock")
    assert.is_true(ok, output)
  end)

  teardown(function() run("/", {}, "rm -rf " .. quote(scratch)) end)

  -- Reads with `lua`, from the scratch folder, what is installed below `prefix` for `version`.
  local function read_with(lua, version, prefix)
    local ok, output = run(scratch, {
      LUA_PATH = prefix .. "/share/lua/" .. version .. "/?.lua;;",
      LUA_CPATH = prefix .. "/lib/lua/" .. version .. "/?.so;;",
    }, lua .. " reader.lua")
    assert.is_true(ok, output)
    assert.equal("60\tof\t60", output:match("rows\t([^\n]*)"), output)
    assert.truthy(output:find("curl\t%d+%."), output)
    assert.truthy(output:find(prefix .. "/share/lua/" .. version .. "/wxmoments", 1, true), output)
  end

  local LUAS = { { "5.4", "lua5.4" }, { "5.1", "lua5.1", "luajit" } }

  for _, luas in ipairs(LUAS) do
    local version = luas[1]

    it("with LuaRocks for Lua " .. version .. " works anywhere", function()
      local tree = scratch .. "/tree"
      local ok, output = run(scratch, environment, "luarocks --lua-version=" .. version
        .. " --tree=" .. quote(tree) .. " install --only-server=" .. quote(ROOT .. "/build/rock")
        .. " wxmoments")
      assert.is_true(ok, output)
      assert.falsy(output:find("warning:", 1, true), output)
      for i = 2, #luas do read_with(luas[i], version, tree) end
    end)

    it("with make for Lua " .. version .. " works anywhere", function()
      local ok, output = run(ROOT, environment,
        "make -s install DESTDIR=" .. quote(scratch .. "/image") .. " PREFIX=/usr")
      assert.is_true(ok, output)
      for i = 2, #luas do read_with(luas[i], version, scratch .. "/image/usr") end
    end)
  end
end)
