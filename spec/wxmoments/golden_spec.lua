--- The document's own sample requests and replies (WeCom, path 96352), to the letter: what is
-- sent for these parameters, and what comes of this answer.

local cjson = require "cjson"
local core = require "wxmoments.core"
local fake = require "spec.support.fake"
local operations = require "wxmoments.operations"
local wxmoments = require "wxmoments"

local math_type = rawget(math, "type") -- 5.3 and later

-- name, its sample request and what is given for it, its sample reply and what comes of it
local SAMPLES = {
  {
    "get_moment_list",
    request = [[
{
 "start_time":1605000000,
 "end_time":1605172726,
 "creator":"zhangsan",
 "filter_type":1,
 "cursor":"CURSOR",
 "limit":10
}]],
    params = {
      start_time = 1605000000, end_time = 1605172726, creator = "zhangsan",
      filter_type = 1, cursor = "CURSOR", limit = 10,
    },
    reply = [[
{
  "errcode":0,
  "errmsg":"ok",
  "next_cursor":"CURSOR",
  "moment_list":[
    {
      "moment_id":"momxxx",
      "creator":"xxxx",
      "create_time":1605000000,
      "create_type":1,
      "visible_type":1,
      "text":{
        "content":"test"
      },
      "image":[
          {"media_id":"WWCISP_xxxxx"}
      ],
      "video":{
        "media_id":"WWCISP_xxxxx",
        "thumb_media_id":"WWCISP_xxxxx"
      },
      "link":{
        "title":"腾讯网-QQ.COM",
        "url":"https://www.qq.com"
      },
      "location":{
        "latitude":"23.10647",
        "longitude":"113.32446",
        "name":"广州市 · 广州塔"
      }
    }
  ]
}]],
    page = {
      errcode = 0, errmsg = "ok", next_cursor = "CURSOR",
      moment_list = { {
        moment_id = "momxxx", creator = "xxxx",
        create_time = 1605000000, create_type = 1, visible_type = 1,
        text = { content = "test" },
        image = { { media_id = "WWCISP_xxxxx" } },
        video = { media_id = "WWCISP_xxxxx", thumb_media_id = "WWCISP_xxxxx" },
        link = { title = "腾讯网-QQ.COM", url = "https://www.qq.com" },
        location = { latitude = "23.10647", longitude = "113.32446", name = "广州市 · 广州塔" },
      } },
    },
  },
  {
    "get_moment_task",
    request = [[
{
 "moment_id":"momxxx",
 "cursor":"CURSOR",
 "limit":10
}]],
    params = { moment_id = "momxxx", cursor = "CURSOR", limit = 10 },
    reply = [[
{
  "errcode":0,
  "errmsg":"ok",
  "next_cursor":"CURSOR",
  "task_list":[
    {
      "userid":"zhangsan",
      "publish_status":1
    }
  ]
}]],
    page = {
      errcode = 0, errmsg = "ok", next_cursor = "CURSOR",
      task_list = { { userid = "zhangsan", publish_status = 1 } },
    },
  },
  {
    "get_moment_customer_list",
    request = [[
{
 "moment_id":"momxxx",
 "userid":"xxx",
 "cursor":"CURSOR",
 "limit":10
}]],
    params = { moment_id = "momxxx", userid = "xxx", cursor = "CURSOR", limit = 10 },
    reply = [[
{
  "errcode":0,
  "errmsg":"ok",
  "next_cursor":"CURSOR",
  "customer_list":[
    {
      "userid":"xxx",
      "external_userid":"woAJ2GCAAAXtWyujaWJHDDGi0mACCCC "
    }
  ]
}]],
    page = {
      errcode = 0, errmsg = "ok", next_cursor = "CURSOR",
      customer_list = {
        { userid = "xxx", external_userid = "woAJ2GCAAAXtWyujaWJHDDGi0mACCCC " },
      },
    },
  },
  {
    "get_moment_send_result",
    request = [[
{
 "moment_id":"momxxx",
 "userid":"xxx",
 "cursor":"CURSOR",
 "limit":100
}]],
    params = { moment_id = "momxxx", userid = "xxx", cursor = "CURSOR", limit = 100 },
    reply = [[
{
  "errcode":0,
  "errmsg":"ok",
  "next_cursor":"CURSOR",
  "customer_list":[
    {
      "external_userid":"woAJ2GCAAAXtWyujaWJHDDGi0mACCCC"
    }
  ]
}]],
    page = {
      errcode = 0, errmsg = "ok", next_cursor = "CURSOR",
      customer_list = { { external_userid = "woAJ2GCAAAXtWyujaWJHDDGi0mACCCC" } },
    },
  },
  {
    "get_moment_comments",
    request = [[
{
 "moment_id":"momxxx",
 "userid":"xxx"
}]],
    params = { moment_id = "momxxx", userid = "xxx" },
    reply = [[
{
  "errcode":0,
  "errmsg":"ok",
  "comment_list":[
    {
      "external_userid":"woAJ2GCAAAXtWyujaWJHDDGi0mACAAAA ",
      "create_time":1605172726
    },
    {
      "userid":"zhangshan ",
      "create_time":1605172729
    }
  ],
  "like_list":[
    {
      "external_userid":"woAJ2GCAAAXtWyujaWJHDDGi0mACBBBB ",
      "create_time":1605172726
    },
    {
      "userid":"zhangshan ",
      "create_time":1605172720
    }
  ]
}]],
    page = {
      errcode = 0, errmsg = "ok",
      comment_list = {
        { external_userid = "woAJ2GCAAAXtWyujaWJHDDGi0mACAAAA ", create_time = 1605172726 },
        { userid = "zhangshan ", create_time = 1605172729 },
      },
      like_list = {
        { external_userid = "woAJ2GCAAAXtWyujaWJHDDGi0mACBBBB ", create_time = 1605172726 },
        { userid = "zhangshan ", create_time = 1605172720 },
      },
    },
  },
}

