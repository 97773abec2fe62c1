/*
** rules:write and rules:check: the caller's table is held against the rules and, for
** write, becomes a JSON body in the same pass. Tables are read raw; nothing of the
** caller's is run or changed. Every problem is found, not only the first.
**
** The walk is recursive, because what is walked is: value_on_top goes into a table by
** table_on_top and comes back to itself for each entry. may_enter bounds the depth to
** WXM_RULE_DEPTH, and so the use of both stacks. By convention each function finds its
** value on top of the Lua stack and leaves it there; the path to it is a chain of steps
** on the C stack, one for each table around it.
**
**     value_on_top -> scalar: integer_, number_, string_on_top, free_value
**          ^  |
**          |  +-> table_on_top -> declared_object, declared_list, free_table
**          |                                 |
**          +------- for each entry ----------+
**
** Bytes are appended as the walk goes, also behind a problem: they are thrown away
** then, which costs less than asking at each step.
*/
#include "lua_rules.h"
#include "wxm_json.h"
#include "wxm_number.h"
#include "wxm_text.h"

#include <string.h>

/*
** Stack places of both functions; the value being walked stands above them, below it
** the tables around it and, while lua_next goes through one, its key. For check BUFFER
** is nil.
*/
enum { ARG_SELF = 1, ARG_VALUE, BUFFER, PROBLEMS };

/* A caller who has made more mistakes than this will mend these first. */
#define MAX_PROBLEMS 100

/* The largest body that is written, in bytes. */
#define MAX_BODY ((size_t)32 * 1024 * 1024)

/*
** The most values that are looked at. A table that holds another one many times over is
** walked as often, so this, not the memory it takes, bounds the work.
*/
#define MAX_VALUES 2000000

typedef struct {
    wxm_buf *out;  /* NULL: only check; the userdata at BUFFER owns it */
    int script;    /* safe inside an HTML script element */
    int problems;  /* entries of the list at PROBLEMS, at most MAX_PROBLEMS */
    size_t values; /* looked at so far; beyond MAX_VALUES nothing more is */
} writer;

/* Adds a problem of the value at 'at' to the list, unless that is full. */
static void report(lua_State *L, writer *w, const wxm_rule *rule,
                   const wxm_problem *problem, const wxm_lua_path *at)
{
    if (w->problems < MAX_PROBLEMS) {
        wxm_lua_push_problem(L, rule, problem, at);
        lua_rawseti(L, PROBLEMS, ++w->problems);
    }
}

/* The same for a problem without figures; 'detail' may be NULL. */
static void report_code(lua_State *L, writer *w, const wxm_rule *rule,
                        wxm_problem_code code, const char *detail,
                        const wxm_lua_path *at)
{
    wxm_problem problem = {WXM_PROBLEM_TYPE, 0, 0, NULL};

    problem.code = code;
    problem.detail = detail;
    report(L, w, rule, &problem, at);
}

/* Appends; a full buffer is noticed once, at the end. */
static void put(const writer *w, const char *s, size_t n)
{
    if (w->out != NULL) {
        wxm_buf_add(w->out, s, n);
    }
}

/* Appends a string in quotes; its bytes must be known to be valid UTF-8. */
static void put_string(const writer *w, const char *s, size_t n)
{
    if (w->out != NULL) {
        wxm_json_add_string(w->out, s, n, w->script);
    }
}

/*
** "a string", "null" …: what stands on top of the stack, for a message. Static. Its
** kind alone: the value may be a secret.
*/
static const char *kind_on_top(lua_State *L)
{
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        return "nothing";
    case LUA_TBOOLEAN:
        return "a boolean";
    case LUA_TNUMBER:
        return "a number";
    case LUA_TSTRING:
        return "a string";
    case LUA_TTABLE:
        return "a table";
    case LUA_TFUNCTION:
        return "a function";
    case LUA_TTHREAD:
        return "a coroutine";
    case LUA_TLIGHTUSERDATA:
        return lua_touserdata(L, -1) == NULL ? "null" : "a userdata";
    case LUA_TUSERDATA:
        return "a userdata";
    default:
        return "a value of C"; /* LuaJIT's cdata */
    }
}

