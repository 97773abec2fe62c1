rockspec_format = "3.0"
package = "wxmoments"
version = "scm-1"

-- The archive that `make rock` packs from the tree. A release puts its own address here.
source = {
  url = "file://wxmoments-scm-1.tar.gz",
  dir = "wxmoments-scm-1",
}

description = {
  summary = "Reads WeCom customer moments, completely",
  detailed = [[
    wxmoments reads WeCom customer moments (客户朋友圈): any span of time, every page,
    each moment once, as plain Lua tables. For Lua 5.1 to 5.4 and LuaJIT, with a C core
    and libcurl.
  ]],
  license = "MIT",
  labels = { "wecom", "wechat", "http" },
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
        "csrc/lua_sys.c",
        "csrc/lua_write.c",
        "csrc/wxm_buf.c",
        "csrc/wxm_json.c",
        "csrc/wxm_number.c",
        "csrc/wxm_pager.c",
        "csrc/wxm_pin.c",
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
        "csrc/wxm_pin.c",
      },
      incdirs = { "csrc", "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
      libraries = { "curl" },
    },
    ["wxmoments"] = "lua/wxmoments.lua",
    ["wxmoments.checkpoint"] = "lua/wxmoments/checkpoint.lua",
    ["wxmoments.driver.curl"] = "lua/wxmoments/driver/curl.lua",
    ["wxmoments.engine"] = "lua/wxmoments/engine.lua",
    ["wxmoments.errcodes"] = "lua/wxmoments/errcodes.lua",
    ["wxmoments.errors"] = "lua/wxmoments/errors.lua",
    ["wxmoments.iterator"] = "lua/wxmoments/iterator.lua",
    ["wxmoments.loop"] = "lua/wxmoments/loop.lua",
    ["wxmoments.operations"] = "lua/wxmoments/operations.lua",
    ["wxmoments.options"] = "lua/wxmoments/options.lua",
    ["wxmoments.reply"] = "lua/wxmoments/reply.lua",
    ["wxmoments.rules"] = "lua/wxmoments/rules.lua",
    ["wxmoments.secrets"] = "lua/wxmoments/secrets.lua",
    ["wxmoments.simulator"] = "lua/wxmoments/simulator.lua",
    ["wxmoments.simulator.application"] = "lua/wxmoments/simulator/application.lua",
    ["wxmoments.simulator.customers"] = "lua/wxmoments/simulator/customers.lua",
    ["wxmoments.simulator.dataset"] = "lua/wxmoments/simulator/dataset.lua",
    ["wxmoments.simulator.driver"] = "lua/wxmoments/simulator/driver.lua",
    ["wxmoments.simulator.endpoints"] = "lua/wxmoments/simulator/endpoints.lua",
    ["wxmoments.simulator.faults"] = "lua/wxmoments/simulator/faults.lua",
    ["wxmoments.simulator.json"] = "lua/wxmoments/simulator/json.lua",
    ["wxmoments.simulator.limits"] = "lua/wxmoments/simulator/limits.lua",
    ["wxmoments.simulator.listing"] = "lua/wxmoments/simulator/listing.lua",
    ["wxmoments.simulator.moments"] = "lua/wxmoments/simulator/moments.lua",
    ["wxmoments.simulator.nginx"] = "lua/wxmoments/simulator/nginx.lua",
    ["wxmoments.simulator.options"] = "lua/wxmoments/simulator/options.lua",
    ["wxmoments.simulator.pages"] = "lua/wxmoments/simulator/pages.lua",
    ["wxmoments.simulator.params"] = "lua/wxmoments/simulator/params.lua",
    ["wxmoments.simulator.process"] = "lua/wxmoments/simulator/process.lua",
    ["wxmoments.simulator.publishers"] = "lua/wxmoments/simulator/publishers.lua",
    ["wxmoments.simulator.random"] = "lua/wxmoments/simulator/random.lua",
    ["wxmoments.simulator.reactions"] = "lua/wxmoments/simulator/reactions.lua",
    ["wxmoments.simulator.records"] = "lua/wxmoments/simulator/records.lua",
    ["wxmoments.simulator.reply"] = "lua/wxmoments/simulator/reply.lua",
    ["wxmoments.simulator.spoil"] = "lua/wxmoments/simulator/spoil.lua",
    ["wxmoments.simulator.times"] = "lua/wxmoments/simulator/times.lua",
    ["wxmoments.simulator.tls"] = "lua/wxmoments/simulator/tls.lua",
    ["wxmoments.simulator.tokens"] = "lua/wxmoments/simulator/tokens.lua",
    ["wxmoments.simulator.truth"] = "lua/wxmoments/simulator/truth.lua",
    ["wxmoments.simulator.url"] = "lua/wxmoments/simulator/url.lua",
    ["wxmoments.simulator.wire"] = "lua/wxmoments/simulator/wire.lua",
    ["wxmoments.simulator.worker"] = "lua/wxmoments/simulator/worker.lua",
    ["wxmoments.store.memory"] = "lua/wxmoments/store/memory.lua",
    ["wxmoments.tokens"] = "lua/wxmoments/tokens.lua",
    ["wxmoments.version"] = "lua/wxmoments/version.lua",
    ["wxmoments.wecom"] = "lua/wxmoments/wecom.lua",
    ["wxmoments.window"] = "lua/wxmoments/window.lua",
  },
}
