/* The operating system as Lua sees it: clock, dice, files, locks, terminal. */
#ifndef LUA_SYS_H
#define LUA_SYS_H

#include "lua_compat.h"

/* Lua functions of the module, each with its contract where it is written. */
int wxm_lua_now(lua_State *L);
int wxm_lua_random(lua_State *L);
int wxm_lua_nonce(lua_State *L);
int wxm_lua_replace_file(lua_State *L);
int wxm_lua_private_file(lua_State *L);
int wxm_lua_lock(lua_State *L);
int wxm_lua_columns(lua_State *L);

/* Registers the class of locks. */
void wxm_lua_sys_class(lua_State *L);

#endif
