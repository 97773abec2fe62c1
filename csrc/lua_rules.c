/*
** Compiles a rule table into a rule set, once. The table is the author's: mistakes in
** it raise, with the name that is wrong.
**
** Ownership while compiling: the userdata at BOX owns the root from the first moment,
** and whatever is allocated is hung into the tree before anything else can raise. So
** there is nothing to undo: __gc frees the tree as far as it has come.
**
** The second half of the file is what all three users of rules share: a problem as a
** Lua table with its path, and buffers that the collector knows.
*/
#include "lua_rules.h"

#include "wxm_number.h"
#include "wxm_text.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER "wxmoments.buffer"

/*
** Stack places of core.rules. KEYS is a table that becomes BOX's uservalue at the end.
** Above them lie the rule tables being compiled, each child above its parent.
*/
enum { ARG_SPEC = 1, BOX, KEYS };

/* A NUL-ended copy of 'n' bytes, to be hung into the tree at once; or raises. */
static char *copy_of(lua_State *L, const char *s, size_t n)
{
    char *copy = malloc(n + 1);

    if (copy == NULL) {
        luaL_error(L, "not enough memory for a rule");
        return NULL; /* not reached */
    }
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

/*
** calloc that raises: an array of zeroed entries, to be hung into the tree at once. Not
** NULL for 'n' 0 either, which calloc leaves to the system: an empty enum is still one.
*/
static void *room_for(lua_State *L, size_t n, size_t size)
{
    void *room = calloc(n > 0 ? n : 1, size);

    if (room == NULL) {
        luaL_error(L, "not enough memory for a rule");
    }
    return room;
}

/* Pushes spec[name], raw, and returns its type. 'spec' is absolute, here and below. */
static int get(lua_State *L, int spec, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, spec);
    return lua_type(L, -1);
}

/* Raises unless a table is on top; 'what' it should have been is for the message. */
static void table_on_top(lua_State *L, const char *what)
{
    if (lua_type(L, -1) != LUA_TTABLE) {
        luaL_error(L, "rule: %s must be a table", what);
    }
}

/*
** The bytes of the string on top, valid while it stays there. A number is none:
** lua_tolstring would turn the author's own entry into text.
*/
static const char *string_on_top(lua_State *L, const char *what, size_t *n)
{
    if (lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "rule: %s must be a string", what);
    }
    return lua_tolstring(L, -1, n);
}

/* Pushes spec[name]: a table and 1, or nil and 0. Either is the caller's to pop. */
static int get_table(lua_State *L, int spec, const char *name)
{
    if (get(L, spec, name) == LUA_TNIL) {
        return 0;
    }
    table_on_top(L, name);
    return 1;
}

/*
** Reads true or false, absent is false; raises for anything else. Lua's own truth would
** take "no" and 0 for true.
*/
static int get_flag(lua_State *L, int spec, const char *name)
{
    int type = get(L, spec, name), flag = lua_toboolean(L, -1);

    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        luaL_error(L, "rule: '%s' must be true or false", name);
    }
    lua_pop(L, 1);
    return flag;
}

/* Reads a whole number into '*value' and returns 1; 0 when it is absent. */
static int get_integer(lua_State *L, int spec, const char *name, int64_t *value)
{
    int type = get(L, spec, name), there = type != LUA_TNIL;

    if (there && (type != LUA_TNUMBER ||
                  !wxm_number_is_integer((double)lua_tonumber(L, -1), value))) {
        luaL_error(L, "rule: '%s' must be a whole number", name);
    }
    lua_pop(L, 1);
    return there;
}

/* A copy of the string spec[name], for the tree to own; NULL when it is absent. */
static char *get_text(lua_State *L, int spec, const char *name)
{
    int type = get(L, spec, name);
    char *text = NULL;

    if (type == LUA_TSTRING) {
        size_t n;
        const char *s = lua_tolstring(L, -1, &n);
        text = copy_of(L, s, n);
    } else if (type != LUA_TNIL) {
        luaL_error(L, "rule: '%s' must be a string", name);
    }
    lua_pop(L, 1);
    return text;
}

