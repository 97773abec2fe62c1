/*
** Fuzz target: any Lua value through rules:check and rules:write, and what is written
** through rules:read.
**
** The input's first byte chooses the rule set (a capital letter: written for an HTML
** script element); the rest says the value. JSON text says what it says in JSON; besides
**
**     { key value … }  keys are values of any kind     'text'  a string without escapes
**     _  nil   N I J  NaN and the infinities           u U F C  userdata light and full,
**     mX value  a table with the metamethod X          function, coroutine
**     @D  the D-th table around this one: a cycle      &  the last finished table again
**     *D value  a list of it many times over           whatever else: skipped
*/
#include "fuzz.h"

#include "wxm_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char fuzz_target[] = "write";

/* Bounds of the value made, so that an input takes no more than a moment. */
#define MOST_NESTED 100
#define MOST_VALUES 200
#define MOST_COPIES 200
#define MOST_SHARED 3

typedef struct {
    const char *at, *end;
    int tables;    /* stack place of a list: the tables around; at 0 the last one */
    int open;      /* how many of them there are */
    int values;    /* made so far */
    size_t copies; /* product of the copies asked for */
    int shared;    /* uses of '&' */
} maker;

static void push_value(lua_State *L, maker *m);

static char take(maker *m)
{
    return m->at < m->end ? *m->at++ : '\0';
}

static void push_string(lua_State *L, maker *m, char quote)
{
    const char *from = m->at;
    const char *to = memchr(from, quote, (size_t)(m->end - from));

    to = to == NULL ? m->end : to;
    m->at = to < m->end ? to + 1 : to;
    lua_pushlstring(L, from, (size_t)(to - from));
}

static void push_number(lua_State *L, maker *m)
{
    char digits[48];
    size_t n = 0;
    int whole = 1;

    for (m->at--; m->at < m->end && *m->at != '\0'; m->at++) {
        if (strchr("0123456789.eE+-", *m->at) == NULL || n == sizeof digits - 1) {
            break;
        }
        whole = whole && (*m->at == '-' || (*m->at >= '0' && *m->at <= '9'));
        digits[n++] = *m->at;
    }
    digits[n] = '\0';
    if (whole && n < 19) {
        wxm_lua_pushinteger(L, (int64_t)strtoll(digits, NULL, 10));
    } else {
        lua_pushnumber(L, (lua_Number)strtod(digits, NULL));
    }
}

static void begin_table(lua_State *L, maker *m)
{
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, m->tables, ++m->open);
}

static void end_table(lua_State *L, maker *m)
{
    lua_pushvalue(L, -1);
    lua_rawseti(L, m->tables, 0);
    m->open--;
}

/* Passes what is skipped; is the text at 'closer' or at its end? */
static int at_end(maker *m, char closer)
{
    while (m->at < m->end && strchr(" \t\r\n,:", *m->at) != NULL && *m->at != '\0') {
        m->at++;
    }
    if (m->at < m->end && *m->at == closer) {
        m->at++;
        return 1;
    }
    return m->at == m->end;
}

static void push_list(lua_State *L, maker *m)
{
    int n = 0;

    begin_table(L, m);
    while (!at_end(m, ']')) {
        push_value(L, m);
        lua_rawseti(L, -2, ++n);
    }
    end_table(L, m);
}

static void push_object(lua_State *L, maker *m)
{
    begin_table(L, m);
    while (!at_end(m, '}')) {
        push_value(L, m);
        push_value(L, m);
        if (lua_isnil(L, -2) ||
            !lua_rawequal(L, -2, -2)) { /* nil and NaN are no keys */
            lua_pop(L, 2);
        } else {
            lua_rawset(L, -3);
        }
    }
    end_table(L, m);
}

static void push_copies(lua_State *L, maker *m)
{
    static const unsigned short many[] = {1, 2, 3, 4, 10, 33, 101, 200};
    size_t n = many[take(m) & 7], i;

    n = m->copies * n > MOST_COPIES ? 1 : n;
    m->copies *= n;
    begin_table(L, m);
    push_value(L, m);
    for (i = 1; i <= n; i++) {
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, (int)i);
    }
    lua_pop(L, 1);
    end_table(L, m);
    m->copies /= n;
}

static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

