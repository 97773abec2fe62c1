--- make demo: a year and a month of moments, read over real HTTP from the bundled
-- simulator, shown, and compared with what the simulator knows to be true.
-- Ends with status 1 unless every moment came, each exactly once.

local core = require "wxmoments.core"
local simulator = require "wxmoments.simulator"
local wxmoments = require "wxmoments"

local DAYS, MOMENTS, SHOWN = 400, 2000, 12
local END_TIME = 1700000000
local OPTIONS = {
  corpid = "ww0123456789abcdef", corpsecret = "a-secret-of-the-demo", seed = 1,
  moments = MOMENTS, start_time = END_TIME - DAYS * 86400, end_time = END_TIME,
}

-- A cell of a table: cut or filled up to so many columns of a terminal.
local function cell(text, columns)
  local used
  text = text:gsub("%c+", " ")
  text, used = core.fit(text, columns)
  return text .. (" "):rep(columns - used)
end

-- What a moment shows, in words.
local function kind_of(moment)
  local kinds = {}
  for _, kind in ipairs { "image", "video", "link", "location" } do
    local what = moment[kind]
    if what then
      kinds[#kinds + 1] = kind == "image" and #what .. " image" .. (#what > 1 and "s" or "") or kind
    end
  end
  return #kinds > 0 and table.concat(kinds, ", ") or "text"
end

-- What the first three columns leave of a terminal's line, or of a pipe's.
local function text_columns()
  return math.max(20, (core.columns(1) or 100) - 56)
end

local function show(moments)
  table.sort(moments, function(a, b) return a.create_time > b.create_time end)
  print(cell("time (UTC)", 21) .. cell("creator", 14) .. cell("kind", 20) .. "text")
  for i = 1, math.min(SHOWN, #moments) do
    local moment = moments[i]
    print(cell(os.date("!%Y-%m-%d %H:%M:%S", moment.create_time), 21)
      .. cell(moment.creator or "(enterprise)", 14) .. cell(kind_of(moment), 20)
      .. (cell(moment.text and moment.text.content or "", text_columns()):gsub(" +$", "")))
  end
end

-- Every difference between what came and what is true; nil when there is none.
local function difference(moments, truth)
  local count = {}
  for _, moment in ipairs(moments) do
    count[moment.moment_id] = (count[moment.moment_id] or 0) + 1
  end
  for _, moment in ipairs(truth) do
    local times = count[moment.moment_id] or 0
    if times ~= 1 then
      return ("moment %s came %d times"):format(moment.moment_id, times)
    end
  end
  if #moments ~= #truth then
    return ("%d moments came, %d are true"):format(#moments, #truth)
  end
end

local function run(server)
  local pages = 0
  local requests = 0
  local corp = wxmoments.wecom {
    corpid = OPTIONS.corpid, corpsecret = OPTIONS.corpsecret, base_url = server.base_url,
    on_event = function(event)
      if event.type == "request" then
        requests = requests + 1
      elseif event.type == "reply" and event.op == "get_moment_list" and event.errcode == 0 then
        pages = pages + 1
      end
    end,
  }
  local began, moments = core.now(), {}
  for moment in corp:each_moment { start_time = OPTIONS.start_time, end_time = OPTIONS.end_time } do
    moments[#moments + 1] = moment
  end
  local seconds = core.now() - began
  show(moments)
  -- No window may be longer than 30 days as it is sent.
  local windows = core.window_count(OPTIONS.start_time, OPTIONS.end_time, 30 * 86400)
  print(("\n%d moments of %d days: %d pages in %d windows, %d requests, %.2f seconds")
    :format(#moments, DAYS, pages, windows, requests, seconds))
  return difference(moments, simulator.new(OPTIONS):truth().get_moment_list)
end

local server = assert(simulator.serve(OPTIONS))
local ok, wrong = pcall(run, server)
server:stop()
if not ok or wrong then
  io.stderr:write("demo: ", tostring(wrong), "\n")
  os.exit(1)
end
print("equal to the simulator's truth: every moment once")
