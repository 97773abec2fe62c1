--- The simulated server's replies: results, errors in WeCom's form, and plain pages.

local json = require "wxmoments.simulator.json"

local reply = {}

local DOCUMENT = "https://open.work.weixin.qq.com/devtool/query?e="

-- The first words of errmsg, as they were seen from the service where it is known; it is not
-- from 41009 to 41067.
local MESSAGES = {
  [-1] = "system busy",
  [40001] = "invalid credential",
  [40003] = "invalid userid",
  [40013] = "invalid corpid",
  [40014] = "invalid access_token",
  [40058] = "invalid Request Parameter",
  [40091] = "secret is invalid",
  [40096] = "invalid external userid",
  [41001] = "access_token missing",
  [41002] = "corpid missing",
  [41004] = "corpsecret missing",
  [41009] = "userid missing",
  [41059] = "moment_id missing",
  [41060] = "invalid moment_id",
  [41061] = "userid is not the publisher of this moment",
  [41062] = "moment not published yet by this userid",
  [41067] = "invalid create type of this moment",
  [42001] = "access_token expired",
  [45009] = "api freq out of limit",
  [45033] = "api concurrent out of limit",
  [48002] = "api forbidden",
  [50003] = "app disabled",
  [60020] = "not allow to access from your ip",
  [60111] = "userid not found",
  [84061] = "not external contact",
  [301002] = "not allow operate another agent with this accesstoken",
}

--- A JSON body with the service's content type.
-- @tparam string body
-- @tparam[opt] table headers more {name, value} pairs
-- @treturn table a response of the driver contract
function reply.json(body, headers)
  local all = { { "Content-Type", "application/json; charset=UTF-8" } }
  for _, header in ipairs(headers or {}) do all[#all + 1] = header end
  return { status = 200, headers = all, body = body }
end

--- A page of a gateway or web server.
-- @tparam number status
-- @tparam string title
-- @treturn table a response
function reply.html(status, title)
  local body = "<html>\r\n<head><title>" .. title .. "</title></head>\r\n<body>\r\n<center><h1>"
    .. title .. "</h1></center>\r\n</body>\r\n</html>\r\n"
  return { status = status, headers = { { "Content-Type", "text/html" } }, body = body }
end

--- A successful answer.
-- @tparam string errmsg "ok", or with a warning behind it
-- @tparam table fields the endpoint's own fields
-- @tparam table order their names in the document's order
-- @treturn table a response
function reply.ok(errmsg, fields, order)
  local object, keys = { errcode = 0, errmsg = errmsg }, { "errcode", "errmsg" }
  for _, key in ipairs(order) do
    object[key] = fields[key]
    keys[#keys + 1] = key
  end
  return reply.json(json.encode(object, keys))
end

--- A refusal: HTTP 200, the verdict in errcode and once more in two headers.
-- @tparam number code
-- @tparam string hint the digits that WeCom's support asks for
-- @tparam[opt] string field what was wrong with which field, put in front
-- @tparam[opt] string message instead of the words known for the code
-- @treturn table a response
function reply.refuse(code, hint, field, message)
  local errmsg = (field and field .. ". " or "") .. (message or MESSAGES[code] or "error")
    .. ", hint: [" .. hint .. "], from ip: 127.0.0.1, more info at "
    .. DOCUMENT .. json.number(code)
  return reply.json(json.encode({ errcode = code, errmsg = errmsg }, { "errcode", "errmsg" }), {
    { "Error-Code", json.number(code) },
    { "Error-Msg", (errmsg:gsub("%c", " ")) },
  })
end

return reply
