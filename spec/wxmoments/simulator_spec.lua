--- The simulator: its data, its endpoints, its faults, in process and on nginx.

local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"

local json = require "wxmoments.simulator.json"
local moments = require "wxmoments.simulator.moments"
local process = require "wxmoments.simulator.process"
local random = require "wxmoments.simulator.random"
local replies = require "wxmoments.simulator.reply"
local simulator = require "wxmoments.simulator"
local socket = require "socket"
local spoil = require "wxmoments.simulator.spoil"
local wire = require "wxmoments.simulator.wire"
local wxmoments = require "wxmoments"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local START, END = 1704067200, 1735689599
local MONTH = 2592000
local LIST = "/cgi-bin/externalcontact/get_moment_list"

-- ---- helpers ------------------------------------------------------------------------------

local function get(sim, url)
  local response = sim:handle { method = "GET", url = url }
  return cjson.decode(response.body), response
end

local function token_of(sim)
  return get(sim, "https://host/cgi-bin/gettoken?corpid=" .. sim.corpid
    .. "&corpsecret=" .. sim.corpsecret).access_token
end

local function post(sim, body, token)
  local url = "https://host" .. LIST .. "?access_token=" .. (token or token_of(sim))
  local response = sim:handle { method = "POST", url = url, body = json.encode(body) }
  local ok, reply = pcall(cjson.decode, response.body)
  return ok and reply or nil, response
end