/* Reports that the value on top is of another type than its rule's. */
static void mismatch(lua_State *L, writer *w, const wxm_rule *rule,
                     const wxm_lua_path *at)
{
    report_code(L, w, rule, WXM_PROBLEM_TYPE, kind_on_top(L), at);
}

/*
** Takes the number on top when it is whole and fits an int64_t; 3 and 3.0 are the same
** on every Lua. A string is no number here, though lua_tonumber would take it for one.
*/
static int whole_on_top(lua_State *L, int64_t *value)
{
    if (lua_type(L, -1) != LUA_TNUMBER) {
        return 0;
    }
#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(L, -1)) {
        *value = (int64_t)lua_tointeger(L, -1);
        return 1;
    }
#endif
    return wxm_number_is_integer((double)lua_tonumber(L, -1), value);
}

/*
** Writes the value on top for an integer's rule, or reports. One that is not whole
** reports as NOT_EXACT, which is what 'problem' begins as.
*/
static void integer_on_top(lua_State *L, writer *w, const wxm_rule *rule,
                           const wxm_lua_path *at)
{
    wxm_problem problem = {WXM_PROBLEM_NOT_EXACT, 0, 0, NULL};
    char text[WXM_NUMBER_TEXT];
    int64_t value;

    if (lua_type(L, -1) != LUA_TNUMBER) {
        mismatch(L, w, rule, at);
    } else if (!whole_on_top(L, &value) ||
               wxm_rule_integer(rule, value, &problem) != 0) {
        report(L, w, rule, &problem, at);
    } else {
        put(w, text, wxm_number_format_integer(text, value));
    }
}

/* Writes the value on top for a number's rule, or reports: JSON has no NaN. */
static void number_on_top(lua_State *L, writer *w, const wxm_rule *rule,
                          const wxm_lua_path *at)
{
    char text[WXM_NUMBER_TEXT];
    int64_t value;
    double d;

    if (lua_type(L, -1) != LUA_TNUMBER) {
        mismatch(L, w, rule, at);
        return;
    }
    if (whole_on_top(L, &value)) {
        put(w, text, wxm_number_format_integer(text, value));
        return;
    }
    d = (double)lua_tonumber(L, -1);
    if (d - d != 0) { /* NaN and both infinities */
        report_code(L, w, rule, WXM_PROBLEM_NOT_FINITE, NULL, at);
        return;
    }
    put(w, text, wxm_number_format(text, d));
}

/* Writes the value on top for a string's rule, or reports. Numbers stay numbers. */
static void string_on_top(lua_State *L, writer *w, const wxm_rule *rule,
                          const wxm_lua_path *at)
{
    wxm_problem problem;
    const char *s;
    size_t n;

    if (lua_type(L, -1) != LUA_TSTRING) {
        mismatch(L, w, rule, at);
        return;
    }
    s = lua_tolstring(L, -1, &n);
    if (wxm_rule_string(rule, s, n, &problem) != 0) {
        report(L, w, rule, &problem, at);
    } else {
        put_string(w, s, n);
    }
}

/* The walk's other end; its contract is where it is written. */
static void value_on_top(lua_State *L, writer *w, const wxm_rule *rule,
                         const wxm_lua_path *at);

