--- HTTPS as the whole client sees it: which certificates and protocols are taken, and what is
-- said of the others. #nginx

local process = require "wxmoments.simulator.process"
local simulator = require "wxmoments.simulator"
local wxmoments = require "wxmoments"

local RANGE = { start_time = 1704067200, end_time = 1704067200 + 2592000 }

local host

local function serve(options)
  options.moments = 50
  host = assert(simulator.serve(options))
end

local function client(more)
  local options = { corpid = host.corpid, corpsecret = host.corpsecret, base_url = host.base_url,
    ca_file = host.ca_file, token_store = require "wxmoments.store.memory".new(), proxy = "" }
  for name, value in pairs(more or {}) do options[name] = value end
  return wxmoments.wecom(options)
end

-- The error of a call that must fail; it shows no secret.
local function refusal(more)
  local page, err = client(more):get_moment_list(RANGE)
  assert.is_nil(page)
  assert.is_nil(tostring(err):find(host.corpsecret, 1, true))
  return err
end

describe("over HTTPS #nginx", function()
  after_each(function()
    if host then host.stop() end
    host = nil
  end)

  for _, http2 in ipairs { false, true } do
    local with = http2 and ", to a server that has HTTP/2 too" or ""

    it("a certificate of the CA that is trusted is taken" .. with, function()
      serve { tls = true, http2 = http2 }
      assert.matches("^https://127%.0%.0%.1:%d+$", host.base_url)
      local sim = simulator.new { moments = 50 }
      local count = 0
      for moment in client():each_moment { start_time = 1704067200, end_time = 1735689599 } do
        count = count + 1
        assert.is_true(sim:delete(moment.moment_id))
      end
      assert.equal(50, count)
      local by_name = client { base_url = "https://localhost:" .. host.port }
      assert(by_name:get_moment_list(RANGE))
    end)

    local WRONG = {
      { "wrong_name", "no alternative certificate subject name matches" },
      { "expired", "certificate has expired" },
      { "unknown_ca", "unable to get local issuer certificate" },
      { "self_signed", "self.signed certificate" },
    }
    for _, case in ipairs(WRONG) do
      it("a certificate is refused: " .. case[1] .. with, function()
        serve { tls = case[1], http2 = http2 }
        local err = refusal()
        assert.same({ "transport", "PEER_FAILED_VERIFICATION", "admin", false, 1 },
          { err.kind, err.code, err.who, err.retryable, err.attempts })
        assert.matches(case[2], err.message)
        assert.matches("base_url, the clock, and the option 'ca_file'", err.fix, 1, true)
      end)
    end
  end

  it("the system's CAs do not know ours", function()
    serve { tls = true }
    host.ca_file = nil
    assert.equal("PEER_FAILED_VERIFICATION", refusal().code)
  end)

  it("a file that holds no CA is named as such", function()
    serve { tls = true }
    local err = refusal { ca_file = "/nonexistent/ca.pem" }
    assert.same({ "transport", "SSL_CACERT_BADFILE", false }, { err.kind, err.code, err.retryable })
    assert.matches("'ca_file'", err.fix, 1, true)
  end)

  it("TLS 1.1 is refused, of a server that does speak it", function()
    serve { tls = true, protocols = "TLSv1.1" }
    local err = refusal { retry = { attempts = 1 } }
    assert.same({ "transport", "SSL_CONNECT_ERROR" }, { err.kind, err.code })
    assert.matches("protocol version", err.message)
    assert.matches("TLS 1.2 or later", err.fix, 1, true)
    local spoken = process.run("openssl s_client -connect 127.0.0.1:" .. host.port
      .. " -tls1_1 -cipher ALL:@SECLEVEL=0 -CAfile " .. process.quote(host.ca_file)
      .. " </dev/null 2>/dev/null")
    assert.matches("Protocol%s*: TLSv1%.1", spoken)
    assert.matches("Verify return code: 0", spoken, 1, true)
  end)

  it("a certificate of the caller's own is served", function()
    serve { tls = true }
    local folder = host.ca_file:match("^(.*)/")
    local first = host
    host = assert(simulator.serve { moments = 1, http2 = true, protocols = "TLSv1.2 TLSv1.3",
      tls = { certificate = folder .. "/server.pem", key = folder .. "/server.key" } })
    assert.is_nil(host.ca_file)
    local page, err = client({ ca_file = first.ca_file }):get_moment_list(RANGE)
    first.stop()
    assert.is_nil(err)
    assert.is_table(page)
    assert.is_nil(io.open(folder .. "/server.key"))
  end)

  it("a server that has HTTP/2 speaks it", function()
    serve { tls = true, http2 = true }
    local spoken = process.run("openssl s_client -connect 127.0.0.1:" .. host.port
      .. " -alpn h2,http/1.1 </dev/null 2>/dev/null")
    assert.matches("ALPN protocol: h2", spoken, 1, true)
  end)
end)
