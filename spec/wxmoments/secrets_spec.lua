--- No secret becomes text: every error, event and tostring there is, looked through for
-- the token and the secret.

local fake = require "spec.support.fake"
local memory = require "wxmoments.store.memory"
local wxmoments = require "wxmoments"

local SECRET, TOKEN = "s3cr3t-0f-the-app", "t0k3n-of-the-app"

-- Everything a value shows, however deep, keys and metatables' texts included.
local function text_of(value, seen)
  seen = seen or {}
  if type(value) ~= "table" or seen[value] then
    return type(value) == "table" and "" or tostring(value)
  end
  seen[value] = true
  local parts = { tostring(value) }
  for name, inner in pairs(value) do
    parts[#parts + 1] = text_of(name, seen)
    parts[#parts + 1] = text_of(inner, seen)
  end
  return table.concat(parts, "\n")
end

local function assert_clean(what, value)
  local text = text_of(value)
  for _, secret in ipairs { SECRET, TOKEN } do
    assert.falsy(text:find(secret, 1, true), what .. " shows a secret")
    assert.falsy(text:find(secret:upper(), 1, true), what)
  end
end

-- What a server or a driver may say back, with the secrets in it. A token that was never
-- given out is known by the name in front of it alone.
local SAID_LATER = "GET /cgi-bin/x?access_token=" .. TOKEN
  .. "&corpsecret=" .. SECRET .. " " .. TOKEN
local SAID_AT_GETTOKEN = "GET /cgi-bin/x?access_token=" .. TOKEN
  .. "&corpsecret=" .. SECRET .. " " .. SECRET

local ANSWERS = {
  ["an errcode"] = function(said) return fake.ok('{"errcode":48002,"errmsg":"' .. said .. '"}') end,
  ["a refused token"] = function(said)
    return fake.ok('{"errcode":40014,"errmsg":"' .. said .. '"}')
  end,
  ["a busy server"] = function(said) return fake.ok('{"errcode":-1,"errmsg":"' .. said .. '"}') end,
  ["an unknown errcode"] = function(said)
    return fake.ok('{"errcode":123456,"errmsg":"' .. said .. '"}')
  end,
  ["the warning"] = function(said)
    return fake.ok('{"errcode":0,"errmsg":"wrong json format ' .. said .. '"}')
  end,
  ["broken JSON"] = function(said) return fake.ok(said) end,
  ["a wrong type"] = function(said)
    return fake.ok('{"errcode":0,"errmsg":[],"moment_list":"' .. said .. '"}')
  end,
  ["a name that is unknown"] = function(said)
    return fake.ok('{"errcode":0,"errmsg":[],"moment_list":[{"' .. said .. [[":1}]}]])
  end,
  ["HTTP 500"] = function(said)
    return { status = 500, headers = { { "X", said } }, body = said }
  end,
  ["HTTP 302"] = function(said)
    return { status = 302, headers = { { "Location", said } }, body = "" }
  end,
  ["a driver's string"] = function(said) return nil, said end,
  ["a driver's table"] = function(said)
    return nil, setmetatable({}, { __tostring = function() return said end })
  end,
}

describe("no secret", function()
  for what, answer in pairs(ANSWERS) do
    it("is shown by " .. what .. ", at gettoken or later", function()
      for _, at_gettoken in ipairs { true, false } do
        local events = {}
        local driver = fake.driver(function(request)
          if not at_gettoken and request.url:find("/gettoken?", 1, true) then
            return fake.ok(('{"errcode":0,"access_token":"%s","expires_in":7200}'):format(TOKEN))
          end
          return answer(at_gettoken and SAID_AT_GETTOKEN or SAID_LATER)
        end)
        local store = memory.new()
        local corp = wxmoments.wecom {
          corpid = "ww1", corpsecret = SECRET, driver = driver, token_store = store,
          on_event = function(event) events[#events + 1] = event end,
        }
        local reply, err = corp:get_moment_list { start_time = 1, end_time = 2 }
        assert.is_nil(reply)
        assert.is_table(err)
        assert_clean("the error", err)
        assert_clean("tostring of the error", tostring(err))
        assert_clean("an event", events)
        assert_clean("the client", corp)
        assert_clean("the store", store)
        local iterator = corp:each_moment { start_time = 1, end_time = 2 }
        assert_clean("the iterator's error", { iterator:next() })
        assert_clean("the iterator", iterator)
        local _, called = corp:call { path = "/cgi-bin/x" }
        assert_clean("the error of call", called)
        local ok, raised = pcall(function()
          for _ in corp:each_moment { start_time = 1, end_time = 2 } do error("a row") end
        end)
        assert.is_false(ok)
        assert_clean("what a loop raises", raised)
      end
    end)
  end

  it("is shown by a cut, a hint, an address or a name, wherever it stands", function()
    local long = {}
    for i = 1, 160 do
      long[i] = ("%x"):format((i * 7) % 16)
    end
    long = table.concat(long)
    local function assert_no_piece(value)
      local text = text_of(value)
      for i = 1, #long - 11 do
        assert.falsy(text:find(long:sub(i, i + 11), 1, true), "shows a piece of the token")
      end
    end
    local function error_for(body)
      local driver = fake.driver { fake.ok(body) }
      local corp = wxmoments.wecom { driver = driver,
        access_token = function() return long, 7200 end }
      return select(2, corp:get_moment_list { start_time = 1, end_time = 2 })
    end
    for before = 0, 310, 10 do
      assert_no_piece(error_for(('{"errcode":48002,"errmsg":"%s%s"}'):format(
        ("x"):rep(before), long)))
    end
    assert_no_piece(error_for('{"errcode":48002,"errmsg":"x, hint: [' .. long .. ']"}'))
    assert_no_piece(error_for('{"errcode":48002,"errmsg":"x, from ip: ' .. long .. '"}'))
    assert_no_piece(error_for('{"errcode":0,"errmsg":[],"' .. long .. '":1}'))
    assert_no_piece(error_for('{"errcode":0,"x":{"' .. long .. '":tru}}'))
  end)

  it("is shown by options that are wrong", function()
    for _, options in ipairs {
      { corpid = "ww1", corpsecret = SECRET, deadline = "x" },
      { corpid = "ww1", corpsecret = SECRET, base_url = "http://" .. SECRET },
      { corpid = "ww1", corpsecret = { SECRET } },
      { corpid = "ww1", corpsecret = SECRET, access_token = function() return TOKEN end },
      { corpid = "ww1", corpsecret = SECRET, token_store = { [TOKEN] = TOKEN } },
    } do
      local ok, message = pcall(wxmoments.wecom, options)
      assert.is_false(ok)
      assert_clean("the message", message)
    end
  end)

  it("is in the key a store knows a token by", function()
    local keys = {}
    local store = memory.new()
    local set = store.set
    store.set = function(self, key, ...)
      keys[#keys + 1] = key
      return set(self, key, ...)
    end
    local driver = fake.driver {
      fake.ok(('{"errcode":0,"access_token":"%s","expires_in":7200}'):format(TOKEN)),
    }
    wxmoments.wecom { corpid = "ww1", corpsecret = SECRET, driver = driver, token_store = store }
      :get_moment_list { start_time = 1, end_time = 2 }
    assert.equal(1, #keys)
    assert.truthy(keys[1]:find("^wxmoments:token:ww1:%x+$"))
  end)

  it("is in what a function gives instead of a token", function()
    local corp = wxmoments.wecom {
      access_token = function() return nil, "provider: access_token=" .. TOKEN end,
      driver = fake.driver {},
    }
    local _, err = corp:get_moment_list { start_time = 1, end_time = 2 }
    assert_clean("the error", err)
  end)
end)
