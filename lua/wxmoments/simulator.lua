--- A stateful WeCom to test against: in process, or over real HTTP on nginx.
--
-- It gives out access tokens and answers get_moment_list, get_moment_task,
-- get_moment_customer_list, get_moment_send_result and get_moment_comments
-- (developer.work.weixin.qq.com, path 96352) from data that a seed decides, and does wrong
-- what a plan of faults says.
-- @module wxmoments.simulator
-- @usage
-- local simulator = require "wxmoments.simulator"
-- local sim = simulator.new { moments = 500, faults = {
--   { op = "get_moment_list", call = 3, errcode = -1 },  -- the third call: system busy
--   { op = "get_moment_list", call = 5, times = 2, kind = "status", status = 502 },
--   { kind = "short_page" },                             -- every page
-- } }
-- local corp = wxmoments.wecom {
--   corpid = sim.corpid, corpsecret = sim.corpsecret, driver = sim:driver() }

local application = require "wxmoments.simulator.application"
local nginx = require "wxmoments.simulator.nginx"
local options = require "wxmoments.simulator.options"

local simulator = {}

--- Makes a simulated corp.
--
-- All options have defaults, and what is not known raises.
--
-- - `corpid`, `corpsecret`: what gettoken wants
-- - `seed` (1), `moments` (2000): which data, and how much
-- - `members` (20): to how many a corp's moment is given for publishing; some have not
--   published. A personal moment has one publisher, its creator.
-- - `customers` (50): of each member; a moment that is not public is meant for some of them
-- - `start_time`, `end_time`: unix seconds of the first and the last moment (the year 2024, UTC)
-- - `edges` ("open"): whether a window leaves out its two edge seconds ("open", as the document
--   writes it) or has them in ("closed")
-- - `last_cursor` (""): next_cursor of a last page: "", "absent" or "null"
-- - `token_seconds` (7200): a token's life
-- - `cursors` ("keyed"): what a cursor remembers: the last row given ("keyed"), or how many
--   came before ("positional"; after a deletion among those a row is passed over)
-- - `latency` (0): seconds before every answer
-- - `limits` ({}): `in_flight`, how many requests one endpoint takes at once, a further one is
--   refused with 45033; `per_minute`, how many within 60 seconds of the simulator's clock, a
--   further one is refused with 45009. gettoken has no limits.
-- - `faults` ({}): a list of { op, call, times, and errcode (with errmsg) or kind }. `call`
--   counts the requests of that endpoint from 1, `times` makes it so many in a row; without
--   `call` it is every call (or the first `times`); without `op` every endpoint. With
--   `moment_id` or `userid` only requests that name them; `call` counts the others too.
--
-- Kinds of faults, with their own fields and what those are when they are not given.
-- Another answer:
--
-- - "status" (`status`, 502), "html", "body" (`body`), "empty_object", "wrong_json_warning"
--
-- Of lists (the first three lose no row):
--
-- - "short_page", "empty_page", "repeat_rows", "same_cursor"
-- - "cursor_refused" (`errcode`, 40058): a call with a cursor is refused, one without is not
--
-- The body changed, in a reply that is whole as HTTP goes:
--
-- - "truncated" (`bytes`, the first half): the JSON ends early
-- - "broken_json": a comma too many
-- - "wrong_types" (`field`, or in turn those the reply has): the field's first number is an
--   object, its first string a list, its first list a string
-- - "number_ids": ids as bare numbers of 19 digits (wxmoments.simulator.spoil.number_of tells
--   which); to be read
-- - "text_numbers": errcode, create_time and expires_in as text; to be read
-- - "oversize" (`part`, "body" or "headers"; `bytes`, 64 MiB + 1 or 1 MiB): blanks behind the
--   JSON, or headers, that make it so long
--
-- On the way; bytes are those of the whole reply, which is `HTTP/1.1 200 OK`, the headers
-- (without Date, with `Connection: close`) and the body:
--
-- - "delay" (`seconds`): a pause before the answer
-- - "drip" (`size`, 1; `every`, 0.01): so many bytes, then a pause of so many seconds
-- - "cut" (`bytes`, 0): the end of the connection after so many bytes, the request being read.
--   On a connection that was used before, libcurl asks once again by itself after 0 bytes.
--
-- Over HTTP/2 a drip begins with the body, and a cut resets the stream before anything came.
-- In process a virtual clock moves instead, and what fails is the curl driver's error: kind
-- "transport" with GOT_NOTHING, RECV_ERROR (within the headers) or PARTIAL_FILE, "timeout"
-- with OPERATION_TIMEDOUT, "decode" with BODY_TOO_BIG or HEADER_TOO_BIG.
--
-- The last option:
--
-- - `clock` (os.time): function that gives unix seconds
-- @tparam[opt] table given
-- @treturn table with corpid, corpsecret and the methods handle, driver, truth, count, load,
--   requests, expire_token, delete and forget_cursors (wxmoments.simulator.application)
-- @raise for an unknown option or a wrong value
function simulator.new(given)
  local corp, more = options.read("new", given)
  if not corp then error("wxmoments.simulator: " .. more, 2) end
  return application.new(corp, more.clock)
end

--- Serves a simulated corp over HTTP or HTTPS on the loopback address.
--
-- nginx runs until stop() is called or the calling process is gone, with files in a private
-- temporary folder that goes away with it. Besides the endpoints, `GET /_simulator/state`
-- answers { counts, load, requests }, and `POST /_simulator/expire_token?errcode=42001`,
-- `POST /_simulator/delete?moment_id=…` and `POST /_simulator/forget_cursors` do what the
-- methods of these names do. The data is that of simulator.new with the same options.
--
-- Options besides those of new (without `clock`):
--
-- - `port` (a free one), `nginx` = { binary = path, modules = folder of the Lua module }
-- - `tls`: true for a certificate made for this run (127.0.0.1 and localhost), by a CA made for
--   it too; "wrong_name", "expired", "unknown_ca" or "self_signed" for one that a client must
--   refuse; { certificate = path, key = path } for the caller's own
-- - `http2` (false): HTTP/2 as well, for clients that ask for it in the TLS handshake
-- - `protocols` ("TLSv1.2 TLSv1.3"): nginx's ssl_protocols; for "TLSv1.1" the ciphers go down
--   to security level 0, as OpenSSL 3 wants it
-- @tparam[opt] table given
-- @treturn table|nil { base_url, port, pid, corpid, corpsecret, stop = function() }, and
--   with `tls` ca_file: the CA to trust, in the private folder (nil for the caller's own)
-- @treturn string what is missing or went wrong
-- @raise for an unknown option or a wrong value
function simulator.serve(given)
  local corp, more = options.read("serve", given)
  if not corp then error("wxmoments.simulator: " .. more, 2) end
  return nginx.serve(corp, more)
end

return simulator
