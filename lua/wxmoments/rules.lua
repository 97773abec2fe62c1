--- Compiled rule sets: each rule table is compiled when it is first used, once a process.
-- @module wxmoments.rules

local core = require "wxmoments.core"

local compiled = {}

local rules = {}

--- The compiled form of a rule table (its form: wxmoments.operations).
-- @tparam table rule
-- @treturn userdata with the methods `check`, `write` and `read`
function rules.of(rule)
  local set = compiled[rule]
  if not set then
    set = core.rules(rule)
    compiled[rule] = set
  end
  return set
end

return rules
