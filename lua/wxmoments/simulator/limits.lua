--- How much a simulated corp lets itself be asked: at once, and within a minute.
-- Each endpoint counts by itself.

local limits = {}

local MINUTE = 60

local Limits = {}
local Limits_mt = { __index = Limits, __name = "wxmoments.simulator.limits" }

--- @tparam table option in_flight and per_minute, both optional
function limits.new(option)
  return setmetatable({
    _in_flight = option.in_flight or math.huge, _per_minute = option.per_minute or math.huge,
    _now = {}, _most = {}, _minutes = {}, _refused = { in_flight = 0, per_minute = 0 },
  }, Limits_mt)
end

-- Whether a request is one too many in its minute. A minute begins with the first request
-- that is in none.
local function too_many(self, op, now)
  local minute = self._minutes[op]
  if not minute or now - minute.began >= MINUTE or now < minute.began then
    minute = { began = now, count = 0 }
    self._minutes[op] = minute
  end
  minute.count = minute.count + 1
  return minute.count > self._per_minute
end

-- Counts a refusal.
local function refuse(self, limit, errcode)
  self._refused[limit] = self._refused[limit] + 1
  return errcode
end

--- Begins a request; what is refused is over at once and takes nobody's place.
-- @tparam string op
-- @tparam number now unix seconds
-- @treturn number|nil the errcode of a refusal
function Limits:begin(op, now)
  if too_many(self, op, now) then return refuse(self, "per_minute", 45009) end
  local count = (self._now[op] or 0) + 1
  if count > self._in_flight then return refuse(self, "in_flight", 45033) end
  self._now[op] = count
  self._most[op] = math.max(self._most[op] or 0, count)
end

--- Ends a request that was not refused.
function Limits:finish(op)
  self._now[op] = self._now[op] - 1
end

--- How much was asked for.
-- @treturn table `most`: by op, the most requests there ever were at once; `refused`:
--   how many requests were refused, by limit: in_flight (45033) and per_minute (45009)
function Limits:load()
  local most = {}
  for op, count in pairs(self._most) do most[op] = count end
  return {
    most = most,
    refused = { in_flight = self._refused.in_flight, per_minute = self._refused.per_minute },
  }
end

return limits
