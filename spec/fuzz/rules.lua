--- The rule sets that a fuzz target reads and writes by, in the order of the letters that
-- choose them: "a" is the first. The operations' own, and one with everything a rule can say.
-- The argument is the target's name.
--
-- None of them asks for a field that the same set leaves out, so that whatever it writes it
-- also reads.

local target = ...

local core = require "wxmoments.core"
local operations = dofile "lua/wxmoments/operations.lua"

local EVERYTHING = {
  type = "object", keep_unknown = true,
  span = { "from", "to", min = 1, max = 100 },
  one_of = { { "left", "right", min = 0, max = 1 }, { "a", "b", max = 2 } },
  fields = {
    { "from", type = "integer", min = 0, max = 1000, required = true, from_text = true },
    { "to", type = "integer" },
    { "kind", type = "integer", enum = { 0, 1, -2 } },
    { "bytes", type = "string", min = 2, max = 4, unit = "bytes" },
    { "points", type = "string", max = 4, unit = "codepoints" },
    { "units", type = "string", max = 4, unit = "utf16" },
    { "word", type = "string", enum = { "image", "link", "视频" } },
    { "line", type = "string", printable = true },
    { "id", type = "string", from_number = true },
    { "yes", type = "boolean" },
    { "ratio", type = "number" },
    { "ids", type = "list", min = 0, max = 3, items = { type = "string" } },
    { "some", type = "list", min = 1, items = { type = "any" } },
    { "omit", type = "list", omit_empty = true, items = { type = "integer" } },
    { "one", type = "list", from_single = true, items = { type = "object",
      fields = { { "id", type = "string", required = true } } } },
    { "bare", type = "list", from_single = true, fill = true },
    { "inner", type = "object", fields = {
      { "list", type = "list", items = { type = "object", fields = {
        { "id", type = "string", required = true } } } } } },
    { "open", type = "object", keep_unknown = true, fields = { { "known", type = "integer" } } },
    { "free", type = "any" },
    { "left", type = "integer" }, { "right", type = "integer" },
    { "a", type = "integer" }, { "b", type = "integer" },
    { "said", type = "string", max = 1, unit = "bytes", codes = { too_long = "invalid text size" },
      origin = "document", source = "seed 000" },
    { "名", type = "string", enum = { ("朋友圈"):rep(40), ("x" .. ("朋"):rep(100)) } },
  },
}

local LISTS = {
  type = "list", from_single = true,
  items = { type = "list", max = 4, items = { type = "any" } },
}

-- Known names only: what goes out is refused when there is another.
local CLOSED = {
  type = "object",
  fields = {
    { "start_time", type = "integer" },
    { "omit", type = "list", omit_empty = true },
    { "", type = "boolean" },
    { "inner", type = "object", fields = {
      { "number", type = "number" }, { "name", type = "string" },
      { "flags", type = "list", items = { type = "boolean" } } } },
  },
}

-- A list that may come bare where no further table may be.
local DEEP = { type = "list", from_single = true }
for _ = 1, 32 do
  DEEP = { type = "object", fields = { { "x", type = DEEP.type, fields = DEEP.fields,
    from_single = DEEP.from_single } } }
end

local list = operations.get_moment_list
local sets = {
  { type = "any" }, EVERYTHING, LISTS, CLOSED, list.params, list.reply, list.each.params,
  operations.gettoken.reply, operations.call.reply, { type = "number" }, { type = "string" },
  DEEP,
}
-- What is picked out cannot be put back, so these are for reading alone.
if target == "read" then
  local id = { "id", type = "string", required = true, from_number = true }
  sets[#sets + 1] = { type = "object", fields = {
    { "list", type = "list", pick = "id", fill = true, max = 4, from_single = true,
      items = { type = "object", fields = {
        { "other", type = "list", items = { type = "integer" } }, id,
        { "inner", type = "list", pick = "id", items = { type = "object", fields = { id } } },
      } } },
  } }
end
for i, rule in ipairs(sets) do
  sets[i] = core.rules(rule)
end
return sets
