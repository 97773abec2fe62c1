-- What luacheck accepts: one source for every Lua, so only what all of them have.
std = "min"
max_line_length = 100
max_cyclomatic_complexity = 12
exclude_files = { "build" }

files[".luacheckrc"] = { std = "luacheckrc" }
files["spec/**/*_spec.lua"] = { std = "min+busted" }

-- These run inside nginx, or ask whether they do.
files["lua/wxmoments/driver/openresty.lua"] = { std = "ngx_lua" }
files["lua/wxmoments/simulator/worker.lua"] = { std = "ngx_lua" }
files["examples/openresty/**/*.lua"] = { std = "ngx_lua" }
