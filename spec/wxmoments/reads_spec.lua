--- The reads below a moment: publishers, audience, reach, reactions; whole lists of them.

local cjson = require "cjson"
local fake = require "spec.support.fake"
local wxmoments = require "wxmoments"

-- endpoint, iterator, its parameters, the list, what a row is known by, the largest page
local READS = {
  { "get_moment_task", "each_moment_task", { moment_id = "mom1" }, "task_list", "userid", 1000 },
  { "get_moment_customer_list", "each_moment_customer", { moment_id = "mom1", userid = "u" },
    "customer_list", "external_userid", 1000 },
  { "get_moment_send_result", "each_moment_send_result", { moment_id = "mom1", userid = "u" },
    "customer_list", "external_userid", 5000 },
}

-- A server with `count` rows in pages of `size`; a cursor names the last row before it.
local function make_server(list, id, count, size)
  local self = { requests = {}, gone = {}, refuse = function() end }

  local function id_of(i)
    return ("wo%05d"):format(i)
  end

  function self.answer(request)
    local params = cjson.decode(request.body)
    self.requests[#self.requests + 1] = { url = request.url, params = params }
    if params.cursor and self.refuse(params.cursor) then
      return fake.ok '{"errcode":40058,"errmsg":"cursor"}'
    end
    local rows, i = {}, params.cursor and tonumber(params.cursor:match("%d+")) or 0
    while #rows < size and i < count do
      i = i + 1
      if not self.gone[id_of(i)] then
        rows[#rows + 1] = ('{"%s":"%s","publish_status":1}'):format(id, id_of(i))
      end
    end
    return fake.ok(('{"errcode":0,"errmsg":"ok","next_cursor":"%s","%s":[%s]}'):format(
      i < count and id_of(i) or "", list, table.concat(rows, ",")))
  end

  self.id_of = id_of
  return self
end

local function client(server)
  return wxmoments.wecom(fake.options(fake.driver(server.answer)))
end

local function with(params, more)
  local all = {}
  for name, value in pairs(params) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function read(iterator, id, ids, most)
  local row, err
  repeat
    row, err = iterator:next()
    if row then
      ids[#ids + 1] = type(row) == "string" and row or row[id]
    end
  until not row or most and #ids >= most
  return err
end

local function assert_all(server, ids, count)
  assert.equal(count, #ids)
  for i, id in ipairs(ids) do
    assert.equal(server.id_of(i), id)
  end
end

for _, case in ipairs(READS) do
  local endpoint, each, params, list, id, largest = case[1], case[2], case[3], case[4], case[5],
    case[6]

  describe("corp:" .. each, function()
    it("gives every row of every page, in order, with the largest page there is", function()
      local server, ids = make_server(list, id, 95, 10), {}
      local iterator = client(server)[each](client(server), params)
      assert.is_nil(read(iterator, id, ids))
      assert.is_true(iterator.complete)
      assert_all(server, ids, 95)
      assert.equal(10, #server.requests)
      for i, request in ipairs(server.requests) do
        assert.truthy(request.url:find("/cgi-bin/externalcontact/" .. endpoint .. "?", 1, true))
        local cursor = i > 1 and server.id_of(10 * (i - 1)) or nil
        assert.same(with(params, { limit = largest, cursor = cursor }), request.params)
      end
    end)

    it("goes on from a checkpoint after any row, one deleted in between", function()
      for count = 0, 35 do
        local server, ids = make_server(list, id, 35, 10), {}
        local corp = client(server)
        local first = corp[each](corp, params)
        if count > 0 then read(first, id, ids, count) end
        local saved = cjson.decode(cjson.encode(first:checkpoint()))
        server.gone[server.id_of(math.max(count, 1))] = count > 0 or nil
        local second = corp[each](corp, { resume = saved })
        assert.is_nil(read(second, id, ids))
        assert_all(server, ids, 35)
      end
    end)

    it("says so when a checkpoint's cursor has died", function()
      local server, ids = make_server(list, id, 35, 10), {}
      local corp = client(server)
      local first = corp[each](corp, params)
      read(first, id, ids, 15)
      server.refuse = function() return true end
      local err = read(corp[each](corp, { resume = first:checkpoint() }), id, ids)
      assert.same({ "state", "cursor_lost", each }, { err.kind, err.code, err.op })
      assert.truthy(err.fix:find("from its beginning", 1, true))
      assert.equal(15, #ids)
    end)

    it("asks for the same page again after an error", function()
      local server, ids = make_server(list, id, 35, 10), {}
      local corp = client(server)
      local iterator = corp[each](corp, params)
      local asked = 0
      server.refuse = function() asked = asked + 1; return asked == 2 end
      assert.equal(40058, read(iterator, id, ids).code)
      assert.is_false(iterator.complete)
      assert.is_nil(read(iterator, id, ids))
      assert_all(server, ids, 35)
    end)

    it("checks its parameters", function()
      local corp = client(make_server(list, id, 1, 1))
      for _, wrong in ipairs { {}, { moment_id = "" }, with(params, { cursor = "x" }),
        with(params, { moment_id = 5 }), with(params, { more = 1 }) } do
        assert.equal("argument", select(2, corp[each](corp, wrong):next()).kind)
      end
      assert.is_true(corp:check(endpoint, with(params, { limit = largest })))
      local _, err = corp:check(endpoint, with(params, { limit = largest + 1 }))
      assert.equal("limit", err.path)
    end)

    if id == "external_userid" then
      it("gives ids alone when they are all that is wanted", function()
        local server, ids = make_server(list, id, 95, 10), {}
        local corp = client(server)
        local iterator = corp[each](corp, with(params, { ids_only = true }))
        local row = iterator:next()
        assert.equal(server.id_of(1), row)
        ids[1] = row
        read(iterator, id, ids, 44)
        local saved = cjson.decode(cjson.encode(iterator:checkpoint()))
        read(corp[each](corp, { resume = saved, ids_only = true }), id, ids)
        assert_all(server, ids, 95)
        assert.is_nil(server.requests[1].params.ids_only)
      end)
    end
  end)
end

describe("a row", function()
  local function answer(body)
    return wxmoments.wecom(fake.options(fake.driver { fake.ok(body) }))
  end

  it("keeps its id to the letter, and is refused without one", function()
    local corp = answer '{"errcode":0,"customer_list":[{"userid":"u ","external_userid":"woAJ "}]}'
    local page = corp:get_moment_customer_list { moment_id = "m", userid = "u" }
    assert.same({ { userid = "u ", external_userid = "woAJ " } }, page.customer_list)
    corp = answer '{"errcode":0,"customer_list":[{"userid":"u"}]}'
    local _, err = corp:get_moment_customer_list { moment_id = "m", userid = "u" }
    assert.same({ "decode", "customer_list[1].external_userid" }, { err.kind, err.path })
  end)

  it("of comments and likes says who it was, and keeps the id it came with", function()
    local corp = answer [[{"errcode":0,"comment_list":[{"userid":"a","create_time":5}],
      "like_list":[{"external_userid":"wo","create_time":"6"}]}]]
    local page = corp:get_moment_comments { moment_id = "m", userid = "u" }
    assert.same({ { userid = "a", create_time = 5, actor = "a", actor_kind = "member" } },
      page.comment_list)
    assert.same({ { external_userid = "wo", create_time = 6, actor = "wo",
      actor_kind = "customer" } }, page.like_list)
    corp = answer '{"errcode":0}'
    page = corp:get_moment_comments { moment_id = "m", userid = "u" }
    assert.same({ {}, {} }, { page.comment_list, page.like_list })
  end)

  it("publish_status is an integer, however it comes", function()
    local corp = answer '{"errcode":0,"task_list":[{"userid":"a","publish_status":"1"}]}'
    assert.equal(1, corp:get_moment_task({ moment_id = "m" }).task_list[1].publish_status)
  end)
end)