/*
** The metamethod of the table on top that would show fields which a raw read does not
** see; NULL when it has none of the three. A class's __tostring or __gc hides nothing.
** __len and __pairs count on 5.1 too, which ignores them: one table, one answer.
*/
static const char *hiding_on_top(lua_State *L)
{
    static const char *const names[] = {"__index", "__pairs", "__len"};
    const char *found = NULL;
    size_t i;

    if (!lua_getmetatable(L, -1)) {
        return NULL;
    }
    for (i = 0; found == NULL && i < sizeof names / sizeof *names; i++) {
        lua_pushstring(L, names[i]);
        lua_rawget(L, -2);
        found = lua_isnil(L, -1) ? NULL : names[i];
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return found;
}

/*
** Is the table on top one that can be read raw and safely? Reports what stands against
** it. A cycle is looked for among the tables around it alone, at most 32: one that
** occurs twice side by side is no cycle, and is written twice.
*/
static int may_enter(lua_State *L, writer *w, const wxm_rule *rule,
                     const wxm_lua_path *at)
{
    const wxm_lua_path *above;
    const char *hiding;
    size_t depth = 0;

    for (above = at->up; above != NULL; above = above->up) {
        if (above->table == at->table) {
            report_code(L, w, rule, WXM_PROBLEM_CYCLE, NULL, at);
            return 0;
        }
        depth++;
    }
    if (depth >= WXM_RULE_DEPTH) {
        report_code(L, w, rule, WXM_PROBLEM_TOO_DEEP, NULL, at);
        return 0;
    }
    hiding = hiding_on_top(L);
    if (hiding != NULL) {
        report_code(L, w, rule, WXM_PROBLEM_METATABLE, hiding, at);
        return 0;
    }
    luaL_checkstack(L, 12, "a value is nested too deep");
    return 1;
}

/* EMPTY may be either; MIXED is neither, and not JSON's. */
typedef enum { SHAPE_EMPTY, SHAPE_LIST, SHAPE_OBJECT, SHAPE_MIXED } shape;

/*
** What the table on top is, by its keys. A list has the keys 1 to its number of
** entries and no other; '*count' becomes that number. Keys differ from each other, so n
** whole ones from 1 whose largest is n are exactly these: no hole, and no need of '#',
** which may stop at any hole.
*/
static shape shape_on_top(lua_State *L, size_t *count)
{
    size_t places = 0, names = 0, most = 0;

    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        int64_t key;
        lua_pushvalue(L, -2); /* the functions below look at the top */
        if (lua_type(L, -1) == LUA_TSTRING) {
            names++;
        } else if (whole_on_top(L, &key) && key > 0) {
            places++;
            most = (size_t)key > most ? (size_t)key : most;
        } else {
            names++;
            places++; /* neither: makes it mixed */
        }
        lua_pop(L, 1);
    }
    *count = places;
    if (names == 0) {
        return places == 0 ? SHAPE_EMPTY : places == most ? SHAPE_LIST : SHAPE_MIXED;
    }
    return places == 0 ? SHAPE_OBJECT : SHAPE_MIXED;
}

/* Writes the list of 'count' entries on top, without holes. 'items' NULL: anything. */
static void list_on_top(lua_State *L, writer *w, const wxm_rule *items, size_t count,
                        const wxm_lua_path *at)
{
    wxm_lua_path step = {NULL, NULL, 0, 0, NULL};
    size_t i;

    step.up = at;
    put(w, "[", 1);
    for (i = 1; i <= count; i++) {
        put(w, ",", i > 1 ? 1 : 0);
        lua_rawgeti(L, -1, (int)i);
        step.index = i;
        value_on_top(L, w, items, &step);
        lua_pop(L, 1);
    }
    put(w, "]", 1);
}

/*
** Writes the table on top for a list's rule. An empty table is an empty list here. A
** wrong number of entries is reported and the entries are looked at all the same.
*/
static void declared_list(lua_State *L, writer *w, const wxm_rule *rule,
                          const wxm_lua_path *at)
{
    wxm_problem problem;
    size_t count;

    switch (shape_on_top(L, &count)) {
    case SHAPE_OBJECT:
    case SHAPE_MIXED:
        report_code(L, w, rule, WXM_PROBLEM_NOT_A_LIST, NULL, at);
        return;
    case SHAPE_EMPTY:
    case SHAPE_LIST:
        break;
    }
    if (wxm_rule_count(rule, count, &problem) != 0) {
        report(L, w, rule, &problem, at);
    }
    list_on_top(L, w, rule->items, count, at);
}

/*
** The field whose name is most like it, for "did you mean"; NULL when none is. A third
** of the name and one more may be wrong: in a longer distance people see no likeness.
*/
static const char *likely_name(const wxm_rule *rule, const char *name, size_t n)
{
    const char *best = NULL;
    size_t i, least = 1 + n / 3;

    if (n > WXM_TEXT_DISTANCE_MAX) {
        return NULL;
    }
    for (i = 0; i < rule->field_count; i++) {
        const wxm_field *field = &rule->fields[i];
        size_t distance = wxm_text_distance(name, n, field->name, field->len);
        if (distance < least || (best == NULL && distance == least)) {
            best = field->name;
            least = distance;
        }
    }
    return best;
}