static void push_with_metatable(lua_State *L, maker *m)
{
    static const char *const names[] = {"__index",    "__pairs", "__len",
                                        "__newindex", "__call",  "__metatable"};
    size_t i = (size_t)(unsigned char)take(m) % (sizeof names / sizeof *names);

    push_value(L, m);
    if (lua_type(L, -1) == LUA_TTABLE) {
        lua_createtable(L, 0, 1);
        lua_pushcfunction(L, nothing);
        lua_setfield(L, -2, names[i]);
        lua_setmetatable(L, -2);
    }
}

/* Values that a letter says. 0: the letter says none. */
static int push_letter(lua_State *L, maker *m, char c)
{
    static char some;

    switch (c) {
    case 't':
    case 'f':
        lua_pushboolean(L, c == 't');
        break;
    case 'n':
        lua_pushlightuserdata(L, NULL);
        break;
    case '_':
        lua_pushnil(L);
        return 1;
    case 'N':
        lua_pushnumber(L, (lua_Number)NAN);
        return 1;
    case 'I':
    case 'J':
        lua_pushnumber(L, (lua_Number)(c == 'I' ? HUGE_VAL : -HUGE_VAL));
        return 1;
    case 'u':
        lua_pushlightuserdata(L, &some);
        return 1;
    case 'U':
        lua_newuserdata(L, 1);
        return 1;
    case 'F':
        lua_pushcfunction(L, nothing);
        return 1;
    case 'C':
        lua_newthread(L);
        return 1;
    default:
        return 0;
    }
    while (m->at < m->end && *m->at >= 'a' && *m->at <= 'z') {
        m->at++; /* the rest of true, false, null */
    }
    return 1;
}

/* Values that share tables, and those inside others. 0: the sign says none. */
static int push_sign(lua_State *L, maker *m, char c)
{
    switch (c) {
    case '[':
        push_list(L, m);
        return 1;
    case '{':
        push_object(L, m);
        return 1;
    case '*':
        push_copies(L, m);
        return 1;
    case 'm':
        push_with_metatable(L, m);
        return 1;
    case '@':
        lua_rawgeti(L, m->tables,
                    m->open == 0 ? 0 : (unsigned char)take(m) % m->open + 1);
        return 1;
    case '&':
        lua_rawgeti(L, m->tables, m->shared < MOST_SHARED ? 0 : -1);
        m->shared++;
        return 1;
    default:
        return 0;
    }
}

/* Pushes the next value, one thing whatever the bytes; nil at the end. */
static void push_value(lua_State *L, maker *m)
{
    if (m->open == MOST_NESTED || m->values == MOST_VALUES || !lua_checkstack(L, 16)) {
        m->at = m->end;
    }
    m->values++;
    while (m->at < m->end) {
        char c = take(m);
        if (c == '"' || c == '\'') {
            push_string(L, m, c);
            return;
        }
        if ((c >= '0' && c <= '9') || c == '-') {
            push_number(L, m);
            return;
        }
        if (push_letter(L, m, c) || push_sign(L, m, c)) {
            return;
        }
    }
    lua_pushnil(L);
}

static int is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TLIGHTUSERDATA && lua_touserdata(L, index) == NULL;
}

/* Is the key on top, of an empty table, one that the rules leave out or put in? */
static int may_differ(lua_State *L, const char *name)
{
    return lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), name) == 0;
}

static int reads_as(lua_State *L, int given, int got);

/* Does every entry of the table 'given' stand in 'got' as JSON has it? */
static int entries_read_as(lua_State *L, int given, int got)
{
    for (lua_pushnil(L); lua_next(L, given) != 0; lua_pop(L, 2)) {
        int named = lua_type(L, -2) == LUA_TSTRING, same, left_out;
        lua_pushvalue(L, -2);
        left_out = may_differ(L, "omit");
        lua_rawget(L, got);
        left_out = lua_isnil(L, -1) &&
                   ((named && is_null(L, -2)) ||
                    (left_out && lua_istable(L, -2) && fuzz_is_empty(L, -2)));
        same = left_out || reads_as(L, -2, -1);
        if (!same) {
            lua_pop(L, 3);
            return 0;
        }
    }
    return 1;
}

/* Is every entry of 'got' one of 'given', or a list that is always there? */
static int nothing_new(lua_State *L, int given, int got)
{
    for (lua_pushnil(L); lua_next(L, got) != 0; lua_pop(L, 2)) {
        int filled;
        lua_pushvalue(L, -2);
        filled = may_differ(L, "bare") || may_differ(L, "moment_list");
        lua_rawget(L, given);
        if ((lua_isnil(L, -1) || (is_null(L, -1) && !is_null(L, -2))) &&
            !(filled && lua_istable(L, -2) && fuzz_is_empty(L, -2))) {
            lua_pop(L, 3);
            return 0;
        }
    }
    return 1;
}

