--- The error object: made here and nowhere else.
--
-- A plain table with a metatable, so that it can be logged, compared and passed on:
--
--     kind      "argument" | "transport" | "timeout" | "http" | "decode" | "api" | "state"
--     code      what to compare: "required", "COULDNT_CONNECT", 404, 40014
--     message   one sentence, without secrets
--     op        "get_moment_list"        path  where: "attachments[2].image"
--     errcode, errmsg, hint, from_ip     the server's own words, taken apart
--     fix       what to do about it      who   "developer" | "admin" | "wait"
--     retryable   whether the same call may succeed later
--     attempts    how often it was sent
--     retry_after seconds to wait, where that is known
--     status      the HTTP status
--     outcome     "unknown" where something that writes may have happened
--     cause       the error below this one
--     problems    of a check: every problem, { code, origin, path, message, limit, got, unit }
--
-- @module wxmoments.errors

local core = require "wxmoments.core"
local errcodes = require "wxmoments.errcodes"

local errors = {}

local Error = { __name = "wxmoments.error" }

--- One line: `wxmoments: get_moment_list: limit: must be at most 20, got 21`.
function Error:__tostring()
  local parts = { "wxmoments" }
  if self.op then
    parts[#parts + 1] = self.op
  end
  if self.path and self.path ~= "" then
    parts[#parts + 1] = self.path
  end
  parts[#parts + 1] = tostring(self.message)
  local line = table.concat(parts, ": ")
  if self.fix then -- who can do what
    line = line .. " (" .. (self.who or "fix") .. ": " .. self.fix .. ")"
  end
  return (line:gsub("[%c]+", " "))
end

--- Makes an error of these fields, which become its own.
-- @tparam table fields `kind` and `message` at least
-- @treturn table the error
function errors.new(fields)
  return setmetatable(fields, Error)
end

--- The same error for another caller, who may get other `attempts`.
function errors.copy(err)
  local copy = {}
  for name, value in pairs(err) do
    copy[name] = value
  end
  return setmetatable(copy, Error)
end

--- Is it an error of this module?
function errors.is(value)
  return type(value) == "table" and getmetatable(value) == Error
end

--- The error of a check that found problems.
-- @tparam string op
-- @tparam table problems as `rules:check` gives them, not empty
function errors.argument(op, problems)
  local first, others = problems[1], {}
  for _, problem in ipairs(problems) do
    if problem.code == "unknown" then -- a misspelt name explains the one that is missing
      first = problem
      break
    end
  end
  for i = 1, math.min(#problems, 4) do
    if problems[i] ~= first then
      others[#others + 1] = (problems[i].path or op) .. " " .. problems[i].message
    end
  end
  local message = first.message
  if #others > 0 then
    message = message .. "; also " .. table.concat(others, ", ")
      .. (#problems > 4 and " and more in err.problems" or "")
  end
  return errors.new {
    kind = "argument", code = first.code, op = op, path = first.path, message = message,
    fix = first.fix, who = "developer", retryable = false, problems = problems,
  }
end

--- What an errcode means and what to do about it.
-- @tparam number errcode
-- @tparam[opt="en"] string lang "en" or "zh"
-- @treturn table|nil `{ meaning, fix, who, retry }`; nil for a code not in the catalogue.
-- `who` can fix it: "developer", "admin" or "wait"; `retry`: "no", "backoff" (later, with
-- growing pauses), "wait" (a rate window must pass), "refresh" (with a new token)
function errors.explain(errcode, lang)
  local entry = errcodes[errcode]
  if not entry then
    return nil
  end
  local words = entry[lang or "en"]
  if not words then
    error("wxmoments: explain: lang must be 'en' or 'zh'", 2)
  end
  return { meaning = words.meaning, fix = words.fix, who = entry.who, retry = entry.retry }
end

--- Takes an errmsg apart: "invalid x, hint: [123], from ip: 1.2.3.4, more info at …".
-- @treturn string the words without the tail
-- @treturn string|nil hint, the digits support asks for
-- @treturn string|nil from_ip, the caller's address as the server saw it
local function take_apart(errmsg)
  local hint = errmsg:match("hint: %[([%w%-_]+)%]")
  local from_ip = errmsg:match("from ip: ([%x%.:]+)")
  local tail = errmsg:find(",? *hint: %[") or errmsg:find(",? *from ip: ")
    or errmsg:find(",? *more info at ")
  return tail and errmsg:sub(1, tail - 1) or errmsg, hint, from_ip
end

--- What is safe to repeat of a text a server sent: valid UTF-8, one line, 300 bytes.
function errors.excerpt(text)
  text = text:gsub("[%c]+", " ")
  if #text > 300 then
    text = text:sub(1, 300) .. "..."
  end
  local _, offset = core.length(text, "bytes")
  while offset do -- a cut character, or bytes that never were UTF-8
    text = text:sub(1, offset - 1) .. "?" .. text:sub(offset + 1)
    _, offset = core.length(text, "bytes")
  end
  return text
end

--- The error of a reply whose errcode is not 0.
-- @tparam string op
-- @tparam table reply with `errcode` and perhaps `errmsg`
function errors.api(op, reply)
  local errcode = reply.errcode
  local errmsg = errors.excerpt(reply.errmsg or "")
  local words, hint, from_ip = take_apart(errmsg)
  local known = errors.explain(errcode)
  local message = "errcode " .. core.number(errcode)
  if words ~= "" then
    message = message .. " '" .. words .. "'"
  end
  if known then
    message = message .. ": " .. known.meaning
  end
  local fix = known and known.fix
  if errcode == 60020 and from_ip then
    fix = fix .. " The address to add is " .. from_ip .. "."
  end
  return errors.new {
    kind = "api", code = errcode, op = op, message = message,
    errcode = errcode, errmsg = reply.errmsg and errmsg, hint = hint, from_ip = from_ip,
    fix = fix, who = known and known.who, retryable = known ~= nil and known.retry ~= "no",
  }
end

return errors