/*
** Which of the 'count' names spec[name] is, or -1 when it is absent; raises for any
** other value. 'names' gives the i-th name.
*/
static int get_choice(lua_State *L, int spec, const char *name,
                      const char *(*names)(int), int count)
{
    int i, found = -1;

    if (get(L, spec, name) != LUA_TNIL) {
        const char *s = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        for (i = 0; i < count; i++) {
            if (strcmp(s, names(i)) == 0) {
                found = i;
            }
        }
        if (found < 0) {
            luaL_error(L, "rule: no such %s: '%s'", name, s);
        }
    }
    lua_pop(L, 1);
    return found;
}

/* The two lists of names that get_choice is given. */
static const char *type_name(int i)
{
    return wxm_rule_type_name((wxm_type)i);
}

static const char *unit_name(int i)
{
    return wxm_rule_unit_name((wxm_unit)i);
}

/*
** Raises for a name that nobody reads: else "requierd = true" would be a rule that
** checks nothing, and go unseen. The one number that may be a key is the place of a
** field's own name: { "text", type = … }.
*/
static void check_names(lua_State *L, int spec)
{
    static const char *const known[] = {
        "type",        "min",         "max",          "unit",      "enum",  "items",
        "fields",      "one_of",      "span",         "required",  "fill",  "from_text",
        "from_number", "from_single", "keep_unknown", "printable", "codes", "origin",
        "source",      "omit_empty",  "about",        "advice",    "pick",
    };
    size_t i;

    for (lua_pushnil(L); lua_next(L, spec) != 0; lua_pop(L, 1)) {
        const char *name;
        if (lua_type(L, -2) != LUA_TSTRING) {
            if (lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == 1) {
                continue; /* a field's name */
            }
            luaL_error(L, "rule: a key is no string");
        }
        name = lua_tostring(L, -2); /* a string already: lua_next is not confused */
        for (i = 0; i < sizeof known / sizeof *known && strcmp(name, known[i]) != 0;
             i++) {
        }
        if (i == sizeof known / sizeof *known) {
            luaL_error(L, "rule: no such setting: '%s'", name);
        }
    }
}

/*
** The list's entries as "a, b or c", for messages; a copy for the tree to own. All the
** pieces are pushed and joined at once, so the stack needs two places for each. Leaves
** the stack as it was.
*/
static char *sentence_of(lua_State *L, int list)
{
    size_t n = lua_rawlen(L, list), i;
    int top = lua_gettop(L);
    char *text;

    luaL_checkstack(L, (int)(n * 2) + 1, "rule: too many values");
    for (i = 1; i <= n; i++) {
        lua_rawgeti(L, list, (int)i);
        lua_tostring(L, -1); /* our own copy of a number on the stack becomes text */
        if (i < n) {
            lua_pushstring(L, i + 1 == n ? " or " : ", ");
        }
    }
    lua_concat(L, lua_gettop(L) - top);
    text = copy_of(L, lua_tostring(L, -1), lua_rawlen(L, -1));
    lua_settop(L, top);
    return text;
}

/*
** enum = { … }: numbers of an integer, words of a string. The type must be known by
** now. value_count is set before the array is there; wxm_rule_free looks at the array.
*/
static void compile_enum(lua_State *L, wxm_rule *rule, int spec)
{
    int list;
    size_t i;

    if (get_table(L, spec, "enum")) {
        list = lua_gettop(L);
        if (rule->type != WXM_TYPE_INTEGER && rule->type != WXM_TYPE_STRING) {
            luaL_error(L, "rule: 'enum' is for integers and strings");
        }
        rule->value_count = lua_rawlen(L, list);
        if (rule->type == WXM_TYPE_INTEGER) {
            rule->values = room_for(L, rule->value_count, sizeof *rule->values);
        } else {
            rule->words = room_for(L, rule->value_count, sizeof *rule->words);
        }
        for (i = 0; i < rule->value_count; i++) {
            lua_rawgeti(L, list, (int)i + 1);
            if (rule->words != NULL) {
                size_t n;
                const char *word = string_on_top(L, "enum", &n);
                rule->words[i] = copy_of(L, word, n);
            } else if (lua_type(L, -1) != LUA_TNUMBER ||
                       !wxm_number_is_integer((double)lua_tonumber(L, -1),
                                              &rule->values[i])) {
                luaL_error(L, "rule: 'enum' of an integer must be whole numbers");
            }
            lua_pop(L, 1);
        }
        rule->allowed = sentence_of(L, list);
    }
    lua_pop(L, 1);
}