/* Writes "name": before a value, and a comma before that but for the '*first' time. */
static void put_name(const writer *w, const char *name, size_t n, int *first)
{
    put(w, ",", *first ? 0 : 1);
    put_string(w, name, n);
    put(w, ":", 1);
    *first = 0;
}

/*
** Names of the table on top that the rule does not have (NULL: all of them): written as
** they are where it keeps them, else reported. Their order is lua_next's, that is, any.
*/
static void unknown_names(lua_State *L, writer *w, const wxm_rule *rule,
                          const wxm_lua_path *at, int *first)
{
    wxm_lua_path step = {NULL, NULL, 0, 0, NULL};

    step.up = at;
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        /* lua_tolstring would turn a number into text in place, and lose lua_next. */
        if (lua_type(L, -2) != LUA_TSTRING) {
            const char *kind;
            lua_pushvalue(L, -2);
            kind = kind_on_top(L);
            lua_pop(L, 1);
            report_code(L, w, rule, WXM_PROBLEM_KEY, kind, at);
            continue;
        }
        step.name = lua_tolstring(L, -2, &step.len);
        if (rule != NULL && wxm_rule_find(rule, step.name, step.len, 0) >= 0) {
            continue;
        }
        if (rule != NULL && !rule->keep_unknown) {
            if (w->problems == MAX_PROBLEMS) {
                lua_pop(L, 2); /* one more would not be reported */
                return;
            }
            report_code(L, w, rule, WXM_PROBLEM_UNKNOWN,
                        likely_name(rule, step.name, step.len), &step);
            continue;
        }
        /* A field's own name is the author's; this one is anybody's. */
        if (wxm_text_measure(step.name, step.len).invalid < step.len) {
            wxm_problem problem = {WXM_PROBLEM_UTF8, 0, 0, NULL};
            problem.got = (int64_t)wxm_text_measure(step.name, step.len).invalid + 1;
            report(L, w, NULL, &problem, &step);
            continue;
        }
        put_name(w, step.name, step.len, first);
        value_on_top(L, w, NULL, &step);
    }
}

/* Takes the whole number in the object on top at the field; 0 when there is none. */
static int integer_at(lua_State *L, const wxm_field *field, int64_t *value)
{
    int there;

    lua_pushlstring(L, field->name, field->len);
    lua_rawget(L, -2);
    there = whole_on_top(L, value);
    lua_pop(L, 1);
    return there;
}

/*
** What no field can say alone: groups of which some must be there, and spans. Numbers
** beyond 2^53 have been reported as such, and their difference might overflow.
*/
static void between_fields(lua_State *L, writer *w, const wxm_rule *rule,
                           uint64_t present, const wxm_lua_path *at)
{
    wxm_problem problem;
    int64_t from, to;
    size_t i;

    for (i = 0; i < rule->group_count; i++) {
        if (wxm_rule_group(&rule->groups[i], present, &problem) != 0) {
            report(L, w, rule, &problem, at);
        }
    }
    if (rule->span_from >= 0 && integer_at(L, &rule->fields[rule->span_from], &from) &&
        integer_at(L, &rule->fields[rule->span_to], &to) && from <= WXM_NUMBER_EXACT &&
        from >= -WXM_NUMBER_EXACT && to <= WXM_NUMBER_EXACT &&
        to >= -WXM_NUMBER_EXACT && wxm_rule_span(rule, from, to, &problem) != 0) {
        wxm_lua_path step = {NULL, NULL, 0, 0, NULL};
        step.up = at;
        step.name = rule->fields[rule->span_to].name;
        step.len = rule->fields[rule->span_to].len;
        report(L, w, rule, &problem, &step);
    }
}

