/*
** Lua 5.1 (and so LuaJIT) to 5.4: the few names that differ, and nothing else.
** Whatever 5.1's own headers declare and 5.4 still has is used as it is.
*/
#ifndef LUA_COMPAT_H
#define LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

/* The one symbol that leaves a shared object; everything else is hidden. */
#if defined(_WIN32)
#define WXM_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define WXM_EXPORT __attribute__((visibility("default")))
#else
#define WXM_EXPORT
#endif

#if LUA_VERSION_NUM < 502
#define lua_rawlen(L, i) lua_objlen((L), (i))
/* 5.1 allows only a table here, which is all we ever keep there. */
#define lua_setuservalue(L, i) lua_setfenv((L), (i))
#define lua_getuservalue(L, i) lua_getfenv((L), (i))
#endif

/*
** Pushes a whole number. A 32-bit build of 5.1 has no lua_Integer for it, but its
** numbers hold it up to 2^53.
*/
static inline void wxm_lua_pushinteger(lua_State *L, int64_t value)
{
    if (sizeof(lua_Integer) >= sizeof value) { /* decided when it is compiled */
        lua_pushinteger(L, (lua_Integer)value);
    } else {
        lua_pushnumber(L, (lua_Number)value);
    }
}

/*
** Gives the userdata on top of the stack the metatable registered as 'name'.
*/
static inline void wxm_lua_setmetatable(lua_State *L, const char *name)
{
    luaL_getmetatable(L, name);
    lua_setmetatable(L, -2);
}

/*
** Sets every function of 'list' (ended by a NULL name) in the table on top.
*/
static inline void wxm_lua_register(lua_State *L, const luaL_Reg *list)
{
    for (; list->name != NULL; list++) {
        lua_pushcfunction(L, list->func);
        lua_setfield(L, -2, list->name);
    }
}

/*
** Registers the class 'name': its methods (reached by __index), its
** metamethods, and __name. Leaves nothing on the stack.
*/
static inline void wxm_lua_class(lua_State *L, const char *name,
                                 const luaL_Reg *methods, const luaL_Reg *metamethods)
{
    luaL_newmetatable(L, name);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    wxm_lua_register(L, metamethods);
    lua_newtable(L);
    wxm_lua_register(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

#endif
