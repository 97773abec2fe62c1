--- Every fault at every step of a reading: complete and equal to the truth, or an error that
-- says what happened; never a short list that looks complete.

local curl = require "wxmoments.driver.curl"
local entries = require "spec.support.fault_table"
local fake = require "spec.support.fake"
local reading = require "spec.support.reading"
local simulator = require "wxmoments.simulator"
local wxmoments = require "wxmoments"

local DAY = 86400
local CORP = { moments = 240, seed = 11, start_time = 1600000000,
  end_time = 1600000000 + 75 * DAY }
local SECRET = simulator.new { moments = 0 }.corpsecret

-- The three windows of the whole span, and a range of one window that has five pages.
local ALL = { start_time = CORP.start_time, end_time = CORP.end_time }
local ONE = { start_time = CORP.start_time, end_time = CORP.start_time + 28 * DAY }

-- Where a fault begins: the first of so many calls of an endpoint. The rows of a range come
-- in one order only, so what comes before an error is a beginning of the whole.
local STEPS = {
  { "at gettoken", op = "gettoken", call = 1, range = ONE },
  { "at page 1", call = 1, range = ONE },
  { "at page 2", call = 2, range = ONE },
  { "at page 3", call = 3, range = ONE },
  { "at page 4", call = 4, range = ONE },
  { "at page 5", call = 5, range = ONE },
  { "at the second window's page 2", call = 7, range = ALL },
}

-- Only where several can be on their way: which window's page the call is, nobody knows.
local SIDE_BY_SIDE = { "at the seventh call of three windows", call = 7, range = ALL,
  in_flight = 5 }

-- More than any client here sends: libcurl, too, sends again by itself, once for each kept
-- connection that dies before a status line has come.
local TIMES = { once = 1, always = 8 }
local MODES = { "once", "always" }

local function copy(given, more)
  local new = {}
  for name, value in pairs(given) do new[name] = value end
  for name, value in pairs(more or {}) do new[name] = value end
  return new
end

-- What is right about a range: the truth, and the ids in the order they come.
local right = {}

local function right_of(range)
  if not right[range] then
    local sim, rows = simulator.new(CORP), {}
    local it = wxmoments.wecom({ corpid = sim.corpid, corpsecret = sim.corpsecret,
      driver = sim:driver(), token_store = reading.store() }):each_moment(range)
    assert.is_nil(reading.go_on(it, rows))
    local truth = reading.truth(sim, range.start_time, range.end_time)
    assert.is_nil(reading.wrong_end(it, rows, truth))
    truth.order, truth.pages = {}, sim:count("get_moment_list")
    for i, row in ipairs(rows) do truth.order[truth.by_id[row.moment_id]] = i end
    right[range] = truth
  end
  return right[range]
end

-- The outcomes of a case that are right.
local function outcomes_of(entry, step, mode)
  if step.in_flight then return { entry.once, entry.always or entry.once, "whole" } end
  local from = step.call == 1 and not step.op and entry.first or entry
  return { from[mode] or from.once }
end

-- Every case of an entry: a step, once or always.
local function cases_of(entry, steps)
  local cases = {}
  for _, step in ipairs(steps) do
    local op = step.op or "get_moment_list"
    for _, mode in ipairs(entry.slow and { "once" } or MODES) do
      if not entry.op or entry.op == op then
        cases[#cases + 1] = {
          what = ("%s %s, %s"):format(entry[1], step[1], mode), entry = entry, step = step,
          op = op, fault = copy(entry.fault, { op = op, call = step.call, times = TIMES[mode] }),
          right = outcomes_of(entry, step, mode),
        }
      end
    end
  end
  return cases
end

-- Is the error this outcome?
local function is_outcome(err, outcome, op, transport)
  if outcome == "whole" then return false end
  local code = outcome[2]
  if type(code) == "table" then code = code[transport] end
  return err.kind == outcome[1] and err.code == code and err.op == op
    and (outcome[3] == nil or err.path == (outcome[3] or nil))
end