/* Is the value on top an empty table, and its rule a list's that leaves that out? */
static int is_left_out(lua_State *L, const wxm_rule *rule)
{
    int empty;

    if (!rule->omit_empty || lua_type(L, -1) != LUA_TTABLE) {
        return 0;
    }
    if (hiding_on_top(L) != NULL) { /* refused on the way in */
        return 0;
    }
    lua_pushnil(L);
    empty = lua_next(L, -2) == 0;
    lua_pop(L, empty ? 0 : 2);
    return empty;
}

/*
** Writes the table on top for an object's rule: the fields first, in the rule's order,
** then names it keeps beyond them, then what holds between fields. nil is absent; what
** is there counts as given for the groups even if it is wrong in itself.
*/
static void declared_object(lua_State *L, writer *w, const wxm_rule *rule,
                            const wxm_lua_path *at)
{
    wxm_lua_path step = {NULL, NULL, 0, 0, NULL};
    uint64_t present = 0;
    int first = 1;
    size_t i;

    step.up = at;
    put(w, "{", 1);
    for (i = 0; i < rule->field_count; i++) {
        const wxm_field *field = &rule->fields[i];
        step.name = field->name;
        step.len = field->len;
        lua_pushlstring(L, field->name, field->len);
        lua_rawget(L, -2);
        if (lua_isnil(L, -1)) {
            if (field->rule->required) {
                report_code(L, w, field->rule, WXM_PROBLEM_REQUIRED, NULL, &step);
            }
        } else if (!is_left_out(L, field->rule)) {
            present |= UINT64_C(1) << i;
            put_name(w, field->name, field->len, &first);
            value_on_top(L, w, field->rule, &step);
        }
        lua_pop(L, 1);
    }
    unknown_names(L, w, rule, at, &first);
    between_fields(L, w, rule, present, at);
    put(w, "}", 1);
}

/* A table without a rule: a list by its keys, or an object; {} is an object. */
static void free_table(lua_State *L, writer *w, const wxm_lua_path *at)
{
    size_t count;
    int first = 1;

    switch (shape_on_top(L, &count)) {
    case SHAPE_MIXED:
        report_code(L, w, NULL, WXM_PROBLEM_NOT_A_LIST, NULL, at);
        break;
    case SHAPE_LIST:
        list_on_top(L, w, NULL, count, at);
        break;
    case SHAPE_EMPTY:
    case SHAPE_OBJECT:
        put(w, "{", 1);
        unknown_names(L, w, NULL, at, &first);
        put(w, "}", 1);
        break;
    }
}

/*
** Holds the table on top against a list's or object's rule (NULL: anything) and writes
** it. 'here' is the same place as 'at' with the table's identity, for the cycles below.
*/
static void table_on_top(lua_State *L, writer *w, const wxm_rule *rule,
                         const wxm_lua_path *at)
{
    wxm_lua_path here = *at;

    if (rule != NULL && rule->type != WXM_TYPE_LIST && rule->type != WXM_TYPE_OBJECT) {
        mismatch(L, w, rule, at);
        return;
    }
    here.table = lua_topointer(L, -1);
    if (!may_enter(L, w, rule, &here)) {
        return;
    }
    if (rule == NULL) {
        free_table(L, w, &here);
    } else if (rule->type == WXM_TYPE_LIST) {
        declared_list(L, w, rule, &here);
    } else {
        declared_object(L, w, rule, &here);
    }
}

/* Writes a value without a rule that is no table, or reports what JSON cannot say. */
static void free_value(lua_State *L, writer *w, const wxm_lua_path *at)
{
    static const wxm_rule any_string = {.type = WXM_TYPE_STRING};
    static const wxm_rule any_number = {.type = WXM_TYPE_NUMBER};

    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        string_on_top(L, w, &any_string, at);
        break;
    case LUA_TNUMBER:
        number_on_top(L, w, &any_number, at);
        break;
    case LUA_TBOOLEAN:
        put(w, lua_toboolean(L, -1) ? "true" : "false", lua_toboolean(L, -1) ? 4 : 5);
        break;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, -1) == NULL) {
            put(w, "null", 4);
            break;
        }
        mismatch(L, w, NULL, at);
        break;
    default:
        mismatch(L, w, NULL, at);
    }
}

