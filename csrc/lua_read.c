/*
** rules:read: a reply's bytes become Lua tables in one pass, held against the rules as
** they come. No tree in between, no recursion, nothing of ours to free on the way.
**
** Every open list or object is a frame (C) and a table (Lua stack). Two states, between
** which read_body and hang go to and fro until no frame is left:
**
**               +-- { or [: enter, next_entry --+
**               v                               |
**     A VALUE IS DUE ---------------------------+
**        ^      |
**        |      | scalar, or an empty container: leave
**        |      v
**        |    A VALUE IS FINISHED --- no frame left ---> the whole is read
**        |      |        |    ^
**        +------+        +----+
**      comma: next_entry   closer: leave; the container is the finished value
**
** The Lua stack meanwhile, from the bottom:
**
**     rule set | body | problem or nil | table of names | name 1 ... name k |
**     frame 1's table [| key] | frame 2's table [| key] | ... | value [if finished]
**
** A key lies above its object's table while its value is read. Where a frame is to
** become one field of its own ('pick'), nil and later that field's value lie in the
** table's place.
**
** A wrong shape does not end the reading: what the rule did not want is read and
** forgotten, so that the rest of the reply is found. Only what makes the bytes
** untrustworthy does (see give_up).
*/
#include "lua_rules.h"
#include "wxm_json.h"
#include "wxm_number.h"

#include <string.h>

/*
** Stack places of rules:read. KEYS is the table of names; the name that a field's 'key'
** counts is at KEYS + key, and containers being built stand above the last one.
*/
enum { ARG_SELF = 1, ARG_BODY, PROBLEM, KEYS };

/* A reply that says more than this in one body is not one of WeCom's. */
#define MAX_VALUES 2000000

/* A list or object that is being read; its table is on the Lua stack. */
typedef struct {
    wxm_rule *rule;  /* NULL: anything may be inside */
    size_t count;    /* entries stored */
    uint64_t seen;   /* fields that have a value or are being read, a bit each */
    int field;       /* the field being read, or -1: a name without a rule */
    const char *key; /* the name being read, as it stands in the body; or NULL */
    size_t key_len;
    char closer; /* '}' or ']'; '\0' for the list around a bare element */
    int pick;    /* the object becomes this field of its own; -1: it is a table */
    char drop;   /* the rule wanted something else: read, then forget */
} frame;

typedef struct {
    wxm_json json;                /* the body; 'at' is how far it is read */
    frame frames[WXM_RULE_DEPTH]; /* the open containers, the innermost last */
    size_t depth;                 /* how many they are */
    size_t values;                /* read so far, of every kind */
} reader;

/* The byte that begins the next token. Servers rarely send white space. */
static char peek(reader *r)
{
    const char *at = r->json.at;

    return r->json.end > at && *at > ' ' ? *at : wxm_json_peek(&r->json);
}

/*
** Where the reader is, as a path. 'chain' lends the room, depth + 1 steps, and the path
** is good as long as it and the body are. Made for a problem alone: the frames know all
** that it takes, so nothing is kept up to date for it meanwhile.
*/
static const wxm_lua_path *path_of(const reader *r, wxm_lua_path chain[])
{
    size_t i;

    memset(&chain[0], 0, sizeof chain[0]);
    for (i = 0; i < r->depth; i++) {
        const frame *f = &r->frames[i];
        wxm_lua_path *step = &chain[i + 1];
        if (f->closer == '}' && f->key == NULL) {
            return &chain[i]; /* between names: the object itself */
        }
        memset(step, 0, sizeof *step);
        step->up = &chain[i];
        if (f->closer == '}') {
            step->name = f->key;
            step->len = f->key_len;
        } else {
            step->index = f->count + 1;
        }
    }
    return &chain[r->depth];
}

/*
** Remembers the first problem, and where in the body it is; later ones mostly follow
** from it, and are not worth their tables. Always returns -1.
*/
static int problem_at(lua_State *L, const reader *r, const wxm_rule *rule,
                      const wxm_problem *problem, const char *at)
{
    wxm_lua_path chain[WXM_RULE_DEPTH + 1];

    if (lua_isnil(L, PROBLEM)) {
        wxm_lua_push_problem(L, rule, problem, path_of(r, chain));
        wxm_lua_problem_offset(L, (size_t)(at - r->json.begin) + 1);
        lua_replace(L, PROBLEM);
    }
    return -1;
}

