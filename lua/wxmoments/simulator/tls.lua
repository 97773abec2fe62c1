--- Certificates for a simulator that speaks HTTPS, good and bad, and nginx's lines for them.
-- They are made by the openssl command, in the simulator's private folder, for one run.

local process = require "wxmoments.simulator.process"

local tls = {}

local MISSING = "wxmoments.simulator: the openssl command is needed to make a certificate "
  .. "(Debian and Ubuntu: apt-get install openssl): "

-- openssl's `ca` alone can date a certificate back, and it wants a file.
local CONFIGURATION = [[
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $names
[ca]
default_ca = issue
[issue]
database = issued
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = server
[any]
commonName = supplied
]]

local SCRIPT = [[
cd $directory && exec 2>tls.log && umask 077 && : >issued || exit 1
new="-config tls.conf -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
authority() {
  openssl req -x509 $new -days 30 -extensions authority -keyout "$1.key" -out "$1.pem" \
    -subj "/CN=wxmoments simulator, $1"
}
server() {
  openssl req $new -keyout server.key -out server.csr -subj /CN=localhost &&
    openssl ca -batch -notext -config tls.conf -cert ca.pem -keyfile ca.key \
      -in server.csr -out server.pem "$@"
}
alone() {
  openssl req -x509 $new -days 30 -extensions server -keyout server.key -out server.pem \
    -subj /CN=localhost
}
$steps || { tail -n 3 tls.log; exit 1; }]]

local GOOD = "DNS:localhost, IP:127.0.0.1"

-- What is made for each kind of certificate, and which CA a client is told to trust.
local KINDS = {
  good = { names = GOOD, steps = "authority ca && server -days 30" },
  wrong_name = {
    names = "DNS:wrong.example, IP:127.0.0.2", steps = "authority ca && server -days 30",
  },
  expired = {
    names = GOOD,
    steps = "authority ca && server -startdate 20200101000000Z -enddate 20200201000000Z",
  },
  unknown_ca = {
    names = GOOD, steps = "authority ca && authority other && server -days 30", trusted = "other",
  },
  self_signed = { names = GOOD, steps = "authority ca && alone" },
}

local function fill(text, values)
  return (text:gsub("%$(%l%l%l+)", function(name) return values[name] end))
end

local function make(kind, directory)
  local file, message = io.open(directory .. "/tls.conf", "wb")
  if not file then return nil, message end
  file:write(fill(CONFIGURATION, kind))
  file:close()
  local output, status = process.run(fill(SCRIPT, {
    directory = process.quote(directory), steps = kind.steps,
  }))
  if status ~= 0 then return nil, MISSING .. output:gsub("%s+", " ") end
  return {
    certificate = directory .. "/server.pem", key = directory .. "/server.key",
    ca_file = directory .. "/" .. (kind.trusted or "ca") .. ".pem",
  }
end

--- Makes what the option `tls` asks for.
-- @tparam boolean|string|table wanted as simulator.serve takes it
-- @tparam string directory
-- @treturn table|nil certificate, key, and ca_file unless the caller brought the first two
-- @treturn string what went wrong
function tls.prepare(wanted, directory)
  if type(wanted) == "table" then return wanted end
  return make(KINDS[wanted == true and "good" or wanted], directory)
end

-- Protocols before 1.2 have nothing but ciphers and hashes that OpenSSL refuses by default.
local OLD = { ["TLSv1"] = true, ["TLSv1.1"] = true }

--- nginx's lines for a server.
-- @tparam table files certificate and key
-- @tparam[opt] string protocols as ssl_protocols takes them
-- @tparam function word quotes one word of nginx's configuration
-- @treturn string
function tls.directives(files, protocols, word)
  protocols = protocols or "TLSv1.2 TLSv1.3"
  local lines = {
    "ssl_certificate " .. word(files.certificate) .. ";",
    "ssl_certificate_key " .. word(files.key) .. ";",
    "ssl_protocols " .. protocols .. ";",
  }
  for protocol in protocols:gmatch("%S+") do
    if OLD[protocol] then lines[4] = 'ssl_ciphers "ALL:@SECLEVEL=0";' end
  end
  return table.concat(lines, "\n    ")
end

return tls
