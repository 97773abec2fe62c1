--- The README's code blocks run as they stand, and the examples too. #nginx

local simulator = require "wxmoments.simulator"

local INTERPRETER = rawget(_G, "jit") and "luajit" or "lua5.4"

-- Indented commands that other specs run, and which.
local ELSEWHERE = {
  ["make demo"] = "demo_spec", ["make test"] = "make test itself",
  ["luarocks --lua-version=5.4 install wxmoments"] = "rock_spec",
  ["make install PREFIX=/usr/local"] = "rock_spec",
  ["make lint"] = "make test", ["make format"] = "make lint", ["make test-luajit"] = "make test",
  ["make test-c"] = "make test", ["make test-valgrind"] = "make test",
  ["make bench"] = "spec/bench",
}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The blocks between ``` marks: { language, text }.
local function blocks_of(text)
  local blocks = {}
  for language, block in text:gmatch("\n```(%w+)\n(.-)\n```") do
    blocks[#blocks + 1] = { language = language, text = block }
  end
  return blocks
end

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo \"status $?\""))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.-)status (%d+)\n$")
  return text, tonumber(status)
end

local function with_file(text, run_it)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  local output, status = run_it(path)
  os.remove(path)
  return output, status
end

describe("the README #nginx", function()
  local host, environment

  setup(function()
    host = assert(simulator.serve { moments = 300 })
    environment = ("WECOM_BASE_URL=%s WECOM_CORPID=%s WECOM_CORPSECRET=%s "):format(host.base_url,
      host.corpid, host.corpsecret)
  end)

  teardown(function() host.stop(host) end)

  local blocks = blocks_of(read("README.md"))

  for i, block in ipairs(blocks) do
    local following = blocks[i + 1]
    if block.language == "lua" then
      it("has a Lua block that runs: " .. block.text:match("[^\n]*\n([^\n]*)"), function()
        local output, status = with_file(block.text, function(path)
          return run(environment .. INTERPRETER .. " " .. path)
        end)
        assert.equal(0, status, output)
        if following and following.language == "text" then
          assert.equal(following.text .. "\n", output)
        end
        if i == 1 then
          assert.equal(300, select(2, output:gsub("\n%d%d%d%d%d%d%d%d%d%d\t", "")) + 1)
        end
      end)
    elseif block.language == "sh" then
      it("has a shell block that runs: " .. block.text:match("[^\n]*"), function()
        local output, status = with_file("set -e\n" .. block.text, function(path)
          return run("sh " .. path)
        end)
        assert.equal(0, status, output)
        assert.truthy(output:find("%d+%.%d+%.%d+"))
      end)
    else
      it("knows its " .. block.language .. " block", function()
        assert.equal("text", block.language)
        assert.equal("lua", blocks[i - 1].language)
      end)
    end
  end

  it("has at least these blocks", function()
    assert.is_true(#blocks >= 7)
  end)

  it("names no command that nothing runs", function()
    local outside = read("README.md"):gsub("\n```%w+\n.-\n```", "")
    for line in outside:gmatch("\n    ([^\n]+)") do
      local commands = line:gsub("%s*#[^\n]-%s%s+", "\n"):gsub("%s+#.*", "") .. "\n"
      for command in commands:gmatch("([^\n]+)\n") do
        command = command:gsub("%s+$", "")
        for part in (command .. "  "):gmatch("(%S.-)%s%s+") do
          assert.is_string(ELSEWHERE[part], "'" .. part .. "'")
        end
      end
    end
  end)
end)

describe("the examples #nginx", function()
  local host

  setup(function() host = assert(simulator.serve { moments = 300 }) end)
  teardown(function() host.stop(host) end)

  it("read_range.lua counts what each member made", function()
    local output, status = run(("WECOM_BASE_URL=%s WECOM_CORPID=%s WECOM_CORPSECRET=%s %s "
      .. "examples/script/read_range.lua 366 1735689599"):format(host.base_url, host.corpid,
      host.corpsecret, INTERPRETER))
    assert.equal(0, status, output)
    local sum = 0
    for count in output:gmatch("(%d+)\t[^\n]+\n") do
      sum = sum + tonumber(count)
    end
    assert.equal(300, sum)
  end)

  it("read_range.lua says in one line what is wrong", function()
    local output, status = run(("WECOM_BASE_URL=%s WECOM_CORPID=%s WECOM_CORPSECRET=wr0ng %s "
      .. "examples/script/read_range.lua"):format(host.base_url, host.corpid, INTERPRETER))
    assert.equal(1, status)
    assert.equal(1, select(2, output:gsub("\n", "")))
    assert.truthy(output:find("wxmoments: gettoken: errcode 40001", 1, true), output)
    assert.falsy(output:find("wr0ng", 1, true))
  end)

  it("unit_test.lua tests without a server", function()
    local output, status = run(INTERPRETER .. " examples/script/unit_test.lua")
    assert.equal(0, status, output)
    assert.truthy(output:find("none was lost", 1, true))
  end)

  it("demo.lua shows every moment and is equal to the truth", function()
    local output, status = run(INTERPRETER .. " examples/script/demo.lua")
    assert.equal(0, status, output)
    assert.truthy(
      output:find("2000 moments of 400 days: %d+ pages in 14 windows, %d+ requests"), output)
    assert.truthy(output:find("every moment once", 1, true))
  end)
end)
