/* The rule set as a Lua object, and what compiling, reading and writing share. */
#ifndef LUA_RULES_H
#define LUA_RULES_H

#include "lua_compat.h"
#include "wxm_buf.h"
#include "wxm_rule.h"

#define WXM_LUA_RULES "wxmoments.rules"

/* Uservalue: a list with the Lua string of every field name, at wxm_field.key. */
typedef struct {
    wxm_rule *root; /* owned; NULL while it is being compiled */
} wxm_lua_rules;

/*
** Pushes an empty buffer of at most 'cap' bytes, which the collector frees when nobody
** did. Each call has its own: any allocation of Lua's may run a finalizer, and that may
** use the same rule set.
*/
wxm_buf *wxm_lua_push_buffer(lua_State *L, size_t cap);

/*
** Frees the buffer at 'index' and leaves nothing to the collector: when LuaJIT ends,
** what a finalizer has made is finalized after this library is gone, and would crash.
*/
void wxm_lua_drop_buffer(lua_State *L, int index);

/* Where a value stands: a chain from the value up to the root, on the C stack. */
typedef struct wxm_lua_path {
    const struct wxm_lua_path *up; /* NULL: this is the root, which has no name */
    const char *name;              /* of an object's field, or NULL in a list */
    size_t len;
    size_t index;      /* in a list, from 1 */
    const void *table; /* identity of the table here, to see cycles */
} wxm_lua_path;

/*
** Keys of a problem's table are set by the next two functions alone.
**
** Pushes { code, path, message, limit, got, unit, origin, source } as a table. 'rule'
** may be NULL. Raises only when memory is out.
*/
void wxm_lua_push_problem(lua_State *L, const wxm_rule *rule,
                          const wxm_problem *problem, const wxm_lua_path *at);

/* Adds 'offset', the byte from 1 at which a text was wrong, to the problem on top. */
void wxm_lua_problem_offset(lua_State *L, size_t offset);

/* Lua functions, each with its contract where it is written. */
int wxm_lua_rules_new(lua_State *L);
int wxm_lua_rules_read(lua_State *L);
int wxm_lua_rules_write(lua_State *L);
int wxm_lua_rules_check(lua_State *L);

/* Registers the class. */
void wxm_lua_rules_class(lua_State *L);

#endif
