/*
** The pager as a Lua object, and the windows of a range as functions. The pager is the
** userdata itself: C keeps no other pointer to it, and its table of cursors is freed by
** __gc. Calling a method out of turn is the caller's mistake, and raises.
*/
#include "lua_pager.h"

#include "wxm_number.h"
#include "wxm_pager.h"

#define CLASS "wxmoments.pager"

/*
** A whole number from 'least' up to 2^53 at the argument, on every Lua the same: 5.4's
** luaL_checkinteger takes more, 5.1's cuts off fractions. Raises else.
*/
static int64_t check_whole(lua_State *L, int arg, int64_t least)
{
    int64_t value = 0;
    int whole = wxm_number_is_integer((double)luaL_checknumber(L, arg), &value);

    luaL_argcheck(L, whole && value >= least && value <= WXM_NUMBER_EXACT, arg,
                  "must be a whole number in range");
    return value;
}

/* Reads from, to, span at 1, 2, 3; raises unless they are as wxm_window_count wants. */
static void check_range(lua_State *L, int64_t *from, int64_t *to, int64_t *span)
{
    *from = check_whole(L, 1, 0);
    *to = check_whole(L, 2, *from);
    *span = check_whole(L, 3, 3);
}

/* core.window_count(from, to, span) -> how many windows cover the range */
int wxm_lua_window_count(lua_State *L)
{
    int64_t from, to, span;

    check_range(L, &from, &to, &span);
    wxm_lua_pushinteger(L, wxm_window_count(from, to, span));
    return 1;
}

/*
** core.window(from, to, span, i) -> share_from, share_to, ask_from, ask_to
** of the i-th window from 1, the oldest first.
*/
int wxm_lua_window(lua_State *L)
{
    int64_t from, to, span, i;
    wxm_window window;

    /* Lua counts windows from 1, wxm_window_at from 0. */
    check_range(L, &from, &to, &span);
    i = check_whole(L, 4, 1);
    luaL_argcheck(L, i <= wxm_window_count(from, to, span), 4, "no such window");
    window = wxm_window_at(from, to, span, i - 1);
    wxm_lua_pushinteger(L, window.from);
    wxm_lua_pushinteger(L, window.to);
    wxm_lua_pushinteger(L, window.ask_from);
    wxm_lua_pushinteger(L, window.ask_to);
    return 4;
}

/* core.pager(max_pages, max_empty) -> pager, in state "ready" */
int wxm_lua_pager_new(lua_State *L)
{
    int64_t max_pages = check_whole(L, 1, 1), max_empty = check_whole(L, 2, 1);
    wxm_pager *pager = lua_newuserdata(L, sizeof *pager);

    wxm_pager_init(pager, max_pages, max_empty); /* before __gc can see it */
    wxm_lua_setmetatable(L, CLASS);
    return 1;
}

/* The pager that a method was called on; raises when it is something else. */
static wxm_pager *check_pager(lua_State *L)
{
    return luaL_checkudata(L, 1, CLASS);
}

/* Pushes what pager:state returns; how many values they are. */
static int push_state(lua_State *L, const wxm_pager *pager)
{
    lua_pushstring(L, wxm_pager_state_name(pager->state));
    if (pager->state != WXM_PAGER_FAILED) {
        return 1;
    }
    lua_pushstring(L, wxm_pager_fault_code(pager->fault));
    lua_pushstring(L, wxm_pager_fault_text(pager->fault));
    return 3;
}

/* pager:state() -> "ready" | "waiting" | "done" | "failed", code, text */
static int pager_state(lua_State *L)
{
    return push_state(L, check_pager(L));
}

/* pager:ask(): a page is being asked for. Raises unless the state is "ready". */
static int pager_ask(lua_State *L)
{
    if (wxm_pager_ask(check_pager(L)) != 0) {
        return luaL_error(L, "the pager is not ready");
    }
    return 0;
}

/* pager:lost(): no page came; it may be asked for again. Raises unless "waiting". */
static int pager_lost(lua_State *L)
{
    if (wxm_pager_lost(check_pager(L)) != 0) {
        return luaL_error(L, "the pager is not waiting");
    }
    return 0;
}

/*
** pager:feed(next_cursor or nil, rows) -> as pager:state()
** Raises unless the state is "waiting".
*/
static int pager_feed(lua_State *L)
{
    wxm_pager *pager = check_pager(L);
    size_t n = 0;
    const char *cursor = luaL_optlstring(L, 2, "", &n);
    int64_t rows = check_whole(L, 3, 0);

    if (wxm_pager_feed(pager, cursor, n, (size_t)rows) != 0) {
        return luaL_error(L, "the pager is not waiting");
    }
    return push_state(L, pager);
}

/* __gc. Safe more than once. */
static int pager_gc(lua_State *L)
{
    wxm_pager_free(check_pager(L));
    return 0;
}

/* __tostring: the class and the state, never a cursor. */
static int pager_tostring(lua_State *L)
{
    lua_pushfstring(L, CLASS ": %s", wxm_pager_state_name(check_pager(L)->state));
    return 1;
}

void wxm_lua_pager_class(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"ask", pager_ask},     {"feed", pager_feed}, {"lost", pager_lost},
        {"state", pager_state}, {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", pager_gc},
        {"__tostring", pager_tostring},
        {NULL, NULL},
    };
    wxm_lua_class(L, CLASS, methods, metamethods);
}