-- All rows of one window, page after page, and how many pages it took.
local function read_window(sim, asked)
  local rows, token, pages = {}, token_of(sim), 0
  local question = { limit = asked.limit, creator = asked.creator,
    start_time = asked.start_time, end_time = asked.end_time, filter_type = asked.filter_type }
  repeat
    local reply = post(sim, question, token)
    assert.equal(0, reply.errcode, reply.errmsg)
    for _, row in ipairs(reply.moment_list) do rows[#rows + 1] = row end
    question.cursor = reply.next_cursor
    pages = pages + 1
    assert.is_true(pages < 2000)
  until not reply.next_cursor or reply.next_cursor == "" or reply.next_cursor == cjson.null
  return rows, pages
end

local function ids(rows)
  local list = {}
  for i, row in ipairs(rows) do list[i] = row.moment_id end
  return list
end

-- What a window holds by the truth, newest first.
local function expected(sim, keep)
  local list = {}
  local truth = sim:truth().get_moment_list
  for i = #truth, 1, -1 do
    if keep(truth[i]) then list[#list + 1] = truth[i].moment_id end
  end
  return list
end

local function header(response, name)
  for _, pair in ipairs(response.headers) do
    if pair[1] == name then return pair[2] end
  end
end

-- The 200 moments of one month, and the window that has them all.
local RANGE = { start_time = START, end_time = START + MONTH }

local function month(more)
  local options = { moments = 200, start_time = START + 1, end_time = START + MONTH - 1 }
  for name, value in pairs(more or {}) do options[name] = value end
  return options
end

-- ---- options ------------------------------------------------------------------------------

describe("simulator options", function()
  local WRONG = {
    { { momentz = 1 }, "unknown option 'momentz' %(known: clock, corpid, .*token_seconds%)" },
    { { port = 1 }, "unknown option 'port'" },
    { { moments = "5" }, "moments must be an integer" },
    { { moments = 1.5 }, "moments must be an integer" },
    { { moments = -1 }, "moments must be an integer" },
    { { seed = 0 / 0 }, "seed must be an integer" },
    { { corpid = "" }, "corpid must be a string" },
    { { edges = "ajar" }, 'edges must be "open" or "closed"' },
    { { last_cursor = 0 }, 'last_cursor must be "" or "absent" or "null"' },
    { { start_time = 2, end_time = 1 }, "start_time must not be after end_time" },
    { { clock = 5 }, "clock must be a function" },
    { { faults = 5 }, "faults must be a list" },
    { { faults = { 5 } }, "faults%[1%]: a table is needed" },
    { { faults = { { kind = "html" }, {} } }, "faults%[2%]: a kind or an errcode is needed" },
    { { faults = { { kind = "no" } } }, "unknown kind 'no' %(known: body, .*wrong_types%)" },
    { { faults = { { op = "x", errcode = 1 } } },
      "unknown op 'x' %(known: get_moment_comments, get_moment_customer_list, .*gettoken%)" },
    { { faults = { { errcode = 1, code = 1 } } },
      "unknown field 'code' %(known: body, bytes, call" },
    { { faults = { { errcode = "1" } } }, "errcode must be an integer" },
    { { faults = { { errcode = 1, call = 0 } } }, "call must be an integer from 1" },
    { { faults = { { kind = "status", status = 99 } } }, "status must be an HTTP status" },
    { { faults = { { kind = "body" } } }, "body must be a string" },
    { { faults = { { kind = "short_page", op = "gettoken" } } },
      "kind 'short_page' needs an endpoint that has pages" },
    { { faults = { { kind = "cursor_refused", op = "gettoken" } } },
      "kind 'cursor_refused' needs an endpoint that has pages" },
    { { faults = { { kind = "delay" } } }, "seconds must be a number of seconds" },
    { { faults = { { kind = "delay", seconds = -1 } } }, "seconds must be a number of seconds" },
    { { faults = { { kind = "cut", bytes = 0.5 } } }, "bytes must be an integer from 0" },
    { { faults = { { kind = "drip", size = 0 } } }, "size must be an integer from 1" },
    { { faults = { { kind = "oversize", part = "x" } } }, 'part must be "body" or "headers"' },
    { { cursors = "x" }, 'cursors must be "keyed" or "positional"' },
    { { latency = 0 / 0 }, "latency must be a number of seconds" },
    { { tls = true }, "unknown option 'tls'" },
    { { members = -1 }, "members must be an integer" },
    { { customers = "50" }, "customers must be an integer" },
    { { limits = 5 }, "limits must be a table" },
    { { limits = { a_minute = 5 } },
      "limits has an unknown field 'a_minute' %(known: in_flight, per_minute%)" },
    { { limits = { in_flight = 0 } }, "limits in_flight must be an integer from 1" },
    { { faults = { { kind = "short_page", op = "get_moment_comments" } } },
      "kind 'short_page' needs an endpoint that has pages" },
    { { faults = { { errcode = 1, userid = 5 } } }, "userid must be a string" },
  }
  for i, case in ipairs(WRONG) do
    it("are checked, case " .. i, function()
      local ok, message = pcall(simulator.new, case[1])
      assert.is_false(ok)
      assert.matches("wxmoments.simulator: ", message, 1, true)
      assert.matches(case[2], message)
    end)
  end

  it("of serve are checked", function()
    for message, options in pairs {
      ["http2 needs tls"] = { http2 = true },
      ["protocols needs tls"] = { protocols = "TLSv1.2" },
      ['protocols must be like "TLSv1.2 TLSv1.3"'] = { tls = true, protocols = "TLSv1.2; x" },
      ["tls needs both certificate and key"] = { tls = { key = "x" } },
      ["tls has an unknown field 'ca' (known: certificate, key)"] = { tls = { ca = "x" } },
      ['tls must be "wrong_name" or "expired" or "unknown_ca" or "self_signed", or true, '
        .. "or a table"] = { tls = "good" },
      ["nginx has an unknown field 'x' (known: binary, modules)"] = { nginx = { x = "y" } },
    } do
      local ok, text = pcall(simulator.serve, options)
      assert.is_false(ok)
      assert.matches(message, text, 1, true)
    end
  end)

  it("are blamed on the caller's line", function()
    local _, message = pcall(function() return (simulator.new { momentz = 1 }) end)
    assert.matches("simulator_spec.lua:%d+:", message)
    _, message = pcall(function() return (simulator.serve { clock = os.time }) end)
    assert.matches("simulator_spec.lua:%d+: .*unknown option 'clock'", message)
    _, message = pcall(function() return (simulator.new { moments = 1 }:count("x")) end)
    assert.matches("simulator_spec.lua:%d+: .*unknown op 'x'", message)
    _, message = pcall(function() return (simulator.new { moments = 1 }:handle {}) end)
    assert.matches("simulator_spec.lua:%d+: .*method and url", message)
  end)

  it("do not show in tostring, and are copied", function()
    local faults = { { op = "gettoken", errcode = -1 } }
    local sim = simulator.new { moments = 7, corpsecret = "hidden", faults = faults }
    faults[1].errcode = 45009
    assert.equal("wxmoments.simulator: 7 moments", tostring(sim))
    assert.equal(-1, get(sim, "/cgi-bin/gettoken").errcode)
  end)
end)

-- ---- data ---------------------------------------------------------------------------------

describe("simulator data", function()
  local truth = simulator.new():truth().get_moment_list

  it("is the same on every Lua", function()
    -- a sum over every byte; the numbers were the same on 5.1, 5.4 and LuaJIT
    local SUMS = { { 1, 2000, 1701195412 }, { 7, 500, 1601811390 }, { 2147483646, 50, 395472874 } }
    for _, case in ipairs(SUMS) do
      local sim, sum = simulator.new { seed = case[1], moments = case[2] }, ""
      for _, moment in ipairs(sim:truth().get_moment_list) do
        sum = sum .. random.digits(random.hash(json.encode(moment, moments.order)), 6)
      end
      assert.equal(case[3], random.hash(sum))
    end
  end)

  it("has ids of the right form, once each, in order of time and id", function()
    local seen = {}
    for i, moment in ipairs(truth) do
      assert.matches("^mom[%w_-]+$", moment.moment_id)
      assert.equal(34, #moment.moment_id)
      assert.is_nil(seen[moment.moment_id])
      seen[moment.moment_id] = true
      local before = truth[i - 1]
      assert.is_true(not before or before.create_time < moment.create_time
        or (before.create_time == moment.create_time and before.moment_id < moment.moment_id))
    end
    assert.equal(2000, #truth)
  end)

  it("has every combination of fields", function()
    local seen = {}
    for _, moment in ipairs(truth) do
      local parts = {}
      for _, name in ipairs { "text", "image", "video", "link", "location" } do
        if moment[name] then parts[#parts + 1] = name end
      end
      seen[table.concat(parts, "+")] = true
      seen["type " .. moment.create_type .. (moment.creator and " creator" or "")] = true
      seen["visible " .. moment.visible_type] = true
      if moment.image then seen["images " .. #moment.image] = true end
      if moment.location then
        assert.matches("^%-?%d+%.%d+$", moment.location.latitude)
        assert.matches("^%-?%d+%.%d+$", moment.location.longitude)
      end
      if moment.create_type == 1 then assert.is_string(moment.creator) end
    end
    for _, name in ipairs {
      "text", "text+image", "image", "text+video", "video", "text+link", "link",
      "text+location", "text+image+location", "video+location",
      "type 0", "type 0 creator", "type 1 creator", "visible 0", "visible 1",
      "images 1", "images 2", "images 3", "images 4", "images 5", "images 6", "images 7",
      "images 8", "images 9",
    } do
      assert.is_true(seen[name], name)
    end
  end)

  it("lies on the seconds that break paging", function()
    local at, most = {}, 0
    for _, moment in ipairs(truth) do
      local time = moment.create_time
      at[time] = (at[time] or 0) + 1
      most = math.max(most, at[time])
    end
    assert.is_true(most > 20)
    assert.is_truthy(at[START])
    assert.is_truthy(at[END])
    for k = 0, math.floor((END - START) / MONTH) do
      for width = MONTH - 2, MONTH do
        for around = -1, 1 do
          local time = START + k * width + around
          if time >= START then assert.is_truthy(at[time], time) end
        end
      end
    end
    assert.equal(START, truth[1].create_time)
    assert.equal(END, truth[#truth].create_time)
  end)

  it("may be small, narrow or nothing", function()
    for _, count in ipairs { 0, 1, 2, 3, 99, 100 } do
      assert.equal(count, #simulator.new { moments = count }:truth().get_moment_list)
    end
    local narrow = simulator.new { moments = 60, start_time = 5, end_time = 5 }
    for _, moment in ipairs(narrow:truth().get_moment_list) do
      assert.equal(5, moment.create_time)
    end
  end)

  it("cannot be changed through truth", function()
    local sim = simulator.new { moments = 3 }
    sim:truth().get_moment_list[1].moment_id = "mine"
    assert.not_equal("mine", sim:truth().get_moment_list[1].moment_id)
  end)
end)

-- ---- tokens -------------------------------------------------------------------------------

describe("simulator gettoken", function()
  local CASES = {
    { "", 41002 }, { "?corpid=ww1", 41004 }, { "?corpid=&corpsecret=s", 41002 },
    { "?corpid=ww2&corpsecret=a%20b%2B", 40013 }, { "?corpid=ww1&corpsecret=wrong", 40001 },
    { "?corpid=ww1&corpsecret=a%20b%2B", 0 }, { "?corpid=ww1&corpsecret=a+b%2b", 0 },
    { "?x=%zz&corpid=ww1&corpid=ww2&corpsecret=a%20b%2b#f", 0 },
  }
  for _, case in ipairs(CASES) do
    it("answers " .. case[2] .. " to " .. case[1], function()
      local sim = simulator.new { corpid = "ww1", corpsecret = "a b+", moments = 0 }
      local reply, response = get(sim, "http://127.0.0.1:1/cgi-bin/gettoken" .. case[1])
      assert.equal(case[2], reply.errcode)
      assert.equal(200, response.status)
      assert.equal(1, sim:count("gettoken"))
      if case[2] == 0 then
        assert.matches('^{"errcode":0,"errmsg":"ok","access_token":"[%w_-]+","expires_in":7200}$',
          response.body)
        assert.is_nil(header(response, "Error-Code"))
      end
    end)
  end

  it("gives the same token while it lives, then another", function()
    local now = 1000
    local sim = simulator.new { moments = 0, token_seconds = 60, clock = function() return now end }
    local url = "/cgi-bin/gettoken?corpid=" .. sim.corpid .. "&corpsecret=" .. sim.corpsecret
    local first = get(sim, url)
    now = 1059
    local second = get(sim, url)
    assert.equal(first.access_token, second.access_token)
    assert.equal(1, second.expires_in)
    now = 1060
    assert.equal(42001, post(sim, {}, first.access_token).errcode)
    local third = get(sim, url)
    assert.not_equal(first.access_token, third.access_token)
    assert.equal(60, third.expires_in)
    assert.equal(42001, post(sim, {}, first.access_token).errcode)
  end)

  for _, code in ipairs { 42001, 40014 } do
    it("gives a new token after expire_token(" .. code .. ")", function()
      local sim = simulator.new { moments = 0 }
      assert.is_false(sim:expire_token(code))
      local old = token_of(sim)
      assert.equal(40058, post(sim, {}, old).errcode)
      assert.is_true(sim:expire_token(code))
      assert.is_false(sim:expire_token(code))
      assert.equal(code, post(sim, {}, old).errcode)
      local new = token_of(sim)
      assert.not_equal(old, new)
      assert.equal(40058, post(sim, {}, new).errcode)
      assert.equal(code, post(sim, {}, old).errcode)
    end)
  end

  it("takes no other code for expire_token", function()
    assert.has_error(function() simulator.new { moments = 0 }:expire_token(40001) end)
  end)
end)

-- ---- get_moment_list ----------------------------------------------------------------------

describe("simulator get_moment_list", function()
  local sim = simulator.new()

  it("wants a token it gave out", function()
    local bare = { method = "POST", url = LIST, body = "{}" }
    assert.equal(41001, cjson.decode(sim:handle(bare).body).errcode)
    assert.equal(41001, post(sim, {}, "").errcode)
    assert.equal(40014, post(sim, {}, "strange").errcode)
  end)

  local REFUSED = {
    { "", "invalid Request Parameter" },
    { "[]", "invalid Request Parameter" },
    { '{"start_time":', "invalid Request Parameter" },
    { '{"start_time":NaN}', "invalid Request Parameter" },
    { '"text"', "invalid Request Parameter" },
    { "{}", "start_time missing" },
    { '{"start_time":1}', "end_time missing" },
    { '{"start_time":"1","end_time":2}', "start_time is not an integer" },
    { '{"start_time":1.5,"end_time":2}', "start_time is not an integer" },
    { '{"start_time":-1,"end_time":2}', "start_time below min 0" },
    { '{"start_time":null,"end_time":2}', "start_time is not an integer" },
    { '{"start_time":2,"end_time":2}', "start_time not before end_time" },
    { '{"start_time":3,"end_time":2}', "start_time not before end_time" },
    { '{"start_time":0,"end_time":2592001}', "end_time exceed max range 2592000" },
    { '{"start_time":0,"end_time":2,"filter_type":3}', "filter_type exceed max 2" },
    { '{"start_time":0,"end_time":2,"filter_type":"2"}', "filter_type is not an integer" },
    { '{"start_time":0,"end_time":2,"creator":1}', "creator is not a string" },
    { '{"start_time":0,"end_time":2,"limit":-1}', "limit below min 0" },
    { '{"start_time":0,"end_time":2,"cursor":5}', "cursor is not a string" },
    { '{"start_time":0,"end_time":2,"cursor":"mine"}', "cursor invalid" },
    { '{"start_time":0,"end_time":2,"cursor":"AAAAAAAAAAAA"}', "cursor invalid" },
  }
  for _, case in ipairs(REFUSED) do
    it("refuses " .. case[1], function()
      local response = sim:handle { method = "POST", body = case[1],
        url = LIST .. "?access_token=" .. token_of(sim) }
      local reply = cjson.decode(response.body)
      assert.equal(200, response.status)
      assert.equal(40058, reply.errcode)
      assert.equal("40058", header(response, "Error-Code"))
      assert.equal(reply.errmsg, header(response, "Error-Msg"))
      assert.equal("application/json; charset=UTF-8", header(response, "Content-Type"))
      local field, tail = reply.errmsg:match("^(.-), hint: %[%d+%], (.*)$")
      assert.equal("from ip: 127.0.0.1, more info at "
        .. "https://open.work.weixin.qq.com/devtool/query?e=40058", tail)
      if case[2] ~= "invalid Request Parameter" then
        assert.equal(case[2] .. ". invalid Request Parameter", field)
      else
        assert.equal(case[2], field)
      end
    end)
  end

  it("refuses another method, and does not know other paths", function()
    assert.equal(40058, get(sim, LIST .. "?access_token=" .. token_of(sim)).errcode)
    assert.equal(404, sim:handle { method = "POST", url = "https://h/cgi-bin/none" }.status)
    assert.equal(404, sim:handle { method = "GET", url = "https://h" }.status)
  end)

  it("writes what the document shows", function()
    local range = { start_time = START, end_time = START + MONTH, limit = 1 }
    local _, response = post(sim, range)
    assert.matches('^{"errcode":0,"errmsg":"ok","next_cursor":"[%w_-]+",'
      .. '"moment_list":%[{"moment_id":"mom[%w_-]+",', response.body)
    assert.matches('"create_time":%d+,"create_type":[01],"visible_type":[01]', response.body)
    _, response = post(sim, { start_time = 1, end_time = 2 })
    assert.equal('{"errcode":0,"errmsg":"ok","next_cursor":"","moment_list":[]}', response.body)
  end)

  it("gives at most 20 rows, newest first", function()
    local range = { start_time = START, end_time = START + MONTH }
    for limit, rows in pairs { [1] = 1, [19] = 19, [20] = 20, [21] = 20, [1000] = 20, [0] = 20 } do
      range.limit = limit
      assert.equal(rows, #post(sim, range).moment_list)
    end
    range.limit = nil
    local list = post(sim, range).moment_list
    assert.equal(20, #list)
    for i = 2, 20 do assert.is_true(list[i].create_time <= list[i - 1].create_time) end
  end)

  local WINDOWS = {
    { START, START + MONTH }, { START - 1, START + MONTH - 1 }, { END - MONTH, END },
    { START + MONTH, START + MONTH + 2 }, { END, END + 5 }, { START - 9, START },
  }
  for _, edges in ipairs { "open", "closed" } do
    it("reads whole windows, edges " .. edges, function()
      local one = simulator.new { edges = edges }
      for _, window in ipairs(WINDOWS) do
        local from, to = window[1], window[2]
        local rows = read_window(one, { start_time = from, end_time = to })
        assert.same(expected(one, function(moment)
          local time = moment.create_time
          if edges == "open" then return from < time and time < to end
          return from <= time and time <= to
        end), ids(rows))
      end
    end)
  end

  it("answers rows that are the truth's to the last field", function()
    local by_id = {}
    for _, moment in ipairs(sim:truth().get_moment_list) do by_id[moment.moment_id] = moment end
    for _, row in ipairs(read_window(sim, { start_time = START, end_time = START + MONTH })) do
      assert.same(by_id[row.moment_id], row)
    end
  end)

  it("filters by type and by creator", function()
    local asked = { start_time = START, end_time = START + MONTH, limit = 7 }
    local member = sim:truth().get_moment_list[20].creator or "zhangsan0"
    for _, filter in ipairs { 0, 1, 2, "absent" } do
      for _, creator in ipairs { "absent", "", member, "nobody" } do
        asked.filter_type = filter ~= "absent" and filter or nil
        asked.creator = creator ~= "absent" and creator or nil
        assert.same(expected(sim, function(moment)
          return moment.create_time > START and moment.create_time < START + MONTH
            and (filter == 2 or filter == "absent" or moment.create_type == filter)
            and (creator == "absent" or creator == "" or moment.creator == creator)
        end), ids(read_window(sim, asked)))
      end
    end
  end)

  it("binds a cursor to its question, not to limit and filter_type 2", function()
    local function asked(changes)
      local all = { start_time = START, end_time = START + MONTH }
      for name, value in pairs(changes) do all[name] = value end
      return post(sim, all)
    end
    local cursor = asked({}).next_cursor
    assert.equal(0, asked({ cursor = cursor, limit = 3 }).errcode)
    assert.equal(0, asked({ cursor = cursor, filter_type = 2 }).errcode)
    for _, changes in ipairs {
      { start_time = START + 1 }, { end_time = START + MONTH - 1 }, { filter_type = 1 },
      { creator = "lisi1" },
    } do
      changes.cursor = cursor
      assert.equal(40058, asked(changes).errcode)
    end
  end)

  for option, body in pairs {
    [""] = '"errmsg":"ok","next_cursor":"","moment_list":[]}',
    absent = '"errmsg":"ok","moment_list":[]}',
    null = '"errmsg":"ok","next_cursor":null,"moment_list":[]}',
  } do
    it("ends a list with last_cursor '" .. option .. "'", function()
      local one = simulator.new { moments = 0, last_cursor = option }
      local _, response = post(one, { start_time = 1, end_time = 2 })
      assert.equal('{"errcode":0,' .. body, response.body)
    end)
  end

  it("keeps what was sent, without secrets", function()
    local one = simulator.new { moments = 0 }
    local token = token_of(one)
    post(one, { start_time = 1, end_time = 2, creator = "x", access_token = "y" }, token)
    one:handle { method = "POST", url = LIST, body = "nonsense" }
    assert.same({
      { op = "gettoken", params = { corpid = one.corpid } },
      { op = "get_moment_list", params = { start_time = 1, end_time = 2, creator = "x" } },
      { op = "get_moment_list", params = {} },
    }, one:requests())
    local counts = one:counts()
    assert.same({ 1, 2, 0 }, { counts.gettoken, counts.get_moment_list, counts.get_moment_task })
    assert.equal(2, one:count("get_moment_list"))
  end)
end)

-- ---- what there is about one moment -------------------------------------------------------

local CARD = "/cgi-bin/externalcontact/"

local function call(sim, op, body, token)
  local response = sim:handle { method = "POST", body = json.encode(body),
    url = CARD .. op .. "?access_token=" .. (token or token_of(sim)) }
  return cjson.decode(response.body), response
end

local ROWS_OF = {
  get_moment_task = "task_list", get_moment_customer_list = "customer_list",
  get_moment_send_result = "customer_list",
}

-- All rows of a list about one moment, and how many pages they took.
local function read_list(sim, op, asked)
  local rows, token, pages, question = {}, token_of(sim), 0, {}
  for name, value in pairs(asked) do question[name] = value end
  repeat
    local reply = call(sim, op, question, token)
    assert.equal(0, reply.errcode, reply.errmsg)
    for _, row in ipairs(reply[ROWS_OF[op]]) do rows[#rows + 1] = row end
    question.cursor = reply.next_cursor
    pages = pages + 1
    assert.is_true(pages < 2000)
  until reply.next_cursor == ""
  return rows, pages
end

local function sort_of(moment)
  if moment.create_type == 1 then return "personal" end
  if moment.visible_type == 0 then return "partly" end
  return moment.creator and "created" or "corp"
end

-- The first moment of each sort, and of the corp's public one a member who has published and
-- reached some, and one who has not published.
local function cast(truth)
  local found = {}
  for _, moment in ipairs(truth.get_moment_list) do
    local sort = sort_of(moment)
    found[sort] = found[sort] or moment
  end
  local id = found.corp.moment_id
  for _, task in ipairs(truth.get_moment_task[id]) do
    local reached = truth.get_moment_send_result[id][task.userid]
    if not reached then found.waiting = task.userid end
    if reached and #reached > 6 then found.done = task.userid end
  end
  return found
end

local function keys(all)
  local list = {}
  for key in pairs(all) do list[#list + 1] = key end
  table.sort(list)
  return list
end

describe("simulator records", function()
  local sim = simulator.new { moments = 60 }
  local truth = sim:truth()
  local found = cast(truth)
  local corp, personal = found.corp.moment_id, found.personal.moment_id

  local REFUSED = {
    { "get_moment_task", {}, 41059 },
    { "get_moment_task", { moment_id = "" }, 41059 },
    { "get_moment_task", { moment_id = 5 }, 40058 },
    { "get_moment_task", { moment_id = "momx" }, 41060 },
    { "get_moment_task", { moment_id = personal }, 41067 },
    { "get_moment_task", { moment_id = corp, limit = -1 }, 40058 },
    { "get_moment_task", { moment_id = corp, cursor = "mine" }, 40058 },
    { "*", {}, 41059 },
    { "*", { userid = found.done }, 41059 },
    { "*", { moment_id = corp }, 41009 },
    { "*", { moment_id = corp, userid = "" }, 41009 },
    { "*", { moment_id = corp, userid = 5 }, 40058 },
    { "*", { moment_id = "momx", userid = found.done }, 41060 },
    { "*", { moment_id = corp, userid = "nobody" }, 41061 },
    { "*", { moment_id = personal, userid = "lisi7001" }, 41061 },
    { "*", { moment_id = corp, userid = found.done }, 0 },
    { "*", { moment_id = personal, userid = found.personal.creator }, 0 },
    { "get_moment_customer_list", { moment_id = corp, userid = found.waiting }, 0 },
    { "get_moment_send_result", { moment_id = corp, userid = found.waiting }, 41062 },
    { "get_moment_comments", { moment_id = corp, userid = found.waiting }, 41062 },
    { "get_moment_customer_list", { moment_id = corp, userid = found.done, cursor = "x" }, 40058 },
    { "get_moment_comments", { moment_id = corp, userid = found.done, cursor = "x" }, 0 },
  }
  local OF_MEMBER = { "get_moment_customer_list", "get_moment_send_result", "get_moment_comments" }
  for i, case in ipairs(REFUSED) do
    it("are answered with " .. case[3] .. ", case " .. i, function()
      for _, op in ipairs(case[1] == "*" and OF_MEMBER or { case[1] }) do
        assert.equal(case[3], call(sim, op, case[2]).errcode, op)
        assert.equal(41001, call(sim, op, case[2], "").errcode)
        assert.equal(40058, get(sim, CARD .. op .. "?access_token=" .. token_of(sim)).errcode)
      end
    end)
  end

  it("are written as the document shows them", function()
    local asked = { moment_id = corp, userid = found.done, limit = 1 }
    local WRITTEN = {
      get_moment_task = '"next_cursor":"[%w_-]+",'
        .. '"task_list":%[{"userid":"[%w@._-]+","publish_status":[01]}%]}$',
      get_moment_customer_list = '"next_cursor":"[%w_-]+","customer_list":'
        .. '%[{"userid":"[%w@._-]+","external_userid":"wm[%w_-]+"}%]}$',
      get_moment_send_result = '"next_cursor":"[%w_-]+",'
        .. '"customer_list":%[{"external_userid":"wm[%w_-]+"}%]}$',
    }
    for op, pattern in pairs(WRITTEN) do
      local _, response = call(sim, op, asked)
      assert.matches('^{"errcode":0,"errmsg":"ok",.*' .. pattern, response.body)
    end
    local none = simulator.new { moments = 60, members = 0, customers = 0 }
    local _, response = call(none, "get_moment_task", asked)
    assert.equal('{"errcode":0,"errmsg":"ok","next_cursor":"","task_list":[]}', response.body)
    asked = { moment_id = personal, userid = found.personal.creator }
    _, response = call(none, "get_moment_send_result", asked)
    assert.equal('{"errcode":0,"errmsg":"ok","next_cursor":"","customer_list":[]}', response.body)
    _, response = call(none, "get_moment_comments", asked)
    assert.matches('^{"errcode":0,"errmsg":"ok","comment_list":%[%],"like_list":%[', response.body)
  end)

  it("are the truth, of every moment and publisher", function()
    for _, moment in ipairs(truth.get_moment_list) do
      local id, members = moment.moment_id, { moment.creator }
      if moment.create_type == 0 then
        local tasks = read_list(sim, "get_moment_task", { moment_id = id, limit = 7 })
        assert.same(truth.get_moment_task[id], tasks)
        assert.equal(20, #tasks)
        for i, task in ipairs(tasks) do members[i] = task.userid end
      else
        assert.is_nil(truth.get_moment_task[id])
      end
      table.sort(members)
      assert.same(members, keys(truth.get_moment_customer_list[id]))
      for _, userid in ipairs(members) do
        local asked = { moment_id = id, userid = userid, limit = 40 }
        assert.same(truth.get_moment_customer_list[id][userid],
          read_list(sim, "get_moment_customer_list", asked))
        local reached, said = truth.get_moment_send_result[id][userid],
          call(sim, "get_moment_comments", asked)
        assert.equal(reached and 0 or 41062, said.errcode)
        if reached then
          assert.same(reached, read_list(sim, "get_moment_send_result", asked))
          said.errcode, said.errmsg = nil, nil
        end
        assert.same(truth.get_moment_comments[id][userid], reached and said or nil)
      end
    end
  end)

  -- Calls visit(moment, userid, those it was meant for, those it reached or nil).
  local function each_publication(visit)
    for _, moment in ipairs(truth.get_moment_list) do
      local id = moment.moment_id
      for userid, chosen in pairs(truth.get_moment_customer_list[id]) do
        visit(moment, userid, chosen, truth.get_moment_send_result[id][userid])
      end
    end
  end

  -- A set of external_userids, each of which stands once.
  local function set_of(rows)
    local set = {}
    for _, row in ipairs(rows) do
      assert.matches("^wm[%w_-]+$", row.external_userid)
      assert.equal(32, #row.external_userid)
      assert.is_nil(set[row.external_userid])
      set[row.external_userid] = true
    end
    return set
  end

  it("reach all, some or none of those they were meant for", function()
    local seen, member_of = {}, {}
    each_publication(function(moment, userid, chosen, reached)
      local meant = set_of(chosen)
      for _, row in ipairs(chosen) do
        assert.equal(userid, row.userid)
        local other = member_of[row.external_userid] or userid
        member_of[row.external_userid] = userid
        if other ~= userid then seen.shared = true end
      end
      if moment.visible_type == 1 then assert.equal(50, #chosen) end
      if moment.visible_type == 0 and #chosen < 50 then seen.partly = true end
      if not reached then seen.waiting = true return end
      for id in pairs(set_of(reached)) do assert.is_true(meant[id]) end
      seen[#reached == #chosen and "all" or (#reached == 0 and "none" or "some")] = true
    end)
    assert.same({ "all", "none", "partly", "shared", "some", "waiting" }, keys(seen))
    assert.is_table(found.partly)
    assert.is_table(found.created)
  end)

  it("have reactions by those they reached, and by members", function()
    local seen = {}
    each_publication(function(moment, userid, _, reached)
      if not reached then return end
      local can_see = set_of(reached)
      local said = truth.get_moment_comments[moment.moment_id][userid]
      for name, list in pairs(said) do
        for _, row in ipairs(list) do
          assert.is_true((row.userid == nil) ~= (row.external_userid == nil))
          assert.is_true(row.userid ~= nil or can_see[row.external_userid])
          assert.is_true(row.create_time > moment.create_time)
          seen[name .. (row.userid and " member" or " customer")] = true
        end
      end
    end)
    assert.same({ "comment_list customer", "comment_list member", "like_list customer",
      "like_list member" }, keys(seen))
  end)

  it("are the same on every Lua", function()
    -- a sum over every byte; the numbers were the same on 5.4 and LuaJIT
    local SUMS = {
      { {}, 1133998838 }, { { seed = 2147483646, members = 3, customers = 12 }, 1044385923 },
    }
    for _, case in ipairs(SUMS) do
      case[1].moments = 3
      local all, sum = simulator.new(case[1]):truth(), 7
      for _, op in ipairs { "get_moment_task", unpack(OF_MEMBER) } do
        sum = random.hash(sum .. json.encode(all[op]))
      end
      assert.equal(case[2], sum)
    end
  end)

  it("have limits of their own", function()
    local many = {
      get_moment_task = simulator.new { moments = 60, members = 1200 },
      get_moment_customer_list = simulator.new { moments = 60, customers = 6000, members = 9 },
    }
    many.get_moment_send_result = many.get_moment_customer_list
    local PAGES = {
      get_moment_task = { 1000, 500 }, get_moment_customer_list = { 1000, 500 },
      get_moment_send_result = { 5000, 3000 },
    }
    local userid
    local all = many.get_moment_send_result:truth { moment_id = corp }
    for name, reached in pairs(all.get_moment_send_result[corp]) do
      if #reached > 5000 then userid = name end
    end
    for op, size in pairs(PAGES) do
      local most, default = size[1], size[2]
      for limit, rows in pairs { [most] = most, [most + 1] = default, [0] = default, [3] = 3 } do
        local asked = { moment_id = corp, userid = userid, limit = limit }
        assert.equal(rows, #call(many[op], op, asked)[ROWS_OF[op]])
        asked.limit = nil
        assert.equal(default, #call(many[op], op, asked)[ROWS_OF[op]])
      end
    end
  end)

  it("have cursors of their own", function()
    local first = call(sim, "get_moment_customer_list",
      { moment_id = corp, userid = found.done, limit = 3 })
    local task = call(sim, "get_moment_task", { moment_id = corp, limit = 3 })
    for code, case in pairs {
      [0] = { "get_moment_customer_list", corp, found.done },
      [40058] = { "get_moment_customer_list", corp, found.waiting },
      [40058.1] = { "get_moment_task", corp }, [40058.2] = { "get_moment_send_result", corp,
        found.done },
    } do
      assert.equal(math.floor(code), call(sim, case[1], { moment_id = case[2], userid = case[3],
        cursor = first.next_cursor }).errcode)
    end
    assert.equal(0, call(sim, "get_moment_task",
      { moment_id = corp, cursor = task.next_cursor }).errcode)
    sim:forget_cursors()
    assert.equal(40058, call(sim, "get_moment_task",
      { moment_id = corp, cursor = task.next_cursor }).errcode)
  end)

  it("go with a moment that is deleted", function()
    local one = simulator.new { moments = 60 }
    local kept = one:truth()
    assert.is_true(one:delete(corp))
    assert.equal(41060, call(one, "get_moment_task", { moment_id = corp }).errcode)
    assert.equal(41060, call(one, "get_moment_comments",
      { moment_id = corp, userid = found.done }).errcode)
    assert.is_nil(kept.get_moment_task[corp])
    assert.is_nil(one:truth().get_moment_comments[corp])
  end)

  it("are in the truth of one moment too", function()
    local one = sim:truth { moment_id = corp }
    assert.same({ found.corp }, one.get_moment_list)
    for _, op in ipairs { "get_moment_task", unpack(OF_MEMBER) } do
      assert.same({ [corp] = truth[op][corp] }, one[op])
    end
    assert.same({}, sim:truth({ moment_id = "momx" }).get_moment_list)
    assert.same({}, sim:truth({ moment_id = "momx" }).get_moment_comments)
    assert.is_nil(one.something)
  end)

  local FAULTY = {
    { "short_page" }, { "empty_page" }, { "repeat_rows" }, { "short_page", "empty_page" },
  }
  for _, kinds in ipairs(FAULTY) do
    it("lose no row: " .. table.concat(kinds, " and "), function()
      local faults = {}
      for i, kind in ipairs(kinds) do faults[i] = { kind = kind } end
      local faulty = simulator.new { moments = 60, faults = faults }
      for op in pairs(ROWS_OF) do
        local asked = { moment_id = corp, userid = found.done, limit = 6 }
        local plain, plain_pages = read_list(sim, op, asked)
        local rows, pages = read_list(faulty, op, asked)
        local seen, distinct = {}, {}
        for _, row in ipairs(rows) do
          local key = row.external_userid or row.userid
          if not seen[key] then distinct[#distinct + 1] = row end
          seen[key] = true
        end
        assert.same(plain, distinct)
        assert.is_true(#plain == 0 or pages > plain_pages)
      end
    end)
  end

  it("take the other faults", function()
    local function second(op, fault, field)
      fault.op, fault.call = op, 2
      local faulty = simulator.new { moments = 60, faults = { fault } }
      local asked = { moment_id = corp, userid = found.done, limit = 4 }
      local before = call(faulty, op, asked)
      asked.cursor = before.next_cursor
      local reply, response = call(faulty, op, asked)
      if field then return reply[field], before[field] end
      return response.body
    end
    for op, name in pairs(ROWS_OF) do
      local cursor, before = second(op, { kind = "same_cursor" }, "next_cursor")
      assert.equal(before, cursor)
      if before ~= "" then
        assert.equal(40058, (second(op, { kind = "cursor_refused" }, "errcode")))
      end
      assert.matches('"' .. name .. '":"%[', second(op, { kind = "wrong_types", field = name }))
    end
    assert.matches('"userid":9007%d+,"publish_status":',
      second("get_moment_task", { kind = "number_ids" }))
    assert.matches('"publish_status":"[01]"', second("get_moment_task", { kind = "text_numbers" }))
    assert.matches('"comment_list":"%[', second("get_moment_comments",
      { kind = "wrong_types", field = "comment_list" }))
  end)

  it("take faults of one moment and one member", function()
    local faulty = simulator.new { moments = 60, faults = {
      { userid = found.done, errcode = 60111 },
      { moment_id = personal, op = "get_moment_comments", errcode = 84061 },
    } }
    local own = { moment_id = personal, userid = found.personal.creator }
    local other = { moment_id = corp, userid = found.done }
    assert.equal(60111, call(faulty, "get_moment_send_result", other).errcode)
    assert.equal(0, call(faulty, "get_moment_task", { moment_id = corp }).errcode)
    assert.equal(84061, call(faulty, "get_moment_comments", own).errcode)
    assert.equal(0, call(faulty, "get_moment_send_result", own).errcode)
  end)
end)

-- ---- limits -------------------------------------------------------------------------------

describe("simulator limits", function()
  it("a minute are each endpoint's, and pass", function()
    local now = 1000
    local sim = simulator.new { moments = 5, limits = { per_minute = 3 },
      clock = function() return now end }
    local function codes()
      local list, token = {}, token_of(sim)
      for i = 1, 4 do list[i] = post(sim, RANGE, token).errcode end
      return list
    end
    assert.same({ 0, 0, 0, 45009 }, codes())
    assert.equal(41059, call(sim, "get_moment_task", {}).errcode)
    now = 1059.5
    assert.same({ 45009, 45009, 45009, 45009 }, codes())
    now = 1060
    assert.same({ 0, 0, 0, 45009 }, codes())
    assert.same({ most = { get_moment_list = 1, get_moment_task = 1 },
      refused = { in_flight = 0, per_minute = 6 } }, sim:load())
    assert.equal(12, sim:count("get_moment_list"))
    sim:driver().sleep(60)
    assert.same({ 0, 0, 0, 45009 }, codes())
  end)

  it("at once count what is on the way", function()
    -- 5.1 itself cannot leave a sleep and come back to it
    if not require "wxmoments.loop".is_possible then return end
    local sim = simulator.new { moments = 5, latency = 1, limits = { in_flight = 2 } }
    local now, tasks = 0, {}
    local driver = sim:driver {
      sleep = function(seconds) coroutine.yield(now + seconds) end,
      now = function() return now end,
    }
    local url = LIST .. "?access_token=" .. token_of(sim)
    local codes = {}
    local function start(i)
      tasks[i] = coroutine.create(function()
        local response = driver.send({ method = "POST", url = url, body = json.encode(RANGE) }, 30)
        codes[i] = cjson.decode(response.body).errcode
      end)
    end
    local function step(i) assert(coroutine.resume(tasks[i])) end
    -- two go on, two are too many; then the first makes room for the fifth
    for i = 1, 4 do
      start(i)
      step(i)
    end
    step(1)
    start(5)
    step(5)
    for i = 2, 5 do step(i) end
    assert.same({ 0, 0, 45033, 45033, 0 }, codes)
    assert.same({ most = { get_moment_list = 2 }, refused = { in_flight = 2, per_minute = 0 } },
      sim:load())
    for _ = 1, 5 do assert.equal(0, post(sim, RANGE).errcode) end
  end)

  it("at once let go of what fails", function()
    local sim = simulator.new { moments = 5, limits = { in_flight = 1 }, faults = {
      { op = "get_moment_list", call = 1, kind = "cut" },
      { op = "get_moment_list", call = 2, kind = "delay", seconds = 9 },
      { op = "get_moment_list", call = 3, kind = "delay", seconds = 1 },
    } }
    local request = { method = "POST", body = json.encode(RANGE),
      url = LIST .. "?access_token=" .. token_of(sim) }
    local driver = sim:driver()
    assert.is_nil(driver.send(request, 5))
    assert.is_nil(driver.send(request, 5))
    local ok, raised = pcall(sim:driver({ sleep = function() error("ended", 0) end }).send, request)
    assert.same({ false, "ended" }, { ok, raised })
    assert.equal(0, post(sim, RANGE).errcode)
  end)
end)

-- ---- faults -------------------------------------------------------------------------------

describe("simulator faults", function()
  local function second_call(kind)
    return simulator.new { faults = { { op = "get_moment_list", call = 2, kind = kind } } }
  end

  it("give an errcode at one call, at several, at all", function()
    local sim = simulator.new { moments = 5, faults = {
      { op = "get_moment_list", call = 2, errcode = -1 },
      { op = "get_moment_list", call = 4, times = 2, errcode = 45009 },
      { op = "get_moment_list", times = 1, errcode = 40096, errmsg = "said\nso" },
    } }
    local codes, token = {}, token_of(sim)
    for i = 1, 6 do codes[i] = post(sim, RANGE, token).errcode end
    assert.same({ 40096, -1, 0, 45009, 45009, 0 }, codes)

    sim = simulator.new { moments = 5, faults = { { errcode = 60020, errmsg = "said\nso" } } }
    local reply, response = get(sim, "/cgi-bin/gettoken")
    assert.equal(60020, reply.errcode)
    assert.matches("^said\nso, hint: ", reply.errmsg)
    assert.matches("^said so, hint: ", header(response, "Error-Msg"))
    assert.equal(60020, post(sim, RANGE, "any").errcode)
  end)

  local REPLIES = {
    { { kind = "empty_object" }, 200, "{}" },
    { { kind = "status" }, 502, "<html>.*502 Bad Gateway.*</html>" },
    { { kind = "status", status = 503 }, 503, "<html>" },
    { { kind = "html" }, 200, "^<html>" },
    { { kind = "body", body = '{"errcode":0,"moment_list":5' }, 200, ":5$" },
    { { kind = "wrong_json_warning" }, 200, '"errmsg":"ok%. Warning: wrong json format%. "' },
  }
  for _, case in ipairs(REPLIES) do
    it("give " .. case[1].kind .. " " .. case[2], function()
      case[1].op, case[1].call = "get_moment_list", 2
      local sim = simulator.new { moments = 5, faults = { case[1] } }
      local token = token_of(sim)
      assert.equal(0, post(sim, RANGE, token).errcode)
      local _, response = post(sim, RANGE, token)
      assert.equal(case[2], response.status)
      assert.matches(case[3], response.body)
      assert.equal(0, post(sim, RANGE, token).errcode)
    end)
  end

  it("give the same cursor twice", function()
    local sim = second_call "same_cursor"
    local token = token_of(sim)
    local asked = { start_time = START, end_time = START + MONTH }
    local first = post(sim, asked, token).next_cursor
    asked.cursor = first
    assert.equal(first, post(sim, asked, token).next_cursor)
    assert.not_equal(first, post(sim, asked, token).next_cursor)
  end)

  local function distinct(rows)
    local list, seen = {}, {}
    for _, row in ipairs(rows) do
      if not seen[row.moment_id] then list[#list + 1] = row.moment_id end
      seen[row.moment_id] = true
    end
    return list
  end

  local LOSSLESS = {
    { "short_page" }, { "empty_page" }, { "repeat_rows" }, { "short_page", "repeat_rows" },
    { "repeat_rows", "short_page" }, { "short_page", "empty_page", "repeat_rows" },
  }
  for _, kinds in ipairs(LOSSLESS) do
    it("lose no row: " .. table.concat(kinds, " and "), function()
      local faults = {}
      for i, kind in ipairs(kinds) do faults[i] = { kind = kind } end
      local plain, sim = simulator.new(), simulator.new { faults = faults }
      for _, limit in ipairs { 1, 2, 3, 20 } do
        local asked = { start_time = START, end_time = START + MONTH, limit = limit }
        local rows, pages = read_window(sim, asked)
        local plain_rows, plain_pages = read_window(plain, asked)
        assert.same(ids(plain_rows), distinct(rows))
        if limit > 1 then assert.is_true(pages > plain_pages) end
      end
      assert.same({}, read_window(sim, { start_time = 1, end_time = 2 }))
    end)
  end

  it("repeat rows of the page before", function()
    local sim = second_call "repeat_rows"
    local token = token_of(sim)
    local first = post(sim, RANGE, token)
    local second = post(sim, { start_time = RANGE.start_time, end_time = RANGE.end_time,
      cursor = first.next_cursor }, token)
    assert.equal(20, #second.moment_list)
    for i = 1, 5 do
      assert.equal(first.moment_list[15 + i].moment_id, second.moment_list[i].moment_id)
    end
  end)

  it("count failed calls too", function()
    local plan = { { op = "get_moment_list", call = 2, errcode = -1 } }
    local sim = simulator.new { moments = 0, faults = plan }
    assert.equal(40014, post(sim, RANGE, "strange").errcode)
    assert.equal(-1, post(sim, RANGE, "strange").errcode)
  end)
end)

-- ---- deletion and cursors -----------------------------------------------------------------

describe("simulator cursors", function()
  -- Reads the range with pages of five, and calls `between` after every page.
  local function read_in_fives(sim, between)
    local rows, token, cursor = {}, token_of(sim), nil
    repeat
      local reply = post(sim, { start_time = RANGE.start_time, end_time = RANGE.end_time, limit = 5,
        cursor = cursor }, token)
      if reply.errcode ~= 0 then return rows, reply.errcode end
      for _, row in ipairs(reply.moment_list) do rows[#rows + 1] = row.moment_id end
      cursor = reply.next_cursor
      between(rows)
    until cursor == ""
    return rows
  end

  it("forget nothing when rows are deleted, if they are keyed", function()
    local sim = simulator.new(month())
    local rows = read_in_fives(sim, function(rows)
      assert.is_true(sim:delete(rows[#rows]))     -- the one the cursor names,
      assert.is_true(sim:delete(rows[#rows - 3])) -- and one before it
      assert.is_false(sim:delete(rows[#rows]))
    end)
    assert.same(read_in_fives(simulator.new(month()), function() end), rows)
    assert.same({ 200, 120 }, { #rows, #sim:truth().get_moment_list })
    assert.is_false(sim:delete("mom-nobody"))
    assert.has_error(function() sim:delete() end)
  end)

  it("pass rows over when rows are deleted, if they are positional", function()
    local plain = simulator.new(month())
    local all = read_in_fives(plain, function() end)
    local sim, deleted = simulator.new(month { cursors = "positional" }), 0
    local rows = read_in_fives(sim, function(rows)
      if deleted < 2 then sim:delete(rows[#rows]) end
      deleted = deleted + 1
    end)
    assert.equal(#all - 2, #rows)
    assert.same({ all[5], all[7], all[11], all[13] }, { rows[5], rows[6], rows[10], rows[11] })
    assert.same(all, read_in_fives(simulator.new(month { cursors = "positional" }),
      function() end))
  end)

  it("lead to an empty page when everything behind them was deleted", function()
    for _, cursors in ipairs { "keyed", "positional" } do
      local sim = simulator.new(month { cursors = cursors })
      local asked = { start_time = RANGE.start_time, end_time = RANGE.end_time, limit = 5 }
      local first = post(sim, asked)
      for _, moment in ipairs(sim:truth().get_moment_list) do sim:delete(moment.moment_id) end
      asked.cursor = first.next_cursor
      local reply = post(sim, asked)
      assert.same({ 0, "", 0 }, { reply.errcode, reply.next_cursor, #reply.moment_list })
      assert.equal("wxmoments.simulator: 0 moments", tostring(sim))
    end
  end)

  it("are refused when they are forgotten, and by a fault", function()
    local sim = simulator.new(month())
    local rows, code = read_in_fives(sim, function() sim:forget_cursors() end)
    assert.same({ 5, 40058 }, { #rows, code })
    assert.is_nil((select(2, read_in_fives(sim, function() end))))
    for errcode, plan in pairs {
      [40058] = { kind = "cursor_refused", op = "get_moment_list", call = 3 },
      [41010] = { kind = "cursor_refused", errcode = 41010, call = 3, op = "get_moment_list" },
    } do
      sim = simulator.new(month { faults = { plan } })
      rows, code = read_in_fives(sim, function() end)
      assert.same({ 10, errcode }, { #rows, code })
    end
    sim = simulator.new(month { faults = { { kind = "cursor_refused" } } })
    rows, code = read_in_fives(sim, function() end)
    assert.same({ 5, 40058 }, { #rows, code })
  end)
end)

-- ---- bodies that are spoiled ----------------------------------------------------------------

-- A client of a simulator in process, and that simulator. What is spoiled is a page.
local function client_of(fault, more)
  fault.op = "get_moment_list"
  local options = month(more)
  options.faults = { fault }
  local sim = simulator.new(options)
  return wxmoments.wecom { corpid = sim.corpid, corpsecret = sim.corpsecret, driver = sim:driver(),
    token_store = require "wxmoments.store.memory".new(), retry = { attempts = 1 }, deadline = 10,
  }, sim
end

describe("simulator bodies", function()
  local function refused(fault)
    local page, err = client_of(fault):get_moment_list(RANGE)
    assert.is_nil(page)
    return err
  end

  it("end too early, anywhere", function()
    local _, response = post(simulator.new(month()), RANGE)
    for _, bytes in ipairs { 0, 1, 40, #response.body - 1, #response.body + 5 } do
      local sim = simulator.new(month { faults = {
        { op = "get_moment_list", kind = "truncated", bytes = bytes },
      } })
      local _, cut = post(sim, RANGE)
      assert.equal(response.body:sub(1, math.min(bytes, #response.body - 1)), cut.body)
      assert.equal("decode", refused({ kind = "truncated", bytes = bytes }).kind)
    end
    assert.equal("decode", refused({ kind = "truncated" }).kind)
  end)

  it("have a comma too many", function()
    local err = refused { kind = "broken_json" }
    assert.same({ "decode", "syntax" }, { err.kind, err.code })
    assert.equal('{"a":"x,y",,"b":1}', spoil.break_syntax '{"a":"x,y","b":1}')
    assert.equal('{"a":"\\\\",,"b":",,,,,,,"}', spoil.break_syntax '{"a":"\\\\","b":",,,,,,,"}')
    assert.equal("{},", spoil.break_syntax "{}")
  end)

  it("have fields of another type, the one that is asked for or in turn", function()
    local CASES = {
      create_time = "moment_list[1].create_time", moment_id = "moment_list[1].moment_id",
      moment_list = "moment_list", next_cursor = "next_cursor", errcode = "errcode",
    }
    local seen = {}
    for field, path in pairs(CASES) do
      local err = refused { kind = "wrong_types", field = field }
      assert.same({ "decode", "type", path }, { err.kind, err.code, err.path })
    end
    local corp = client_of { kind = "wrong_types" }
    for _ = 1, 10 do
      local _, err = corp:get_moment_list(RANGE)
      seen[err.path] = (seen[err.path] or 0) + 1
    end
    for _, path in pairs(CASES) do assert.equal(2, seen[path], path) end
    assert.equal('{"list":"[[1],\\"]\\"]","a":[""],"b":{"value":-1},"c":[null]}',
      spoil.change_type(spoil.change_type(spoil.change_type(spoil.change_type(
        '{"list":[[1],"]"],"a":"","b":-1,"c":null}', "list", 1), "a", 1), "b", 1), "c", 1))
  end)

  it("have ids as numbers and numbers as text, and can be read", function()
    local plain = client_of({ kind = "delay", seconds = 0 }):get_moment_list(RANGE)
    local numbers = assert(client_of({ kind = "number_ids" }):get_moment_list(RANGE))
    local texts = assert(client_of({ kind = "text_numbers" }):get_moment_list(RANGE))
    assert.same(plain, texts)
    assert.equal(20, #numbers.moment_list)
    local seen = {}
    for i, row in ipairs(numbers.moment_list) do
      local id = plain.moment_list[i].moment_id
      assert.equal(spoil.number_of(id), row.moment_id)
      assert.matches("^9007%d+$", row.moment_id)
      assert.equal(19, #row.moment_id)
      assert.is_nil(seen[row.moment_id])
      seen[row.moment_id] = true
      row.moment_id = id
    end
    assert.same(plain, numbers)
    local sim = simulator.new { moments = 0, faults = { { kind = "text_numbers" } } }
    local _, response = post(sim, RANGE, "strange")
    assert.matches('^{"errcode":"40014"', response.body)
  end)
end)

-- ---- in process ---------------------------------------------------------------------------

describe("simulator driver", function()
  it("answers without waiting, and its clock moves when something sleeps", function()
    local sim = simulator.new { moments = 0, token_seconds = 100 }
    local driver = sim:driver()
    local url = "https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpid=" .. sim.corpid
      .. "&corpsecret=" .. sim.corpsecret
    local request = { method = "GET", url = url, headers = {} }
    local first = driver.send(request, 30)
    assert.equal(200, first.status)
    assert.equal(0, driver.now())
    driver.sleep(0.5)
    assert.equal(0.5, driver.now())
    assert.equal(cjson.decode(first.body).access_token,
      cjson.decode(driver.send(request, 30).body).access_token)
    driver.sleep(100)
    assert.equal(100.5, driver.now())
    assert.not_equal(cjson.decode(first.body).access_token,
      cjson.decode(driver.send(request, 30).body).access_token)
  end)

  it("cuts a connection after any number of bytes", function()
    local plain = simulator.new(month())
    local _, response = post(plain, RANGE)
    local head = #wire.head(response)
    local whole = head + #response.body
    for bytes, code in pairs {
      [0] = "GOT_NOTHING", [16] = "GOT_NOTHING", [17] = "RECV_ERROR", [head - 1] = "RECV_ERROR",
      [head] = "PARTIAL_FILE", [whole - 1] = "PARTIAL_FILE", [whole] = false, [whole + 9] = false,
    } do
      local page, err = client_of({ kind = "cut", bytes = bytes }):get_moment_list(RANGE)
      if code then
        assert.same({ "transport", code, true }, { err.kind, err.code, err.retryable }, bytes)
      else
        assert.equal(20, #page.moment_list)
      end
    end
    local corp, sim = client_of { kind = "cut", call = 1 }
    local _, err = corp:get_moment_list(RANGE)
    assert.equal("GOT_NOTHING", err.code)
    assert(corp:get_moment_list(RANGE))
    assert.equal(2, sim:count("get_moment_list"))
    local _, raw = sim:driver().send({ method = "POST", url = LIST, body = "{}" }, 30)
    assert.is_nil(raw)
  end)

  it("is late, and slow, by its own clock", function()
    local function seconds(fault, more)
      local corp, sim = client_of(fault, more)
      local driver = sim:driver()
      assert(corp:get_moment_list { start_time = 1, end_time = 2 })
      return driver.now()
    end
    assert.equal(0, seconds { kind = "cut", bytes = 99999 })
    assert.equal(2.5, seconds { kind = "delay", seconds = 2.5 })
    assert.equal(3, seconds({ kind = "delay", seconds = 1 }, { latency = 1 })) -- gettoken too
    local _, response = post(simulator.new { moments = 0 }, { start_time = 1, end_time = 2 })
    local length = #wire.head(response) + #response.body
    assert.equal(length - 1, seconds({ kind = "drip", every = 1 / 64 }) * 64)
    assert.equal(math.ceil(length / 50) - 1, seconds { kind = "drip", size = 50, every = 1 })
  end)

  it("times out when its clock says so", function()
    for _, fault in ipairs {
      { kind = "delay", seconds = 10.5 }, { kind = "drip", every = 5 },
      { kind = "drip", every = 1, size = 100 },
    } do
      local corp, sim = client_of(fault)
      local driver = sim:driver()
      local page, err = corp:get_moment_list(RANGE)
      assert.is_nil(page)
      assert.same({ "timeout", "OPERATION_TIMEDOUT", 10 }, { err.kind, err.code, driver.now() })
    end
  end)

  it("sends too much", function()
    for code, fault in pairs {
      BODY_TOO_BIG = { kind = "oversize" },
      HEADER_TOO_BIG = { kind = "oversize", part = "headers" },
    } do
      local page, err = client_of(fault):get_moment_list(RANGE)
      assert.is_nil(page)
      assert.same({ "decode", code, false }, { err.kind, err.code, err.retryable })
    end
    local corp = client_of { kind = "oversize", bytes = 100000 }
    local page = assert(corp:get_moment_list(RANGE))
    assert.equal(100000, #wxmoments.raw(page))
  end)

  it("goes with the clock it was given", function()
    local now = 50
    local driver = simulator.new { moments = 0, clock = function() return now end }:driver()
    now = 60
    driver.sleep(5)
    assert.equal(15, driver.now())
  end)
end)

-- ---- over HTTP ----------------------------------------------------------------------------

-- One exchange: status, body.
local function fetch(method, url, body)
  local parts = {}
  local _, status = http.request {
    method = method, url = url, sink = ltn12.sink.table(parts),
    source = body and ltn12.source.string(body),
    headers = body and { ["Content-Length"] = #body, ["Content-Type"] = "application/json" },
  }
  return status, table.concat(parts)
end

local function folder_of(host)
  -- nginx writes its title over its words: parted by NUL at first, by spaces at last, and
  -- in between there may be neither.
  for _ = 1, 100 do
    local file = assert(io.open("/proc/" .. host.pid .. "/cmdline"))
    local folder = file:read("*a"):match("%-p%W(/[^%s%c]+)/")
    file:close()
    if folder then return folder end
    process.run("sleep 0.02")
  end
  error("nginx names no folder")
end

local function ended_within(seconds, pid, began)
  for _ = 1, seconds * 20 do
    if process.started(pid) ~= began then return true end
    process.run("sleep 0.05")
  end
  return false
end

describe("simulator on nginx #nginx", function()
  local OPTIONS = { seed = 3, moments = 300, corpid = "ww 1", corpsecret = "it's \"$x\"\\",
    faults = { { op = "get_moment_list", call = 2, kind = "status", status = 504 } } }
  local GETTOKEN = "/cgi-bin/gettoken?corpid=ww%201&corpsecret=it%27s%20%22%24x%22%5C"
  local host

  before_each(function() host = assert(simulator.serve(OPTIONS)) end)
  after_each(function() host.stop() end)

  it("answers the bytes that it answers in process", function()
    local sim = simulator.new(OPTIONS)
    local function both(method, url, body)
      local response = sim:handle { method = method, url = url, body = body }
      local status, text = fetch(method, host.base_url .. url, body)
      assert.equal(response.status, status)
      local function without_hint(line) return (line:gsub("hint: %[%d+%]", "hint")) end
      assert.equal(without_hint(response.body), without_hint(text))
      return text
    end
    local token = cjson.decode(both("GET", GETTOKEN)).access_token
    local url = LIST .. "?access_token=" .. token
    local body = json.encode { start_time = START, end_time = START + MONTH }
    local cursor = cjson.decode(both("POST", url, body)).next_cursor
    both("POST", url, body) -- 504
    both("POST", url, json.encode { start_time = START, end_time = START + MONTH, cursor = cursor })
    both("POST", url, "nonsense")
    both("POST", LIST, body)
    both("GET", "/unknown")
  end)

  it("shows its state, without secrets", function()
    local function state()
      local status, text = fetch("GET", host.base_url .. "/_simulator/state")
      assert.equal(200, status)
      return text
    end
    local zero, counts = '{"most":{},"refused":{"in_flight":0,"per_minute":0}}',
      '{"counts":{"get_moment_comments":0,"get_moment_customer_list":0,"get_moment_list":%d,'
      .. '"get_moment_send_result":0,"get_moment_task":0,"gettoken":%d},"load":%s,"requests":['
    assert.equal(counts:format(0, 0, zero) .. "]}", state())
    fetch("GET", host.base_url .. GETTOKEN)
    fetch("POST", host.base_url .. LIST .. "?access_token=strange", '{"start_time":1}')
    assert.equal(counts:format(1, 1, zero:gsub("{}", '{"get_moment_list":1}'))
      .. '{"op":"gettoken","params":{"corpid":"ww 1"}},'
      .. '{"op":"get_moment_list","params":{"start_time":1}}]}', state())
  end)

  it("lets a token expire", function()
    local function ask(method, path, body)
      local _, text = fetch(method, host.base_url .. path, body)
      return cjson.decode(text)
    end
    local door = "/_simulator/expire_token"
    assert.is_false(ask("POST", door).expired)
    for query, code in pairs { [""] = 42001, ["?errcode=40014"] = 40014 } do
      local url = LIST .. "?access_token=" .. ask("GET", GETTOKEN).access_token
      assert.is_true(ask("POST", door .. query).expired)
      repeat -- the second call is the one that fails with 504
        local status, text = fetch("POST", host.base_url .. url, "{}")
        if status == 200 then assert.equal(code, cjson.decode(text).errcode) end
      until status == 200
    end
    assert.equal(400, (fetch("POST", host.base_url .. door .. "?errcode=1")))
    assert.equal(404, (fetch("GET", host.base_url .. door)))
  end)

  it("lives in a private folder and leaves nothing", function()
    local began, folder = process.started(host.pid), folder_of(host)
    assert.matches("^drwx------", (process.run("ls -ld " .. process.quote(folder))))
    assert.equal("wxmoments.simulator.host: " .. host.base_url, tostring(host))
    assert.is_nil(tostring(host):find("it's", 1, true))
    host.stop()
    host.stop()
    assert.not_equal(began, process.started(host.pid))
    assert.is_nil(io.open(folder .. "/nginx.conf"))
  end)

  it("takes a port, and says when it is in use", function()
    local other, message = simulator.serve { moments = 0, port = host.port }
    assert.is_nil(other)
    assert.equal("wxmoments.simulator: port " .. host.port .. " is in use", message)
    host.stop()
    host = assert(simulator.serve { moments = 0, port = host.port })
    assert.equal(200, (fetch("GET", host.base_url .. "/_simulator/state")))
  end)
end)

describe("simulator faults on nginx #nginx", function()
  local host
  after_each(function()
    if host then host.stop() end
    host = nil
  end)

  local function serve(faults, more)
    local options = month(more)
    options.faults = faults
    host = assert(simulator.serve(options))
    return simulator.new(month())
  end

  local function gettoken_path(sim)
    return "/cgi-bin/gettoken?corpid=" .. sim.corpid .. "&corpsecret=" .. sim.corpsecret
  end

  -- Every byte that comes until the connection ends, in the pieces they came in.
  local function read_raw(path)
    local client = assert(socket.connect("127.0.0.1", host.port))
    client:settimeout(10)
    client:send("GET " .. path .. " HTTP/1.1\r\nHost: h\r\n\r\n")
    local all, _, partial = client:receive("*a")
    client:close()
    return all or partial
  end

  local function client(more)
    local options = { corpid = host.corpid, corpsecret = host.corpsecret, base_url = host.base_url,
      token_store = require "wxmoments.store.memory".new(), proxy = "", retry = { attempts = 1 },
      ca_file = host.ca_file }
    for name, value in pairs(more or {}) do options[name] = value end
    return wxmoments.wecom(options)
  end

  -- A reply that no clock changes: its body, all its bytes, and the fault that gives it.
  local BODY = json.encode { errcode = 0, access_token = ("t"):rep(200), expires_in = 7200 }
  local WHOLE = wire.head(replies.json(BODY)) .. BODY
  local FIXED = { op = "gettoken", kind = "body", body = BODY }

  it("cut a reply after every number of bytes", function()
    local faults = { FIXED }
    for bytes = 0, #WHOLE do
      faults[bytes + 2] = { op = "gettoken", call = bytes + 1, kind = "cut", bytes = bytes }
    end
    local sim = serve(faults)
    for bytes = 0, #WHOLE do
      assert.equal(WHOLE:sub(1, bytes), read_raw(gettoken_path(sim)))
    end
  end)

  it("cut a connection as in process, in the clear and in TLS", function()
    for _, more in ipairs { {}, { tls = true }, { tls = true, http2 = true } } do
      serve({ { op = "get_moment_list", call = 1, kind = "cut" },
        { op = "get_moment_list", call = 2, kind = "cut" }, -- libcurl asks again by itself
        { op = "get_moment_list", call = 3, kind = "cut", bytes = 300 } }, more)
      local corp = client()
      local _, err = corp:get_moment_list(RANGE)
      assert.same({ "transport", "GOT_NOTHING" }, { err.kind, err.code })
      _, err = corp:get_moment_list(RANGE)
      assert.same({ "transport", "PARTIAL_FILE" }, { err.kind, err.code })
      assert.equal(20, #assert(corp:get_moment_list(RANGE)).moment_list)
      host.stop()
    end
  end)

  it("come late, and in pieces", function()
    local sim = serve({ FIXED, { op = "gettoken", call = 1, kind = "drip", size = 20 },
      { op = "gettoken", call = 2, kind = "delay", seconds = 0.15 } }, { latency = 0.1 })
    local began = socket.gettime()
    assert.equal(WHOLE, read_raw(gettoken_path(sim)))
    local took = socket.gettime() - began
    assert.is_true(took >= 0.1 + 0.01 * (math.ceil(#WHOLE / 20) - 1), took)
    began = socket.gettime()
    local _, text = fetch("GET", host.base_url .. gettoken_path(sim))
    took = socket.gettime() - began
    assert.equal(BODY, text)
    assert.is_true(took >= 0.25, took)
    local page, err = client({ deadline = 0.05 }):get_moment_list(RANGE)
    assert.is_nil(page)
    assert.same({ "timeout", "OPERATION_TIMEDOUT" }, { err.kind, err.code })
  end)

  it("come too long, without nginx holding it all", function()
    serve {
      { op = "get_moment_list", call = 1, kind = "oversize" },
      { op = "get_moment_list", call = 2, kind = "oversize", part = "headers" },
      { op = "get_moment_list", call = 3, kind = "oversize", bytes = 300000 },
    }
    local corp = client()
    local _, err = corp:get_moment_list(RANGE)
    assert.same({ "decode", "BODY_TOO_BIG" }, { err.kind, err.code })
    _, err = corp:get_moment_list(RANGE)
    assert.same({ "decode", "HEADER_TOO_BIG" }, { err.kind, err.code })
    assert.equal(300000, #wxmoments.raw(assert(corp:get_moment_list(RANGE))))
    local sim = simulator.new { moments = 0, faults = { { op = "gettoken", kind = "oversize" } } }
    host.stop()
    serve({ { op = "gettoken", kind = "oversize" } })
    local length = 0
    http.request {
      url = host.base_url .. gettoken_path(sim),
      sink = function(chunk)
        length = length + #(chunk or "")
        return 1
      end,
    }
    assert.equal(64 * 1024 * 1024 + 1, length)
  end)

  it("delete moments and forget cursors", function()
    local sim = serve()
    local corp = client()
    local page = assert(corp:get_moment_list(RANGE))
    local id = page.moment_list[20].moment_id
    local function ask(path, query)
      local options = { method = "POST", path = path, query = query, body = "" }
      return assert(corp:call(options))
    end
    assert.is_true(ask("/_simulator/delete", { moment_id = id }).deleted)
    assert.is_false(ask("/_simulator/delete", { moment_id = id }).deleted)
    sim:delete(id)
    assert.equal(post(sim, RANGE).moment_list[20].moment_id,
      assert(corp:get_moment_list(RANGE)).moment_list[20].moment_id)
    assert(ask("/_simulator/forget_cursors").forgotten)
    local _, err = corp:get_moment_list { start_time = RANGE.start_time, end_time = RANGE.end_time,
      cursor = page.next_cursor }
    assert.same({ "api", 40058 }, { err.kind, err.errcode })
  end)
end)

describe("simulator limits on nginx #nginx", function()
  it("count what is in flight, also when the connection is lost", function()
    local options = month { latency = 0.4, limits = { in_flight = 3, per_minute = 40 }, faults = {
      { op = "get_moment_list", call = 1, times = 3, kind = "cut", bytes = 20 },
    } }
    local host = assert(simulator.serve(options))
    finally(function() host.stop() end)
    local _, text = fetch("GET", host.base_url .. "/cgi-bin/gettoken?corpid=" .. host.corpid
      .. "&corpsecret=" .. host.corpsecret)
    local path = LIST .. "?access_token=" .. cjson.decode(text).access_token
    local body = json.encode(RANGE)
    local function start()
      local client = assert(socket.connect("127.0.0.1", host.port))
      client:settimeout(10)
      client:send("POST " .. path .. " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: "
        .. #body .. "\r\n\r\n" .. body)
      return client
    end
    local function round(count)
      local clients, codes = {}, {}
      for i = 1, count do clients[i] = start() end
      for _, client in ipairs(clients) do
        local reply = client:receive("*a") or ""
        local code = reply:match('"errcode":(%d+)') or "cut"
        codes[code] = (codes[code] or 0) + 1
        client:close()
      end
      return codes
    end
    assert.same({ cut = 3 }, round(3))
    start():close()
    assert.same({ ["0"] = 2, ["45033"] = 3 }, round(5))
    process.run("sleep 0.6")
    for _ = 1, 3 do assert.same({ ["0"] = 3, ["45033"] = 2 }, round(5)) end
    assert.same({ ["0"] = 3, ["45033"] = 13, ["45009"] = 4 }, round(20))
    local _, state = fetch("GET", host.base_url .. "/_simulator/state")
    assert.same({ most = { get_moment_list = 3 }, refused = { in_flight = 22, per_minute = 4 } },
      cjson.decode(state).load)
  end)
end)

describe("simulator's nginx #nginx", function()
  it("ends with the process that started it", function()
    local interpreter = process.run("readlink /proc/$PPID/exe"):match("^[^\n]+")
    local script = string.format("package.path, package.cpath = %q, %q "
      .. "local host = assert(require('wxmoments.simulator').serve { moments = 1 }) "
      .. "local began = require('wxmoments.simulator.process').started(host.pid) "
      .. "print(host.pid, began)", package.path, package.cpath)
    local output = process.run(process.quote(interpreter) .. " -e " .. process.quote(script))
    local pid, began = output:match("^(%d+)%s+(%d+)")
    assert.is_truthy(pid, output)
    assert.is_true(ended_within(6, pid, began))
  end)

  it("is asked for by the names of its packages", function()
    for _, where in ipairs {
      { binary = "/nonexistent/nginx" }, { binary = "/bin/true" }, { modules = "/nonexistent" },
    } do
      local host, message = simulator.serve { moments = 0, nginx = where }
      assert.is_nil(host)
      assert.matches("apt-get install nginx libnginx-mod-http-lua", message, 1, true)
    end
  end)
end)
