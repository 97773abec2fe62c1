/*
** Fuzz target: any bytes through rules:read. The first byte chooses the rule set, the
** rest is the body. A second, plain recognizer of RFC 8259 says what must be refused.
*/
#include "fuzz.h"

#include "wxm_rule.h"

#include <string.h>

const char fuzz_target[] = "read";

/* Of the recognizer: what it found. */
typedef enum { TEXT_RIGHT, TEXT_WRONG, TEXT_TOO_DEEP } verdict;

typedef struct {
    const uint8_t *at, *end;
    int deepest;
} text;

static int next_is(const text *t, char c)
{
    return t->at < t->end && *t->at == (uint8_t)c;
}

static int accept(text *t, char c)
{
    int is = next_is(t, c);

    t->at += is ? 1 : 0;
    return is;
}

static void skip_space(text *t)
{
    while (accept(t, ' ') || accept(t, '\t') || accept(t, '\n') || accept(t, '\r')) {
    }
}

static int accept_digits(text *t)
{
    int any = 0;

    while (t->at < t->end && *t->at >= '0' && *t->at <= '9') {
        t->at++;
        any = 1;
    }
    return any;
}

static int number(text *t)
{
    accept(t, '-');
    if (!accept(t, '0') && !accept_digits(t)) {
        return 0;
    }
    if (accept(t, '.') && !accept_digits(t)) {
        return 0;
    }
    if (accept(t, 'e') || accept(t, 'E')) {
        if (!accept(t, '+')) {
            accept(t, '-');
        }
        return accept_digits(t);
    }
    return 1;
}

/* The value of four hex digits, or -1. */
static long unit(text *t)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    long value = 0;
    int i;

    for (i = 0; i < 4; i++) {
        const char *digit;
        long place;
        if (t->at == t->end || *t->at == 0) {
            return -1;
        }
        digit = strchr(hex, *t->at++);
        if (digit == NULL) {
            return -1;
        }
        place = (long)(digit - hex);
        value = value * 16 + (place < 16 ? place : place - 6);
    }
    return value;
}

static int escape(text *t)
{
    static const char named[] = "\"\\/bfnrt";
    long u;

    if (accept(t, 'u')) {
        u = unit(t);
        if (u >= 0xD800 && u <= 0xDBFF) {
            long low = accept(t, '\\') && accept(t, 'u') ? unit(t) : -1;
            return low >= 0xDC00 && low <= 0xDFFF;
        }
        return u >= 0 && (u < 0xDC00 || u > 0xDFFF);
    }
    return t->at < t->end && *t->at != 0 && strchr(named, *t->at++) != NULL;
}

/* One row for each line of RFC 3629's grammar: ranges of the first and second byte. */
static int character(text *t)
{
    static const struct {
        uint8_t first, last, from, to;
        size_t more;
    } rows[] = {
        {0x20, 0x7F, 0, 0, 0},       {0xC2, 0xDF, 0x80, 0xBF, 1},
        {0xE0, 0xE0, 0xA0, 0xBF, 2}, {0xE1, 0xEC, 0x80, 0xBF, 2},
        {0xED, 0xED, 0x80, 0x9F, 2}, {0xEE, 0xEF, 0x80, 0xBF, 2},
        {0xF0, 0xF0, 0x90, 0xBF, 3}, {0xF1, 0xF3, 0x80, 0xBF, 3},
        {0xF4, 0xF4, 0x80, 0x8F, 3},
    };
    size_t left = (size_t)(t->end - t->at), i, j;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (*t->at < rows[i].first || *t->at > rows[i].last) {
            continue;
        }
        if (left <= rows[i].more) {
            return 0;
        }
        for (j = 1; j <= rows[i].more; j++) {
            uint8_t from = j == 1 ? rows[i].from : 0x80;
            uint8_t to = j == 1 ? rows[i].to : 0xBF;
            if (t->at[j] < from || t->at[j] > to) {
                return 0;
            }
        }
        t->at += 1 + rows[i].more;
        return 1;
    }
    return 0;
}

static int string(text *t)
{
    if (!accept(t, '"')) {
        return 0;
    }
    while (t->at < t->end && *t->at != '"') {
        if (accept(t, '\\') ? !escape(t) : !character(t)) {
            return 0;
        }
    }
    return accept(t, '"');
}

static int word(text *t, const char *expected)
{
    while (*expected != '\0') {
        if (!accept(t, *expected++)) {
            return 0;
        }
    }
    return 1;
}

static int value(text *t, int depth);

/* The entries of a list, or with 'named' of an object, up to its end. */
static int entries(text *t, int depth, int named)
{
    char end = named ? '}' : ']';

    skip_space(t);
    if (accept(t, end)) {
        return 1;
    }
    do {
        skip_space(t);
        if (named) {
            if (!string(t)) {
                return 0;
            }
            skip_space(t);
            if (!accept(t, ':')) {
                return 0;
            }
        }
        if (!value(t, depth)) {
            return 0;
        }
        skip_space(t);
    } while (accept(t, ','));
    return accept(t, end);
}

