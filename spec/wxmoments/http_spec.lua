--- The whole way over real HTTP: this client, libcurl, nginx, the simulator. #nginx

local simulator = require "wxmoments.simulator"
local wxmoments = require "wxmoments"

local DAY = 86400
local DAYS, MOMENTS = 400, 2000
local TO = 1700000000
local FROM = TO - DAYS * DAY

local INTERPRETER = rawget(_G, "jit") and "luajit" or "lua5.4"

local host

local function serve(options)
  local all = { moments = MOMENTS, seed = 7, start_time = FROM, end_time = TO }
  for name, value in pairs(options or {}) do all[name] = value end
  host = assert(simulator.serve(all))
  return host, simulator.new(all)
end

local function client(more)
  local options = { corpid = host.corpid, corpsecret = host.corpsecret, base_url = host.base_url,
    token_store = require "wxmoments.store.memory".new(), proxy = "", retry = { base = 0.01 } }
  for name, value in pairs(more or {}) do options[name] = value end
  return wxmoments.wecom(options)
end

local function count_of(corp)
  local counts = assert(corp:call { path = "/_simulator/state" }).counts
  return counts.gettoken, counts.get_moment_list
end

-- The simulator's moments by id, and what came: equal, field by field.
local function assert_equal_to_truth(sim, moments)
  local truth, seen = {}, {}
  for _, moment in ipairs(sim:truth().get_moment_list) do
    truth[moment.moment_id] = moment
  end
  for _, moment in ipairs(moments) do
    assert.is_nil(seen[moment.moment_id], "came twice")
    seen[moment.moment_id] = true
    assert.same(truth[moment.moment_id], moment)
  end
  for id in pairs(truth) do
    assert.is_true(seen[id], "never came")
  end
end

local function read_all(corp, params)
  local moments = {}
  params = params or { start_time = FROM, end_time = TO }
  for moment in corp:each_moment(params) do
    moments[#moments + 1] = moment
  end
  return moments
end

describe("over HTTP #nginx", function()
  after_each(function()
    if host then host.stop(host) end
    host = nil
  end)

  for _, edges in ipairs { "open", "closed" } do
    for _, in_flight in ipairs { 1, 5 } do
      local how = ("%s edges, %d at once"):format(edges, in_flight)
      it("400 days and 2,000 moments come whole: " .. how, function()
        local _, sim = serve { edges = edges }
        local moments = read_all(client { limits = { in_flight = in_flight } })
        assert.equal(MOMENTS, #moments)
        assert_equal_to_truth(sim, moments)
        assert.equal(FROM, sim:truth().get_moment_list[1].create_time)
        assert.equal(TO, sim:truth().get_moment_list[MOMENTS].create_time)
      end)
    end
  end

  for _, errcode in ipairs { 42001, 40014 } do
    it("a token refused with " .. errcode .. " costs one gettoken and one resend", function()
      serve { moments = 10 }
      local corp = client()
      local params = { start_time = TO - DAY, end_time = TO }
      assert(corp:get_moment_list(params))
      assert(corp:call { method = "POST", path = "/_simulator/expire_token",
        query = { errcode = errcode }, body = "" })
      assert(corp:get_moment_list(params))
      local tokens, calls = count_of(corp)
      assert.same({ 2, 3 }, { tokens, calls })
    end)
  end

  it("a hundred calls that start together cause one gettoken", function()
    serve { moments = 10 }
    local corp = client()
    local driver = require "wxmoments.driver.curl".new {}
    local done = 0
    for _ = 1, 100 do
      driver.loop:spawn(function()
        assert(corp:get_moment_list { start_time = TO - DAY, end_time = TO })
        done = done + 1
      end)
    end
    driver.loop:wait(function() return done == 100 end, driver.now() + 30)
    assert.equal(100, done)
    assert.same({ 1, 100 }, { count_of(corp) })
  end)

  it("a range that is broken off is not a whole one", function()
    serve { faults = {
      { op = "get_moment_list", call = 40, times = 100, kind = "status", status = 502 },
    } }
    local corp = client { retry = { attempts = 2, base = 0.001 } }
    local ok, err = pcall(read_all, corp)
    assert.is_false(ok)
    assert.same({ "http", 502, 2 }, { err.kind, err.code, err.attempts })
  end)

  -- Peak memory is read in a process of its own, for the interpreter this suite runs on.
  it("memory does not grow with the range #slow", function()
    local peaks = {}
    for _, moments in ipairs { MOMENTS, 100000 } do
      serve { moments = moments }
      local command = ("%s spec/support/read_all.lua %s %s %s %d %d"):format(INTERPRETER,
        host.base_url, host.corpid, host.corpsecret, FROM, TO)
      local pipe = assert(io.popen(command))
      local count, peak = pipe:read("*a"):match("(%d+)%s+(%d+)")
      pipe:close()
      host.stop(host)
      assert.equal(moments, tonumber(count))
      peaks[#peaks + 1] = tonumber(peak)
    end
    assert.is_true(peaks[2] - peaks[1] <= 2048, ("%d KiB, then %d KiB"):format(peaks[1], peaks[2]))
  end)
end)
