--- A reply that ends at every one of its bytes, or comes byte by byte: whole in the end, or an
-- error; never a short list that looks complete. #nginx

local proxy = require "spec.support.proxy"
local reading = require "spec.support.reading"
local server = require "spec.support.server"
local simulator = require "wxmoments.simulator"
local wxmoments = require "wxmoments"

local CORP = { moments = 2, seed = 2, start_time = 1600000000, end_time = 1600000000 + 86400 }
local RANGE = { start_time = CORP.start_time, end_time = CORP.end_time }
local CHUNK = 200 -- rules of one proxy, each for a connection of its own

-- Until it has a whole status line, libcurl asks again by itself where the connection was used
-- before: that is why what must not be sent twice gets a connection of its own.
local STATUS_LINE = #"HTTP/1.1 200 OK\r\n"

local SECRETS = { "T0KEN" }
local NAMES = { "cut", "reset" }

local sim = simulator.new(CORP)
local truth = reading.truth(sim)

-- The body of the reply, for servers of the tests' own.
local BODY = sim:handle({ method = "GET", url = "/cgi-bin/gettoken?corpid=" .. sim.corpid
  .. "&corpsecret=" .. sim.corpsecret }).body
BODY = sim:handle({ method = "POST",
  url = "/cgi-bin/externalcontact/get_moment_list?access_token="
    .. BODY:match('"access_token":"([^"]+)"'),
  body = ('{"start_time":%d,"end_time":%d}'):format(RANGE.start_time - 1, RANGE.end_time + 1),
}).body

local function client(base_url, attempts, more)
  return wxmoments.wecom { base_url = base_url, proxy = "", ca_file = more and more.ca_file,
    retry = { attempts = attempts, base = 0.0001 }, deadline = 5,
    access_token = more and more.access_token or function() return "T0KEN", 7200 end }
end

