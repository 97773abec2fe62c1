/* The pager as a Lua object, and the windows of a range as functions. */
#ifndef LUA_PAGER_H
#define LUA_PAGER_H

#include "lua_compat.h"

/* Lua functions of the module, each with its contract where it is written. */
int wxm_lua_pager_new(lua_State *L);
int wxm_lua_window(lua_State *L);
int wxm_lua_window_count(lua_State *L);

/* Registers the class. */
void wxm_lua_pager_class(lua_State *L);

#endif
