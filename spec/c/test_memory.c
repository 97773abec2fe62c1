/*
** Tests of rules when memory runs out: at whichever allocation it does, of Lua's or of
** ours, the call raises, nothing is lost, and the next call is as good as ever.
*/
#include "check.h"

#include "lua_compat.h"

int luaopen_wxmoments_core(lua_State *L);

/* The linker sends csrc's own allocations here (see the Makefile). */
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);

/* How many allocations still succeed; negative: all. */
static long lua_left = -1, own_left = -1;

static int is_spent(long *left)
{
    if (*left > 0) {
        --*left;
        return 0;
    }
    return *left == 0;
}

void *__wrap_malloc(size_t n)
{
    return is_spent(&own_left) ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return is_spent(&own_left) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t n)
{
    return is_spent(&own_left) ? NULL : __real_realloc(old, n);
}

static void *lua_memory(void *context, void *old, size_t old_size, size_t n)
{
    (void)context;
    if (n == 0) {
        free(old);
        return NULL;
    }
    if ((old == NULL || n > old_size) && is_spent(&lua_left)) {
        return NULL; /* Lua counts on it that shrinking does not fail */
    }
    return __real_realloc(old, n);
}

static void set_text(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

static void set_flag(lua_State *L, const char *key)
{
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, key);
}

/* Begins a rule of that type in the field so named; the caller puts it into its place. */
static void push_rule(lua_State *L, const char *type, const char *name)
{
    lua_newtable(L);
    set_text(L, "type", type);
    if (name != NULL) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, 1);
    }
}

/* { type = "object", fields = { id, list, word } } with what allocates in each. */
static void push_spec(lua_State *L)
{
    push_rule(L, "object", NULL);
    set_flag(L, "keep_unknown");
    set_text(L, "source", "a page");
    lua_newtable(L);
    push_rule(L, "string", "id");
    set_flag(L, "required");
    lua_rawseti(L, -2, 1);
    push_rule(L, "list", "list");
    push_rule(L, "integer", NULL);
    lua_setfield(L, -2, "items");
    set_flag(L, "fill");
    lua_rawseti(L, -2, 2);
    push_rule(L, "string", "word");
    lua_newtable(L);
    lua_pushliteral(L, "one");
    lua_rawseti(L, -2, 1);
    lua_pushliteral(L, "two");
    lua_rawseti(L, -2, 2);
    lua_setfield(L, -2, "enum");
    lua_newtable(L);
    set_text(L, "not_allowed", "no such word");
    lua_setfield(L, -2, "codes");
    lua_rawseti(L, -2, 3);
    lua_setfield(L, -2, "fields");
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "id");
    lua_rawseti(L, -2, 1);
    lua_rawseti(L, -2, 1);
    lua_setfield(L, -2, "one_of");
}

/* Stack places while the calls are tried. */
enum { CORE = 1, SPEC, RULES };

/* core.rules(spec) */
static void prepare_compile(lua_State *L)
{
    lua_getfield(L, CORE, "rules");
    lua_pushvalue(L, SPEC);
}

static void prepare_method(lua_State *L, const char *name)
{
    lua_getfield(L, RULES, name);
    lua_pushvalue(L, RULES);
}

static void prepare_read(lua_State *L)
{
    char body[600];

    /* Escapes of another length each, so that the scratch buffer must grow. */
    memset(body, 'x', sizeof body);
    memcpy(body,
           "{\"id\":\"\\n\",\"list\":[1,2],\"more\":{\"\\u0061\":1.5},\"t\":\"\\t", 51);
    memcpy(body + sizeof body - 2, "\"}", 2);
    prepare_method(L, "read");
    lua_pushlstring(L, body, sizeof body);
}

static void prepare_read_wrong(lua_State *L)
{
    prepare_method(L, "read");
    lua_pushliteral(L, "{\"id\":[{}],\"word\":\"three\"}");
}

static void prepare_write(lua_State *L)
{
    prepare_method(L, "write");
    lua_newtable(L);
    set_text(L, "id", "an id");
    lua_newtable(L);
    lua_pushinteger(L, 5);
    lua_rawseti(L, -2, 1);
    lua_setfield(L, -2, "list");
    lua_pushlstring(L, (const char[1000]){0}, 1000);
    lua_setfield(L, -2, "more");
}

static void prepare_write_wrong(lua_State *L)
{
    prepare_method(L, "write");
    lua_newtable(L);
    set_text(L, "word", "three");
}

static const struct {
    const char *what;
    void (*prepare)(lua_State *L);
    int args;
} calls[] = {
    {"compile", prepare_compile, 1},
    {"read", prepare_read, 2},
    {"read what is wrong", prepare_read_wrong, 2},
    {"write", prepare_write, 2},
    {"write what is wrong", prepare_write_wrong, 2},
};

static void open_core(lua_State *L)
{
    lua_pushcfunction(L, luaopen_wxmoments_core);
    lua_call(L, 0, 1);
    push_spec(L);
    prepare_compile(L);
    lua_call(L, 1, 1);
}

/*
** Makes call number 'i' in a new state, letting 'lua' allocations of Lua and 'own' of ours
** succeed. Returns its status; checks that the same call works when memory is back.
*/
static int try_call(size_t i, long lua, long own)
{
    lua_State *L = lua_newstate(lua_memory, NULL);
    int status;

    CHECK(L != NULL, "there is memory for a state");
    if (L == NULL) {
        return 0;
    }
    open_core(L);
    calls[i].prepare(L);
    lua_left = lua;
    own_left = own;
    status = lua_pcall(L, calls[i].args, LUA_MULTRET, 0);
    lua_left = own_left = -1;
    if (status != 0) {
        CHECK(lua_type(L, -1) == LUA_TSTRING &&
                  strstr(lua_tostring(L, -1), "not enough memory") != NULL,
              calls[i].what);
        lua_settop(L, RULES);
        calls[i].prepare(L);
        CHECK(lua_pcall(L, calls[i].args, LUA_MULTRET, 0) == 0, calls[i].what);
    }
    lua_close(L);
    return status;
}

/* Lets the first, the second … allocation fail until the call needs no more of them. */
static void test_every_allocation(void)
{
    size_t i;
    long n;

    for (i = 0; i < COUNT_OF(calls); i++) {
        for (n = 0; n < 1000 && try_call(i, n, -1) != 0; n++) {
        }
        CHECK(n > 0 && n < 1000, calls[i].what);
        for (n = 0; n < 1000 && try_call(i, -1, n) != 0; n++) {
        }
        CHECK(n < 1000, calls[i].what);
    }
}

int main(void)
{
    test_every_allocation();
    return check_result();
}