/*
** Gives up: nothing of such a body can be trusted, so this outranks a wrong shape that
** was found before. Always returns -1.
*/
static int give_up(lua_State *L, const reader *r, wxm_problem_code code,
                   const char *detail)
{
    wxm_problem problem = {WXM_PROBLEM_SYNTAX, MAX_VALUES, 0, NULL};

    lua_pushnil(L);
    lua_replace(L, PROBLEM);
    problem.code = code;
    problem.detail = detail;
    return problem_at(L, r, NULL, &problem, r->json.at);
}

/* Gives up for what the scanner found, at the place where it stopped. Returns -1. */
static int syntax(lua_State *L, const reader *r)
{
    return give_up(L, r, WXM_PROBLEM_SYNTAX, r->json.error);
}

/* The rule wants another type than what stands at 'at'. Returns 0: nothing to store. */
static int mismatch(lua_State *L, const reader *r, const wxm_rule *rule,
                    const char *got, const char *at)
{
    wxm_problem problem = {WXM_PROBLEM_TYPE, 0, 0, NULL};

    problem.detail = got;
    problem_at(L, r, rule, &problem, at);
    return 0;
}

/*
** Pushes a string token's text. One with escapes is put together in room of Lua's own:
** rare enough, and safe whatever a finalizer does meanwhile.
*/
static void push_text(lua_State *L, const wxm_json_text *text)
{
    char *room;

    if (!text->escaped) {
        lua_pushlstring(L, text->s, text->n);
        return;
    }
    room = lua_newuserdata(L, text->n);
    lua_pushlstring(L, room, wxm_json_unescape(text, room));
    lua_remove(L, -2);
}

/* Is there nothing but zeros behind the point, or an exponent to say more? */
static int is_zero_fraction(const wxm_json_number *number)
{
    const char *p = memchr(number->s, '.', number->n), *end = number->s + number->n;

    if (p == NULL || memchr(p, 'e', (size_t)(end - p)) != NULL ||
        memchr(p, 'E', (size_t)(end - p)) != NULL) {
        return 1;
    }
    for (p++; p < end && *p == '0'; p++) {
    }
    return p == end;
}

/* Is it a whole number that no other one rounds to as a double? */
static int is_below_exact(int64_t value)
{
    return value < WXM_NUMBER_EXACT && value > -WXM_NUMBER_EXACT;
}

/*
** A whole number of any spelling ("1", "1.0", "1e3"). One with a point or an exponent
** passes through a double, where 2^53 + 1 reads as 2^53: only what is below is exact.
*/
static int whole_of(const wxm_json_number *number, int64_t *value)
{
    double d;

    if (number->whole) {
        return wxm_number_integer(number->s, number->n, value) == 0;
    }
    if (!is_zero_fraction(number)) {
        return 0;
    }
    return wxm_number_double(number->s, number->n, &d) == 0 &&
           wxm_number_is_integer(d, value) && is_below_exact(*value);
}

/*
** Pushes the number as an integer that the rule takes: 1; or reports and returns 0.
** What is not whole at all reports as NOT_EXACT, which is what 'problem' begins as.
*/
static int integer_value(lua_State *L, reader *r, const wxm_rule *rule,
                         const wxm_json_number *number)
{
    wxm_problem problem = {WXM_PROBLEM_NOT_EXACT, 0, 0, NULL};
    int64_t value;

    if (!whole_of(number, &value) || wxm_rule_integer(rule, value, &problem) != 0) {
        problem_at(L, r, rule, &problem, number->s);
        return 0;
    }
    wxm_lua_pushinteger(L, value);
    return 1;
}

/*
** A number without a rule, the same on every Lua: whole ones up to 2^53 as integers,
** larger ones and what no double holds as their own text, the rest as floats.
*/
static void push_free_number(lua_State *L, const wxm_json_number *number)
{
    int64_t value = 0;
    double d;

    if (number->whole) {
        if (wxm_number_integer(number->s, number->n, &value) == 0 &&
            value <= WXM_NUMBER_EXACT && value >= -WXM_NUMBER_EXACT) {
            wxm_lua_pushinteger(L, value);
            return;
        }
    } else if (wxm_number_double(number->s, number->n, &d) == 0) {
        lua_pushnumber(L, (lua_Number)d);
        return;
    }
    lua_pushlstring(L, number->s, number->n);
}