-- Reads the range, and once more after an error. Gives what is wrong, if anything, and the
-- error.
local function read(corp)
  local it, rows = corp:each_moment(RANGE), {}
  local err = reading.go_on(it, rows)
  if not err then return reading.wrong_end(it, rows, truth) end
  local wrong = reading.wrong_form(err, SECRETS)
    or (it.complete or #rows > 0) and "rows of a reply that did not come"
  local second = not wrong and reading.go_on(it, rows)
  wrong = wrong or second and "it fails again: " .. tostring(second)
    or reading.wrong_end(it, rows, truth)
  return wrong, err
end

-- What is wrong with the error of a reply that broke off, or nil.
local function wrong_kind(err)
  if err.kind ~= "transport" or not err.retryable or err.op ~= "get_moment_list" then
    return ("%s, %s, %s"):format(err.kind, tostring(err.code), tostring(err))
  end
end

describe("a reply #nginx", function()
  local host, through, token

  setup(function()
    host = assert(simulator.serve(CORP))
  end)

  teardown(function() host.stop() end)

  after_each(function()
    if through then through:stop() end
    through = nil
  end)

  -- A client of a proxy that does this.
  local function client_through(rules, attempts)
    through = proxy.start { to = host.port, rules = rules, seconds = 60 }
    return client(through.base_url, attempts, { access_token = function()
      if not token then
        local corp = wxmoments.wecom { corpid = host.corpid, corpsecret = host.corpsecret,
          base_url = host.base_url, token_store = reading.store(), proxy = "" }
        token = assert(corp:call { path = "/cgi-bin/gettoken",
          query = { corpid = host.corpid, corpsecret = host.corpsecret } }).access_token
        SECRETS[1] = token
      end
      return token, 7200
    end })
  end

  -- Bytes of a whole reply, headers included: the proxy says when the second begins.
  local function length_of()
    local corp = client_through({ { reply = 2, after = 0, delay = 0 } }, 1)
    assert.is_nil(read(corp))
    assert.is_nil(read(corp))
    local length = through:log()[1].passed
    through:stop()
    return length
  end

  -- Connection c gives one reply whole, the answer to what was broken off on the one before;
  -- its second reply ends after a number of bytes of its own. Gives how often that was an error.
  local function read_broken(event, attempts, first, last)
    local rules, errors = {}, 0
    for bytes = first, last do
      rules[#rules + 1] = { connection = #rules + 1, reply = 2, after = bytes, [event] = true }
    end
    local corp = client_through(rules, attempts)
    assert.is_nil(read(corp))
    for bytes = first, last do
      local wrong, err = read(corp)
      wrong = wrong or err and wrong_kind(err)
      assert.is_nil(wrong, ("%d bytes: %s"):format(bytes, tostring(wrong)))
      errors = errors + (err and 1 or 0)
    end
    local followed = 0
    for _, entry in ipairs(through:log()) do
      followed = followed + (entry.event == event and 1 or 0)
    end
    assert.equal(last - first + 1, followed)
    through:stop()
    return errors
  end

  for _, event in ipairs(NAMES) do
    for _, attempts in ipairs { 2, 1 } do
      local ends = attempts > 1 and "whole when sent again" or "an error when sent once"
      local name = ("%s at every byte on a kept connection: %s (%d cases and the headers' bytes)")
        :format(event, ends, #BODY)
      it(name, function()
        local length, errors = length_of(), 0
        assert.is_true(length > #BODY + 100)
        for first = 0, length - 1, CHUNK do
          errors = errors + read_broken(event, attempts, first, math.min(first + CHUNK, length) - 1)
        end
        assert.equal(attempts > 1 and 0 or length - STATUS_LINE, errors)
      end)
    end
  end

  for what, rules in pairs {
    ["byte by byte"] = { { connection = 1, reply = 1, split = 1, every = 0.0002 } },
    ["in pieces of seven bytes, on a kept connection"] = { { reply = 2, split = 7 } },
    ["to a request that goes byte by byte"] = { { from = "client", split = 1, every = 0.0002 } },
    ["late"] = { { delay = 0.1 } },
    ["with pauses"] = { { after = 10, delay = 0.05 }, { after = 100, delay = 0.05 },
      { after = 300, delay = 0.05 }, { after = 900, delay = 0.05 } },
  } do
    it("that comes " .. what .. " is whole", function()
      local corp = client_through(rules, 1)
      for _ = 1, 2 do
        local wrong, err = read(corp)
        assert.is_nil(wrong)
        assert.is_nil(err)
      end
      assert.is_true(#through:log() > 0)
    end)
  end
end)

-- ---- other ways to say where a body ends -------------------------------------------------

-- What a cut in the body is, by how the reply says its length: only where the end of the
-- connection ends it has HTTP no knowledge, and then the JSON tells. The very last byte of
-- chunks is one that libcurl does not wait for.
local WAYS = {
  { "sized", { body = BODY }, "transport" },
  { "chunked", { body = BODY, chunked = true }, "transport", spare = 1 },
  { "ended by the connection's end", { body = BODY, sized = false }, "decode" },
}

describe("a reply that is cut at every byte, #many", function()
  for _, way in ipairs(WAYS) do
    local bytes = server.reply(way[2])
    local head = bytes:find("\r\n\r\n", 1, true) + 3
    local last = #bytes - 1 - (way.spare or 0)

    it(("%s (%d cases)"):format(way[1], last + 1), function()
      local connections = {}
      for length = 0, last do
        connections[#connections + 1] = { { bytes:sub(1, length), server.CLOSE } }
        connections[#connections + 1] = { { bytes, server.CLOSE } }
      end
      local host = server.start { connections = connections, seconds = 60 }
      local corp = client(host.base_url, 1)
      for length = 0, last do
        local wrong, err = read(corp)
        local expected = length >= head and way[3] or "transport"
        wrong = wrong or not err and "no error" or err.kind ~= expected and tostring(err)
        if wrong then host:stop() end
        assert.is_falsy(wrong, ("%d of %d bytes: %s"):format(length, #bytes, tostring(wrong)))
      end
      host:stop()
    end)
  end

  it("is not asked for again where that must not be: in the status line", function()
    local whole = server.reply { body = '{"errcode":0}' }
    local connections = { { { whole } } }
    for length = 0, STATUS_LINE - 1 do
      connections[length + 2] = { { whole:sub(1, length), server.CLOSE } }
    end
    local host = server.start { connections = connections }
    local corp = client(host.base_url, 4)
    assert(corp:call { path = "/cgi-bin/read" })
    for length = 0, STATUS_LINE - 1 do
      local reply, err = corp:call { path = "/cgi-bin/write", body = {} }
      assert.is_nil(reply)
      assert.same({ "transport", "unknown", 1 }, { err.kind, err.outcome, err.attempts })
      assert.equal(length + 2, #host:log())
    end
    host:stop()
  end)
end)
