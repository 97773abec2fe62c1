/*
** luaopen_wxmoments_core: the module table of the C core, and its small functions.
** rules: lua_rules.c, lua_read.c, lua_write.c. pager: lua_pager.c. The OS: lua_sys.c.
** Each of the latter is a thin skin around one wxm_ function, where what the numbers
** mean is said, and keeps no state.
*/
#include "lua_pager.h"
#include "lua_rules.h"
#include "lua_sys.h"
#include "wxm_number.h"
#include "wxm_pin.h"
#include "wxm_retry.h"
#include "wxm_sha1.h"
#include "wxm_text.h"
#include "wxm_width.h"

#include <limits.h>
#include <string.h>

WXM_EXPORT int luaopen_wxmoments_core(lua_State *L);

/*
** core.length(s, unit) -> n | nil, offset
** unit: "bytes", "codepoints" or "utf16". Invalid UTF-8: nil and the byte it is at,
** from 1.
*/
static int core_length(lua_State *L)
{
    static const char *const units[] = {"bytes", "codepoints", "utf16", NULL};
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    int unit = luaL_checkoption(L, 2, NULL, units);
    wxm_text_size size = wxm_text_measure(s, n);
    size_t counts[3]; /* in the order of 'units' */

    if (size.invalid < n) {
        lua_pushnil(L);
        lua_pushinteger(L, (lua_Integer)size.invalid + 1);
        return 2;
    }
    counts[0] = n;
    counts[1] = size.codepoints;
    counts[2] = size.utf16;
    lua_pushinteger(L, (lua_Integer)counts[unit]);
    return 1;
}

/* core.width(s) -> columns in a terminal */
static int core_width(lua_State *L)
{
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);

    lua_pushinteger(L, (lua_Integer)wxm_width_of(s, n));
    return 1;
}

/* core.fit(s, columns) -> the longest beginning of s that fits, and its columns */
static int core_fit(lua_State *L)
{
    size_t n, used;
    const char *s = luaL_checklstring(L, 1, &n);
    lua_Integer columns = luaL_checkinteger(L, 2);

    n = wxm_width_fit(s, n, columns > 0 ? (size_t)columns : 0, &used);
    lua_pushlstring(L, s, n);
    lua_pushinteger(L, (lua_Integer)used);
    return 2;
}

/* core.escape(s) -> s percent-encoded for a URL's query (RFC 3986) */
static int core_escape(lua_State *L)
{
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    wxm_buf out;

    /* 16 MB, so that n * 3 cannot overflow a 32-bit size_t. */
    luaL_argcheck(L, n < (size_t)1 << 24, 1, "too long for a URL");
    /* The room is Lua's, so that nothing leaks when a push raises. */
    wxm_buf_init(&out, n * 3);
    out.data = lua_newuserdata(L, n * 3 + 1);
    out.size = n * 3 + 1;
    wxm_text_escape(&out, s, n); /* cannot fail: it never asks for more than the room */
    lua_pushlstring(L, out.data, out.len);
    return 1;
}

/* core.distance(a, b) -> edits between two names; 48 for names too long to compare */
static int core_distance(lua_State *L)
{
    size_t an, bn;
    const char *a = luaL_checklstring(L, 1, &an), *b = luaL_checklstring(L, 2, &bn);

    lua_pushinteger(L, (lua_Integer)wxm_text_distance(a, an, b, bn));
    return 1;
}

/* core.number(n) -> its text: whole numbers exactly, others in the fewest digits */
static int core_number(lua_State *L)
{
    char text[WXM_NUMBER_TEXT];
    double d = (double)luaL_checknumber(L, 1);

    /* An infinity less itself is NaN, which equals nothing. */
    luaL_argcheck(L, d - d == 0, 1, "must be finite");
#if LUA_VERSION_NUM >= 503
    /* 5.3 and later have integers beyond 2^53, which a double would round. */
    if (lua_isinteger(L, 1)) {
        lua_pushlstring(L, text, wxm_number_format_integer(text, lua_tointeger(L, 1)));
        return 1;
    }
#endif
    lua_pushlstring(L, text, wxm_number_format(text, d));
    return 1;
}

/* core.sha1(s) -> 40 lower-case hex digits */
static int core_sha1(lua_State *L)
{
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    char hex[40];

    wxm_sha1_hex(hex, s, n);
    lua_pushlstring(L, hex, sizeof hex);
    return 1;
}

