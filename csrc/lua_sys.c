/*
** The operating system as Lua sees it: clock, dice, files, locks, terminal. A failure
** of the world is nil, message, errno; one of the caller's raises.
*/
#include "lua_sys.h"

#include "wxm_sys.h"

#include <errno.h>
#include <string.h>

#define CLASS "wxmoments.lock"

/* core.now() -> seconds of a clock that never goes back */
int wxm_lua_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)wxm_sys_now());
    return 1;
}

/*
** Fills the bytes or raises: there is no second best for a nonce that nobody may guess,
** and a system without randomness is not one to go on with.
*/
static void fill(lua_State *L, void *bytes, size_t n)
{
    if (wxm_sys_random(bytes, n) != 0) {
        luaL_error(L, "the operating system has no randomness to give");
    }
}

/* core.random() -> 0 <= x < 1 from the OS's generator */
int wxm_lua_random(lua_State *L)
{
    unsigned char bytes[7];
    double x = 0;
    size_t i;

    /* Seven bytes less three bits; dividing by 2^53 is exact, so 1 is never reached. */
    fill(L, bytes, sizeof bytes);
    bytes[0] &= 0x1F; /* 53 bits: what a double holds */
    for (i = 0; i < sizeof bytes; i++) {
        x = x * 256 + bytes[i];
    }
    lua_pushnumber(L, (lua_Number)(x / 9007199254740992.0));
    return 1;
}

/* core.nonce() -> 16 letters and digits that nobody can guess */
int wxm_lua_nonce(lua_State *L)
{
    /* 64 signs, so that six bits pick one without a remainder; A and a stand twice. */
    static const char signs[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789Aa";
    unsigned char bytes[16];
    char nonce[sizeof bytes];
    size_t i;

    fill(L, bytes, sizeof bytes);
    for (i = 0; i < sizeof bytes; i++) {
        nonce[i] = signs[bytes[i] & 63];
    }
    lua_pushlstring(L, nonce, sizeof nonce);
    return 1;
}

/* The path at the argument; raises on a NUL, where the OS would see another file. */
static const char *check_path(lua_State *L, int arg)
{
    size_t n;
    const char *path = luaL_checklstring(L, arg, &n);

    luaL_argcheck(L, n > 0 && strlen(path) == n, arg, "must be a path without NUL");
    return path;
}

/* Pushes true for 0; or nil, what the OS says of that errno, and its number. */
static int push_outcome(lua_State *L, int failed)
{
    if (failed == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, strerror(failed));
    lua_pushinteger(L, failed);
    return 3;
}

/*
** core.replace_file(path, bytes) -> true | nil, message, errno
** The file holds the bytes, whole, mode 0600; or what it held before.
*/
int wxm_lua_replace_file(lua_State *L)
{
    const char *path = check_path(L, 1);
    size_t n;
    const char *bytes = luaL_checklstring(L, 2, &n);

    return push_outcome(L, wxm_sys_replace_file(path, bytes, n));
}

/*
** core.private_file(path) -> true | nil, message, errno
** Is it a regular file of this user's, closed to others?
*/
int wxm_lua_private_file(lua_State *L)
{
    return push_outcome(L, wxm_sys_private_file(check_path(L, 1)));
}

/* core.columns(fd) -> columns of the terminal there, or nil when it is none */
int wxm_lua_columns(lua_State *L)
{
    lua_Integer fd = luaL_checkinteger(L, 1);
    int columns;

    /* A terminal is looked for at 0 to 2; the bound keeps the cast to int whole. */
    luaL_argcheck(L, fd >= 0 && fd < 1024, 1, "must be a file descriptor");
    columns = wxm_sys_columns((int)fd);
    if (columns == 0) {
        lua_pushnil(L);
    } else {
        lua_pushinteger(L, columns);
    }
    return 1;
}

typedef struct {
    int held; /* whether 'lock' is ours to let go; 0 from birth until it is taken */
    int lock; /* what wxm_sys_lock gave */
} lock_box;

/*
** core.lock(path) -> lock | nil, "busy" | nil, message, errno
** Never waits. The lock is held until lock:release(), its collection, or the end of the
** process.
*/
int wxm_lua_lock(lua_State *L)
{
    const char *path = check_path(L, 1);
    lock_box *box = lua_newuserdata(L, sizeof *box);
    int failed;

    box->held = 0; /* __gc may see the box from the next line on */
    wxm_lua_setmetatable(L, CLASS);
    failed = wxm_sys_lock(path, &box->lock);
    if (failed == 0) {
        box->held = 1;
        return 1;
    }
    if (failed == EWOULDBLOCK) {
        lua_pushnil(L);
        lua_pushliteral(L, "busy");
        return 2;
    }
    return push_outcome(L, failed);
}

/* lock:release(); may be called again. */
static int lock_release(lua_State *L)
{
    lock_box *box = luaL_checkudata(L, 1, CLASS);

    if (box->held) {
        box->held = 0; /* once: the descriptor's number may be another's afterwards */
        wxm_sys_unlock(box->lock);
    }
    return 0;
}

/* __tostring: whether it is held, not the path, which may name an account. */
static int lock_tostring(lua_State *L)
{
    const lock_box *box = luaL_checkudata(L, 1, CLASS);

    lua_pushfstring(L, CLASS ": %s", box->held ? "held" : "released");
    return 1;
}

void wxm_lua_sys_class(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"release", lock_release},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", lock_release},
        {"__gc", lock_release},
        {"__tostring", lock_tostring},
        {NULL, NULL},
    };
    wxm_lua_class(L, CLASS, methods, metamethods);
}
