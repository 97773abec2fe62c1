-- .ci/setup against fake dpkg-query, apt-get, apt-cache, id and sudo: nothing is installed.

local lfs = require "lfs"

local ROOT = lfs.currentdir()

-- Each fake notes in $LOG how it was called. What dpkg-query knows is in $INSTALLED ("all", or
-- names between blanks); apt-get's install step ends with the status $APT_STATUS.
local FAKES = {
  ["dpkg-query"] = [[
    shift 2
    for name; do
      case " $INSTALLED " in
      " all " | *" $name "*) printf 'installed:%s ' "$name" ;;
      *) status=1 ;;
      esac
    done
    exit ${status:-0}]],
  ["apt-get"] = [[
    echo "apt-get $*" >>"$LOG"
    [ -z "${DEBIAN_FRONTEND-}" ] || echo "frontend $DEBIAN_FRONTEND" >>"$LOG"
    "$WXM_POLICY_RC_D" nginx start
    echo "policy $?" >>"$LOG"
    case " $* " in
    *" update "*) exit ${UPDATE_STATUS:-0} ;;
    esac
    [ -z "${APT_SIGNAL-}" ] || kill -"$APT_SIGNAL" "$PPID"
    exit ${APT_STATUS:-0}]],
  ["apt-cache"] = [[
    case " $UNKNOWN " in *" $2 "*) exit 100 ;; esac]],
  sudo = [[
    echo "sudo $1" >>"$LOG"
    exec "$@"]],
  id = [[echo "${FAKE_UID:-0}"]],
}

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

local function write(path, text, executable)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  if executable then assert(os.execute("chmod 755 " .. quote(path))) end
end

