/*
** The binding of the transport: userdata pool and transfer, requests from tables.
**
** Each userdata is a box around a pointer, NULL once it is closed; the C objects know
** which pool a transfer is in (wxm_curl.c), so a box refers to no other one and the
** collector may finalize them in any order. A request is checked whole before anything
** is acquired: header injection and a second Content-Length end here.
*/
#include "lua_compat.h"

#include "wxm_curl.h"

#include <lua.h>
#include <stdint.h>
#include <string.h>

#define POOL     "wxmoments.pool"
#define TRANSFER "wxmoments.transfer"

/* What holds for a request that sets no limits of its own. */
#define DEFAULT_MAX_HEADER (64u << 10)
#define DEFAULT_MAX_BODY   (64u << 20)

/* Stack places of the methods. */
enum { ARG_SELF = 1, ARG_REQUEST = 2, ARG_SECONDS = 2 };

/* A transfer, and whether its response already lies in the userdata's user value. */
typedef struct {
    wxm_transfer *transfer; /* NULL: closed */
    int has_table;          /* so its bytes are Lua's alone */
} transfer_box;

/* All that may be sent. Methods are case-sensitive (RFC 9110, section 9.1). */
static const char *const METHODS[] = {"GET",   "HEAD",   "POST", "PUT",
                                      "PATCH", "DELETE", NULL};

/*
** Headers that follow from the body; a second opinion about it is an attack (request
** smuggling: RFC 9112, section 11.2). Lower case, as is_ours compares.
*/
static const char *const OUR_HEADERS[] = {"content-length", "transfer-encoding",
                                          "expect", NULL};

/* ---- reading the request table, raw; a mistake raises with the field's name ---- */

/* Pushes the field, raw. Returns its type. */
static int push_field(lua_State *L, const char *field)
{
    lua_pushstring(L, field);
    lua_rawget(L, ARG_REQUEST);
    return lua_type(L, -1);
}

/* Raises: what the field must be, never what it was, which may be a token. */
static int bad_field(lua_State *L, const char *field, const char *expected)
{
    return luaL_error(L, "request: '%s' must be %s", field, expected);
}

/*
** Whether the bytes hold a control character (a tab is none where 'tab' is set). CR and
** LF would begin a header of the attacker's, NUL would end the text for libcurl: RFC
** 9110, section 5.5.
*/
static int has_control(const char *text, size_t length, int tab)
{
    size_t i;

    for (i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < ' ' && !(tab && c == '\t')) || c == 127) {
            return 1;
        }
    }
    return 0;
}

/*
** The text of an optional field without control characters, or NULL. It stays on the
** stack, which keeps it alive.
*/
static const char *text_field(lua_State *L, const char *field)
{
    const char *text;
    size_t length;
    int type = push_field(L, field);

    if (type == LUA_TNIL) {
        return NULL;
    }
    if (type != LUA_TSTRING) {
        bad_field(L, field, "a string");
    }
    text = lua_tolstring(L, -1, &length);
    if (has_control(text, length, 0)) {
        bad_field(L, field, "without control characters");
    }
    return text;
}

/* The same for a field that must be there and not empty; raises else. */
static const char *needed_text_field(lua_State *L, const char *field)
{
    const char *text = text_field(L, field);

    if (text == NULL || *text == '\0') {
        bad_field(L, field, "a string, not empty");
    }
    return text;
}

/* An optional number of seconds above 0 (infinite is fine), or 0. */
static double seconds_field(lua_State *L, const char *field)
{
    int type = push_field(L, field);
    lua_Number seconds = 0;

    if (type == LUA_TNUMBER) {
        seconds = lua_tonumber(L, -1);
    }
    if (type != LUA_TNIL && !(seconds > 0)) { /* also when it is not a number */
        bad_field(L, field, "a number of seconds above 0");
    }
    lua_pop(L, 1);
    return (double)seconds;
}

/* An optional number of bytes from 0; what is beyond memory stands for no limit. */
static size_t size_field(lua_State *L, const char *field, size_t otherwise)
{
    int type = push_field(L, field);
    lua_Number size = -1;

    if (type == LUA_TNUMBER) {
        size = lua_tonumber(L, -1);
    }
    if (type != LUA_TNIL && !(size >= 0)) {
        bad_field(L, field, "a number of bytes, not negative");
    }
    lua_pop(L, 1);
    if (type == LUA_TNIL) {
        return otherwise;
    }
    /* A quarter, so that sums of two such sizes cannot overflow. */
    return size >= (lua_Number)(SIZE_MAX / 4) ? SIZE_MAX / 4 : (size_t)size;
}

