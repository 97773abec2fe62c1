--- The operations: what each endpoint takes, gives, and how it may be used. Data only.
--
-- One table makes the client's methods, the checks, the reading of replies and the
-- simulator's routes. Names of endpoints and fields are WeCom's own. A rule is
--
--     { "name", type = "string" | "integer" | "number" | "boolean" | "list" | "object" | "any",
--       required = true,                        of a field: must be there
--       min =, max =, unit =,                   range; length in "bytes" | "codepoints" | "utf16"
--       enum = {…}, printable = true,           the only values; no control characters
--       items = rule, fields = { rule, … },     of lists and objects
--       one_of = { { "a", "b", min =, max = } },  how many of a group of fields
--       span = { "from", "to", min =, max = },  bounds of the difference of two fields
--       codes = { too_long = "…" }, origin =,   the document's own words for a problem
--       advice = { too_long = "…" },            what to do about a problem
--       from_text, from_number, from_single,    reading: other spellings that are understood
--       fill = true,                            reading: an absent list becomes an empty one
--       pick = "a",                             reading: a list of objects as the flat list of
--                                               this field of theirs
--       source = "…" }                          where it is written
--
-- The document is "获取客户朋友圈全部的发表记录" (WeCom, path 96352); section names are its own.
-- @module wxmoments.operations

local operations = {}

-- A moment in milliseconds is beyond this, so that mistake is found.
local LAST_SECOND = 253402300799 -- 9999-12-31T23:59:59Z

-- "朋友圈记录的起止时间间隔不能超过30天"
local THIRTY_DAYS = 30 * 24 * 60 * 60

--- Every answer begins with the verdict. The reads require it: `{}` from a gateway must
-- not pass for an empty list. Gateways were seen to send it as text.
local ERRCODE = { "errcode", type = "integer", required = true, from_text = true }
local ERRMSG = { "errmsg", type = "string" }
local NEXT_CURSOR = { "next_cursor", type = "string" }

local SECONDS = {
  too_large = "Give unix seconds; milliseconds are divided by 1000.",
  not_exact = "Give unix seconds as a whole number.",
  type = "Give unix seconds as a number, as os.time() does.",
}

local function time(name)
  return { name, type = "integer", required = true, min = 0, max = LAST_SECOND, advice = SECONDS }
end

-- An iterator asks for a second more.
local function range_time(name)
  return { name, type = "integer", required = true, min = 0, max = LAST_SECOND - 1,
    advice = SECONDS }
end

local CREATOR = { "creator", type = "string", min = 1, unit = "bytes", printable = true }
local FILTER_TYPE = { "filter_type", type = "integer", enum = { 0, 1, 2 } }
local CURSOR = { "cursor", type = "string" }

-- Of an iterator, not of an endpoint: wxmoments.iterator says what they mean.
local MAX_PAGES = { "max_pages", type = "integer", min = 1 }
local READ_AHEAD = { "read_ahead", type = "integer", min = 0, max = 10000 }
local TOTAL_DEADLINE = { "total_deadline", type = "integer", min = 1 }
local IDS_ONLY = { "ids_only", type = "boolean" }

local MOMENT = {
  type = "object",
  fields = {
    { "moment_id", type = "string", min = 1, unit = "bytes", required = true,
      from_number = true },
    { "creator", type = "string", from_number = true },
    { "create_time", type = "integer", min = 0, max = LAST_SECOND, required = true,
      from_text = true },
    { "create_type", type = "integer", from_text = true },
    { "visible_type", type = "integer", from_text = true },
    { "text", type = "object", fields = { { "content", type = "string" } } },
    {
      "image", type = "list", from_single = true,
      items = { type = "object", fields = { { "media_id", type = "string" } } },
    },
    {
      "video", type = "object",
      fields = { { "media_id", type = "string" }, { "thumb_media_id", type = "string" } },
    },
    {
      "link", type = "object",
      fields = { { "title", type = "string" }, { "url", type = "string" } },
    },
    {
      "location", type = "object",
      fields = {
        { "latitude", type = "string", from_number = true },
        { "longitude", type = "string", from_number = true },
        { "name", type = "string" },
      },
    },
  },
}

--- "获取企业全部的发表列表"
operations.get_moment_list = {
  method = "POST",
  path = "/cgi-bin/externalcontact/get_moment_list",
  safe = true,
  params = {
    type = "object",
    span = { "start_time", "end_time", min = 1, max = THIRTY_DAYS },
    advice = { span = "One page covers 30 days at most, the end after the start; each_moment "
      .. "reads any range." },
    fields = {
      time "start_time",
      time "end_time",
      CREATOR,
      FILTER_TYPE,
      CURSOR,
      { "limit", type = "integer", min = 1, max = 20 },
    },
  },
  reply = {
    type = "object",
    one_of = { { "next_cursor", "moment_list", min = 1, max = 2 } }, -- else no answer to this
    fields = {
      ERRCODE, ERRMSG, NEXT_CURSOR,
      { "moment_list", type = "list", fill = true, items = MOMENT },
    },
  },
  each = {
    name = "each_moment",
    rows = "moment_list",
    id = "moment_id",
    limit = 20,
    time = "create_time",
    -- Windows of time; a row belongs to the window whose share its time is in.
    window = { from = "start_time", to = "end_time", span = THIRTY_DAYS },
    params = {
      type = "object",
      span = { "start_time", "end_time", min = 0 },
      advice = { span = "Is start_time given as end_time?" },
      fields = {
        range_time "start_time",
        range_time "end_time",
        CREATOR,
        FILTER_TYPE,
        MAX_PAGES, READ_AHEAD, TOTAL_DEADLINE,
      },
    },
  },
}