/* Is 'got' what JSON can keep of 'given'? */
static int reads_as(lua_State *L, int given, int got)
{
    given = given < 0 ? lua_gettop(L) + 1 + given : given;
    got = got < 0 ? lua_gettop(L) + 1 + got : got;
    luaL_checkstack(L, 8, "fuzz");
    if (lua_istable(L, given) && lua_istable(L, got)) {
        return entries_read_as(L, given, got) && nothing_new(L, given, got);
    }
    return fuzz_equal(L, given, got);
}

/* Claims for the list of problems at 'place'. */
static void claim_problems(lua_State *L, int place)
{
    size_t i, n = lua_rawlen(L, place);

    fuzz_claim(n >= 1 && n <= 100, "there are problems, and not too many");
    for (i = 1; i <= n; i++) {
        lua_rawgeti(L, place, (int)i);
        fuzz_claim_problem(L, FUZZ_NO_BODY);
        lua_pop(L, 1);
    }
}

/* Has the text neither "</" nor a line end that only scripts know? */
static int is_safe_in_script(const char *s, size_t n)
{
    size_t i;

    for (i = 0; i + 1 < n; i++) {
        if (memcmp(s + i, "</", 2) == 0 ||
            (i + 2 < n && (memcmp(s + i, "\xE2\x80\xA8", 3) == 0 ||
                           memcmp(s + i, "\xE2\x80\xA9", 3) == 0))) {
            return 0;
        }
    }
    return 1;
}

/* Claims for the body at 'body', written of the value at 'value'. */
static void claim_body(lua_State *L, size_t set, int value, int body, int script)
{
    size_t n;
    const char *s = lua_tolstring(L, body, &n);
    int top = lua_gettop(L);

    fuzz_claim(wxm_text_measure(s, n).invalid == n, "a body is UTF-8");
    fuzz_claim(!script || is_safe_in_script(s, n), "a body is safe in a script");
    lua_pushvalue(L, body);
    fuzz_claim(fuzz_call(L, fuzz_any(), "read", 1) == 2, "read gives two results");
    fuzz_claim(lua_isnil(L, -1), "what is written is JSON");
    lua_pushvalue(L, body);
    fuzz_claim(fuzz_call(L, set, "read", 1) == 2, "read gives two results");
    fuzz_claim(lua_isnil(L, -1), "what is written reads by the same rules");
    fuzz_claim(reads_as(L, value, top + 3), "what is written is what was given");
    lua_pushvalue(L, top + 3);
    fuzz_claim(fuzz_call(L, set, "write", 1) == 1, "what was read can be written");
    fuzz_claim(fuzz_call(L, set, "read", 1) == 2 && lua_isnil(L, -1), "and read");
    fuzz_claim(fuzz_equal(L, top + 3, -2), "and is the same then");
    lua_settop(L, top);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { TABLES = 1, VALUE, PROBLEMS, RESULT };
    lua_State *L = fuzz_state();
    size_t set;
    maker m = {NULL, NULL, TABLES, 0, 0, 1, 0};
    int script, results;

    if (size == 0) {
        return 0;
    }
    script = data[0] >= 'A' && data[0] <= 'Z';
    set = fuzz_set_of((uint8_t)(data[0] | 0x20));
    m.at = (const char *)data + 1;
    m.end = m.at + (size - 1);
    lua_newtable(L);
    push_value(L, &m);
    fuzz_claim(lua_gettop(L) == VALUE, "one value was made");

    lua_pushvalue(L, VALUE);
    fuzz_claim(fuzz_call(L, set, "check", 1) == 1, "check gives one result");
    lua_pushvalue(L, VALUE);
    lua_pushboolean(L, script);
    results = fuzz_call(L, set, "write", 2);
    if (lua_isnil(L, PROBLEMS)) {
        fuzz_claim(results == 1, "what passes the check is written");
        claim_body(L, set, VALUE, RESULT, script);
    } else {
        fuzz_claim(results == 2 && lua_isnil(L, RESULT),
                   "what is written passes the check");
        fuzz_claim(fuzz_equal(L, PROBLEMS, RESULT + 1), "both find the same problems");
        claim_problems(L, PROBLEMS);
    }
    lua_settop(L, 0);
    return 0;
}
