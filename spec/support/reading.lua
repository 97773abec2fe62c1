--- A range read by hand, and what came of it held against the simulator's truth.

local errors = require "wxmoments.errors"
local memory = require "wxmoments.store.memory"
local spoil = require "wxmoments.simulator.spoil"

local reading = {}

-- Deep equality that says where; luassert's `same` is slow for thousands of rows.
local function difference(a, b, path)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a ~= b and ("%s: %s, not %s"):format(path, tostring(a), tostring(b)) or nil
  end
  for name, value in pairs(a) do
    local found = difference(value, b[name], path .. "." .. tostring(name))
    if found then
      return found
    end
  end
  for name in pairs(b) do
    if a[name] == nil then
      return path .. "." .. tostring(name) .. " is missing"
    end
  end
end

--- The truth about a range. @tparam table sim @tparam ?number from @tparam ?number to
-- @treturn table `by_id` (also by the number that may stand for the id), `count`
function reading.truth(sim, from, to)
  local truth = { by_id = {}, count = 0 }
  for _, moment in ipairs(sim:truth().get_moment_list) do
    if moment.create_time >= (from or 0) and moment.create_time <= (to or math.huge) then
      truth.count = truth.count + 1
      truth.by_id[moment.moment_id] = moment
      truth.by_id[spoil.number_of(moment.moment_id)] = moment
    end
  end
  return truth
end

--- Adds rows to `rows` until the end or an error. @treturn ?table the error
function reading.go_on(it, rows, most)
  while not most or #rows < most do
    local row, err = it:next()
    if not row then
      return err
    end
    rows[#rows + 1] = row
  end
end

--- A token store that tells the tokens it was given.
function reading.store()
  local store, tokens = memory.new(), {}
  local inner = store.set
  function store:set(key, token, ttl)
    tokens[#tokens + 1] = token
    return inner(self, key, token, ttl)
  end
  return store, tokens
end

--- What is wrong with the rows that came, or nil: each must be of the truth, field by field,
-- and come once.
function reading.wrong_rows(rows, truth)
  local seen = {}
  for i, row in ipairs(rows) do
    local moment = truth.by_id[row.moment_id]
    if not moment then
      return ("row %d is none of the truth: %s"):format(i, row.moment_id)
    end
    if seen[moment] then
      return ("row %d came before: %s"):format(i, row.moment_id)
    end
    seen[moment] = true
    local id = moment.moment_id
    moment.moment_id = row.moment_id
    local wrong = difference(row, moment, "row " .. i)
    moment.moment_id = id
    if wrong then
      return wrong
    end
  end
end

--- What is wrong with a reading that says it is complete, or nil.
function reading.wrong_end(it, rows, truth)
  if it.complete ~= true then
    return "ended without an error and is not complete"
  end
  if #rows ~= truth.count then
    return ("complete with %d of %d rows"):format(#rows, truth.count)
  end
  return reading.wrong_rows(rows, truth)
end

local function has_secret(value, secrets)
  if type(value) == "table" then
    for name, inner in pairs(value) do
      if has_secret(name, secrets) or has_secret(inner, secrets) then
        return true
      end
    end
  elseif type(value) == "string" then
    for _, secret in ipairs(secrets) do
      if value:find(secret, 1, true) then
        return true
      end
    end
  end
  return false
end

--- What is wrong with an error's form, or nil: one of ours, with a sentence, without secrets.
function reading.wrong_form(err, secrets)
  if not errors.is(err) then
    return "no error object but a " .. type(err)
  elseif type(err.message) ~= "string" or not err.message:find("%a") then
    return "an error without a message"
  elseif err.message:find("%c") or tostring(err):find("%c") then
    return "a message of several lines"
  elseif has_secret(err, secrets) or has_secret(tostring(err), secrets) then
    return "an error that shows a secret"
  elseif type(err.retryable) ~= "boolean" then
    return "an error that does not say whether it may go better"
  end
end

return reading
