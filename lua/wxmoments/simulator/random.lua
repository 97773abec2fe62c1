--- Repeatable chance: the minimal standard generator, equal on every Lua.
-- Every product stays below 2^53, so doubles and 64-bit integers give the same digits.

local random = {}

local MODULUS = 2147483647
local MULTIPLIER = 16807
local WARM_UP = 4 -- steps until neighbouring streams look unrelated

local URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local LETTERS, PAIRS = {}, {}
for letter in URL_SAFE:gmatch(".") do LETTERS[#LETTERS + 1] = letter end
for _, first in ipairs(LETTERS) do
  for _, second in ipairs(LETTERS) do PAIRS[#PAIRS + 1] = first .. second end
end

local Random = {}
local Random_mt = { __index = Random, __name = "wxmoments.simulator.random" }

--- Begins a stream of numbers.
-- @tparam number seed an integer, 0 to 2147483646
-- @tparam number stream an integer, 0 to 4294967295; each has numbers of its own
-- @treturn table the generator
function random.new(seed, stream)
  -- squared, or neighbouring streams would walk side by side for ever
  local state = (seed * 48271 + stream * (stream % 65521 + 17) + 1) % MODULUS
  if state == 0 then state = 1 end
  local self = setmetatable({ _state = state }, Random_mt)
  for _ = 1, WARM_UP do self:below(1) end
  return self
end

--- Begins a stream that a purpose and two numbers name.
-- @tparam number seed
-- @tparam string purpose
-- @tparam number first an integer from 0
-- @tparam number second
-- @treturn table the generator
function random.of(seed, purpose, first, second)
  return random.new(seed, random.hash(string.format("%s %d %d", purpose, first, second)))
end

--- An integer from 0 to n - 1.
function Random:below(n)
  self._state = self._state * MULTIPLIER % MODULUS
  -- the division comes first: it makes a double on both Luas before anything can overflow
  return math.floor(self._state / MODULUS * n)
end

--- An integer from first to last, both included.
function Random:between(first, last)
  return first + self:below(last - first + 1)
end

--- One of a list.
function Random:pick(list)
  return list[1 + self:below(#list)]
end

--- True in `percent` of a hundred cases.
function Random:chance(percent)
  return self:below(100) < percent
end

--- A string of `length` characters of the base64url alphabet.
function Random:word(length)
  local pairs_of_letters = {}
  for i = 1, math.floor(length / 2) do pairs_of_letters[i] = PAIRS[1 + self:below(4096)] end
  return table.concat(pairs_of_letters) .. (length % 2 == 1 and self:pick(LETTERS) or "")
end

--- A number as `length` base64url characters; numbers below 64^length differ.
function random.digits(number, length)
  local letters = {}
  for i = length, 1, -1 do
    local digit = number % 64
    letters[i] = LETTERS[digit + 1]
    number = (number - digit) / 64
  end
  return table.concat(letters)
end

--- What random.digits made, back as a number; nil when a character is foreign.
function random.number(text)
  local number = 0
  for i = 1, #text do
    local at = URL_SAFE:find(text:sub(i, i), 1, true)
    if not at then return nil end
    number = number * 64 + at - 1
  end
  return number
end

--- A number from 0 to 2147483646 that stands for a text.
function random.hash(text)
  local sum = 7
  for i = 1, #text do sum = (sum * 65599 + text:byte(i) + 1) % MODULUS end
  return sum
end

return random