/* A count as C's int has it: NaN is 0, what is beyond the range its end. */
static int count_of(double d)
{
    if (!(d > 0)) {
        return 0;
    }
    return d < INT_MAX ? (int)d : INT_MAX;
}

/*
** A number of the table at 'index' (absolute), raw; 'missing' when it is absent. Raises
** for anything else, a string of digits too. Leaves nothing on the stack.
*/
static double number_at(lua_State *L, int index, const char *name, double missing)
{
    double d = missing;

    lua_pushstring(L, name);
    lua_rawget(L, index);
    if (!lua_isnil(L, -1)) {
        if (lua_type(L, -1) != LUA_TNUMBER) {
            luaL_error(L, "'%s' must be a number", name);
        }
        d = (double)lua_tonumber(L, -1);
    }
    lua_pop(L, 1);
    return d;
}

/* Whether the field of the table at 'index' is true in Lua's sense, raw. */
static int flag_at(lua_State *L, int index, const char *name)
{
    int flag;

    lua_pushstring(L, name);
    lua_rawget(L, index);
    flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

/*
** core.retry(policy, failure) -> "stop" | "refresh" | "again", delay in seconds
**
** policy = { attempts, base, cap, max_wait }; failure = { kind = "no" | "backoff" |
** "wait" | "refresh", safe, refused, refreshed, attempt, retry_after, seconds_left,
** waited, random }: wxm_retry.h says what each means.
*/
static int core_retry(lua_State *L)
{
    static const char *const kinds[] = {
#define X(name, text) text,
        WXM_RETRY_KINDS(X)
#undef X
            NULL,
    };
    /* In the order of wxm_retry_action. */
    static const char *const actions[] = {"stop", "refresh", "again"};
    wxm_retry_policy policy;
    wxm_retry_failure failure;
    wxm_retry_action action;
    double delay;

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    policy.attempts = count_of(number_at(L, 1, "attempts", 1));
    policy.base = number_at(L, 1, "base", 0);
    policy.cap = number_at(L, 1, "cap", 0);
    policy.max_wait = number_at(L, 1, "max_wait", 0);
    failure.safe = flag_at(L, 2, "safe");
    failure.refused = flag_at(L, 2, "refused");
    failure.refreshed = flag_at(L, 2, "refreshed");
    failure.attempt = count_of(number_at(L, 2, "attempt", 1));
    failure.retry_after = number_at(L, 2, "retry_after", -1);
    failure.seconds_left = number_at(L, 2, "seconds_left", 0);
    failure.waited = number_at(L, 2, "waited", 0);
    failure.random = number_at(L, 2, "random", 0);
    lua_pushstring(L, "kind");
    lua_rawget(L, 2);
    /* settop has left the kind at 3; luaL_checkoption raises for any other word. */
    failure.kind = (wxm_retry_kind)luaL_checkoption(L, 3, NULL, kinds);
    action = wxm_retry_decide(&policy, &failure, &delay);
    lua_pushstring(L, actions[action]);
    lua_pushnumber(L, (lua_Number)delay);
    return 2;
}

/* require "wxmoments.core" -> the functions below, in a new table each time. */
int luaopen_wxmoments_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"columns", wxm_lua_columns},
        {"distance", core_distance},
        {"escape", core_escape},
        {"fit", core_fit},
        {"length", core_length},
        {"lock", wxm_lua_lock},
        {"nonce", wxm_lua_nonce},
        {"now", wxm_lua_now},
        {"number", core_number},
        {"pager", wxm_lua_pager_new},
        {"private_file", wxm_lua_private_file},
        {"random", wxm_lua_random},
        {"replace_file", wxm_lua_replace_file},
        {"retry", core_retry},
        {"rules", wxm_lua_rules_new},
        {"sha1", core_sha1},
        {"width", core_width},
        {"window", wxm_lua_window},
        {"window_count", wxm_lua_window_count},
        {NULL, NULL},
    };

    wxm_pin_code(); /* what comes back after the state is closed: wxm_pin.h */
    wxm_lua_rules_class(L);
    wxm_lua_pager_class(L);
    wxm_lua_sys_class(L);
    lua_newtable(L);
    wxm_lua_register(L, functions);
    return 1;
}
