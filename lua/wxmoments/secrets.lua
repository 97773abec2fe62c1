--- What must never become text: a client's secret and its tokens, taken out of whatever
-- an error is going to say.
-- @module wxmoments.secrets

local methods = {}
local Secrets = { __index = methods, __name = "wxmoments.secrets" }

function Secrets.__tostring()
  return Secrets.__name
end

local secrets = {}

--- Makes the keeper of one client's secrets.
-- @tparam ?string corpsecret
function secrets.new(corpsecret)
  return setmetatable({ _known = { corpsecret = corpsecret } }, Secrets)
end

--- Remembers the token in use; the one before it too, which a late answer may still name.
function methods:remember(token)
  local known = self._known
  if known.token ~= token then
    known.token, known.previous_token = token, known.token
  end
end

-- Eight bytes of a secret are a piece of it; what is shorter could be any word.
local PIECE = 8

-- Replaces every run of PIECE bytes and more that the secret contains: a cut may have left
-- a part of it only.
local function replace(text, secret)
  for i = 1, #secret - PIECE + 1 do
    local from, to = text:find(secret:sub(i, i + PIECE - 1), 1, true)
    while from do
      local next_of_secret = i + PIECE
      while to < #text and text:byte(to + 1) == secret:byte(next_of_secret) do
        to, next_of_secret = to + 1, next_of_secret + 1
      end
      text = text:sub(1, from - 1) .. "***" .. text:sub(to + 1)
      from, to = text:find(secret:sub(i, i + PIECE - 1), from + 3, true)
    end
  end
  return text
end

--- The text without the secrets, and without whatever stands behind their usual names.
function methods:redact(text)
  for _, secret in pairs(self._known) do
    text = replace(text, secret)
  end
  return (text:gsub("([%a_]*token=)[^&%s\"']+", "%1***")
    :gsub("(corpsecret=)[^&%s\"']+", "%1***"))
end

-- Errors within errors: a problem of a cause of an error, and no deeper.
local DEEPEST = 4

local function redact_fields(self, fields, depth)
  for name, value in pairs(fields) do
    if type(value) == "string" then
      fields[name] = self:redact(value)
    elseif type(value) == "table" and depth < DEEPEST then
      redact_fields(self, value, depth + 1)
    end
  end
  return fields
end

--- Redacts every text of an error, of its problems and of its cause, in place.
-- @tparam table err made by this module
-- @treturn table the same error
function methods:redact_error(err)
  return redact_fields(self, err, 1)
end

return secrets
