--- The operating system through the core: files replaced whole, locks, the terminal.

local core = require "wxmoments.core"

local ENOENT, EPERM = 2, 1

local folder

local function run(command)
  local pipe = assert(io.popen(command))
  local output = pipe:read("*a")
  pipe:close()
  return (output:gsub("%s+$", ""))
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

local function entries()
  return run("ls -A " .. folder)
end

describe("the operating system", function()
  before_each(function() folder = run("mktemp -d") end)
  after_each(function() os.execute("rm -rf " .. folder) end)

  it("replaces a file whole, for its owner alone", function()
    local path = folder .. "/token"
    for _, bytes in ipairs { "first", "", ("x"):rep(2 ^ 20), "a\0b" } do
      assert.is_true(core.replace_file(path, bytes))
      assert.equal(bytes, read(path))
      assert.equal("600", run("stat -c %a " .. path))
    end
    assert.equal("token", entries())
  end)

  it("keeps the mode whatever the umask", function()
    local code = "require 'wxmoments.core'.replace_file([[" .. folder .. "/t]], 'x')"
    local interpreter = rawget(_G, "jit") and "luajit" or "lua5.4"
    os.execute("umask 0; " .. interpreter .. " -e \"" .. code .. "\"")
    assert.equal("600", run("stat -c %a " .. folder .. "/t"))
  end)

  it("leaves the old bytes, and nothing beside them, when it fails", function()
    local path = folder .. "/in/token"
    local ok, message, number = core.replace_file(path, "x")
    assert.same({ nil, ENOENT }, { ok, number })
    assert.is_string(message)
    os.execute("mkdir -p " .. folder .. "/in/token") -- a folder is in its place
    assert.is_nil((core.replace_file(path, "x")))
    assert.equal("token", run("ls -A " .. folder .. "/in"))
  end)

  it("says when the disk is full #slow", function()
    local mount = folder .. "/small"
    os.execute("mkdir " .. mount)
    local mounted = os.execute("mount -t tmpfs -o size=64k none " .. mount .. " 2>/dev/null")
    if mounted == true or mounted == 0 then
      assert.is_true(core.replace_file(mount .. "/t", "old"))
      local ok, message = core.replace_file(mount .. "/t", ("x"):rep(2 ^ 20))
      local kept, left = read(mount .. "/t"), run("ls -A " .. mount)
      os.execute("umount " .. mount)
      assert.is_nil(ok)
      assert.truthy(message:find("space", 1, true))
      assert.same({ "old", "t" }, { kept, left })
    else -- not allowed to mount: /dev/full refuses every byte in its own way
      assert.is_nil((core.replace_file("/dev/full/t", "x")))
    end
  end)

  it("locks between holders, in this process and others", function()
    local path = folder .. "/lock"
    local lock = assert(core.lock(path))
    assert.equal("wxmoments.lock: held", tostring(lock))
    assert.same({ nil, "busy" }, { core.lock(path) })
    local ask = "flock -n " .. path .. " true && echo free || echo held"
    assert.equal("held", run(ask))
    lock:release()
    lock:release()
    assert.equal("wxmoments.lock: released", tostring(lock))
    assert.equal("free", run(ask))
    assert(core.lock(path))
    collectgarbage()
    collectgarbage()
    assert.equal("free", run(ask))
    assert.is_nil((core.lock(folder .. "/no/lock")))
  end)

  it("does not follow a link that somebody put where a lock belongs", function()
    os.execute("ln -s " .. folder .. "/elsewhere " .. folder .. "/lock")
    assert.is_nil((core.lock(folder .. "/lock")))
    assert.equal("lock", entries())
  end)

  it("knows a file that others can read", function()
    local path = folder .. "/secret"
    core.replace_file(path, "x")
    assert.is_true(core.private_file(path))
    for _, mode in ipairs { "640", "604", "660", "601" } do
      os.execute("chmod " .. mode .. " " .. path)
      assert.same({ nil, EPERM }, { (core.private_file(path)), select(3, core.private_file(path)) })
    end
    assert.equal(ENOENT, select(3, core.private_file(folder .. "/none")))
    assert.equal(EPERM, select(3, core.private_file(folder)))
  end)

  it("refuses paths the system would cut short", function()
    for _, fn in ipairs { core.replace_file, core.lock, core.private_file } do
      assert.has_error(function() fn("a\0b", "x") end)
      assert.has_error(function() fn("", "x") end)
      assert.has_error(function() fn({}, "x") end)
    end
  end)

  it("knows a terminal from a pipe", function()
    local interpreter = rawget(_G, "jit") and "luajit" or "lua5.4"
    local code = "print(require [[wxmoments.core]].columns(1))"
    assert.equal("nil", run(interpreter .. " -e '" .. code .. "' | cat"))
    local inside = ("stty cols 123; %s -e \"%s\""):format(interpreter, code)
    assert.equal("123", run("script -qec '" .. inside .. "' /dev/null </dev/null | tr -d '\\r'"))
    for _, fd in ipairs { -1, 1.5, 2 ^ 40 } do
      pcall(core.columns, fd)
    end
    assert.has_error(function() core.columns(-1) end)
  end)

  it("makes nonces that differ", function()
    local seen = {}
    for _ = 1, 200 do
      local nonce = core.nonce()
      assert.truthy(nonce:find("^%w+$"))
      assert.equal(16, #nonce)
      assert.is_nil(seen[nonce])
      seen[nonce] = true
    end
  end)
end)