/*
** A table of texts by problem, { too_long = "…", … }: as 'codes' the document's words
** instead of our own, as 'advice' what to do about it. The tree owns the copies.
*/
static void compile_texts(lua_State *L, char *texts[WXM_PROBLEM_COUNT], int spec,
                          const char *name)
{
    int i;

    if (get_table(L, spec, name)) {
        int given = lua_gettop(L);
        for (i = 0; i < WXM_PROBLEM_COUNT; i++) {
            texts[i] = get_text(L, given, wxm_rule_code((wxm_problem_code)i));
        }
    }
    lua_pop(L, 1);
}

/* The index of the field whose name is on top; pops it. Raises when there is none. */
static int field_on_top(lua_State *L, const wxm_rule *rule)
{
    size_t n;
    const char *name = string_on_top(L, "a field's name", &n);
    int i = wxm_rule_find(rule, name, n, 0);

    if (i < 0) {
        luaL_error(L, "rule: no such field: '%s'", name);
    }
    lua_pop(L, 1);
    return i;
}

/*
** one_of = { { "image", "video", min = 0, max = 1 }, … }. Both bounds are 1 when not
** given. Fields are bits, so the object's own must be compiled by now.
*/
static void compile_groups(lua_State *L, wxm_rule *rule, int spec)
{
    size_t i, j;

    if (get_table(L, spec, "one_of")) {
        int list = lua_gettop(L);
        size_t n = lua_rawlen(L, list);
        rule->groups = room_for(L, n, sizeof *rule->groups);
        for (i = 0; i < n; i++) {
            wxm_group *group = &rule->groups[i];
            int names;
            lua_rawgeti(L, list, (int)i + 1);
            table_on_top(L, "one_of");
            names = lua_gettop(L);
            rule->group_count = i + 1; /* from here on the tree owns the group */
            group->min = group->max = 1;
            get_integer(L, names, "min", &group->min);
            get_integer(L, names, "max", &group->max);
            for (j = 0; j < lua_rawlen(L, names); j++) {
                lua_rawgeti(L, names, (int)j + 1);
                group->fields |= UINT64_C(1) << field_on_top(L, rule);
            }
            group->names = sentence_of(L, names);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

/* span = { "from", "to", min = …, max = … }: two fields and the bounds of to - from. */
static void compile_span(lua_State *L, wxm_rule *rule, int spec)
{
    if (get_table(L, spec, "span")) {
        int span = lua_gettop(L);
        lua_rawgeti(L, span, 1);
        rule->span_from = field_on_top(L, rule);
        lua_rawgeti(L, span, 2);
        rule->span_to = field_on_top(L, rule);
        rule->span_min = 0;
        rule->span_max = WXM_NUMBER_EXACT;
        get_integer(L, span, "min", &rule->span_min);
        get_integer(L, span, "max", &rule->span_max);
    }
    lua_pop(L, 1);
}

/* Fills a new rule from the table at 'spec'; leaves the stack as it was. */
static void compile(lua_State *L, wxm_rule *rule, int spec, int depth);

/*
** Compiles the rule table on top of the stack into a new child at '*child', which is
** part of the tree before it is filled; pops the table.
*/
static void compile_child(lua_State *L, wxm_rule **child, int depth)
{
    table_on_top(L, "a rule");
    *child = wxm_rule_new();
    if (*child == NULL) {
        luaL_error(L, "not enough memory for a rule");
        return; /* not reached */
    }
    compile(L, *child, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
}

/*
** fields = { { "name", type = … }, … }, in the order they are written. Every name's Lua
** string goes to the end of KEYS as well, so that reading pushes it without making it
** anew; the place is kept in the field. Required and filled fields are collected as
** bits, which is how reading asks for what is missing.
*/
static void compile_fields(lua_State *L, wxm_rule *rule, int spec, int depth)
{
    size_t i;

    if (get_table(L, spec, "fields")) {
        int list = lua_gettop(L);
        size_t n = lua_rawlen(L, list);
        if (n > WXM_RULE_FIELDS) {
            luaL_error(L, "rule: more than %d fields", WXM_RULE_FIELDS);
        }
        rule->fields = room_for(L, n, sizeof *rule->fields);
        for (i = 0; i < n; i++) {
            wxm_field *field = &rule->fields[i];
            const char *name;
            size_t len;
            lua_rawgeti(L, list, (int)i + 1);
            table_on_top(L, "a field");
            lua_rawgeti(L, -1, 1);
            name = string_on_top(L, "a field's name", &len);
            if (wxm_rule_find(rule, name, len, 0) >= 0) {
                luaL_error(L, "rule: two fields are named '%s'", name);
            }
            rule->field_count = i + 1; /* from here on the tree owns the field */
            if (wxm_rule_name(field, name, len) != 0) {
                luaL_error(L, "not enough memory for a rule");
            }
            field->key = (int)lua_rawlen(L, KEYS) + 1;
            lua_rawseti(L, KEYS, field->key); /* takes the name off the stack */
            compile_child(L, &field->rule, depth);
            rule->required_fields |= (uint64_t)field->rule->required << i;
            rule->filled_fields |= (uint64_t)field->rule->fill << i;
        }
    }
    lua_pop(L, 1);
}

/* pick = "name": a field of the list's elements, whose rule must be compiled by now. */
static void compile_pick(lua_State *L, wxm_rule *rule, int spec)
{
    if (get(L, spec, "pick") != LUA_TNIL) {
        if (rule->items == NULL || rule->items->type != WXM_TYPE_OBJECT) {
            luaL_error(L, "rule: 'pick' is for lists of objects");
        }
        rule->pick = field_on_top(L, rule->items);
    } else {
        lua_pop(L, 1);
    }
}

static void compile(lua_State *L, wxm_rule *rule, int spec, int depth)
{
    int type, unit;

    /* A table that holds itself ends at the depth's bound, and needs no other check. */
    luaL_checkstack(L, 16, "rule: nested too deep");
    if (depth > WXM_RULE_DEPTH) {
        luaL_error(L, "rule: nested deeper than %d", WXM_RULE_DEPTH);
    }
    check_names(L, spec);
    type = get_choice(L, spec, "type", type_name, WXM_TYPE_OBJECT + 1);
    if (type < 0) {
        luaL_error(L, "rule: 'type' is missing");
    }
    rule->type = (wxm_type)type;
    rule->has_min = get_integer(L, spec, "min", &rule->min);
    rule->has_max = get_integer(L, spec, "max", &rule->max);
    unit = get_choice(L, spec, "unit", unit_name, WXM_UNIT_UTF16 + 1);
    if (unit >= 0) {
        rule->unit = (wxm_unit)unit;
    } else if (rule->type == WXM_TYPE_STRING && (rule->has_max || rule->has_min)) {
        /* A default would be wrong for some documents, and nobody would notice. */
        luaL_error(L, "rule: a length needs its 'unit'");
    }
    if ((rule->has_min || rule->has_max) &&
        (rule->type == WXM_TYPE_NUMBER || rule->type == WXM_TYPE_OBJECT ||
         rule->type == WXM_TYPE_BOOLEAN || rule->type == WXM_TYPE_ANY)) {
        luaL_error(L, "rule: 'min' and 'max' are for integers, strings and lists");
    }
    rule->required = get_flag(L, spec, "required") != 0;
    rule->from_text = get_flag(L, spec, "from_text") != 0;
    rule->from_number = get_flag(L, spec, "from_number") != 0;
    rule->from_single = get_flag(L, spec, "from_single") != 0;
    rule->fill = get_flag(L, spec, "fill") != 0;
    rule->keep_unknown = get_flag(L, spec, "keep_unknown") != 0;
    rule->printable = get_flag(L, spec, "printable") != 0;
    rule->omit_empty = get_flag(L, spec, "omit_empty") != 0;
    rule->origin = get_text(L, spec, "origin");
    rule->source = get_text(L, spec, "source");
    /* In this order: each step looks at what those before it have filled in. */
    compile_enum(L, rule, spec);
    compile_texts(L, rule->codes, spec, "codes");
    compile_texts(L, rule->advice, spec, "advice");
    if (get(L, spec, "items") != LUA_TNIL) {
        compile_child(L, &rule->items, depth);
    } else {
        lua_pop(L, 1);
    }
    compile_pick(L, rule, spec);
    compile_fields(L, rule, spec, depth);
    compile_groups(L, rule, spec);
    compile_span(L, rule, spec);
}

/* core.rules(table) -> rule set. The table's form: lua/wxmoments/operations.lua. */
int wxm_lua_rules_new(lua_State *L)
{
    wxm_lua_rules *box;

    luaL_checktype(L, ARG_SPEC, LUA_TTABLE);
    lua_settop(L, ARG_SPEC);
    box = lua_newuserdata(L, sizeof *box);
    box->root = NULL;
    wxm_lua_setmetatable(L, WXM_LUA_RULES);
    lua_newtable(L); /* KEYS */
    box->root = wxm_rule_new();
    if (box->root == NULL) {
        return luaL_error(L, "not enough memory for a rule");
    }
    compile(L, box->root, ARG_SPEC, 0);
    lua_setuservalue(L, BOX); /* takes KEYS off; BOX is on top */
    return 1;
}

/* Room for a path in a message; a longer one loses its end, not its beginning. */
#define PATH_MAX_BYTES 240

/* A path while it is written; lives on the C stack, so there is nothing to free. */
typedef struct {
    char text[PATH_MAX_BYTES]; /* not NUL-ended */
    size_t len;                /* at most PATH_MAX_BYTES */
} path_text;

/* Appends as much as there is room for. */
static void add(path_text *path, const char *s, size_t n)
{
    size_t room = sizeof path->text - path->len;

    n = n < room ? n : room;
    memcpy(path->text + path->len, s, n);
    path->len += n;
}

/* Is it a name that Lua would take after a dot? (Keywords aside: no field is one.) */
static int is_plain_name(const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        int letter =
            (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_';
        if (!letter && (i == 0 || s[i] < '0' || s[i] > '9')) {
            return 0;
        }
    }
    return n > 0;
}

/*
** Appends a name as Lua would write it: .name, or ["odd name"]. An odd one is a
** stranger's key and goes into a message: printable ASCII, and short.
*/
static void add_name(path_text *path, const char *s, size_t n)
{
    size_t i;

    if (is_plain_name(s, n)) {
        add(path, ".", path->len > 0 ? 1 : 0);
        add(path, s, n);
        return;
    }
    add(path, "[\"", 2);
    for (i = 0; i < n && i < 40; i++) {
        add(path, s[i] >= 0x20 && s[i] < 0x7F ? s + i : "?", 1);
    }
    add(path, "\"]", 2);
}

/*
** Writes the path from the root down: "text.content", "list[3].id". The chain leads up,
** so it is turned around; nesting is bounded, so the room for that is as well.
*/
static void add_path(path_text *path, const wxm_lua_path *at)
{
    const wxm_lua_path *chain[WXM_RULE_DEPTH + 2];
    size_t n = 0;

    for (; at != NULL && at->up != NULL && n < sizeof chain / sizeof *chain;
         at = at->up) {
        chain[n++] = at;
    }
    while (n > 0) {
        at = chain[--n];
        if (at->name != NULL) {
            add_name(path, at->name, at->len);
        } else {
            char digits[WXM_NUMBER_TEXT];
            add(path, "[", 1);
            add(path, digits, wxm_number_format_integer(digits, (int64_t)at->index));
            add(path, "]", 1);
        }
    }
}

/*
** Sets a field of the table on top, unless the text is NULL. The table is our own and
** has no metatable, so lua_setfield runs nothing of anybody's.
*/
static void set_text(lua_State *L, const char *key, const char *text)
{
    if (text != NULL) {
        lua_pushstring(L, text);
        lua_setfield(L, -2, key);
    }
}

/* Do limit and got mean something beyond the sentence, for a program to use? */
static int has_figures(wxm_problem_code code)
{
    switch (code) {
    case WXM_PROBLEM_TOO_SMALL:
    case WXM_PROBLEM_TOO_LARGE:
    case WXM_PROBLEM_TOO_SHORT:
    case WXM_PROBLEM_TOO_LONG:
    case WXM_PROBLEM_TOO_FEW:
    case WXM_PROBLEM_TOO_MANY:
    case WXM_PROBLEM_ONE_OF:
    case WXM_PROBLEM_SPAN:
        return 1;
    default:
        return 0;
    }
}

void wxm_lua_push_problem(lua_State *L, const wxm_rule *rule,
                          const wxm_problem *problem, const wxm_lua_path *at)
{
    const char *code = wxm_rule_code(problem->code);
    const char *documented = rule == NULL ? NULL : rule->codes[problem->code];
    char message[WXM_RULE_MESSAGE];
    path_text path;

    path.len = 0;
    add_path(&path, at);
    wxm_rule_message(message, rule, problem);
    lua_createtable(L, 0, 8);
    set_text(L, "code", documented == NULL ? code : documented);
    set_text(L, "message", message);
    if (path.len > 0) {
        lua_pushlstring(L, path.text, path.len);
        lua_setfield(L, -2, "path");
    }
    if (has_figures(problem->code)) {
        wxm_lua_pushinteger(L, problem->limit);
        lua_setfield(L, -2, "limit");
        wxm_lua_pushinteger(L, problem->got);
        lua_setfield(L, -2, "got");
    }
    if (rule != NULL) {
        if (rule->type == WXM_TYPE_STRING && has_figures(problem->code)) {
            set_text(L, "unit", wxm_rule_unit_name(rule->unit));
        }
        /* Only the document's own word has an origin; ours has none. */
        set_text(L, "origin", documented == NULL ? NULL : rule->origin);
        set_text(L, "source", rule->source);
        set_text(L, "fix", rule->advice[problem->code]);
    }
}

void wxm_lua_problem_offset(lua_State *L, size_t offset)
{
    lua_pushinteger(L, (lua_Integer)offset);
    lua_setfield(L, -2, "offset");
}

/* __gc of a rule set, also of one whose compilation raised. Safe more than once. */
static int rules_gc(lua_State *L)
{
    wxm_lua_rules *box = luaL_checkudata(L, 1, WXM_LUA_RULES);

    wxm_rule_free(box->root);
    box->root = NULL;
    return 0;
}

/* __gc of a buffer that nobody dropped: the call that made it has raised. */
static int buffer_gc(lua_State *L)
{
    wxm_buf_free(luaL_checkudata(L, 1, BUFFER));
    return 0;
}

wxm_buf *wxm_lua_push_buffer(lua_State *L, size_t cap)
{
    wxm_buf *buf = lua_newuserdata(L, sizeof *buf);

    wxm_buf_init(buf, cap); /* before __gc can see it */
    wxm_lua_setmetatable(L, BUFFER);
    return buf;
}

void wxm_lua_drop_buffer(lua_State *L, int index)
{
    wxm_buf_free(lua_touserdata(L, index));
    lua_pushnil(L);
    lua_setmetatable(L, index);
}

/* __tostring: the class alone. */
static int rules_tostring(lua_State *L)
{
    luaL_checkudata(L, 1, WXM_LUA_RULES);
    lua_pushstring(L, WXM_LUA_RULES);
    return 1;
}

void wxm_lua_rules_class(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"check", wxm_lua_rules_check},
        {"read", wxm_lua_rules_read},
        {"write", wxm_lua_rules_write},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", rules_gc},
        {"__tostring", rules_tostring},
        {NULL, NULL},
    };
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg buffer[] = {{"__gc", buffer_gc}, {NULL, NULL}};

    wxm_lua_class(L, WXM_LUA_RULES, methods, metamethods);
    wxm_lua_class(L, BUFFER, none, buffer);
}