static int value(text *t, int depth)
{
    skip_space(t);
    t->deepest = depth > t->deepest ? depth : t->deepest;
    if (depth > WXM_RULE_DEPTH + 1) {
        return 0;
    }
    if (accept(t, '{')) {
        return entries(t, depth + 1, 1);
    }
    if (accept(t, '[')) {
        return entries(t, depth + 1, 0);
    }
    if (next_is(t, '"')) {
        return string(t);
    }
    return next_is(t, 't')   ? word(t, "true")
           : next_is(t, 'f') ? word(t, "false")
           : next_is(t, 'n') ? word(t, "null")
                             : number(t);
}

static verdict judge(const uint8_t *body, size_t n)
{
    text t;
    int right;

    t.at = body;
    t.end = body + n;
    t.deepest = 0;
    right = value(&t, 0);
    skip_space(&t);
    /* A list around a bare element counts as a level too, so one level is in doubt. */
    if (t.deepest >= WXM_RULE_DEPTH) {
        return TEXT_TOO_DEEP;
    }
    return right && t.at == t.end ? TEXT_RIGHT : TEXT_WRONG;
}

/* Is the code of the problem on top this one? */
static int has_code(lua_State *L, const char *code)
{
    int is;

    lua_getfield(L, -1, "code");
    is = strcmp(lua_tostring(L, -1), code) == 0;
    lua_pop(L, 1);
    return is;
}

/* Claims for the two results on top, of a body of 'n' bytes. */
static void claim_results(lua_State *L, const uint8_t *body, size_t n)
{
    verdict text_is = judge(body, n);

    if (lua_isnil(L, -1)) {
        fuzz_claim(!lua_isnil(L, -2), "there is a value or a problem");
        fuzz_claim(text_is != TEXT_WRONG, "what is no JSON is refused");
        return;
    }
    fuzz_claim_problem(L, n);
    if (has_code(L, "too_deep") || has_code(L, "duplicate")) {
        fuzz_claim(lua_isnil(L, -2), "nothing is read of such a body");
        return; /* it ended there, so the rest may be anything */
    }
    if (has_code(L, "syntax")) {
        fuzz_claim(lua_isnil(L, -2), "nothing is read of what is no JSON");
        fuzz_claim(text_is != TEXT_RIGHT, "JSON is not refused");
    } else {
        fuzz_claim(text_is != TEXT_WRONG, "the syntax outranks every other problem");
    }
}

/* What was read can be written, and reads as the same. The value is at 'place'. */
static void claim_round(lua_State *L, int place)
{
    lua_pushvalue(L, place);
    fuzz_claim(fuzz_call(L, fuzz_any(), "write", 1) == 1,
               "what was read can be written");
    fuzz_claim(fuzz_call(L, fuzz_any(), "read", 1) == 2, "read gives two results");
    fuzz_claim(lua_isnil(L, -1), "what was written can be read");
    fuzz_claim(fuzz_equal(L, place, -2), "a value written and read is the same");
    lua_pop(L, 2);
}

/* A list or object that ends before its end is no JSON. */
static void claim_cut(lua_State *L, size_t set, const char *body, size_t n)
{
    size_t begin = strspn(body, " \t\r\n"), last = n;

    while (last > 0 && strchr(" \t\r\n", body[last - 1]) != NULL) {
        last--;
    }
    if (last == 0 || (body[begin] != '{' && body[begin] != '[')) {
        return;
    }
    lua_pushlstring(L, body, (n * 31 + 7) % last);
    fuzz_call(L, set, "read", 1);
    fuzz_claim(lua_isnil(L, -2) && !lua_isnil(L, -1), "a body cut short is refused");
    fuzz_claim_problem(L, last);
    lua_pop(L, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lua_State *L = fuzz_state();
    size_t set, n;
    const char *body;

    if (size == 0) {
        return 0;
    }
    set = fuzz_set_of(data[0]);
    lua_pushlstring(L, (const char *)data + 1, size - 1);
    body = lua_tolstring(L, 1, &n);
    lua_pushvalue(L, 1);
    fuzz_claim(fuzz_call(L, set, "read", 1) == 2, "read gives two results");
    claim_results(L, data + 1, n);
    lua_pushvalue(L, 1);
    fuzz_claim(fuzz_call(L, set, "read", 1) == 2, "read gives two results");
    fuzz_claim(fuzz_equal(L, 2, 4) && fuzz_equal(L, 3, 5), "a second read is alike");
    if (!lua_isnil(L, 2)) {
        claim_round(L, 2);
    }
    if (lua_isnil(L, 3)) {
        claim_cut(L, set, body, n);
    }
    fuzz_claim(lua_gettop(L) == 5, "the stack holds what it should");
    lua_settop(L, 0);
    return 0;
}