local function required_id(name)
  return { name, type = "string", required = true, min = 1, unit = "bytes", printable = true }
end

-- As the server sends them: to the letter, also with a space at the end.
local USERID = { "userid", type = "string", from_number = true }
local EXTERNAL_USERID = { "external_userid", type = "string", from_number = true }

local function object(...)
  return { type = "object", fields = { ... } }
end

-- A reply with rows in pages: one without its list and without a cursor is no answer to this.
local function paged(list)
  local reply = object(ERRCODE, ERRMSG, NEXT_CURSOR, list)
  reply.one_of = { { "next_cursor", list[1], min = 1, max = 2 } }
  return reply
end

-- Must be there in every row: it is what the row is known by.
local function key(field)
  return { field[1], type = "string", min = 1, unit = "bytes", required = true, from_number = true }
end

local MOMENT_ID, MEMBER = required_id "moment_id", required_id "userid"

--- "获取客户朋友圈企业发表的列表"
operations.get_moment_task = {
  method = "POST",
  path = "/cgi-bin/externalcontact/get_moment_task",
  safe = true,
  params = object(MOMENT_ID, CURSOR, { "limit", type = "integer", min = 1, max = 1000 }),
  reply = paged {
    "task_list", type = "list", fill = true,
    items = object(key(USERID), { "publish_status", type = "integer", from_text = true }),
  },
  each = {
    name = "each_moment_task",
    rows = "task_list", id = "userid", limit = 1000,
    params = object(MOMENT_ID, MAX_PAGES, READ_AHEAD, TOTAL_DEADLINE),
  },
}

--- "获取客户朋友圈发表时选择的可见范围"
operations.get_moment_customer_list = {
  method = "POST",
  path = "/cgi-bin/externalcontact/get_moment_customer_list",
  safe = true,
  params = object(MOMENT_ID, MEMBER, CURSOR, { "limit", type = "integer", min = 1, max = 1000 }),
  reply = paged {
    "customer_list", type = "list", fill = true, items = object(USERID, key(EXTERNAL_USERID)),
  },
  each = {
    name = "each_moment_customer",
    rows = "customer_list", id = "external_userid", limit = 1000,
    params = object(MOMENT_ID, MEMBER, MAX_PAGES, READ_AHEAD, TOTAL_DEADLINE, IDS_ONLY),
  },
}

--- "获取客户朋友圈发表后的可见客户列表"
operations.get_moment_send_result = {
  method = "POST",
  path = "/cgi-bin/externalcontact/get_moment_send_result",
  safe = true,
  params = object(MOMENT_ID, MEMBER, CURSOR, { "limit", type = "integer", min = 1, max = 5000 }),
  reply = paged {
    "customer_list", type = "list", fill = true, items = object(key(EXTERNAL_USERID)),
  },
  each = {
    name = "each_moment_send_result",
    rows = "customer_list", id = "external_userid", limit = 5000,
    params = object(MOMENT_ID, MEMBER, MAX_PAGES, READ_AHEAD, TOTAL_DEADLINE, IDS_ONLY),
  },
}

local REACTION = object(EXTERNAL_USERID, USERID,
  { "create_time", type = "integer", min = 0, max = LAST_SECOND, required = true,
    from_text = true })

--- "获取客户朋友圈的互动数据". Not paged. "userid与external_userid不会同时出现"
operations.get_moment_comments = {
  method = "POST",
  path = "/cgi-bin/externalcontact/get_moment_comments",
  safe = true,
  params = object(MOMENT_ID, MEMBER),
  reply = object(ERRCODE, ERRMSG,
    { "comment_list", type = "list", fill = true, items = REACTION },
    { "like_list", type = "list", fill = true, items = REACTION }),
  -- Rows of these lists gain `actor` and `actor_kind`: see wxmoments.reply.
  actors = { "comment_list", "like_list" },
}

--- "获取access_token" (WeCom, path 91039): not a method of the client, it gets its tokens itself.
operations.gettoken = {
  method = "GET",
  path = "/cgi-bin/gettoken",
  safe = true,
  no_token = true,
  reply = {
    type = "object",
    fields = {
      ERRCODE, ERRMSG,
      { "access_token", type = "string", min = 1, max = 512, unit = "bytes", printable = true },
      { "expires_in", type = "integer", min = 1, max = 31622400, from_text = true },
    },
  },
}

--- What `corp:call` knows of an endpoint that is not described here: nothing but the
-- verdict, which some older endpoints leave out when all is well.
operations.call = {
  body = { type = "any" },
  reply = {
    type = "object",
    fields = { { "errcode", type = "integer", from_text = true }, ERRMSG },
  },
}

-- The reply's rule with its rows as a flat list of ids.
local function flat_reply(op)
  local fields = {}
  for i, field in ipairs(op.reply.fields) do
    fields[i] = field
    if field[1] == op.each.rows then
      fields[i] = { field[1], type = "list", fill = true, items = field.items, pick = op.each.id }
    end
  end
  return { type = "object", fields = fields, one_of = op.reply.one_of }
end

for name, op in pairs(operations) do
  op.name = name
  for _, field in ipairs(op.each and op.each.params.fields or {}) do
    if field == IDS_ONLY then
      op.flat = { name = name, method = op.method, path = op.path, safe = op.safe,
        params = op.params, reply = flat_reply(op), each = op.each }
    end
  end
end

return operations