/* The method, one of a few: whatever else a server takes is not ours to send. */
static const char *method_field(lua_State *L)
{
    const char *method = text_field(L, "method");
    size_t i;

    for (i = 0; method != NULL && METHODS[i] != NULL; i++) {
        if (strcmp(method, METHODS[i]) == 0) {
            return METHODS[i];
        }
    }
    bad_field(L, "method", "GET, HEAD, POST, PUT, PATCH or DELETE");
    return NULL; /* not reached */
}

/*
** Fills body and body_len; any bytes are fine. The string stays on the stack. HEAD with
** a body is refused: it means nothing (RFC 9110, section 9.3.2) and would be dropped.
*/
static void read_body(lua_State *L, wxm_request *request)
{
    int type = push_field(L, "body");

    if (type != LUA_TNIL && type != LUA_TSTRING) {
        bad_field(L, "body", "a string");
    }
    request->body =
        type == LUA_TSTRING ? lua_tolstring(L, -1, &request->body_len) : NULL;
    if (request->body != NULL && strcmp(request->method, "HEAD") == 0) {
        bad_field(L, "body", "absent with HEAD");
    }
}

/*
** Reads and checks all fields but the headers. The strings stay on the stack. Nothing
** is acquired, so that it may raise anywhere.
*/
static void read_request(lua_State *L, wxm_request *request)
{
    int type;

    memset(request, 0, sizeof *request);
    request->method = method_field(L);
    request->url = needed_text_field(L, "url");
    read_body(L, request);
    request->ca_file = text_field(L, "ca_file");
    request->proxy = text_field(L, "proxy");
    request->user_agent = text_field(L, "user_agent");
    request->seconds = seconds_field(L, "seconds");
    if (request->seconds <= 0) {
        bad_field(L, "seconds", "a number of seconds above 0");
    }
    request->connect_seconds = seconds_field(L, "connect_seconds");
    request->max_header = size_field(L, "max_header", DEFAULT_MAX_HEADER);
    request->max_body = size_field(L, "max_body", DEFAULT_MAX_BODY);
    type = push_field(L, "safe");
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        bad_field(L, "safe", "a boolean");
    }
    request->safe = lua_toboolean(L, -1);
}

/*
** Whether a name has only the characters of a "token" (RFC 9110, section 5.6.2), and at
** least one. So it holds no colon, blank or line end.
*/
static int is_token(wxm_slice name)
{
    static const char OTHERS[] = "!#$%&'*+-.^_`|~";
    size_t i;

    for (i = 0; i < name.len; i++) {
        char c = name.at[i];
        int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') && (c == '\0' || !strchr(OTHERS, c))) {
            return 0;
        }
    }
    return name.len > 0;
}

/* Whether the transport writes this header itself. The name must be a token. */
static int is_ours(wxm_slice name)
{
    size_t i, k;

    for (i = 0; OUR_HEADERS[i] != NULL; i++) {
        /* 0x20 makes letters lower case; a token's other bytes become no letter. */
        for (k = 0; k < name.len && (name.at[k] | 0x20) == OUR_HEADERS[i][k]; k++) {
        }
        if (k == name.len && OUR_HEADERS[i][k] == '\0') {
            return 1;
        }
    }
    return 0;
}

/* The string at [index] of the pair on top; it stays on the stack above the pair. */
static wxm_slice pair_text(lua_State *L, int pair, int index, lua_Integer number)
{
    wxm_slice text;

    lua_rawgeti(L, pair, index);
    if (lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "request: 'headers[%d]' must be a pair of strings", (int)number);
    }
    text.at = lua_tolstring(L, -1, &text.len);
    return text;
}

/*
** Adds the request's headers to the transfer, whose userdata owns it already: it may
** raise anywhere. Returns 0, or -1 when memory is exhausted.
*/
static int add_headers(lua_State *L, wxm_transfer *transfer)
{
    int type = push_field(L, "headers");
    int headers = lua_gettop(L);
    int result = 0;
    int i, count;

    if (type != LUA_TNIL && type != LUA_TTABLE) {
        bad_field(L, "headers", "a list of pairs");
    }
    count = type == LUA_TTABLE ? (int)lua_rawlen(L, headers) : 0;
    for (i = 1; i <= count && result == 0; i++) {
        wxm_slice name, value;

        /* What is raised names the header's place, never its text. */
        lua_rawgeti(L, headers, i);
        if (!lua_istable(L, -1)) {
            return luaL_error(L, "request: 'headers[%d]' must be a pair of strings", i);
        }
        name = pair_text(L, headers + 1, 1, i);
        value = pair_text(L, headers + 1, 2, i);
        if (!is_token(name)) {
            return luaL_error(L, "request: 'headers[%d]' must have a proper name", i);
        }
        if (is_ours(name)) {
            return luaL_error(L, "request: 'headers[%d]' is set by the transport", i);
        }
        if (has_control(value.at, value.len, 1)) {
            return luaL_error(
                L, "request: 'headers[%d]' must be without control characters", i);
        }
        result = wxm_transfer_add_header(transfer, name, value);
        lua_settop(L, headers);
    }
    return result;
}

