--- Iterators: every row once, in order; an error never looks like an end.

local fake = require "spec.support.fake"
local simulator = require "wxmoments.simulator"
local wxmoments = require "wxmoments"

local DAY = 86400
local FROM, TO = 1600000000, 1600000000 + 100 * DAY

local function simulated(options, more)
  local all = { moments = 300, seed = 3, start_time = FROM, end_time = TO }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  local sim = simulator.new(all)
  local given = { corpid = sim.corpid, corpsecret = sim.corpsecret, driver = sim:driver(),
    token_store = require "wxmoments.store.memory".new() }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return wxmoments.wecom(given), sim
end

-- The ids that come, sorted, and how often one came again.
local function ids_of(iterator)
  local ids, repeats, seen = {}, 0, {}
  for row in iterator do
    ids[#ids + 1] = row.moment_id
    repeats = repeats + (seen[row.moment_id] and 1 or 0)
    seen[row.moment_id] = true
  end
  table.sort(ids)
  return ids, repeats
end

local function truth_of(sim, keep)
  local ids = {}
  for _, moment in ipairs(sim:truth().get_moment_list) do
    if not keep or keep(moment) then
      ids[#ids + 1] = moment.moment_id
    end
  end
  table.sort(ids)
  return ids
end

describe("each_moment", function()
  for _, edges in ipairs { "open", "closed" } do
    for what, faults in pairs {
      ["without faults"] = {},
      ["short pages"] = { { kind = "short_page" } },
      ["empty pages"] = { { op = "get_moment_list", call = 1, kind = "empty_page" },
        { op = "get_moment_list", call = 4, times = 2, kind = "empty_page" } },
      ["rows that come again"] = { { kind = "repeat_rows" } },
      ["a busy server"] = { { op = "get_moment_list", call = 2, times = 2, errcode = -1 } },
      ["a token that dies"] = { { op = "get_moment_list", call = 3, errcode = 42001 } },
    } do
      it(("gives exactly the truth: %s edges, %s"):format(edges, what), function()
        local corp, sim = simulated { edges = edges, faults = faults }
        local ids, repeats = ids_of(corp:each_moment { start_time = FROM, end_time = TO })
        assert.equal(0, repeats)
        assert.same(truth_of(sim), ids)
      end)
    end

    it("takes the range's own seconds and no others: " .. edges, function()
      local corp, sim = simulated { edges = edges }
      local moments = sim:truth().get_moment_list
      local from, to = moments[20].create_time, moments[200].create_time
      local ids = ids_of(corp:each_moment { start_time = from, end_time = to })
      assert.same(truth_of(sim, function(moment)
        return moment.create_time >= from and moment.create_time <= to
      end), ids)
      ids = ids_of(corp:each_moment { start_time = from, end_time = from })
      assert.same(truth_of(sim, function(moment) return moment.create_time == from end), ids)
    end)
  end

  for _, last_cursor in ipairs { "", "absent", "null" } do
    it("ends at a next_cursor that is '" .. last_cursor .. "'", function()
      local corp, sim = simulated { last_cursor = last_cursor }
      assert.equal(#truth_of(sim), #ids_of(corp:each_moment { start_time = FROM, end_time = TO }))
    end)
  end

  it("sends its parameters along to every page, the largest page, and nothing else", function()
    local corp, sim = simulated()
    ids_of(corp:each_moment { start_time = FROM, end_time = TO, filter_type = 0 })
    local pages = 0
    for _, request in ipairs(sim:requests()) do
      if request.op == "get_moment_list" then
        pages = pages + 1
        local params = request.params
        assert.same({ 0, 20 }, { params.filter_type, params.limit })
        assert.is_true(params.end_time - params.start_time <= 30 * DAY)
        assert.is_nil(params.creator)
      end
    end
    assert.is_true(pages > 4)
  end)

  it("keeps what the filters ask for", function()
    local corp, sim = simulated()
    local creator = nil
    for _, moment in ipairs(sim:truth().get_moment_list) do
      creator = creator or moment.creator
    end
    for _, case in ipairs {
      { { filter_type = 0 }, function(moment) return moment.create_type == 0 end },
      { { filter_type = 1 }, function(moment) return moment.create_type == 1 end },
      { { filter_type = 2 }, function() return true end },
      { { creator = creator }, function(moment) return moment.creator == creator end },
    } do
      local params = { start_time = FROM, end_time = TO }
      for name, value in pairs(case[1]) do params[name] = value end
      assert.same(truth_of(sim, case[2]), (ids_of(corp:each_moment(params))))
    end
  end)

  it("raises the error object, and then is closed", function()
    local corp = simulated {
      faults = { { op = "get_moment_list", call = 3, times = 99, errcode = 48002 } },
    }
    local iterator = corp:each_moment { start_time = FROM, end_time = TO }
    local count = 0
    local ok, err = pcall(function()
      for _ in iterator do count = count + 1 end
    end)
    assert.is_false(ok)
    assert.same({ "api", 48002, "get_moment_list" }, { err.kind, err.code, err.op })
    assert.is_true(count > 0)
    assert.is_false(iterator.complete)
    assert.is_nil((iterator:next()))
  end)

  it("by hand gives nil, err, and asks for the same page when called again", function()
    local corp, sim = simulated {
      faults = { { op = "get_moment_list", call = 3, times = 1, errcode = 48002 } },
    }
    local iterator = corp:each_moment { start_time = FROM, end_time = TO }
    local ids, errors = {}, 0
    while true do
      local row, err = iterator:next()
      if row then
        ids[#ids + 1] = row.moment_id
      elseif err then
        errors = errors + 1
        assert.is_false(iterator.complete)
      else
        break
      end
    end
    table.sort(ids)
    assert.equal(1, errors)
    assert.is_true(iterator.complete)
    assert.same(truth_of(sim), ids)
    local row, err = iterator:next()
    assert.is_nil(row)
    assert.is_nil(err)
  end)

  it("does not follow a cursor in circles", function()
    local corp = simulated {
      faults = { { op = "get_moment_list", call = 2, times = 99, kind = "same_cursor" } },
    }
    local iterator = corp:each_moment { start_time = FROM, end_time = TO }
    local row, err
    repeat
      row, err = iterator:next()
    until not row
    assert.same({ "decode", "same_cursor" }, { err.kind, err.code })
    assert.equal(err, select(2, iterator:next()))
    assert.is_false(iterator.complete)
  end)

  it("stops at max_pages", function()
    local corp = simulated()
    local iterator = corp:each_moment { start_time = FROM, end_time = TO, max_pages = 1 }
    local row, err
    repeat
      row, err = iterator:next()
    until not row
    assert.equal("too_many_pages", err.code)
  end)

  it("says what is wrong with its parameters at the first row", function()
    local corp = simulated()
    for _, params in ipairs { {}, { start_time = 5 }, { start_time = 5, end_time = 4 },
      { start_time = 0, end_time = 1e13 }, { start_time = 1, end_time = 2, cursor = "x" },
      { start_time = 1, end_time = 2, limit = 5 }, 5, "x" } do
      local iterator = corp:each_moment(params)
      local row, err = iterator:next()
      assert.is_nil(row)
      assert.same({ "argument", "each_moment" }, { err.kind, err.op })
      assert.is_false(iterator.complete)
      local ok, raised = pcall(function() for _ in iterator do error("a row") end end)
      assert.is_false(ok)
      assert.equal(err, raised)
    end
    assert.equal("argument", select(2, corp:each_moment():next()).kind)
  end)

  it("asks for nothing before the first row, and nothing after close", function()
    local corp, sim = simulated()
    local iterator = corp:each_moment { start_time = FROM, end_time = TO }
    assert.equal(0, sim:count("get_moment_list"))
    assert.is_table(iterator:next())
    local count = sim:count("get_moment_list")
    iterator:close()
    iterator:close()
    local row, err = iterator:next()
    assert.is_nil(row)
    assert.same({ "state", "closed", "each_moment" }, { err.kind, err.code, err.op })
    assert.is_false(iterator.complete)
    assert.equal(count, sim:count("get_moment_list"))
  end)

  for what, row in pairs {
    ["in milliseconds"] = '{"moment_id":"m","create_time":1600000000000}',
    ["before the window"] = '{"moment_id":"m","create_time":5}',
    ["without an id"] = '{"moment_id":"","create_time":1600000001}',
  } do
    it("does not drop a row " .. what .. " and call itself complete", function()
      local driver = fake.driver { fake.ok('{"errcode":0,"moment_list":[' .. row .. ']}') }
      local iterator = wxmoments.wecom(fake.options(driver)):each_moment { start_time = FROM,
        end_time = FROM + 10 }
      local moment, err = iterator:next()
      assert.is_nil(moment)
      assert.equal("decode", err.kind)
      assert.truthy(err.path:find("^moment_list%[1%]"))
      assert.is_false(iterator.complete)
    end)
  end

  it("can be called again after a hook of the user's has raised", function()
    local driver = fake.driver { fake.ok '{"errcode":0,"moment_list":[]}' }
    local broken = true
    local corp = wxmoments.wecom(fake.options(driver, { on_event = function()
      if broken then error("hook") end
    end }))
    local iterator = corp:each_moment { start_time = FROM, end_time = FROM + 10 }
    assert.has_error(function() iterator:next() end)
    broken = false
    assert.is_nil((iterator:next()))
    assert.is_true(iterator.complete)
  end)

  it("stops when a hook closes it", function()
    local corp, sim, iterator
    corp, sim = simulated({}, { on_event = function(event)
      if event.type == "reply" and event.op == "get_moment_list" then iterator:close() end
    end })
    iterator = corp:each_moment { start_time = FROM, end_time = TO }
    assert.is_nil((iterator:next()))
    assert.is_false(iterator.complete)
    assert.equal(1, sim:count("get_moment_list"))
  end)

  it("takes the last second there is", function()
    local driver = fake.driver { fake.ok '{"errcode":0,"moment_list":[]}' }
    local corp = wxmoments.wecom(fake.options(driver))
    local last = 253402300798
    local iterator = corp:each_moment { start_time = last - 5, end_time = last }
    assert.is_nil((iterator:next()))
    assert.is_true(iterator.complete)
    local _, err = corp:each_moment({ start_time = 0, end_time = last + 1 }):next()
    assert.equal("argument", err.kind)
  end)

  it("must be called with a colon", function()
    local corp = simulated()
    local iterator = corp:each_moment { start_time = FROM, end_time = TO }
    assert.has_error(function() iterator.next() end)
    assert.has_error(function() iterator.next({}) end)
    assert.has_error(function() corp.each_moment {} end)
  end)
end)

-- A server of pages that takes a while, so that windows are read side by side.
local function slow_server(options)
  local sim = simulator.new { moments = 600, seed = 5, start_time = FROM, end_time = TO,
    faults = options.faults }
  local inner = sim:driver()
  local flying, most = 0, 0
  local driver
  driver = fake.driver(function(request)
    return inner.send(request, 30)
  end, 0.05)
  local send = driver.send
  driver.send = function(request, seconds)
    flying = flying + 1
    most = math.max(most, flying)
    local response, err = send(request, seconds)
    flying = flying - 1
    return response, err
  end
  local corp = wxmoments.wecom { corpid = sim.corpid, corpsecret = sim.corpsecret, driver = driver,
    token_store = require "wxmoments.store.memory".new(),
    deadline = options.deadline,
    limits = { in_flight = options.in_flight } }
  return corp, sim, driver, function() return most, flying end
end

describe("windows side by side", function()
  it("give the same rows in the same order as one by one", function()
    local rows = {}
    for _, in_flight in ipairs { 1, 2, 5, 50 } do
      local corp, sim, driver, flights = slow_server { in_flight = in_flight }
      local began, ids = driver.now(), {}
      for row in corp:each_moment { start_time = FROM, end_time = TO } do
        ids[#ids + 1] = row.moment_id
      end
      rows[in_flight] = { ids = ids, seconds = driver.now() - began }
      local most, left = flights()
      assert.equal(math.min(in_flight, 4), most)
      assert.equal(0, left)
      assert.equal(#truth_of(sim), #ids)
    end
    assert.same(rows[1].ids, rows[2].ids)
    assert.same(rows[1].ids, rows[5].ids)
    assert.same(rows[1].ids, rows[50].ids)
    assert.is_true(rows[5].seconds < rows[1].seconds * 0.6)
  end)

  it("go on after an error that comes at once, while as many others are being read", function()
    local first = ('"start_time":%d,'):format(FROM - 1)
    local fails = true
    local driver = fake.driver(function(request)
      if request.body:find(first, 1, true) and fails then
        return fake.ok '{"errcode":48002,"errmsg":"x"}'
      end
      return fake.ok '{"errcode":0,"next_cursor":"","moment_list":[]}'
    end, function(request)
      return request.body:find(first, 1, true) and 0 or 1
    end)
    local corp = wxmoments.wecom(fake.options(driver, { limits = { in_flight = 2 } }))
    local iterator = corp:each_moment { start_time = FROM, end_time = FROM + 400 * DAY }
    local jit = rawget(_G, "jit")
    if jit then jit.off() end -- compiled loops call no hook
    debug.sethook(function() error("next() spins") end, "", 10000000)
    for _ = 1, 10 do
      assert.equal(48002, select(2, iterator:next()).code)
    end
    fails = false
    assert.is_nil((iterator:next()))
    debug.sethook()
    if jit then jit.on() end
    assert.is_true(iterator.complete)
  end)

  it("give the rows before an error, then the error, whatever window it is in", function()
    local corp = slow_server { in_flight = 5, faults = {
      { op = "get_moment_list", call = 3, times = 1, errcode = 48002 } } }
    local iterator = corp:each_moment { start_time = FROM, end_time = TO }
    local ids, errors = {}, 0
    while not iterator.complete do
      local row, err = iterator:next()
      if row then
        ids[#ids + 1] = row.moment_id
      elseif err then
        errors = errors + 1
      end
    end
    assert.equal(1, errors)
    assert.equal(600, #ids)
  end)

  it("are ended by close, by an error, and by being forgotten", function()
    for what, leave in pairs {
      close = function(iterator) iterator:close() end,
      forget = function() end,
    } do
      local corp, sim, driver, flights = slow_server { in_flight = 5 }
      local iterator = corp:each_moment { start_time = FROM, end_time = TO }
      assert.is_table(iterator:next())
      leave(iterator)
      iterator = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      local count = sim:count("get_moment_list")
      driver.loop:wait(function() return false end, driver.now() + 10)
      assert.equal(count, sim:count("get_moment_list"), what)
      assert.is_number(flights())
    end
  end)

  it("do not run ahead of the reader without bound", function()
    local corp, sim, driver = slow_server { in_flight = 5 }
    local iterator = corp:each_moment { start_time = FROM, end_time = TO }
    assert.is_table(iterator:next())
    driver.loop:wait(function() return false end, driver.now() + 100)
    assert.is_true(sim:count("get_moment_list") <= 32 + 6, "pages read ahead")
    iterator:close()
  end)

  it("do not count the time the reader takes", function()
    local corp, sim, driver = slow_server { in_flight = 5, deadline = 1 }
    local count = 0
    for _ in corp:each_moment { start_time = FROM, end_time = TO } do
      count = count + 1
      if count % 20 == 1 then
        driver.advance(50) -- the reader works, and nobody drives the loop
      end
    end
    assert.equal(#truth_of(sim), count)
  end)

  it("raise what a hook raises, and can be asked again", function()
    local driver = fake.driver({ fake.ok '{"errcode":0,"moment_list":[]}' }, 0.05)
    local corp = wxmoments.wecom(fake.options(driver, {
      on_event = function() error("hook") end }))
    local ok, err = pcall(function()
      for _ in corp:each_moment { start_time = FROM, end_time = TO } do error("a row") end
    end)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("hook", 1, true))
  end)
end)
