--- wxmoments: read, check and publish WeCom (企业微信) customer moments (客户朋友圈).
--
-- The public module. Everything a user calls is reached from here; nothing is decided here.
-- @module wxmoments

local cjson = require "cjson"
local errors = require "wxmoments.errors"
local version = require "wxmoments.version"
local wecom = require "wxmoments.wecom"

return {
  _VERSION = version,

  --- Makes a client: see wxmoments.wecom.
  wecom = wecom.new,

  --- What an errcode means, what to do, and who can: see wxmoments.errors.
  explain = errors.explain,

  --- The bytes that a reply was read from, while the reply lives.
  raw = wecom.raw,

  --- Is this value an error of ours?
  is_error = errors.is,

  --- JSON's null (it is cjson.null, and in nginx ngx.null): truthy, so compare with it.
  null = cjson.null,
}