/* ---- transfer ---- */

/* The box that a method was called on, also of a closed transfer. */
static transfer_box *transfer_box_at(lua_State *L)
{
    return luaL_checkudata(L, ARG_SELF, TRANSFER);
}

/* The box of an open transfer; raises when it is closed. */
static transfer_box *open_transfer(lua_State *L)
{
    transfer_box *box = transfer_box_at(L);

    if (box->transfer == NULL) {
        luaL_error(L, TRANSFER " is closed");
    }
    return box;
}

/* transfer:close(), __gc, __close. A transfer in flight is taken out of its pool. */
static int transfer_close(lua_State *L)
{
    transfer_box *box = transfer_box_at(L);

    wxm_transfer_free(box->transfer);
    box->transfer = NULL;
    return 0;
}

/* transfer:done() -> boolean. Neither waits nor moves anything on. */
static int transfer_done(lua_State *L)
{
    const transfer_box *box = open_transfer(L);

    lua_pushboolean(L, wxm_transfer_get_state(box->transfer) != WXM_TRANSFER_RUNNING);
    return 1;
}

/* Pushes { {name, value}, ... } in the order of arrival. */
static void push_headers(lua_State *L, const wxm_transfer *transfer)
{
    wxm_slice name, value;
    size_t cursor = 0;
    int i;

    lua_newtable(L);
    for (i = 1; wxm_transfer_next_header(transfer, &cursor, &name, &value); i++) {
        lua_createtable(L, 2, 0);
        lua_pushlstring(L, name.at, name.len);
        lua_rawseti(L, -2, 1);
        lua_pushlstring(L, value.at, value.len);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, i);
    }
}

/*
** Pushes the response table. It is made once and kept as the userdata's user value, and
** only then the bytes it was made of are freed: a raise on the way loses nothing, and
** Lua's collector sees the body's size from there on.
*/
static void push_response(lua_State *L, transfer_box *box)
{
    if (!box->has_table) {
        wxm_response response = wxm_transfer_response(box->transfer);

        lua_createtable(L, 0, 3);
        lua_pushinteger(L, (lua_Integer)response.status);
        lua_setfield(L, -2, "status");
        push_headers(L, box->transfer);
        lua_setfield(L, -2, "headers");
        lua_pushlstring(L, response.body, response.body_len);
        lua_setfield(L, -2, "body");
        /* It cannot raise: from here on the table is kept. */
        lua_setuservalue(L, ARG_SELF);
        box->has_table = 1;
        wxm_transfer_empty(box->transfer);
    }
    lua_getuservalue(L, ARG_SELF);
}

/* Pushes code, message, sent; returns how many that are. */
static int push_failure(lua_State *L, const wxm_transfer *transfer)
{
    wxm_failure failure = wxm_transfer_failure(transfer);

    lua_pushstring(L, failure.code);
    lua_pushstring(L, failure.message);
    lua_pushboolean(L, failure.sent);
    return 3;
}

/*
** transfer:result() -> nil while it runs | response | false, code, message, sent. The
** same table each time.
*/
static int transfer_result(lua_State *L)
{
    transfer_box *box = open_transfer(L);

    switch (wxm_transfer_get_state(box->transfer)) {
    case WXM_TRANSFER_DONE:
        push_response(L, box);
        return 1;
    case WXM_TRANSFER_FAILED:
        lua_pushboolean(L, 0);
        return 1 + push_failure(L, box->transfer);
    default:
        lua_pushnil(L);
        return 1;
    }
}

/* __tostring: the state alone; a failed one is done as well. */
static int transfer_tostring(lua_State *L)
{
    const transfer_box *box = transfer_box_at(L);

    if (box->transfer == NULL) {
        lua_pushliteral(L, TRANSFER ": closed");
    } else if (wxm_transfer_get_state(box->transfer) == WXM_TRANSFER_RUNNING) {
        lua_pushliteral(L, TRANSFER ": running");
    } else {
        lua_pushliteral(L, TRANSFER ": done");
    }
    return 1;
}

/* ---- pool ---- */

/* The box that a method was called on, also of a closed pool. */
static wxm_pool **pool_box_at(lua_State *L)
{
    return luaL_checkudata(L, ARG_SELF, POOL);
}

/* The pool itself; raises when it is closed. */
static wxm_pool *open_pool(lua_State *L)
{
    wxm_pool **box = pool_box_at(L);

    if (*box == NULL) {
        luaL_error(L, POOL " is closed");
    }
    return *box;
}