/*
** Reads a string for 'rule' (NULL: anything). Returns as 'scalar' does. The scanner has
** proved it valid UTF-8, so only the rule's own bounds are left to look at.
*/
static int string_value(lua_State *L, reader *r, const wxm_rule *rule)
{
    const char *at = r->json.at;
    wxm_json_text text;

    if (wxm_json_string(&r->json, &text) != 0) {
        return syntax(L, r);
    }
    if (rule == NULL || rule->type == WXM_TYPE_STRING) {
        wxm_problem problem;
        push_text(L, &text);
        if (rule != NULL && (rule->has_min || rule->has_max || rule->words != NULL ||
                             rule->printable)) {
            size_t n;
            const char *s = lua_tolstring(L, -1, &n);
            /* Held against the meaning: an escape is one character, not six. */
            if (wxm_rule_valid_string(rule, s, n, &problem) != 0) {
                problem_at(L, r, rule, &problem, at);
                lua_pop(L, 1);
                return 0;
            }
        }
        return 1;
    }
    if (rule->type == WXM_TYPE_INTEGER && rule->from_text) {
        wxm_json_number number;
        number.s = text.s;
        number.n = text.n;
        number.whole = 1; /* so only '-' and digits pass: text has no JSON grammar */
        return integer_value(L, r, rule, &number);
    }
    return mismatch(L, r, rule, "a string", at);
}

/*
** Reads a number for 'rule' (NULL: anything). Returns as 'scalar' does. An id that the
** server sends as a number is taken to the letter: 2^53 + 1 is no double.
*/
static int number_value(lua_State *L, reader *r, const wxm_rule *rule)
{
    wxm_json_number number;
    double d;

    if (wxm_json_pass_number(&r->json, &number) != 0) {
        return syntax(L, r);
    }
    if (rule == NULL) {
        push_free_number(L, &number);
        return 1;
    }
    if (rule->type == WXM_TYPE_INTEGER) {
        return integer_value(L, r, rule, &number);
    }
    if (rule->type == WXM_TYPE_STRING && rule->from_number) {
        lua_pushlstring(L, number.s, number.n);
        return 1;
    }
    if (rule->type != WXM_TYPE_NUMBER) {
        return mismatch(L, r, rule, "a number", number.s);
    }
    if (wxm_number_double(number.s, number.n, &d) != 0) {
        wxm_problem problem = {WXM_PROBLEM_NOT_FINITE, 0, 0, NULL};
        problem_at(L, r, rule, &problem, number.s);
        return 0;
    }
    lua_pushnumber(L, (lua_Number)d);
    return 1;
}

/*
** Reads true, false or null for 'rule' (NULL: anything). Returns as 'scalar' does. A
** null in a list without a rule is the light userdata NULL, as lua-cjson has it.
*/
static int literal_value(lua_State *L, reader *r, const wxm_rule *rule)
{
    const char *at = r->json.at;
    char c = wxm_json_literal(&r->json);

    if (c == '\0') {
        return syntax(L, r);
    }
    if (c == 'n') {
        if (r->depth > 0 && r->frames[r->depth - 1].closer == '}') {
            return 0; /* null is absent */
        }
        if (rule == NULL) { /* in a list it keeps its place, or # would lie */
            lua_pushlightuserdata(L, NULL);
            return 1;
        }
        return mismatch(L, r, rule, "null", at);
    }
    if (rule != NULL && rule->type != WXM_TYPE_BOOLEAN) {
        return mismatch(L, r, rule, "a boolean", at);
    }
    lua_pushboolean(L, c == 't');
    return 1;
}

/* Reads a value that is no container: 1 pushed, 0 nothing to store, -1 give up. */
static int scalar(lua_State *L, reader *r, const wxm_rule *rule, char c)
{
    switch (c) {
    case '"':
        return string_value(L, r, rule);
    case 't':
    case 'f':
    case 'n':
        return literal_value(L, r, rule);
    default:
        return number_value(L, r, rule);
    }
}

/*
** The field that stands for an object of the list around it; -1: the object does.
** Called when the object's own frame is the last already.
*/
static int pick_of(const reader *r, const wxm_rule *rule)
{
    const wxm_rule *around = r->depth < 2 ? NULL : r->frames[r->depth - 2].rule;

    return around != NULL && rule != NULL && around->items == rule ? around->pick : -1;
}