-- The JSON text without the white space between its tokens.
local function packed(text)
  return (text:gsub('("[^"]*")', function(s) return s:gsub(" ", "\1") end)
    :gsub("%s", ""):gsub("\1", " "))
end

-- Fails where a whole number is a float, which would print as 5.0.
local function assert_integers(value)
  for _, inner in pairs(value) do
    if type(inner) == "table" then
      assert_integers(inner)
    elseif type(inner) == "number" and math_type then
      assert.equal("integer", math_type(inner))
    end
  end
end

-- Comments and likes gain who it was, whichever id says it.
local function with_actors(page)
  local copy = cjson.decode(cjson.encode(page))
  for _, list in ipairs { "comment_list", "like_list" } do
    for _, row in ipairs(page[list] and copy[list] or {}) do
      row.actor = row.external_userid or row.userid
      row.actor_kind = row.userid and "member" or "customer"
    end
  end
  return copy
end

for _, sample in ipairs(SAMPLES) do
  local name = sample[1]
  describe("the document's sample of " .. name, function()
    local op = operations[name]
    local params, reply = core.rules(op.params), core.rules(op.reply)

    it("goes onto the wire as the sample request", function()
      local body = assert(params:write(sample.params))
      assert.equal(packed(sample.request), body)
      assert.same(cjson.decode(sample.request), cjson.decode(body))
    end)

    it("comes out of the sample reply with every field, to the letter", function()
      local page, problem = reply:read(sample.reply)
      assert.is_nil(problem)
      assert.same(sample.page, page)
      assert.same(cjson.decode(sample.reply), page)
    end)

    it("has integers that print as integers on both Luas", function()
      assert_integers((reply:read(sample.reply)))
      assert_integers((params:read(sample.request)))
    end)

    it("goes the other way too", function()
      local given, problem = params:read(sample.request)
      assert.is_nil(problem)
      assert.same(sample.params, given)
      assert.equal(packed(sample.reply), (reply:write(sample.page)))
    end)

    it("is a method of the client", function()
      local driver = fake.driver { fake.ok(sample.reply) }
      local corp = wxmoments.wecom(fake.options(driver))
      local page = assert(corp[name](corp, sample.params))
      assert.equal(packed(sample.request), driver.requests[1].body)
      assert.same(with_actors(sample.page), page)
      assert.equal(sample.reply, wxmoments.raw(page))
    end)
  end)
end

describe("a request", function()
  it("has nothing that was not given, and filter_type 0 when it was", function()
    local driver = fake.driver { fake.ok(SAMPLES[1].reply) }
    local corp = wxmoments.wecom(fake.options(driver))
    corp:get_moment_list { start_time = 1, end_time = 2 }
    assert.equal('{"start_time":1,"end_time":2}', driver.requests[#driver.requests].body)
    corp:get_moment_list { start_time = 1, end_time = 2, filter_type = 0 }
    assert.equal('{"start_time":1,"end_time":2,"filter_type":0}',
      driver.requests[#driver.requests].body)
  end)
end)
