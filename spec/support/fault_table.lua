--- What each fault of the simulator must end in, where a whole range is read. Data only.
--
-- An entry: { name, fault = its fields in a plan, once =, always =, … }. An outcome is "whole"
-- (complete, and equal to the truth) or { kind, code, path } of the error (path false: it has
-- none). `once` is for a single call that goes wrong, `always` (as `once` when not given) for
-- many in a row.
--
--   op        "gettoken" or "get_moment_list": at this endpoint only
--   first     { once =, always = }: at a page that is asked for without a cursor
--   slow      the deadline passes, so there is no `always`
--   ids       the moments' ids change
--   options   of the client

local WHOLE = "whole"

local MIB = 1024 * 1024

local LIST, TOKEN = "get_moment_list", "gettoken"

local WARNING = { "api", "wrong json format" }
local REFUSED_CURSOR = { "api", 40058 }
local SAME_CURSOR = { "decode", "same_cursor" }
local LATE = { "timeout", "OPERATION_TIMEDOUT" }

local function wrong_type(op, field, path)
  return { "wrong type of " .. field .. " of " .. op, op = op,
    fault = { kind = "wrong_types", field = field }, once = { "decode", "type", path or field } }
end

local function bytes(body, code, path)
  return { "the body '" .. body .. "'", fault = { kind = "body", body = body },
    once = { "decode", code, path or false } }
end

return {
  -- errcodes
  { "errcode -1", fault = { errcode = -1 }, once = WHOLE, always = { "api", -1 } },
  { "errcode 45033", fault = { errcode = 45033 }, once = WHOLE, always = { "api", 45033 } },
  { "errcode 42001", fault = { errcode = 42001 }, once = WHOLE, always = { "api", 42001 } },
  { "errcode 40014", fault = { errcode = 40014 }, once = WHOLE, always = { "api", 40014 } },
  { "errcode 45009", fault = { errcode = 45009 }, once = { "api", 45009 } },
  { "errcode 48002", fault = { errcode = 48002 }, once = { "api", 48002 } },
  { "errcode 40001", fault = { errcode = 40001 }, once = { "api", 40001 } },
  { "an unknown errcode", fault = { errcode = 987654 }, once = { "api", 987654 } },

  -- other answers
  { "HTTP 502", fault = { kind = "status" }, once = WHOLE, always = { "http", 502 } },
  { "HTTP 429", fault = { kind = "status", status = 429 }, once = WHOLE,
    always = { "http", 429 } },
  { "HTTP 404", fault = { kind = "status", status = 404 }, once = { "http", 404 } },
  { "HTTP 302", fault = { kind = "status", status = 302 }, once = { "http", 302 } },
  { "HTTP 299", fault = { kind = "status", status = 299 }, once = { "decode", "syntax", false } },
  { "a page of HTML", fault = { kind = "html" }, once = { "decode", "syntax", false } },
  { "{}", fault = { kind = "empty_object" }, once = { "decode", "required", "errcode" } },
  bytes("[]", "type"), bytes("null", "type"), bytes("", "syntax"),
  { "the warning of wrong JSON", fault = { kind = "wrong_json_warning" }, once = WARNING },

  -- of lists
  { "a short page", op = LIST, fault = { kind = "short_page" }, once = WHOLE },
  { "an empty page", op = LIST, fault = { kind = "empty_page" }, once = WHOLE },
  { "rows that come again", op = LIST, fault = { kind = "repeat_rows" }, once = WHOLE },
  { "the same cursor", op = LIST, fault = { kind = "same_cursor" }, once = SAME_CURSOR,
    first = { once = WHOLE, always = SAME_CURSOR } },
  { "a refused cursor", op = LIST, fault = { kind = "cursor_refused" }, once = REFUSED_CURSOR,
    first = { once = WHOLE, always = REFUSED_CURSOR } },

  -- the body changed
  { "truncated JSON", fault = { kind = "truncated" }, once = { "decode", "syntax" } },
  { "JSON of one byte", fault = { kind = "truncated", bytes = 1 }, once = { "decode", "syntax" } },
  { "JSON without its last byte", fault = { kind = "truncated", bytes = 32 * MIB },
    once = { "decode", "syntax" } },
  { "a comma too many", fault = { kind = "broken_json" }, once = { "decode", "syntax" } },
  wrong_type(LIST, "create_time", "moment_list[1].create_time"),
  wrong_type(LIST, "moment_id", "moment_list[1].moment_id"),
  wrong_type(LIST, "moment_list"), wrong_type(LIST, "next_cursor"), wrong_type(LIST, "errcode"),
  wrong_type(TOKEN, "access_token"), wrong_type(TOKEN, "expires_in"), wrong_type(TOKEN, "errcode"),
  { "ids as numbers", fault = { kind = "number_ids" }, once = WHOLE, ids = true },
  { "numbers as text", fault = { kind = "text_numbers" }, once = WHOLE },
  { "a body beyond max_body", fault = { kind = "oversize", bytes = 100001 },
    once = { "decode", "BODY_TOO_BIG" }, options = { max_body = 100000 } },
  { "a body as large as max_body", fault = { kind = "oversize", bytes = 100000 },
    once = WHOLE, options = { max_body = 100000 } },
  { "headers without end", fault = { kind = "oversize", part = "headers", bytes = 100000 },
    once = { "decode", "HEADER_TOO_BIG" } },

  -- on the way
  { "a short delay", fault = { kind = "delay", seconds = 0.002 }, once = WHOLE },
  { "a delay beyond the deadline", slow = true, fault = { kind = "delay", seconds = 5 },
    once = LATE, options = { deadline = 0.25 } },
  { "a drip", fault = { kind = "drip", size = 1500, every = 0.001 }, once = WHOLE },
  { "a drip beyond the deadline", slow = true, fault = { kind = "drip", every = 0.05 },
    once = LATE, options = { deadline = 0.25 } },
  { "a cut before the first byte", fault = { kind = "cut" }, once = WHOLE,
    always = { "transport", "GOT_NOTHING" } },
  { "a cut in the status line", fault = { kind = "cut", bytes = 8 }, once = WHOLE,
    always = { "transport", "GOT_NOTHING" } },
  { "a cut in the headers", fault = { kind = "cut", bytes = 60 }, once = WHOLE,
    always = { "transport", "RECV_ERROR" } },
  { "a cut in the body", fault = { kind = "cut", bytes = 150 }, once = WHOLE,
    always = { "transport", "PARTIAL_FILE" } },
}