/*
** Begins a container for 'rule' whose end will be 'closer': its frame, and its table on
** the stack. 0, or -1 when it would be nested too deep.
*/
static int open_container(lua_State *L, reader *r, wxm_rule *rule, char closer,
                          int drop)
{
    size_t left = (size_t)(r->json.end - r->json.at), hint;
    int is_object = closer == '}';
    frame *f;

    if (r->depth == WXM_RULE_DEPTH) {
        return give_up(L, r, WXM_PROBLEM_TOO_DEEP, NULL);
    }
    f = &r->frames[r->depth++];
    f->rule = rule;
    f->count = 0;
    f->seen = 0;
    f->field = -1;
    f->key = NULL;
    f->key_len = 0;
    f->closer = closer;
    f->drop = (char)drop;
    /*
    ** As many as last time; but an entry takes two bytes at least, whatever it is, so a
    ** small body never makes a large table. Its end sets the hint anew: one wrong guess
    ** is not made again.
    */
    hint = rule == NULL ? 0 : rule->hint;
    hint = hint < left / 2 ? hint : left / 2;
    f->pick = is_object ? pick_of(r, rule) : -1;
    if (f->pick >= 0) {
        lua_pushnil(L); /* the field's value comes here */
    } else {
        lua_createtable(L, is_object ? 0 : (int)hint, is_object ? (int)hint : 0);
    }
    return 0;
}

/*
** Opens the container that begins with 'c' and passes that byte. One that the rule does
** not want is read without a rule and dropped at its end. 0 or -1.
*/
static int enter(lua_State *L, reader *r, wxm_rule *rule, char c)
{
    char closer = c == '{' ? '}' : ']';
    wxm_type type = c == '{' ? WXM_TYPE_OBJECT : WXM_TYPE_LIST;
    int drop = rule != NULL && rule->type != type;

    if (drop) {
        mismatch(L, r, rule, c == '{' ? "an object" : "a list", r->json.at);
        rule = NULL;
    }
    r->json.at++;
    return open_container(L, r, rule, closer, drop);
}

/*
** Marks the field as met. -1 when it was met before in the same object: RFC 8259,
** section 4, leaves open which of the two counts, and two readers may differ.
*/
static int meet(lua_State *L, reader *r, frame *f, int i)
{
    uint64_t bit = UINT64_C(1) << i;

    f->field = i;
    if (f->seen & bit) {
        return give_up(L, r, WXM_PROBLEM_DUPLICATE, NULL);
    }
    f->seen |= bit;
    return 0;
}

/*
** Servers keep an order: is the name that begins at 'at' one of the fields behind the
** last one met? Then it is passed without being looked at a second time. The field, or
** -1 with nothing passed. Fields that were left out are skipped; one that comes earlier
** than its place, or is written with escapes, is found by its text.
*/
static int expected_field(reader *r, frame *f)
{
    const char *name = r->json.at + 1;
    size_t left = (size_t)(r->json.end - name), i;

    for (i = (size_t)f->field + 1; i < f->rule->field_count; i++) {
        const wxm_field *field = &f->rule->fields[i];
        if (wxm_rule_is_next(field, name, left)) {
            f->key = name;
            f->key_len = field->len;
            r->json.at = name + field->len + 1;
            return (int)i;
        }
    }
    return -1;
}

/*
** Passes an entry's name and pushes it; '*rule' becomes the rule of its value, NULL
** where the object has no such field. Names that the rules know are Lua strings already
** and only fetched. 0, or -1 when the body cannot be trusted.
*/
static int push_name(lua_State *L, reader *r, frame *f, wxm_rule **rule)
{
    wxm_json_text name;
    int i = f->rule == NULL ? -1 : expected_field(r, f);

    if (i < 0) {
        if (wxm_json_string(&r->json, &name) != 0) {
            return syntax(L, r);
        }
        f->key = name.s;
        f->key_len = name.n;
        push_text(L, &name);
        if (f->rule != NULL) {
            size_t n;
            const char *s = lua_tolstring(L, -1, &n);
            i = wxm_rule_find(f->rule, s, n, 0);
        }
    } else {
        lua_pushvalue(L, KEYS + f->rule->fields[i].key);
    }
    if (i < 0) {
        f->field = -1;
        *rule = NULL;
        return 0;
    }
    *rule = f->rule->fields[i].rule;
    return meet(L, r, f, i);
}

