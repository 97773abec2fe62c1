--- The document's own sample request and reply of get_moment_list (WeCom, path 96352), to
-- the letter: what is sent for these parameters, and what comes of this answer.

local cjson = require "cjson"
local fake = require "spec.support.fake"
local wxmoments = require "wxmoments"

local math_type = rawget(math, "type") -- 5.3 and later

local REQUEST = [[
{
 "start_time":1605000000,
 "end_time":1605172726,
 "creator":"zhangsan",
 "filter_type":1,
 "cursor":"CURSOR",
 "limit":10
}]]

local REPLY = [[
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
}]]

local MOMENT = {
  moment_id = "momxxx", creator = "xxxx",
  create_time = 1605000000, create_type = 1, visible_type = 1,
  text = { content = "test" },
  image = { { media_id = "WWCISP_xxxxx" } },
  video = { media_id = "WWCISP_xxxxx", thumb_media_id = "WWCISP_xxxxx" },
  link = { title = "腾讯网-QQ.COM", url = "https://www.qq.com" },
  location = { latitude = "23.10647", longitude = "113.32446", name = "广州市 · 广州塔" },
}

describe("the document's sample of get_moment_list", function()
  local driver, page

  setup(function()
    driver = fake.driver { fake.ok(REPLY) }
    local corp = wxmoments.wecom(fake.options(driver))
    page = assert(corp:get_moment_list {
      start_time = 1605000000, end_time = 1605172726, creator = "zhangsan",
      filter_type = 1, cursor = "CURSOR", limit = 10,
    })
  end)

  it("goes onto the wire as the sample request", function()
    local body = driver.requests[1].body
    assert.same(cjson.decode(REQUEST), cjson.decode(body))
    assert.equal((REQUEST:gsub("%s", "")), body)
  end)

  it("comes out with every field", function()
    assert.same(
      { errcode = 0, errmsg = "ok", next_cursor = "CURSOR", moment_list = { MOMENT } }, page)
  end)

  it("has integers that print as integers on both Luas", function()
    local moment = page.moment_list[1]
    assert.equal("1605000000 1 1", ("%s %s %s"):format(moment.create_time, moment.create_type,
      moment.visible_type))
    if math_type then
      assert.equal("integer", math_type(moment.create_time))
    end
  end)

  it("is what it was read from", function()
    assert.equal(REPLY, wxmoments.raw(page))
  end)

  it("sends nothing that was not given, and filter_type 0 when it was", function()
    local corp = wxmoments.wecom(fake.options(driver))
    corp:get_moment_list { start_time = 1, end_time = 2 }
    assert.equal('{"start_time":1,"end_time":2}', driver.requests[#driver.requests].body)
    corp:get_moment_list { start_time = 1, end_time = 2, filter_type = 0 }
    assert.equal('{"start_time":1,"end_time":2,"filter_type":0}',
      driver.requests[#driver.requests].body)
  end)
end)