/* curl.pool() -> pool. */
static int curl_pool(lua_State *L)
{
    wxm_pool **box = lua_newuserdata(L, sizeof *box);

    *box = NULL;
    wxm_lua_setmetatable(L, POOL);
    *box = wxm_pool_new(); /* from here on __gc owns it */
    if (*box == NULL) {
        return luaL_error(L, POOL ": out of memory");
    }
    return 1;
}

/* pool:close(), __gc, __close. Its transfers fail with CLOSED. */
static int pool_close(lua_State *L)
{
    wxm_pool **box = pool_box_at(L);
    wxm_pool *pool = *box;

    *box = NULL; /* first: nothing may find the pool while it goes */
    wxm_pool_free(pool);
    return 0;
}

/*
** pool:start(request) -> transfer | nil, code, message. Checks first; then the userdata
** is born, and owns whatever is acquired for it.
*/
static int pool_start(lua_State *L)
{
    wxm_pool *pool = open_pool(L);
    wxm_request request;
    transfer_box *box;
    int self;

    luaL_checktype(L, ARG_REQUEST, LUA_TTABLE);
    lua_settop(L, ARG_REQUEST);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    read_request(L, &request);

    box = lua_newuserdata(L, sizeof *box);
    self = lua_gettop(L);
    box->transfer = NULL;
    box->has_table = 0;
    wxm_lua_setmetatable(L, TRANSFER);
    box->transfer = wxm_transfer_new(); /* from here on __gc owns it */
    if (box->transfer == NULL || add_headers(L, box->transfer) != 0) {
        return luaL_error(L, TRANSFER ": out of memory");
    }
    /* Every allocation above may have run one. */
    if (*pool_box_at(L) != pool) { /* a finalizer of the caller's has closed it */
        return luaL_error(L, POOL " is closed");
    }
    if (wxm_transfer_start(box->transfer, pool, &request) != 0) {
        lua_pushnil(L);
        push_failure(L, box->transfer);
        lua_pop(L, 1); /* nothing was sent: that goes without saying */
        wxm_transfer_free(box->transfer);
        box->transfer = NULL;
        return 3;
    }
    lua_settop(L, self); /* libcurl and the transfer have copied what they need */
    return 1;
}

/*
** pool:wait(seconds) -> how many transfers still run. Less than 0 counts as 0. Returns
** at once when a transfer has ended since the last wait.
*/
static int pool_wait(lua_State *L)
{
    wxm_pool *pool = open_pool(L);
    lua_Number seconds = luaL_checknumber(L, ARG_SECONDS);

    /* NaN compares with nothing, and would pass for 0 without a word. */
    luaL_argcheck(L, !(seconds != seconds), ARG_SECONDS, "not a number");
    lua_pushinteger(L, (lua_Integer)wxm_pool_wait(pool, (double)seconds));
    return 1;
}

/* __tostring: open or closed. */
static int pool_tostring(lua_State *L)
{
    lua_pushstring(L, *pool_box_at(L) != NULL ? POOL ": open" : POOL ": closed");
    return 1;
}

/* ---- the module ---- */

static const luaL_Reg POOL_METHODS[] = {
    {"start", pool_start}, {"wait", pool_wait}, {"close", pool_close}, {NULL, NULL}};

static const luaL_Reg POOL_METAMETHODS[] = {{"__gc", pool_close},
                                            {"__close", pool_close},
                                            {"__tostring", pool_tostring},
                                            {NULL, NULL}};

static const luaL_Reg TRANSFER_METHODS[] = {{"done", transfer_done},
                                            {"result", transfer_result},
                                            {"close", transfer_close},
                                            {NULL, NULL}};

static const luaL_Reg TRANSFER_METAMETHODS[] = {{"__gc", transfer_close},
                                                {"__close", transfer_close},
                                                {"__tostring", transfer_tostring},
                                                {NULL, NULL}};

WXM_EXPORT int luaopen_wxmoments_curl(lua_State *L);

/* require "wxmoments.curl" -> { pool, version }. */
int luaopen_wxmoments_curl(lua_State *L)
{
    if (wxm_curl_init() != 0) {
        return luaL_error(L, "wxmoments.curl: libcurl cannot be initialized");
    }
    wxm_lua_class(L, POOL, POOL_METHODS, POOL_METAMETHODS);
    wxm_lua_class(L, TRANSFER, TRANSFER_METHODS, TRANSFER_METAMETHODS);
    lua_newtable(L);
    lua_pushcfunction(L, curl_pool);
    lua_setfield(L, -2, "pool");
    lua_pushstring(L, wxm_curl_version());
    lua_setfield(L, -2, "version");
    return 1;
}