/*
** Reads up to the value of the next entry; '*rule' becomes that value's rule, and in an
** object its name is on the stack. 0 or -1.
*/
static int next_entry(lua_State *L, reader *r, wxm_rule **rule)
{
    frame *f = &r->frames[r->depth - 1];

    if (f->closer != '}') {
        *rule = f->rule == NULL ? NULL : f->rule->items;
        return 0;
    }
    f->key = NULL;
    if (peek(r) != '"') {
        r->json.error = "a name in quotes is missing here";
        return syntax(L, r);
    }
    if (push_name(L, r, f, rule) != 0) {
        return -1;
    }
    if (peek(r) != ':') {
        r->json.error = "a colon is missing here";
        return syntax(L, r);
    }
    r->json.at++;
    return 0;
}

/*
** Puts a finished value into the container below it. 'got': the value is on the stack;
** else there is nothing to store, and its field counts as absent. In an object the key
** lies in between. Leaves the container on top. The tables are new and have no
** metatable, so raw is all there is.
*/
static void store(lua_State *L, frame *f, int got)
{
    if (f->closer != '}') {
        if (got) {
            lua_rawseti(L, -2, (int)++f->count);
        }
        return;
    }
    if (!got) {
        lua_pop(L, 1); /* the key */
        if (f->field >= 0) {
            f->seen &= ~(UINT64_C(1) << f->field);
        }
        return;
    }
    f->count++;
    if (f->pick < 0) {
        lua_rawset(L, -3);
    } else if (f->field == f->pick) { /* takes the place of the table; the key goes */
        lua_replace(L, -3);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 2);
    }
}

/*
** Reports what an object lacks at its closing brace: a required field in that field's
** name, a group in the object's own.
*/
static void complete_object(lua_State *L, reader *r, frame *f)
{
    uint64_t missing = f->rule->required_fields & ~f->seen;
    size_t i;

    for (i = 0; missing != 0; i++, missing >>= 1) {
        const wxm_field *field = &f->rule->fields[i];
        wxm_problem problem = {WXM_PROBLEM_REQUIRED, 0, 0, NULL};
        if (missing & 1) {
            f->key = field->name;
            f->key_len = field->len;
            problem_at(L, r, field->rule, &problem, r->json.at - 1);
        }
    }
    for (i = 0; i < f->rule->group_count; i++) {
        wxm_problem problem;
        if (wxm_rule_group(&f->rule->groups[i], f->seen, &problem) != 0) {
            r->depth--; /* the problem is the object's, not one of its fields' */
            problem_at(L, r, f->rule, &problem, r->json.at - 1);
            r->depth++;
        }
    }
}

/*
** Gives the object on top an empty list for each that the rule always shows and that
** did not come, or came as null: so who reads it may loop without asking.
*/
static void fill_lists(lua_State *L, const frame *f)
{
    uint64_t missing = f->rule->filled_fields & ~f->seen;
    size_t i;

    for (i = 0; missing != 0; i++, missing >>= 1) {
        if (missing & 1) {
            lua_pushvalue(L, KEYS + f->rule->fields[i].key);
            lua_newtable(L);
            lua_rawset(L, -3);
        }
    }
}

/*
** Ends the innermost container, whose closer was passed: holds it against what can only
** be said at its end. 1: it is on top, a finished value; 0: it was dropped, and popped.
*/
static int leave(lua_State *L, reader *r)
{
    frame *f = &r->frames[r->depth - 1];
    int drop = f->drop != 0 || (f->pick >= 0 && lua_isnil(L, -1));

    if (f->rule != NULL) {
        wxm_problem problem;
        f->rule->hint = f->count; /* the one thing that reading changes in a rule */
        if (f->closer == '}') {
            complete_object(L, r, f);
            if (f->pick < 0) {
                fill_lists(L, f);
            }
        } else if (wxm_rule_count(f->rule, f->count, &problem) != 0) {
            problem_at(L, r, f->rule, &problem, r->json.at);
        }
    }
    r->depth--;
    if (drop) {
        lua_pop(L, 1);
    }
    return !drop;
}