-- A folder with the fakes in bin/, and what runs .ci/setup with nothing else first in PATH.
local function new_machine()
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  assert(lfs.mkdir(folder .. "/bin"))
  for name, body in pairs(FAKES) do
    write(folder .. "/bin/" .. name, "#!/bin/sh\n" .. body .. "\n", true)
  end
  local machine = { folder = folder, policy = folder .. "/policy-rc.d" }

  -- Runs the script; returns exit status, output, the log's text. `path` replaces PATH.
  function machine.setup(stage, environment, path)
    local words = {
      "env -i", "PATH=" .. quote(path or folder .. "/bin:" .. os.getenv("PATH")),
      "LOG=" .. quote(folder .. "/log"), "WXM_POLICY_RC_D=" .. quote(machine.policy),
    }
    for name, value in pairs(environment) do words[#words + 1] = name .. "=" .. quote(value) end
    words[#words + 1] = "/bin/sh " .. quote(ROOT .. "/.ci/setup") .. " " .. stage
    words[#words + 1] = ">" .. quote(folder .. "/out") .. " 2>&1; echo $?"
    local pipe = io.popen(table.concat(words, " "))
    local status = tonumber(pipe:read("*a"))
    pipe:close()
    return status, read(folder .. "/out"), read(folder .. "/log") or ""
  end

  function machine.remove()
    assert(os.execute("rm -rf " .. quote(folder)))
  end
  return machine
end

describe(".ci/setup", function()
  local machine

  before_each(function() machine = new_machine() end)
  after_each(function() machine.remove() end)

  describe("with everything there", function()
    it("calls nothing and says nothing", function()
      local status, out, log = machine.setup("test", { INSTALLED = "all" })
      assert.equal("", out)
      assert.equal(0, status)
      assert.equal("", log)
      assert.is_nil(read(machine.policy))
    end)

    it("needs no right to do anything", function()
      local status, out, log = machine.setup("test", { INSTALLED = "all", FAKE_UID = "1000" })
      assert.same({ 0, "", "" }, { status, out, log })
    end)

    it("leaves a policy-rc.d alone", function()
      write(machine.policy, "theirs")
      machine.setup("test", { INSTALLED = "all" })
      assert.equal("theirs", read(machine.policy))
    end)
  end)

  describe("with something missing", function()
    local BUT_VALGRIND = "gcc make pkg-config libc6-dev lua5.4 liblua5.4-dev lua5.1 "
      .. "liblua5.1-0-dev luajit2 libluajit2-5.1-dev lua-cjson lua-busted lua-check lua-argparse "
      .. "lua-socket luarocks zip unzip libcurl4-openssl-dev nginx libnginx-mod-http-lua "
      .. "lua-resty-core clang clang-format clang-tidy openssl ca-certificates binutils"

    it("installs that and nothing else, asking nobody", function()
      local status, out, log = machine.setup("test", { INSTALLED = BUT_VALGRIND })
      assert.equal(0, status, out)
      assert.truthy(log:find("apt%-get [^\n]*update\n"))
      assert.truthy(log:find("apt%-get [^\n]*install %-%-no%-install%-recommends valgrind\n"), log)
      assert.truthy(log:find("frontend noninteractive", 1, true))
      assert.falsy(log:find("sudo", 1, true))
      assert.truthy(out:find("valgrind", 1, true))
    end)

    it("needs less for the demo than for the tests", function()
      local status, out, log = machine.setup("demo", { INSTALLED = BUT_VALGRIND })
      assert.same({ 0, "", "" }, { status, out, log })
    end)

    it("needs more for fuzzing than for the tests, and not for the other Luas", function()
      local for_tests = BUT_VALGRIND .. " valgrind"
      assert.same({ 0, "", "" }, { machine.setup("test", { INSTALLED = for_tests }) })
      local status, out, log = machine.setup("fuzz", { INSTALLED = for_tests })
      assert.equal(0, status, out)
      assert.truthy(log:find("recommends libclang-rt-dev llvm\n", 1, true), log)
      status, out, log = machine.setup("all", { INSTALLED = for_tests })
      assert.equal(0, status, out)
      local others = "recommends lua5.2 liblua5.2-dev lua5.3 liblua5.3-dev\n"
      assert.truthy(log:find(others, 1, true), log)
    end)

    it("takes an alternative that is installed", function()
      local others = BUT_VALGRIND:gsub("luajit2 libluajit2", "valgrind luajit libluajit")
      local status, _, log = machine.setup("test", { INSTALLED = others })
      assert.same({ 0, "" }, { status, log })
    end)

    it("takes the alternative that the release has", function()
      local status, _, log = machine.setup("test", {
        INSTALLED = BUT_VALGRIND:gsub("luajit2 ", "") .. " valgrind", UNKNOWN = "luajit2",
      })
      assert.equal(0, status)
      assert.truthy(log:find("recommends luajit\n", 1, true), log)
    end)

    it("has a policy-rc.d that answers 101 while apt-get runs, and none after", function()
      local status, _, log = machine.setup("test", { INSTALLED = BUT_VALGRIND })
      assert.equal(0, status)
      local answers = {}
      for answer in log:gmatch("policy (%d+)") do answers[#answers + 1] = answer end
      assert.same({ "101", "101" }, answers)
      assert.is_nil(read(machine.policy))
    end)

    it("leaves an existing policy-rc.d exactly alone", function()
      local theirs = "#!/bin/sh\nexit 0\n"
      write(machine.policy, theirs, true)
      local status, _, log = machine.setup("test", { INSTALLED = BUT_VALGRIND })
      assert.equal(0, status)
      assert.truthy(log:find("policy 0", 1, true))
      assert.equal(theirs, read(machine.policy))
    end)

    it("fails when apt-get does, and still takes the policy away", function()
      local status, out = machine.setup("test", { INSTALLED = BUT_VALGRIND, APT_STATUS = "100" })
      assert.equal(1, status)
      assert.truthy(out:find("could not install: valgrind", 1, true), out)
      assert.is_nil(read(machine.policy))
    end)

    it("tries with old package lists when they can't be renewed", function()
      local status, out = machine.setup("test", { INSTALLED = BUT_VALGRIND, UPDATE_STATUS = "100" })
      assert.equal(0, status)
      assert.truthy(out:find("update failed", 1, true), out)
    end)

    for signal, number in pairs { HUP = 129, INT = 130, TERM = 143 } do
      it("takes the policy away after signal " .. signal, function()
        local status = machine.setup("test", {
          INSTALLED = BUT_VALGRIND, APT_SIGNAL = signal, FAKE_UID = "0",
        })
        -- The fake signals its parent: env became the fake, so that is the script.
        assert.equal(number, status)
        assert.is_nil(read(machine.policy))
      end)
    end

    it("goes through sudo when not root", function()
      local status, out, log = machine.setup("test", {
        INSTALLED = BUT_VALGRIND, FAKE_UID = "1000",
      })
      assert.equal(0, status, out)
      assert.truthy(log:find("sudo apt%-get\napt%-get [^\n]*update\n"), log)
      assert.truthy(log:find("sudo env\napt%-get [^\n]*install "), log)
      assert.truthy(log:find("policy 101", 1, true))
      assert.is_nil(read(machine.policy))
    end)
  end)

  -- A PATH with the fakes named in `keep` and the few tools every system has.
  local function bare_path(keep)
    local bare = machine.folder .. "/bare"
    assert(lfs.mkdir(bare))
    for _, name in ipairs { "env", "sh", "grep", "rm", "chmod" } do
      local pipe = io.popen("command -v " .. name)
      local target = pipe:read("*l")
      pipe:close()
      assert(lfs.link(target, bare .. "/" .. name, true))
    end
    for _, name in ipairs(keep) do
      assert(lfs.link(machine.folder .. "/bin/" .. name, bare .. "/" .. name, true))
    end
    return bare
  end

  it("names the packages and stops where there is no apt-get", function()
    local status, out, log = machine.setup("test", {}, bare_path {})
    assert.equal(1, status)
    assert.equal("", log)
    for _, name in ipairs { "no apt-get", "gcc", "lua5.4", "libcurl4-openssl-dev", "valgrind" } do
      assert.truthy(out:find(name, 1, true), out)
    end
  end)

  it("names the packages and stops when not root and without sudo", function()
    local path = bare_path { "dpkg-query", "apt-get", "apt-cache", "id" }
    local status, out, log = machine.setup("demo", { FAKE_UID = "1000", INSTALLED = "gcc" }, path)
    assert.equal(1, status)
    assert.equal("", log)
    assert.truthy(out:find("no sudo", 1, true), out)
    assert.truthy(out:find("nginx", 1, true), out)
  end)

  it("refuses a stage it does not know", function()
    local status, out = machine.setup("everything", { INSTALLED = "all" })
    assert.equal(1, status)
    assert.truthy(out:find("usage", 1, true))
  end)
end)
