--- A reply as the bytes that HTTP/1.1 carries, and replies that are made too long.

local wire = {}

local LINE = 4000 -- bytes of a padding header
local NAME = "X-Padding"

local REASONS = { [200] = "OK", [404] = "Not Found", [502] = "Bad Gateway" }

--- Status line and headers. These bytes, and the body behind them, are what a cut counts.
-- @tparam table response
-- @treturn string
function wire.head(response)
  local status = response.status
  local lines = { string.format("HTTP/1.1 %d %s", status, REASONS[status] or "Status") }
  for _, header in ipairs(response.headers) do
    lines[#lines + 1] = header[1] .. ": " .. header[2]
  end
  lines[#lines + 1] = string.format("Content-Length: %d", #response.body)
  lines[#lines + 1] = "Connection: close"
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

--- Headers that together are at least so long.
-- @tparam number bytes
-- @treturn table a list of {name, value}
function wire.padding(bytes)
  local headers, line = {}, { NAME, ("x"):rep(LINE - #NAME) }
  for i = 1, math.ceil(bytes / LINE) do headers[i] = line end
  return headers
end

--- How many blanks make a body as long as its padding says.
function wire.blanks(response, pad)
  return pad and pad.part == "body" and math.max(0, pad.bytes - #response.body) or 0
end

--- The reply with its padding: blanks behind the JSON, or headers.
-- @tparam table response
-- @tparam[opt] table pad { part = "body"|"headers", bytes }
-- @treturn table response, a new one where something is added
function wire.padded(response, pad)
  if not pad then return response end
  local headers = {}
  for i, header in ipairs(response.headers) do headers[i] = header end
  for _, header in ipairs(pad.part == "headers" and wire.padding(pad.bytes) or {}) do
    headers[#headers + 1] = header
  end
  return {
    status = response.status, headers = headers,
    body = response.body .. (" "):rep(wire.blanks(response, pad)),
  }
end

return wire
