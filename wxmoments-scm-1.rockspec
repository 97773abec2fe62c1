rockspec_format = "3.0"
package = "wxmoments"
version = "scm-1"

-- The archive that `make rock` packs from the tree. A release puts its own address here.
source = {
  url = "file://wxmoments-scm-1.tar.gz",
  dir = "wxmoments-scm-1",
}

description = {
  summary = "Reads WeCom customer moments completely, from scripts and OpenResty",
  detailed = [[
    wxmoments reads, checks and publishes WeCom customer moments (客户朋友圈).
    Moments, pages and payloads are plain Lua tables. Runs on Lua 5.1 to 5.4 and
    LuaJIT, over libcurl in scripts and over cosockets in OpenResty.
  ]],
  license = "MIT",
  labels = { "wecom", "wechat", "http", "openresty" },
}

dependencies = {
  "lua >= 5.1, < 5.5",
  "lua-cjson >= 2.1.0",
  "argparse",
}

-- By library alone: looking for the header fails on Debian, which keeps it in a folder
-- named after the architecture, where the compiler finds it and LuaRocks does not.
external_dependencies = {
  CURL = { library = "curl" },
  platforms = {
    macosx = { CURL = { header = "curl/curl.h" } },
  },
}

test_dependencies = { "busted" }
test = { type = "busted" }

build = {
  type = "builtin",
  modules = {
    ["wxmoments.core"] = {
      sources = {
        "csrc/lua_core.c",
        "csrc/lua_pager.c",
        "csrc/lua_read.c",
        "csrc/lua_rules.c",
        "csrc/lua_write.c",
        "csrc/wxm_buf.c",
        "csrc/wxm_json.c",
        "csrc/wxm_number.c",
        "csrc/wxm_pager.c",
        "csrc/wxm_retry.c",
        "csrc/wxm_rule.c",
        "csrc/wxm_sha1.c",
        "csrc/wxm_sys.c",
        "csrc/wxm_text.c",
        "csrc/wxm_width.c",
      },
      incdirs = { "csrc" },
    },
    ["wxmoments.curl"] = {
      sources = {
        "csrc/lua_curl.c",
        "csrc/wxm_buf.c",
        "csrc/wxm_curl.c",
      },
      incdirs = { "csrc", "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
      libraries = { "curl" },
    },
    ["wxmoments.driver.curl"] = "lua/wxmoments/driver/curl.lua",
    ["wxmoments.errcodes"] = "lua/wxmoments/errcodes.lua",
    ["wxmoments.errors"] = "lua/wxmoments/errors.lua",
    ["wxmoments.loop"] = "lua/wxmoments/loop.lua",
    ["wxmoments.operations"] = "lua/wxmoments/operations.lua",
    ["wxmoments.options"] = "lua/wxmoments/options.lua",
    ["wxmoments.simulator"] = "lua/wxmoments/simulator.lua",
    ["wxmoments.simulator.application"] = "lua/wxmoments/simulator/application.lua",
    ["wxmoments.simulator.dataset"] = "lua/wxmoments/simulator/dataset.lua",
    ["wxmoments.simulator.endpoints"] = "lua/wxmoments/simulator/endpoints.lua",
    ["wxmoments.simulator.faults"] = "lua/wxmoments/simulator/faults.lua",
    ["wxmoments.simulator.json"] = "lua/wxmoments/simulator/json.lua",
    ["wxmoments.simulator.moments"] = "lua/wxmoments/simulator/moments.lua",
    ["wxmoments.simulator.nginx"] = "lua/wxmoments/simulator/nginx.lua",
    ["wxmoments.simulator.options"] = "lua/wxmoments/simulator/options.lua",
    ["wxmoments.simulator.pages"] = "lua/wxmoments/simulator/pages.lua",
    ["wxmoments.simulator.params"] = "lua/wxmoments/simulator/params.lua",
    ["wxmoments.simulator.process"] = "lua/wxmoments/simulator/process.lua",
    ["wxmoments.simulator.random"] = "lua/wxmoments/simulator/random.lua",
    ["wxmoments.simulator.reply"] = "lua/wxmoments/simulator/reply.lua",
    ["wxmoments.simulator.times"] = "lua/wxmoments/simulator/times.lua",
    ["wxmoments.simulator.tokens"] = "lua/wxmoments/simulator/tokens.lua",
    ["wxmoments.simulator.url"] = "lua/wxmoments/simulator/url.lua",
    ["wxmoments.simulator.worker"] = "lua/wxmoments/simulator/worker.lua",
  },
}