local function show(err)
  return ("%s, %s, op %s, path %s: %s"):format(tostring(err.kind), tostring(err.code),
    tostring(err.op), tostring(err.path), tostring(err))
end

-- What is wrong with the end of a case, or nil.
local function judge(case, transport, it, rows, err, secrets)
  local truth = right_of(case.step.range)
  for i, row in ipairs(rows) do
    if truth.order[truth.by_id[row.moment_id]] ~= i then return "a row out of its order" end
  end
  if not err then
    for _, outcome in ipairs(case.right) do
      if outcome == "whole" then return reading.wrong_end(it, rows, truth) end
    end
    return "complete, but an error was expected"
  end
  local wrong = reading.wrong_rows(rows, truth) or reading.wrong_form(err, secrets)
    or it.complete ~= false and "complete in spite of an error"
  if wrong then return wrong .. ": " .. show(err) end
  for _, outcome in ipairs(case.right) do
    if is_outcome(err, outcome, case.op, transport) then return nil end
  end
  return "not the error that was expected: " .. show(err)
end

-- Reads a case's range with a client of these options. Gives what is wrong, or nil.
local function run(case, transport, options)
  local store, tokens = reading.store()
  local given = { token_store = store, retry = { attempts = 2, base = 0.001 }, proxy = "",
    limits = { in_flight = case.step.in_flight or 1 } }
  local it = wxmoments.wecom(copy(copy(given, case.entry.options), options))
    :each_moment(case.step.range)
  local rows = {}
  local err = reading.go_on(it, rows)
  it:close()
  tokens[#tokens + 1] = SECRET
  return judge(case, transport, it, rows, err, tokens)
end

local function check(case, wrong)
  assert.is_nil(wrong, case.what .. ": " .. tostring(wrong))
end

describe("a fault #many", function()
  it("meets a range of five pages, and one of three windows", function()
    assert.equal(5, right_of(ONE).pages)
    assert.is_true(right_of(ALL).pages > 12)
  end)

  describe("in process:", function()
    for _, entry in ipairs(entries) do
      local cases = cases_of(entry, STEPS)
      it(("%s (%d cases)"):format(entry[1], #cases), function()
        for i, case in ipairs(cases) do
          local sim = simulator.new(copy(CORP, { faults = { case.fault } }))
          local driver = sim:driver()
          -- a driver may be one function, too; its clock is the real one then
          local send = (i % 2 == 0 and not entry.slow) and driver.send or driver
          check(case, run(case, "memory",
            { corpid = sim.corpid, corpsecret = sim.corpsecret, driver = send }))
        end
      end)
    end
  end)
end)

-- ---- plans of several faults, from seeds -------------------------------------------------

local PLANS = 200

-- Integers from 1 to n, the same on every Lua.
local function generator(seed)
  local state = seed
  return function(n)
    state = state * 48271 % 2147483647
    return state % n + 1
  end
end

local function pick(random, list)
  return list[random(#list)]
end

-- Faults whose effects a plan may mix: not with ids that change, which no reader could match.
local MIXED = {}
for _, entry in ipairs(entries) do
  if not entry.ids then MIXED[#MIXED + 1] = entry end
end

-- A plan of one to four faults, and how many calls they can spoil.
local function plan_from(random)
  local plan, calls = {}, 0
  for i = 1, random(4) do
    local entry = pick(random, MIXED)
    local op = entry.op or (random(5) == 1 and "gettoken" or "get_moment_list")
    local times = random(3)
    plan[i] = copy(entry.fault,
      { op = op, times = times, call = random(op == "gettoken" and 2 or 15) })
    calls = calls + times
  end
  return plan, calls
end

local function options_from(random)
  local span = pick(random, { 5, 29, 31, 75, 120 }) * DAY
  local sim = { seed = random(1000), moments = random(240), start_time = CORP.start_time,
    end_time = CORP.start_time + span, edges = pick(random, { "open", "closed" }),
    cursors = pick(random, { "keyed", "positional" }),
    last_cursor = pick(random, { "", "absent", "null" }) }
  local client = { retry = { attempts = random(3), base = 0.5 }, max_body = 100000,
    deadline = pick(random, { 3, 30 }), max_wait = pick(random, { 0, 90 }) }
  local from = sim.start_time + (random(2) == 1 and random(span) - 1 or 0)
  return sim, client, { start_time = from, end_time = sim.end_time,
    read_ahead = random(9) - 1 }
end

-- Reads through the errors of a plan: by the same iterator and from a checkpoint in turn.
-- Gives the number of errors, and what is wrong, if anything.
local function read_through(sim, options, range, most)
  local store, tokens = reading.store()
  local driver, rows, errors = sim:driver(), {}, 0
  tokens[1] = SECRET
  local function client()
    return wxmoments.wecom(copy(options, { corpid = sim.corpid, corpsecret = sim.corpsecret,
      token_store = store, driver = driver }))
  end
  local truth = reading.truth(sim, range.start_time, range.end_time)
  local it = client():each_moment(range)
  while true do
    local err = reading.go_on(it, rows)
    if not err then return errors, reading.wrong_end(it, rows, truth) end
    local wrong = reading.wrong_form(err, tokens) or reading.wrong_rows(rows, truth)
      or it.complete and "complete in spite of an error"
    errors = errors + 1
    wrong = wrong or errors > most and "it never ends"
    if wrong then return errors, wrong .. ": " .. show(err) end
    driver.sleep(61) -- what is final for a token is remembered for a minute
    if errors % 2 == 0 then
      local saved = it:checkpoint()
      it = client():each_moment { resume = saved, read_ahead = range.read_ahead }
    end
  end
end

describe("a plan of several faults #many", function()
  local whole, broken = 0, 0
  for seed = 1, PLANS do
    it("from seed " .. seed .. " loses nothing", function()
      local random = generator(seed)
      for _ = 1, 5 do random(2) end
      local sim_options, options, range = options_from(random)
      local calls
      sim_options.faults, calls = plan_from(random)
      local errors, wrong = read_through(simulator.new(sim_options), options, range, 2 * calls)
      assert.is_nil(wrong, "seed " .. seed .. ": " .. tostring(wrong))
      if errors == 0 then whole = whole + 1 else broken = broken + 1 end
    end)
  end

  it("is survived at once by some readings, and after errors by others", function()
    assert.is_true(whole > PLANS / 5 and broken > PLANS / 5, whole .. " and " .. broken)
  end)
end)

-- ---- a server that changes between two processes -----------------------------------------

local SIXTY = { moments = 60, seed = 5, start_time = CORP.start_time,
  end_time = CORP.start_time + 45 * DAY }
local RANGE = { start_time = SIXTY.start_time, end_time = SIXTY.end_time }

local function client_of(sim)
  return wxmoments.wecom { corpid = sim.corpid, corpsecret = sim.corpsecret,
    driver = sim:driver(), token_store = reading.store() }
end

-- What changes, given the rows so far; what of the truth goes with it.
local CHANGES = {
  ["nothing"] = function() end,
  ["the last row given is deleted"] = function(sim, rows)
    if #rows > 0 then assert(sim:delete(rows[#rows].moment_id)) end
  end,
  ["every row given is deleted"] = function(sim, rows)
    for _, row in ipairs(rows) do assert(sim:delete(row.moment_id)) end
  end,
  ["the next row is deleted"] = function(sim, rows, order)
    if order[#rows + 1] then assert(sim:delete(order[#rows + 1])) end
  end,
  ["the row of the page's cursor is deleted"] = function(sim, rows, order)
    local row = order[math.floor(#rows / 20) * 20]
    if row then assert(sim:delete(row)) end
  end,
  ["the cursors are forgotten"] = function(sim) sim:forget_cursors() end,
  ["the cursors are forgotten, and the last row given is deleted"] = function(sim, rows)
    sim:forget_cursors()
    if #rows > 0 then assert(sim:delete(rows[#rows].moment_id)) end
  end,
}

describe("resumed after every row of 60, #many", function()
  local order = {}
  for row in client_of(simulator.new(SIXTY)):each_moment(RANGE) do
    order[#order + 1] = row.moment_id
  end

  for what, change in pairs(CHANGES) do
    it("while " .. what .. " (61 cases)", function()
      assert.equal(60, #order)
      for count = 0, 60 do
        local sim, rows = simulator.new(SIXTY), {}
        local truth = reading.truth(sim)
        local first = client_of(sim):each_moment(RANGE)
        assert.is_nil(reading.go_on(first, rows, count))
        local saved = first:checkpoint()
        change(sim, rows, order)
        local still, came = reading.truth(sim), #rows
        local second = client_of(sim):each_moment { resume = saved }
        local err = reading.go_on(second, rows)
        assert.is_nil(err, count .. " rows: " .. tostring(err))
        assert.is_true(second.complete)
        assert.is_nil(reading.wrong_rows(rows, truth))
        for i = 1, came do -- what is gone now came before, or nobody has to see it
          if not still.by_id[rows[i].moment_id] then still.count = still.count + 1 end
        end
        assert.equal(still.count, #rows, count .. " rows")
      end
    end)
  end
end)

-- ---- the deadline passes where nothing is on its way --------------------------------------

describe("a deadline that passes", function()
  local function call(driver, more)
    local corp = wxmoments.wecom(fake.options(driver, copy({ deadline = 1 }, more)))
    local page, err = corp:get_moment_list { start_time = 1, end_time = 2 }
    assert.is_nil(page)
    return err, driver
  end

  it("in a pause that was longer than asked for ends in the error before it", function()
    local driver = fake.driver { { status = 502, headers = {}, body = "" } }
    driver.sleep = function(seconds) driver.advance(seconds + 1) end
    local err = call(driver)
    assert.same({ "http", 502, 1 }, { err.kind, err.code, err.attempts })
    assert.equal(1, #driver.requests)
  end)

  it("while the token is got asks nothing more of the driver", function()
    local driver = fake.driver {}
    local err = call(driver, { access_token = function()
      driver.advance(2)
      return "T0KEN", 7200
    end })
    assert.same({ "timeout", "DEADLINE", "get_moment_list" }, { err.kind, err.code, err.op })
    assert.is_true(err.retryable)
    assert.equal(0, #driver.requests)
  end)
end)

-- ---- over nginx: one server a transport --------------------------------------------------

-- Each case has calls of its own, counted from a place of its own on, and at their end calls
-- that are answered with MARK + their number, by which the place of the next is found.
local MARK = 1000000
local function slot_of(case, op)
  if op == "gettoken" then return 10, 1 end
  if case.step.range == ONE then return 14, 1 end
  return 24, 6 -- what was under way side by side may still come
end

local TRANSPORTS = {
  http = {}, https = { tls = true },
}

local REQUESTS = {
  gettoken = { method = "GET", path = "/cgi-bin/gettoken", headers = {} },
  get_moment_list = { method = "POST", path = "/cgi-bin/externalcontact/get_moment_list",
    headers = {}, body = "{}" },
}

-- Gives every case of a list its place; the plan of them all.
local function plan_of(cases)
  local plan, places = {}, { gettoken = 0, get_moment_list = 0 }
  for _, case in ipairs(cases) do
    local fault = copy(case.fault, { call = places[case.op] + case.fault.call })
    plan[#plan + 1] = fault
    case.from = copy(places)
    for op, place in pairs(copy(places)) do
      local calls, marks = slot_of(case, op)
      local last = place + calls + marks
      for call = last - marks + 1, last do
        plan[#plan + 1] = { op = op, call = call, errcode = MARK + call }
      end
      places[op] = last
    end
  end
  return plan
end

describe("a fault #nginx", function()
  for transport, options in pairs(TRANSPORTS) do
    describe("over " .. transport .. ":", function()
      local host, driver, places
      local all, of_entry = {}, {}
      for _, entry in ipairs(entries) do
        of_entry[entry] = cases_of(entry, STEPS)
        of_entry[entry][#of_entry[entry] + 1] = cases_of(entry, { SIDE_BY_SIDE })[1]
        for _, case in ipairs(of_entry[entry]) do all[#all + 1] = case end
      end

      setup(function()
        places = { gettoken = 0, get_moment_list = 0 }
        host = assert(simulator.serve(copy(copy(CORP, options), { faults = plan_of(all) })))
        driver = curl.new { ca_file = host.ca_file, proxy = "" }
      end)

      teardown(function() host.stop() end)

      -- Uses up what calls are left before a place.
      local function advance(op, place)
        local request = copy(REQUESTS[op])
        request.url, request.safe = host.base_url .. request.path, true
        while places[op] < place do
          local response = driver.send(request, 5)
          local code = tonumber((response and response.body or ""):match('"errcode":(%d+)'))
          if code and code > MARK then places[op] = code - MARK end
        end
      end

      for _, entry in ipairs(entries) do
        local cases = of_entry[entry]
        it(("%s (%d cases)"):format(entry[1], #cases), function()
          for _, case in ipairs(cases) do
            for op, place in pairs(case.from) do advance(op, place) end
            check(case, run(case, transport, { corpid = host.corpid,
              corpsecret = host.corpsecret, base_url = host.base_url, ca_file = host.ca_file }))
          end
        end)
      end
    end)
  end
end)

-- ---- bodies that are no answers, over real HTTP ------------------------------------------

-- What, body, outcome of one call.
local BODIES = {
  { "{}", "{}", { "decode", "required", "errcode" } },
  { "[]", "[]", { "decode", "type", false } },
  { "null", "null", { "decode", "type", false } },
  { "nothing", "", { "decode", "syntax", false } },
  { "a page of HTML", "<!DOCTYPE html><html><body>Sign in</body></html>",
    { "decode", "syntax", false } },
  { "errcode 0 with the warning", '{"errcode":0,"errmsg":"ok. Warning: wrong json format. ",'
    .. '"next_cursor":"","moment_list":[]}', { "api", "wrong json format" } },
  { "an errcode as text", '{"errcode":"48002","errmsg":"api forbidden"}', { "api", 48002 } },
  { "an errcode with a fraction", '{"errcode":0.5,"moment_list":[]}',
    { "decode", "not_exact", "errcode" } },
  { "errcode null", '{"errcode":null,"moment_list":[]}', { "decode", "required", "errcode" } },
  { "errcode 0 as text", '{"errcode":"0","moment_list":[]}', "whole" },
  { "no list at all", '{"errcode":0,"errmsg":"ok"}', { "decode", "one_of", nil } },
  { "a list alone", '{"errcode":0,"moment_list":[]}', "whole" },
}

describe("a body that is no answer, over HTTP #nginx", function()
  local host, sent

  setup(function()
    local plan = {}
    for i, case in ipairs(BODIES) do
      plan[i] = { op = "get_moment_list", kind = "body", body = case[2], call = 2 * i - 1,
        times = 2 }
    end
    sent = 0
    host = assert(simulator.serve { moments = 1, faults = plan })
  end)

  teardown(function() host.stop() end)

  for i, case in ipairs(BODIES) do
    it(case[1], function()
      local store, tokens = reading.store()
      local corp = wxmoments.wecom { corpid = host.corpid, corpsecret = host.corpsecret,
        base_url = host.base_url, token_store = store, proxy = "" }
      while sent < 2 * (i - 1) do -- where the cases before did not run
        corp:get_moment_list { start_time = 1, end_time = 2 }
        sent = sent + 1
      end
      local page, err = corp:get_moment_list { start_time = 1, end_time = 2 }
      local it, rows = corp:each_moment { start_time = 1, end_time = 1 }, {}
      local second = reading.go_on(it, rows)
      sent, tokens[#tokens + 1] = sent + 2, SECRET
      if case[3] == "whole" then
        assert.is_nil(err or second)
        assert.same({}, page.moment_list)
        assert.is_true(it.complete)
        return
      end
      assert.is_nil(page)
      for _, each in ipairs { err, second } do
        assert.is_nil(reading.wrong_form(each, tokens))
        assert.is_true(is_outcome(each, case[3], "get_moment_list"), show(each))
      end
      assert.is_true(second ~= nil and it.complete == false)
    end)
  end
end)