/*
** Hangs a finished value where it belongs, and ends every container that ends with it.
** 1: another entry is due, its rule in '*rule'; 0: the whole is read; -1: give up.
*/
static int hang(lua_State *L, reader *r, int got, wxm_rule **rule)
{
    while (r->depth > 0) {
        frame *f = &r->frames[r->depth - 1];
        char c;
        store(L, f, got);
        if (f->closer == '\0') { /* it ends with its one element */
            got = leave(L, r);
            continue;
        }
        c = peek(r);
        if (c == ',') {
            r->json.at++;
            return next_entry(L, r, rule) == 0 ? 1 : -1;
        }
        if (c != f->closer) {
            r->json.error =
                r->json.at == r->json.end
                    ? "the text ends here, but a list or object is open"
                    : "a comma or the end of a list or object is missing here";
            return syntax(L, r);
        }
        r->json.at++;
        got = leave(L, r);
    }
    if (!got) {
        lua_pushnil(L);
    }
    return 0;
}

/*
** The list that a rule wants may come as its one element, bare: some servers turn a
** list of one into that. null is no element but an absent list.
*/
static int is_bare_element(const wxm_rule *rule, char c)
{
    return rule != NULL && rule->type == WXM_TYPE_LIST && rule->from_single &&
           c != '[' && c != 'n';
}

/* A rule that takes anything is no rule: so NULL is the one case to look for. */
static wxm_rule *free_if_any(wxm_rule *rule)
{
    return rule != NULL && rule->type == WXM_TYPE_ANY ? NULL : rule;
}

/*
** Reads the whole body: 0 with the value on top (nil where there was nothing to keep),
** or -1 with whatever was being built. Each round reads one value or opens one
** container; the count of values bounds the work on a body like "[[],[],…".
*/
static int read_body(lua_State *L, reader *r, wxm_rule *root)
{
    wxm_rule *rule = root;
    int more = 1;

    while (more == 1) {
        char c = peek(r);
        int got;
        if (++r->values > MAX_VALUES) {
            return give_up(L, r, WXM_PROBLEM_TOO_BIG, "values");
        }
        rule = free_if_any(rule);
        if (is_bare_element(rule, c)) {
            if (open_container(L, r, rule, '\0', 0) != 0) {
                return -1;
            }
            rule = free_if_any(rule->items);
        }
        if (c == '{' || c == '[') {
            if (enter(L, r, rule, c) != 0) {
                return -1;
            }
            if (peek(r) != r->frames[r->depth - 1].closer) {
                if (next_entry(L, r, &rule) != 0) {
                    return -1;
                }
                continue;
            }
            r->json.at++;
            got = leave(L, r);
        } else {
            got = scalar(L, r, rule, c);
        }
        more = got < 0 ? -1 : hang(L, r, got, &rule);
    }
    return more;
}

/*
** rules:read(body) -> table[, problem] | nil, problem
**
** Without a problem the table is what the rules say. With one, the table holds what
** could be read all the same (so that errcode is found in whatever stands there), and
** problem = { code, path, message, offset, … } is the first thing that was wrong. A
** body that is not JSON, has a known name twice in one object, or passes a bound
** (depth, number of values) gives nil and that problem. Raises only for a wrong
** argument or when memory is out.
*/
int wxm_lua_rules_read(lua_State *L)
{
    wxm_lua_rules *box = luaL_checkudata(L, ARG_SELF, WXM_LUA_RULES);
    size_t n;
    const char *body;
    int keys, i;
    reader r;

    luaL_checktype(L, ARG_BODY, LUA_TSTRING);
    body = lua_tolstring(L, ARG_BODY, &n); /* stays at ARG_BODY, and so alive */
    lua_settop(L, ARG_BODY);
    lua_pushnil(L); /* PROBLEM */
    lua_getuservalue(L, ARG_SELF);
    /* Every name the rules know, at KEYS + wxm_field.key: fetched once, pushed often */
    keys = (int)lua_rawlen(L, KEYS);
    /* Two places a frame: its table, and a key or the element being finished. */
    luaL_checkstack(L, keys + 2 * WXM_RULE_DEPTH + 16, "a reply is nested too deep");
    for (i = 1; i <= keys; i++) {
        lua_rawgeti(L, KEYS, i);
    }

    r.depth = 0;
    r.values = 0;
    wxm_json_init(&r.json, body, n);
    if (read_body(L, &r, box->root) == 0) {
        /* peek's 0 may also be a NUL byte in the body. */
        if (wxm_json_peek(&r.json) != '\0' || r.json.at != r.json.end) {
            r.json.error = "something follows the end of the JSON text";
            syntax(L, &r);
            lua_pushnil(L);
        }
    } else {
        lua_pushnil(L);
    }
    lua_pushvalue(L, PROBLEM);
    return 2;
}
