--- What must never become text: a client's secret and its tokens, taken out of whatever
-- an error is going to say.
-- @module wxmoments.secrets

local Secrets = {}
Secrets.__index = Secrets

local secrets = {}

--- Makes the keeper of one client's secrets.
-- @tparam ?string corpsecret
function secrets.new(corpsecret)
  return setmetatable({ _known = { corpsecret = corpsecret } }, Secrets)
end

--- Remembers the token in use; the one before it too, which a late answer may still name.
function Secrets:remember(token)
  local known = self._known
  if known.token ~= token then
    known.token, known.previous_token = token, known.token
  end
end

-- Replaces a text by another, both taken as they are.
local function replace(text, old, new)
  local from, to = text:find(old, 1, true)
  while from do
    text = text:sub(1, from - 1) .. new .. text:sub(to + 1)
    from, to = text:find(old, from + #new, true)
  end
  return text
end

--- The text without the secrets, and without whatever stands behind their usual names.
function Secrets:redact(text)
  for _, secret in pairs(self._known) do
    text = replace(text, secret, "***")
  end
  return (text:gsub("([%a_]*token=)[^&%s\"']+", "%1***")
    :gsub("(corpsecret=)[^&%s\"']+", "%1***"))
end

local TEXTS = { "message", "errmsg", "fix", "path" }

--- Redacts every text of an error and of its problems, in place.
-- @tparam table err
-- @treturn table the same error
function Secrets:redact_error(err)
  for _, name in ipairs(TEXTS) do
    if type(err[name]) == "string" then
      err[name] = self:redact(err[name])
    end
  end
  for _, problem in ipairs(err.problems or {}) do
    self:redact_error(problem)
  end
  return err
end

return secrets