/*
** Holds the value on top against 'rule' (NULL: anything) and writes it, or reports.
** Leaves it on the stack.
*/
static void value_on_top(lua_State *L, writer *w, const wxm_rule *rule,
                         const wxm_lua_path *at)
{
    if (rule != NULL && rule->type == WXM_TYPE_ANY) {
        rule = NULL;
    }
    if (w->problems == MAX_PROBLEMS || ++w->values > MAX_VALUES) {
        return; /* enough is said, or will be at the end */
    }
    if (lua_type(L, -1) == LUA_TTABLE) {
        table_on_top(L, w, rule, at);
    } else if (rule == NULL ||
               (rule->type == WXM_TYPE_BOOLEAN && lua_type(L, -1) == LUA_TBOOLEAN)) {
        free_value(L, w, at);
    } else if (rule->type == WXM_TYPE_INTEGER) {
        integer_on_top(L, w, rule, at);
    } else if (rule->type == WXM_TYPE_NUMBER) {
        number_on_top(L, w, rule, at);
    } else if (rule->type == WXM_TYPE_STRING) {
        string_on_top(L, w, rule, at);
    } else {
        mismatch(L, w, rule, at);
    }
}

/* Walks ARG_VALUE with 'w'; leaves the list of problems at PROBLEMS, on top. */
static void walk(lua_State *L, writer *w, const wxm_lua_rules *box)
{
    wxm_lua_path root = {NULL, NULL, 0, 0, NULL};

    lua_settop(L, BUFFER); /* nil where nothing is written */
    lua_newtable(L);       /* PROBLEMS */
    lua_pushvalue(L, ARG_VALUE);
    value_on_top(L, w, box->root, &root);
    lua_pop(L, 1);
    if (w->values > MAX_VALUES) {
        wxm_problem problem = {WXM_PROBLEM_TOO_BIG, MAX_VALUES, 0, "values"};
        report(L, w, NULL, &problem, &root);
    }
}

/*
** rules:check(value) -> nil | problems
**
** A list of { code, path, message, limit, got, unit, origin, source }, in the order of
** the rule's fields; at most 100. Raises only when memory is out.
*/
int wxm_lua_rules_check(lua_State *L)
{
    const wxm_lua_rules *box = luaL_checkudata(L, ARG_SELF, WXM_LUA_RULES);
    writer w = {NULL, 0, 0, 0};

    luaL_checkany(L, ARG_VALUE);
    walk(L, &w, box);
    if (w.problems == 0) {
        lua_pushnil(L);
    }
    return 1;
}

/*
** rules:write(value[, script]) -> body | nil, problems
**
** The value as JSON, fields in the rule's order, and nothing that was not given; or the
** problems, as from rules:check. 'script': true makes the text safe inside an HTML
** script element. Raises only when memory is out.
*/
int wxm_lua_rules_write(lua_State *L)
{
    const wxm_lua_rules *box = luaL_checkudata(L, ARG_SELF, WXM_LUA_RULES);
    writer w = {NULL, 0, 0, 0};

    luaL_checkany(L, ARG_VALUE);
    w.script = lua_toboolean(L, 3);
    lua_settop(L, ARG_VALUE);
    w.out = wxm_lua_push_buffer(L, MAX_BODY);
    walk(L, &w, box);
    if (w.out->state != WXM_BUF_OK) {
        wxm_lua_path root = {NULL, NULL, 0, 0, NULL};
        wxm_problem problem = {WXM_PROBLEM_TOO_BIG, (int64_t)MAX_BODY, 0, "bytes"};
        if (w.out->state == WXM_BUF_NO_MEMORY) {
            return luaL_error(L, "not enough memory for a request body");
        }
        report(L, &w, NULL, &problem, &root);
    }
    if (w.problems > 0) {
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, w.out->len > 0 ? w.out->data : "", w.out->len);
    }
    wxm_lua_drop_buffer(L, BUFFER); /* a large body is not kept until a collection */
    if (w.problems == 0) {
        return 1;
    }
    lua_pushvalue(L, PROBLEMS);
    return 2;
}
