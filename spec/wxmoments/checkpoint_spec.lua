--- Checkpoints: after any row, another process goes on, and every row comes once.

local cjson = require "cjson"
local fake = require "spec.support.fake"
local wxmoments = require "wxmoments"

local DAY = 86400
local FROM = 1600000000
local TO = FROM + 70 * DAY -- three windows

-- 200 moments of three windows, several in one second, in the order a server lists them.
local function make_rows(order)
  local rows, time = {}, FROM
  for i = 1, 200 do
    rows[i] = { id = ("mom%03d"):format(i), time = time }
    -- runs of one second, longer than a page too
    time = time + ((i % 7 == 0 or i > 120 and i < 165) and 0 or math.floor(70 * DAY / 160))
  end
  if order == "descending" then
    for i = 1, 100 do
      rows[i], rows[201 - i] = rows[201 - i], rows[i]
    end
  elseif order == "mixed" then
    for i = 1, 200 do
      local j = (i * 83) % 200 + 1
      rows[i], rows[j] = rows[j], rows[i]
    end
  end
  return rows
end

-- A server of those rows. A cursor names the last row of the page before. `refuse(cursor)`
-- true: that cursor is no longer known.
local function make_server(order)
  local self = { rows = make_rows(order), size = 7, refuse = function() end, pages = 0 }

  -- The rows after the cursor's, one more than a page where there are more.
  local function rows_after(params)
    local rows, past = {}, params.cursor == nil
    for _, row in ipairs(self.rows) do
      local inside = row.time > params.start_time and row.time < params.end_time
      if past and inside and not row.deleted and #rows <= self.size then
        rows[#rows + 1] = row
      end
      past = past or row.id == params.cursor
    end
    return rows
  end

  function self.answer(request)
    local params = cjson.decode(request.body)
    if params.cursor and self.refuse(params.cursor) then
      return fake.ok '{"errcode":40058,"errmsg":"cursor. invalid Request Parameter"}'
    end
    self.pages = self.pages + 1
    local page, parts = rows_after(params), {}
    local more = #page > self.size and table.remove(page)
    for i, row in ipairs(page) do
      parts[i] = ('{"moment_id":"%s","create_time":%d}'):format(row.id, row.time)
    end
    return fake.ok(('{"errcode":0,"next_cursor":"%s","moment_list":[%s]}'):format(
      more and page[#page].id or "", table.concat(parts, ",")))
  end

  function self.delete(id)
    for _, row in ipairs(self.rows) do
      row.deleted = row.deleted or row.id == id
    end
  end

  return self
end

local function client(server, latency)
  return wxmoments.wecom(fake.options(fake.driver(server.answer, latency)))
end

local RANGE = { start_time = FROM, end_time = TO }

-- Reads `count` rows (all if nil) into `ids`; gives the iterator, and the error if any.
local function read(iterator, ids, count)
  while not count or count > 0 do
    local row, err = iterator:next()
    if not row then
      return iterator, err
    end
    ids[#ids + 1] = row.moment_id
    count = count and count - 1
  end
  return iterator
end

-- Through JSON, as a file would have it.
local function through_file(saved)
  return cjson.decode(cjson.encode(saved))
end

local function assert_all_once(server, ids, missing_is_fine)
  local seen = {}
  for _, id in ipairs(ids) do
    assert.is_nil(seen[id], id .. " came twice")
    seen[id] = true
  end
  for _, row in ipairs(server.rows) do
    if not row.deleted and not (missing_is_fine and missing_is_fine[row.id]) then
      assert.is_true(seen[row.id], row.id .. " never came")
    end
  end
end

describe("a checkpoint", function()
  for _, order in ipairs { "descending", "ascending", "mixed" } do
    for what, latency in pairs { ["one by one"] = false, ["side by side"] = 0.05 } do
      it(("after any row of 200 loses and repeats nothing: %s, %s"):format(order, what), function()
        for count = 0, 200 do
          local server, ids = make_server(order), {}
          local first = read(client(server, latency or nil):each_moment(RANGE), ids, count)
          local saved = through_file(first:checkpoint())
          assert.is_true(#saved.ids <= 3 * server.size)
          first:close()
          local second = read(client(server, latency or nil):each_moment { resume = saved }, ids)
          assert.is_true(second.complete)
          assert_all_once(server, ids)
        end
      end)
    end

    it("survives a row that is deleted in between: " .. order, function()
      for count = 1, 200 do
        local server, ids = make_server(order), {}
        local first = read(client(server):each_moment(RANGE), ids, count)
        local saved = through_file(first:checkpoint())
        -- a given one of the open page, and one that is still to come
        server.delete(ids[count])
        for _, row in ipairs(server.rows) do
          local given = false
          for _, id in ipairs(ids) do given = given or id == row.id end
          if not given then
            server.delete(row.id)
            break
          end
        end
        -- The deleted row's cursor is gone with it in this server, so it must not be one.
        local refused = saved.cursor and server.rows
        read(client(server):each_moment { resume = saved }, ids)
        assert.is_truthy(refused or not saved.cursor)
        assert_all_once(server, ids)
      end
    end)

    it("reads the window again when its cursor is refused, or says why not: " .. order, function()
      local went_on, said = 0, 0
      for count = 0, 200 do
        local server, ids = make_server(order), {}
        local first = read(client(server):each_moment(RANGE), ids, count)
        local saved = through_file(first:checkpoint())
        local refused = {}
        server.refuse = function(cursor)
          if cursor == saved.cursor and not refused[cursor] then
            refused[cursor] = true
            return true
          end
        end
        local second, err = read(client(server):each_moment { resume = saved }, ids)
        if err then
          said = said + 1
          assert.same({ "state", "cursor_lost", "each_moment" }, { err.kind, err.code, err.op })
          assert.truthy(err.fix:find("start_time = %d+"))
          assert.equal(40058, err.cause.code)
          assert.is_false(second.complete)
          local seen = {}
          for _, id in ipairs(ids) do
            assert.is_nil(seen[id])
            seen[id] = true
          end
        else
          went_on = went_on + 1
          assert_all_once(server, ids)
        end
      end
      if order == "mixed" then
        assert.is_true(said > 50)
      else
        assert.is_true(went_on > 150, went_on .. " went on")
      end
    end)
  end

  it("may be taken again and again: a new process for every row", function()
    for _, order in ipairs { "descending", "mixed" } do
      local server, ids, saved = make_server(order), {}, nil
      for _ = 1, 1000 do
        local iterator = client(server):each_moment(saved and { resume = saved } or RANGE)
        read(iterator, ids, 1)
        if iterator.complete then break end
        saved = through_file(iterator:checkpoint())
        assert.is_true(#saved.ids <= 4 * server.size)
      end
      assert_all_once(server, ids)
    end
  end)

  it("is gone on from in a new process after every row #slow", function()
    local interpreter = rawget(_G, "jit") and "luajit" or "lua5.4"
    local path, ids = os.tmpname(), {}
    os.remove(path)
    for _ = 1, 250 do
      local pipe = assert(io.popen(interpreter .. " spec/support/resume.lua " .. path))
      local line = pipe:read("*l")
      pipe:close()
      if line == "complete" then break end
      ids[#ids + 1] = assert(line)
    end
    os.remove(path)
    local seen = {}
    for _, id in ipairs(ids) do
      assert.is_nil(seen[id])
      seen[id] = true
    end
    assert.equal(200, #ids)
  end)

  it("may be taken again and again where every cursor dies with its process", function()
    local server, ids, saved = make_server "descending", {}, nil
    local process, given_by = 0, {}
    server.refuse = function(cursor) return given_by[cursor] and given_by[cursor] ~= process end
    local inner = server.answer
    server.answer = function(request)
      local response = inner(request)
      local cursor = response.body:match('"next_cursor":"([^"]+)"')
      if cursor then given_by[cursor] = process end
      return response
    end
    local lost
    for _ = 1, 1000 do
      process = process + 1
      local iterator = client(server):each_moment(saved and { resume = saved } or RANGE)
      local _, err = read(iterator, ids, 3)
      lost = lost or err
      if iterator.complete or err then break end
      saved = through_file(iterator:checkpoint())
    end
    if lost then
      assert.equal("cursor_lost", lost.code)
    else
      assert_all_once(server, ids)
    end
    assert.is_true(#ids > 60, #ids .. " rows")
  end)

  it("leaves out rows that come again on the next page", function()
    local server, ids = make_server "descending", {}
    local first = read(client(server):each_moment(RANGE), ids, 10)
    local saved = first:checkpoint()
    local inner = server.answer
    server.answer = function(request) -- the page begins with the rows before it
      local response, params = inner(request), cjson.decode(request.body)
      local old = server.rows[5]
      if old.time <= params.start_time or old.time >= params.end_time then
        return response
      end
      response.body = response.body:gsub('"moment_list":%[', '"moment_list":['
        .. ('{"moment_id":"%s","create_time":%d},'):format(old.id, old.time), 1)
      return response
    end
    read(client(server):each_moment { resume = saved }, ids)
    assert_all_once(server, ids)
  end)

  it("goes on after an error, and after close", function()
    local server, ids = make_server "descending", {}
    local corp = client(server)
    local iterator = read(corp:each_moment(RANGE), ids, 30)
    server.refuse = function() return true end
    local _, err = read(iterator, ids)
    assert.equal(40058, err.code)
    local saved = iterator:checkpoint()
    iterator:close()
    assert.same(saved, iterator:checkpoint())
    server.refuse = function() end
    read(corp:each_moment { resume = through_file(saved) }, ids)
    assert_all_once(server, ids)
  end)

  it("of a whole reading is an end", function()
    local server, ids = make_server "ascending", {}
    local iterator = read(client(server):each_moment(RANGE), ids)
    local saved = through_file(iterator:checkpoint())
    assert.is_true(saved.complete)
    local pages = server.pages
    local again = read(client(server):each_moment { resume = saved }, ids)
    assert.is_true(again.complete)
    assert.same({ 200, pages }, { #ids, server.pages })
  end)

  it("passes on an error that has nothing to do with the cursor", function()
    local server, ids = make_server "descending", {}
    local saved = read(client(server):each_moment(RANGE), ids, 30):checkpoint()
    server.answer = function() return fake.ok '{"errcode":48002,"errmsg":"api forbidden"}' end
    local _, err = client(server):each_moment({ resume = saved }):next()
    assert.equal(48002, err.code)
  end)

  it("keeps the filters, and takes new options", function()
    local server = make_server "descending"
    local corp = client(server)
    local iterator = corp:each_moment {
      start_time = FROM, end_time = TO, creator = "me", filter_type = 0 }
    iterator:next()
    local saved = through_file(iterator:checkpoint())
    assert.same({ "me", 0, FROM, TO }, { saved.params.creator, saved.params.filter_type,
      saved.params.start_time, saved.params.end_time })
    local sent
    local inner = server.answer
    server.answer = function(request)
      sent = cjson.decode(request.body)
      return inner(request)
    end
    assert.is_table(client(server):each_moment({
      resume = saved, read_ahead = 0, max_pages = 50 }):next())
    assert.same({ "me", 0 }, { sent.creator, sent.filter_type })
    assert.is_nil(sent.read_ahead)
  end)

  describe("is checked as any input:", function()
    local corp = client(make_server "descending")
    local function saved(changes)
      local value = { version = 1, each = "each_moment", window = 1, ids = {},
        params = { start_time = FROM, end_time = TO } }
      for name, change in pairs(changes) do
        value[name] = change ~= "nil" and change or nil
      end
      return value
    end

    for what, case in pairs {
      ["no table"] = { 5, "resume" }, ["an empty table"] = { {}, "resume.version" },
      ["another version"] = { saved { version = 2 }, "resume.version" },
      ["another iterator's"] = { saved { each = "each_task" }, "resume.each" },
      ["no range"] = { saved { params = {} }, "resume.params.start_time" },
      ["a range that is none"] = { saved { params = { start_time = 5, end_time = 4 } },
        "resume.params.end_time" },
      ["a parameter that is none"] = { saved { params = { start_time = 1, end_time = 2, x = 1 } },
        "resume.params.x" },
      ["no window"] = { saved { window = "nil" }, "resume.window" },
      ["a window beyond the range"] = { saved { window = 4 }, "resume.window" },
      ["window 0"] = { saved { window = 0 }, "resume.window" },
      ["ids that are none"] = { saved { ids = { 1 } }, "resume.ids[1]" },
      ["an order that is none"] = { saved { order = "random" }, "resume.order" },
      ["a cursor that is none"] = { saved { cursor = 5 }, "resume.cursor" },
      ["something more"] = { saved { more = 1 }, "resume.more" },
    } do
      it(what, function()
        local row, err = corp:each_moment({ resume = case[1] }):next()
        assert.is_nil(row)
        assert.same({ "argument", case[2] }, { err.kind, err.path })
      end)
    end

    it("parameters beside it", function()
      local _, err = corp:each_moment({ resume = saved {}, start_time = FROM }):next()
      assert.same({ "argument", "start_time" }, { err.kind, err.path })
    end)
  end)

  it("is nil where there was nothing to read", function()
    local corp = client(make_server "descending")
    assert.is_nil(corp:each_moment({}):checkpoint())
    assert.has_error(function() corp:each_moment(RANGE).checkpoint() end)
  end)
end)

describe("total_deadline", function()
  it("bounds a whole loop, and a checkpoint goes on from there", function()
    local server, ids = make_server "descending", {}
    local driver = fake.driver(function(request)
      return server.answer(request)
    end)
    local send = driver.send
    driver.send = function(...)
      driver.advance(1)
      return send(...)
    end
    local corp = wxmoments.wecom(fake.options(driver))
    local iterator = corp:each_moment { start_time = FROM, end_time = TO, total_deadline = 10 }
    local _, err = read(iterator, ids)
    assert.same({ "timeout", "TOTAL_DEADLINE", "each_moment" }, { err.kind, err.code, err.op })
    assert.is_true(#ids > 0 and #ids < 200)
    assert.equal("TOTAL_DEADLINE", select(2, iterator:next()).code)
    read(corp:each_moment { resume = iterator:checkpoint(), total_deadline = 1000 }, ids)
    assert_all_once(server, ids)
  end)

  it("shortens the deadline of an answer", function()
    local driver = fake.driver { fake.ok '{"errcode":0,"moment_list":[]}' }
    local corp = wxmoments.wecom(fake.options(driver))
    corp:each_moment({ start_time = FROM, end_time = FROM, total_deadline = 5 }):next()
    assert.is_true(driver.seconds_left <= 5)
  end)
end)
