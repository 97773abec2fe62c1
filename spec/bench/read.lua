--- What reading a reply costs: rules:read, with all its checks, against cjson.decode alone
-- and against cjson.decode with the same checks written in Lua. CPU time of this process,
-- the three in turn in every round, medians over the rounds; only the ratios mean anything.
--
--     make bench            both Luas, and what each ratio may be at most

local cjson = require "cjson"
local core = require "wxmoments.core"
local operations = require "wxmoments.operations"
local simulator = require "wxmoments.simulator"

local ROUNDS = 15

-- The wanted ratios to cjson.decode alone.
local AT_MOST = rawget(_G, "jit") and { list = 0.55, ids = 0.60 }
  or { list = 0.55, ids = 0.70, flat = 0.40 }

-- A page of 20 moments as the simulator lists them.
local function list_page()
  local sim = simulator.new { moments = 2000 }
  local driver = sim:driver()
  local token = cjson.decode(driver.send({ method = "GET", url = ("https://x/cgi-bin/gettoken"
    .. "?corpid=%s&corpsecret=%s"):format(sim.corpid, sim.corpsecret), headers = {} }, 1).body)
  return driver.send({
    method = "POST", headers = {},
    url = "https://x" .. operations.get_moment_list.path .. "?access_token=" .. token.access_token,
    body = '{"start_time":1704067200,"end_time":1706659200,"limit":20}',
  }, 1).body
end

-- A page of 5,000 ids as get_moment_send_result gives them.
local function id_page()
  local parts = {}
  for i = 1, 5000 do
    parts[i] = ('{"external_userid":"woAJ2GCAAAXtWyujaWJHDDGi0mAC%04d"}'):format(i)
  end
  return '{"errcode":0,"errmsg":"ok","next_cursor":"CURSOR","customer_list":['
    .. table.concat(parts, ",") .. "]}"
end

local ID_ITEMS = { type = "object",
  fields = { { "external_userid", type = "string", required = true, from_number = true } } }

local function id_rules(pick)
  return core.rules { type = "object", fields = {
    { "errcode", type = "integer", required = true }, { "errmsg", type = "string" },
    { "next_cursor", type = "string" },
    { "customer_list", type = "list", fill = true, pick = pick, items = ID_ITEMS },
  } }
end

-- The checks a careful user would write over cjson's tables.
local function is_text(value)
  return value == nil or type(value) == "string"
end

local function is_whole(value)
  return type(value) == "number" and value % 1 == 0
end

local function check_head(reply, list)
  assert(is_whole(reply.errcode) and is_text(reply.errmsg) and is_text(reply.next_cursor))
  assert(type(reply[list]) == "table")
end

local function check_moment(moment)
  assert(type(moment.moment_id) == "string" and is_text(moment.creator))
  assert(is_whole(moment.create_time) and is_whole(moment.create_type))
  assert(is_whole(moment.visible_type))
end

local function check_content(moment)
  assert(moment.text == nil or is_text(moment.text.content))
  for _, image in ipairs(moment.image or {}) do
    assert(is_text(image.media_id))
  end
  local video, link, location = moment.video, moment.link, moment.location
  assert(not video or is_text(video.media_id) and is_text(video.thumb_media_id))
  assert(not link or is_text(link.title) and is_text(link.url))
  assert(not location or is_text(location.latitude) and is_text(location.longitude)
    and is_text(location.name))
end

local function decode_and_check_list(body)
  local reply = cjson.decode(body)
  check_head(reply, "moment_list")
  for _, moment in ipairs(reply.moment_list) do
    check_moment(moment)
    check_content(moment)
  end
  return reply
end

local function decode_and_check_ids(body)
  local reply = cjson.decode(body)
  check_head(reply, "customer_list")
  for _, customer in ipairs(reply.customer_list) do
    assert(type(customer.external_userid) == "string")
  end
  return reply
end

-- CPU microseconds of one call.
local function cost(fn, body, times)
  collectgarbage()
  local began = os.clock()
  for _ = 1, times do
    fn(body)
  end
  return (os.clock() - began) / times * 1e6
end

local function median(values)
  table.sort(values)
  return values[math.ceil(#values / 2)], values[1], values[#values]
end

-- Times every way in turn; returns the medians.
local function measure(ways, body, times)
  local seen, medians = {}, {}
  for i, way in ipairs(ways) do
    seen[i] = {}
    cost(way[2], body, math.ceil(times / 4)) -- warm: traces, hints, caches
  end
  for _ = 1, ROUNDS do
    for i, way in ipairs(ways) do
      table.insert(seen[i], cost(way[2], body, times))
    end
  end
  for i, way in ipairs(ways) do
    local least, most
    medians[i], least, most = median(seen[i])
    print(("  %-34s %9.2f us  (%.2f to %.2f)  %.2f of cjson.decode"):format(way[1], medians[i],
      least, most, medians[i] / medians[1]))
  end
  return medians
end

local missed = 0

local function judge(what, ratio, at_most)
  if at_most then
    local kept = ratio <= at_most
    missed = missed + (kept and 0 or 1)
    print(("  %s: %.2f, at most %.2f: %s"):format(what, ratio, at_most,
      kept and "kept" or "MISSED"))
  end
end

local list, ids = list_page(), id_page()
local list_rules = core.rules(operations.get_moment_list.reply)
local whole, flat = id_rules(), id_rules "external_userid"

assert(#list_rules:read(list).moment_list == 20 and #whole:read(ids).customer_list == 5000)
assert(flat:read(ids).customer_list[5000] == "woAJ2GCAAAXtWyujaWJHDDGi0mAC5000")

local jit = rawget(_G, "jit")
print(("%s, lua-cjson %s"):format(jit and jit.version or _VERSION, cjson._VERSION))
print(("a list page: 20 moments, %d bytes"):format(#list))
local medians = measure({
  { "cjson.decode", cjson.decode },
  { "cjson.decode + checks in Lua", decode_and_check_list },
  { "rules:read", function(body) return list_rules:read(body) end },
}, list, 2000)
judge("rules:read", medians[3] / medians[1], AT_MOST.list)

print(("5,000 ids: %d bytes"):format(#ids))
medians = measure({
  { "cjson.decode", cjson.decode },
  { "cjson.decode + checks in Lua", decode_and_check_ids },
  { "rules:read", function(body) return whole:read(body) end },
  { "rules:read, a flat list", function(body) return flat:read(body) end },
}, ids, 40)
judge("rules:read", medians[3] / medians[1], AT_MOST.ids)
judge("a flat list", medians[4] / medians[1], AT_MOST.flat)

os.exit(missed == 0 and 0 or 1)
