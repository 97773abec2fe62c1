--- What one simulated moment holds, from a seed and its number alone.
-- Nothing is kept: asking again for the same number gives the same moment.

local random = require "wxmoments.simulator.random"

local moments = {}

--- The fields in the order of the document (developer.work.weixin.qq.com, path 96352).
moments.order = {
  "moment_id", "creator", "create_time", "create_type", "visible_type",
  "text", "image", "video", "link", "location",
}

local NAMES = { "zhangsan", "lisi", "WangWu", "zhao.liu", "sun-qi", "zhou_ba", "wu@jiu", "06" }

--- How many members post of their own; they are the first.
moments.staff = 40

local PHRASES = {
  "新品上市，欢迎到店体验", "今天天气真好☀️", "限时八折，仅此三天！", "感谢各位老朋友的支持🙏",
  "👨‍👩‍👧‍👦 亲子活动报名中", "𠮷野家门口见", "Café & crème brûlée", "“双十一”预售开启",
  "Hello, WeCom!", "满 300 减 50\n第二行", "路径 C:\\temp\t制表", "a/b?c=1&d=2#e", "👍🏽👍🏿",
  "e\204\129 与 é", "价格：￥9.90", "点击链接了解详情 👉", "😀😁😂🤣", "周末见～",
}
local PLACES = {
  "广州市 · 广州塔", "深圳市 · 腾讯滨海大厦", "北京市 · 天安门广场", "上海市 · 外滩 🌃",
  "São Paulo", "拉萨市 · 布达拉宫",
}
local TITLES = { "腾讯网-QQ.COM", "新品介绍 📦", "活动 \"报名\" 入口", "A < B & C" }
local LINKS = {
  "https://www.qq.com", "https://work.weixin.qq.com/a?x=1&y=%E4%BD%A0", "http://例子.测试/页",
}

local function media_id(chance)
  return "WWCISP_" .. chance:word(chance:between(40, 60))
end

-- Decimal degrees as text; the zeros at the end stay, and some are negative.
local function degrees(chance, most)
  local sign = chance:chance(15) and "-" or ""
  local whole = chance:below(most)
  if chance:chance(50) then return string.format("%s%d.%05d", sign, whole, chance:below(100000)) end
  return string.format("%s%d.%05d0", sign, whole, chance:below(100000))
end

local part = {}

function part.text(chance, moment)
  local phrases = {}
  -- a few are as long as real ones may be: about two thousand characters
  local count = chance:chance(2) and 150 or chance:between(1, 5)
  for i = 1, count do phrases[i] = chance:pick(PHRASES) end
  moment.text = { content = table.concat(phrases, " ") }
end

function part.image(chance, moment)
  moment.image = {}
  for i = 1, chance:between(1, 9) do moment.image[i] = { media_id = media_id(chance) } end
end

function part.video(chance, moment)
  moment.video = { media_id = media_id(chance), thumb_media_id = media_id(chance) }
end

function part.link(chance, moment)
  moment.link = { title = chance:pick(TITLES), url = chance:pick(LINKS) }
end

function part.location(chance, moment)
  moment.location = {
    latitude = degrees(chance, 90), longitude = degrees(chance, 180), name = chance:pick(PLACES),
  }
end

-- Which parts a moment has; a line that stands twice is met twice as often.
local SHAPES = {
  { "text" }, { "text" }, { "text" },
  { "text", "image" }, { "text", "image" }, { "text", "image" }, { "image" },
  { "text", "video" }, { "video" },
  { "text", "link" }, { "link" },
  { "text", "location" }, { "text", "image", "location" }, { "video", "location" },
}

-- The five digits in the middle are a permutation of the number, so ids never meet.
local function moment_id(chance, number)
  local own = random.digits((number * 387420489 + 99) % 1073741824, 5)
  return "mom" .. chance:word(6) .. own .. chance:word(20)
end

--- A member's userid.
-- @tparam number number from 0
-- @treturn string
function moments.member(number)
  return string.format("%s%d", NAMES[1 + number % #NAMES], number)
end

-- Personal moments always have a creator. Those of the corp have none, but for the few that
-- were not made through the API.
local function creator(chance, create_type)
  local member = chance:below(moments.staff)
  if create_type == 0 and not chance:chance(10) then return nil end
  return moments.member(member)
end

-- Whether everybody may see it; the first of the content.
local function visible_type(chance)
  return chance:below(2)
end

--- What selects and orders a moment.
-- @tparam number seed
-- @tparam number number from 1
-- @treturn string moment_id
-- @treturn number create_type, 0 corp or 1 personal
-- @treturn string|nil creator
-- @treturn table the generator, at the point where the content begins
function moments.head(seed, number)
  local chance = random.new(seed, number)
  local id = moment_id(chance, number)
  local create_type = chance:chance(30) and 0 or 1
  return id, create_type, creator(chance, create_type), chance
end

--- What decides who publishes and who sees a moment.
-- @tparam number seed
-- @tparam number number from 1
-- @tparam number create_time unix seconds
-- @treturn table number, and moment_id, creator, create_time, create_type, visible_type
function moments.outline(seed, number, create_time)
  local id, create_type, member, chance = moments.head(seed, number)
  return {
    number = number, moment_id = id, creator = member, create_time = create_time,
    create_type = create_type, visible_type = visible_type(chance),
  }
end

--- The whole moment.
-- @tparam number seed
-- @tparam number number from 1
-- @tparam number create_time unix seconds
-- @treturn table with the document's field names
function moments.build(seed, number, create_time)
  local id, create_type, member, chance = moments.head(seed, number)
  local moment = {
    moment_id = id, creator = member, create_time = create_time,
    create_type = create_type, visible_type = visible_type(chance),
  }
  for _, name in ipairs(chance:pick(SHAPES)) do part[name](chance, moment) end
  return moment
end

return moments
