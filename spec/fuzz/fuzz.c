/* What both fuzz targets share. */
#include "fuzz.h"

#include "wxm_number.h"
#include "wxm_text.h"

#include <lualib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_wxmoments_core(lua_State *L);

/* Names in the registry of the state. */
#define SETS "fuzz.sets"

/* After so many inputs all garbage is collected, so that memory shows leaks alone. */
#define INPUTS_BETWEEN_COLLECTIONS 512

void fuzz_claim(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

/* Shows the message on top when 'status' says that there is one. */
static void claim_done(lua_State *L, int status, const char *what)
{
    if (status != 0) {
        const char *message = lua_tostring(L, -1);
        fprintf(stderr, "raised: %s\n", message == NULL ? "?" : message);
    }
    fuzz_claim(status == 0, what);
}

static lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();

    fuzz_claim(L != NULL, "there is memory for a state");
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "loaded");
    lua_pushcfunction(L, luaopen_wxmoments_core);
    claim_done(L, lua_pcall(L, 0, 1, 0), "the core opens");
    lua_setfield(L, -2, "wxmoments.core");
    lua_settop(L, 0);
    claim_done(L, luaL_loadfile(L, "spec/fuzz/rules.lua"), "rules.lua is found");
    lua_pushstring(L, fuzz_target);
    claim_done(L, lua_pcall(L, 1, 1, 0), "rules.lua runs");
    lua_setfield(L, LUA_REGISTRYINDEX, SETS);
    return L;
}

lua_State *fuzz_state(void)
{
    static lua_State *L;
    static unsigned inputs;

    if (L == NULL) {
        L = new_state();
    }
    if (++inputs % INPUTS_BETWEEN_COLLECTIONS == 0) {
        lua_gc(L, LUA_GCCOLLECT, 0);
    }
    fuzz_claim(lua_gettop(L) == 0, "the last input left the stack empty");
    return L;
}

static size_t count_sets(void)
{
    static size_t count;

    if (count == 0) {
        lua_State *L = fuzz_state();
        lua_getfield(L, LUA_REGISTRYINDEX, SETS);
        count = lua_rawlen(L, -1);
        lua_pop(L, 1);
        fuzz_claim(count > 0, "rules.lua has rule sets");
    }
    return count;
}

size_t fuzz_set_of(uint8_t byte)
{
    return (size_t)(uint8_t)(byte - 'a') % count_sets();
}

size_t fuzz_any(void)
{
    return 0;
}

int fuzz_call(lua_State *L, size_t set, const char *method, int args)
{
    int base = lua_gettop(L) - args;

    luaL_checkstack(L, 8, "fuzz");
    lua_getfield(L, LUA_REGISTRYINDEX, SETS);
    lua_rawgeti(L, -1, (int)set + 1);
    lua_remove(L, -2);
    lua_insert(L, base + 1);
    lua_getfield(L, base + 1, method);
    lua_insert(L, base + 1);
    claim_done(L, lua_pcall(L, args + 1, LUA_MULTRET, 0), method);
    return lua_gettop(L) - base;
}

/* Claims that the field of the table on top is valid text, or absent where it may be. */
static void claim_text(lua_State *L, const char *field, int may_be_absent)
{
    lua_getfield(L, -1, field);
    if (!may_be_absent || !lua_isnil(L, -1)) {
        size_t n;
        const char *s;
        fuzz_claim(lua_type(L, -1) == LUA_TSTRING, "a problem's texts are strings");
        s = lua_tolstring(L, -1, &n);
        fuzz_claim(n > 0, "a problem's texts are not empty");
        fuzz_claim(wxm_text_measure(s, n).invalid == n, "a problem's texts are UTF-8");
    }
    lua_pop(L, 1);
}

void fuzz_claim_problem(lua_State *L, size_t body)
{
    fuzz_claim(lua_type(L, -1) == LUA_TTABLE, "a problem is a table");
    claim_text(L, "code", 0);
    claim_text(L, "message", 0);
    claim_text(L, "path", 1);
    claim_text(L, "unit", 1);
    lua_getfield(L, -1, "offset");
    if (body == FUZZ_NO_BODY) {
        fuzz_claim(lua_isnil(L, -1), "a table's problem has no offset");
    } else {
        lua_Number offset = lua_tonumber(L, -1);
        fuzz_claim(lua_type(L, -1) == LUA_TNUMBER && offset >= 1 &&
                       offset <= (lua_Number)body + 1,
                   "a problem's offset is in the body or at its end");
    }
    lua_pop(L, 1);
}

int fuzz_is_empty(lua_State *L, int index)
{
    int empty;

    lua_pushvalue(L, index);
    lua_pushnil(L);
    empty = lua_next(L, -2) == 0;
    lua_pop(L, empty ? 1 : 3);
    return empty;
}

static size_t count_of(lua_State *L, int table)
{
    size_t n = 0;

    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
        n++;
    }
    return n;
}

/* Has 'b' every entry of 'a', equal? Both are places from the bottom. */
static int has_all(lua_State *L, int a, int b)
{
    for (lua_pushnil(L); lua_next(L, a) != 0; lua_pop(L, 2)) {
        int equal;
        lua_pushvalue(L, -2);
        lua_rawget(L, b);
        equal = fuzz_equal(L, -2, -1);
        if (!equal) {
            lua_pop(L, 3);
            return 0;
        }
    }
    return 1;
}

static int from_bottom(lua_State *L, int index)
{
    return index < 0 ? lua_gettop(L) + 1 + index : index;
}

/* Is one a number beyond 2^53 and the other its digits, or the nearest double? */
static int is_about(lua_State *L, int number, int digits)
{
    return lua_type(L, number) == LUA_TNUMBER && lua_isnumber(L, digits) &&
           fabs((double)lua_tonumber(L, number)) >= (double)WXM_NUMBER_EXACT &&
           lua_tonumber(L, number) == lua_tonumber(L, digits);
}

int fuzz_equal(lua_State *L, int a, int b)
{
    a = from_bottom(L, a);
    b = from_bottom(L, b);
    luaL_checkstack(L, 8, "fuzz");
    if (lua_type(L, a) != LUA_TTABLE || lua_type(L, b) != LUA_TTABLE) {
        return lua_rawequal(L, a, b) || is_about(L, a, b) || is_about(L, b, a);
    }
    return count_of(L, a) == count_of(L, b) && has_all(L, a, b);
}
