/*
** Rules: what a value must be, and the sentences that say what it is not.
**
** A check answers with a code and figures, never with text: the sentence is made by
** wxm_rule_message, and only for a problem that somebody is told. So a check allocates
** nothing, and a value that passes costs no text.
*/
#include "wxm_rule.h"

#include "wxm_number.h"
#include "wxm_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

wxm_rule *wxm_rule_new(void)
{
    wxm_rule *rule = calloc(1, sizeof *rule);

    if (rule != NULL) { /* calloc's zeros mean "not said" but for indices */
        rule->span_from = rule->span_to = rule->pick = -1;
    }
    return rule;
}

/*
** Any half-built tree is fine, as long as each count says how many entries have been
** begun: what was not filled in is NULL. Recursion goes as deep as the author nested
** the rules, which the binding bounds by WXM_RULE_DEPTH.
*/
void wxm_rule_free(wxm_rule *rule)
{
    size_t i;

    if (rule == NULL) {
        return;
    }
    /* value_count is that of 'values' too, which own nothing each. */
    for (i = 0; rule->words != NULL && i < rule->value_count; i++) {
        free(rule->words[i]);
    }
    for (i = 0; i < rule->field_count; i++) { /* the last may lack name and rule */
        free(rule->fields[i].name);
        wxm_rule_free(rule->fields[i].rule);
    }
    for (i = 0; i < rule->group_count; i++) {
        free(rule->groups[i].names);
    }
    for (i = 0; i < WXM_PROBLEM_COUNT; i++) {
        free(rule->codes[i]);
        free(rule->advice[i]);
    }
    wxm_rule_free(rule->items);
    free(rule->values);
    free(rule->words);
    free(rule->allowed);
    free(rule->fields);
    free(rule->groups);
    free(rule->origin);
    free(rule->source);
    free(rule);
}

const char *wxm_rule_code(wxm_problem_code code)
{
    static const char *const names[] = {
#define X(name, text) text,
        WXM_PROBLEMS(X)
#undef X
    };
    return names[code];
}

const char *wxm_rule_type_name(wxm_type type)
{
    static const char *const names[] = {"any",    "boolean", "integer", "number",
                                        "string", "list",    "object"};
    return names[type];
}

const char *wxm_rule_unit_name(wxm_unit unit)
{
    static const char *const names[] = {"bytes", "codepoints", "utf16"};
    return names[unit];
}

/*
** 'head' is the name with the quote that ends it in JSON, cut to eight bytes, and
** 'mask' has 0xFF for each byte that is one of them: "from" becomes f r o m " . . . and
** FF FF FF FF FF 00 00 00. 'tail' is the end of a longer name and its quote; up to 15
** bytes the two say it all. They are copied as memory lies, so byte order is no matter.
*/
int wxm_rule_name(wxm_field *field, const char *name, size_t len)
{
    char quoted[8] = {0}, counts[8] = {0};
    size_t n = len < sizeof quoted ? len : sizeof quoted;

    field->name = malloc(len + 1);
    if (field->name == NULL) {
        return -1;
    }
    memcpy(field->name, name, len);
    field->name[len] = '\0';
    field->len = len;
    memcpy(quoted, name, n);
    if (n < sizeof quoted) {
        quoted[n++] = '"';
    }
    memset(counts, 0xFF, n);
    memcpy(&field->head, quoted, sizeof quoted);
    memcpy(&field->mask, counts, sizeof counts);
    if (len >= sizeof quoted) {
        memcpy(quoted, name + len + 1 - sizeof quoted, sizeof quoted - 1);
        quoted[sizeof quoted - 1] = '"';
        memcpy(&field->tail, quoted, sizeof quoted);
    }
    return 0;
}

int wxm_rule_is_next(const wxm_field *field, const char *text, size_t left)
{
    uint64_t head, tail;

    if (left < sizeof head || left <= field->len) {
        return 0; /* too near the end: the caller finds it by wxm_rule_find */
    }
    memcpy(&head, text, sizeof head);
    if ((head & field->mask) != field->head) {
        return 0; /* one comparison for nearly every field that is not it */
    }
    if (field->len < sizeof head) {
        return 1; /* its quote was among the bytes compared */
    }
    memcpy(&tail, text + field->len + 1 - sizeof tail, sizeof tail);
    return tail == field->tail && (field->len < sizeof head + sizeof tail ||
                                   memcmp(text + sizeof head, field->name + sizeof head,
                                          field->len - sizeof head) == 0);
}

int wxm_rule_find(const wxm_rule *rule, const char *name, size_t len, size_t start)
{
    size_t n, i = start < rule->field_count ? start : 0;

    /* Servers keep an order: the field after the last one is nearly always the one. */
    for (n = 0; n < rule->field_count; n++) {
        const wxm_field *field = &rule->fields[i];
        if (field->len == len && memcmp(field->name, name, len) == 0) {
            return (int)i;
        }
        i = i + 1 < rule->field_count ? i + 1 : 0;
    }
    return -1;
}

/* Fills '*problem', without detail. Always returns -1, so that a check ends with it. */
static int fail(wxm_problem *problem, wxm_problem_code code, int64_t limit, int64_t got)
{
    problem->code = code;
    problem->limit = limit;
    problem->got = got;
    problem->detail = NULL;
    return -1;
}

/*
** Holds a number, a length or a size against the rule's bounds, both inclusive. 0, or
** -1 with the one of the two codes that says on which side it is.
*/
static int in_range(const wxm_rule *rule, int64_t value, wxm_problem_code below,
                    wxm_problem_code above, wxm_problem *problem)
{
    if (rule->has_min && value < rule->min) {
        return fail(problem, below, rule->min, value);
    }
    if (rule->has_max && value > rule->max) {
        return fail(problem, above, rule->max, value);
    }
    return 0;
}

int wxm_rule_integer(const wxm_rule *rule, int64_t value, wxm_problem *problem)
{
    size_t i;

    /* The same bound on every Lua: LuaJIT's numbers are doubles. */
    if (value > WXM_NUMBER_EXACT || value < -WXM_NUMBER_EXACT) {
        return fail(problem, WXM_PROBLEM_NOT_EXACT, WXM_NUMBER_EXACT, value);
    }
    if (rule->values != NULL) {
        for (i = 0; i < rule->value_count; i++) {
            if (rule->values[i] == value) {
                return 0;
            }
        }
        fail(problem, WXM_PROBLEM_NOT_ALLOWED, 0, value);
        problem->detail = rule->allowed;
        return -1;
    }
    return in_range(rule, value, WXM_PROBLEM_TOO_SMALL, WXM_PROBLEM_TOO_LARGE, problem);
}

/* Is the text one of a string's enum? One by one: enums have a handful of words. */
static int is_word(const wxm_rule *rule, const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < rule->value_count; i++) {
        if (strlen(rule->words[i]) == n && memcmp(rule->words[i], s, n) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The offset of the first control character of ASCII (C0 or DEL), or 'n'. */
static size_t first_control(const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F) {
            break;
        }
    }
    return i;
}

/*
** How long a valid text is, in the rule's unit. Must not be called for invalid UTF-8,
** whose count would be that of its valid part.
*/
static size_t length_of(const wxm_rule *rule, const char *s, size_t n)
{
    if (rule->unit == WXM_UNIT_BYTES) {
        return n; /* most rules: nothing to count */
    }
    if (rule->unit == WXM_UNIT_CODEPOINTS) {
        return wxm_text_measure(s, n).codepoints;
    }
    return wxm_text_measure(s, n).utf16;
}

/* Positions in problems count from 1, as Lua's do. */
int wxm_rule_valid_string(const wxm_rule *rule, const char *s, size_t n,
                          wxm_problem *problem)
{
    if (rule->printable && first_control(s, n) < n) {
        return fail(problem, WXM_PROBLEM_CONTROL, 0, (int64_t)first_control(s, n) + 1);
    }
    if (rule->words != NULL && !is_word(rule, s, n)) {
        fail(problem, WXM_PROBLEM_NOT_ALLOWED, 0, 0);
        problem->detail = rule->allowed;
        return -1;
    }
    if (!rule->has_min && !rule->has_max) {
        return 0;
    }
    return in_range(rule, (int64_t)length_of(rule, s, n), WXM_PROBLEM_TOO_SHORT,
                    WXM_PROBLEM_TOO_LONG, problem);
}

int wxm_rule_string(const wxm_rule *rule, const char *s, size_t n, wxm_problem *problem)
{
    size_t invalid = wxm_text_measure(s, n).invalid;

    if (invalid < n) {
        return fail(problem, WXM_PROBLEM_UTF8, 0, (int64_t)invalid + 1);
    }
    return wxm_rule_valid_string(rule, s, n, problem);
}

int wxm_rule_count(const wxm_rule *rule, size_t n, wxm_problem *problem)
{
    return in_range(rule, (int64_t)n, WXM_PROBLEM_TOO_FEW, WXM_PROBLEM_TOO_MANY,
                    problem);
}

int wxm_rule_group(const wxm_group *group, uint64_t present, wxm_problem *problem)
{
    uint64_t given = present & group->fields;
    int64_t count = 0;

    for (; given != 0; given &= given - 1) { /* clears the lowest bit */
        count++;
    }
    if (count >= group->min && count <= group->max) {
        return 0;
    }
    /* The bound that was missed is told, not both: "at least 1" or "at most 1". */
    fail(problem, WXM_PROBLEM_ONE_OF, count < group->min ? group->min : group->max,
         count);
    problem->detail = group->names;
    return -1;
}

int wxm_rule_span(const wxm_rule *rule, int64_t from, int64_t to, wxm_problem *problem)
{
    /* Both are within 2^53, so the difference cannot overflow. */
    int64_t gap = to - from;

    if (gap >= rule->span_min && gap <= rule->span_max) {
        return 0;
    }
    fail(problem, WXM_PROBLEM_SPAN,
         gap < rule->span_min ? rule->span_min : rule->span_max, gap);
    problem->detail = rule->fields[rule->span_from].name;
    return -1;
}

/* What a length counts, in words for who reads the message. */
static const char *unit_words(wxm_unit unit)
{
    static const char *const words[] = {"bytes", "characters", "UTF-16 units"};
    return words[unit];
}

/* A problem's two numbers as NUL-ended text, so that messages need %s alone. */
typedef struct {
    char limit[WXM_NUMBER_TEXT], got[WXM_NUMBER_TEXT];
} figures;

/* Returned by value: nothing to free, and no buffer that two messages would share. */
static figures figures_of(const wxm_problem *problem)
{
    figures f;

    f.limit[wxm_number_format_integer(f.limit, problem->limit)] = '\0';
    f.got[wxm_number_format_integer(f.got, problem->got)] = '\0';
    return f;
}

/*
** The caller puts the value's path before the predicate. 'detail' is a static text or
** the rule's own ("0, 1 or 2"), never the value: a message may be logged, and the value
** may be a secret. snprintf ends the text with NUL and cuts what is too long.
*/
void wxm_rule_message(char to[WXM_RULE_MESSAGE], const wxm_rule *rule,
                      const wxm_problem *problem)
{
    figures f = figures_of(problem);
    const char *detail = problem->detail == NULL ? "" : problem->detail;
    const char *unit = unit_words(rule == NULL ? WXM_UNIT_BYTES : rule->unit);
    const size_t n = WXM_RULE_MESSAGE;

    switch (problem->code) {
    case WXM_PROBLEM_REQUIRED:
        snprintf(to, n, "is required");
        break;
    case WXM_PROBLEM_TYPE:
        /* Where anything may stand, only what JSON cannot say is of a wrong type. */
        if (rule == NULL || rule->type == WXM_TYPE_ANY) {
            snprintf(to, n, "is %s, which JSON cannot say", detail);
            break;
        }
        snprintf(to, n, "must be %s %s, got %s",
                 rule->type == WXM_TYPE_INTEGER || rule->type == WXM_TYPE_OBJECT ? "an"
                                                                                 : "a",
                 wxm_rule_type_name(rule->type), detail);
        break;
    case WXM_PROBLEM_TOO_SMALL:
        snprintf(to, n, "must be at least %s, got %s", f.limit, f.got);
        break;
    case WXM_PROBLEM_TOO_LARGE:
        snprintf(to, n, "must be at most %s, got %s", f.limit, f.got);
        break;
    case WXM_PROBLEM_TOO_SHORT:
        if (problem->limit == 1) { /* the commonest: say it as people do */
            snprintf(to, n, "must not be empty");
        } else {
            snprintf(to, n, "must be at least %s %s long, got %s", f.limit, unit,
                     f.got);
        }
        break;
    case WXM_PROBLEM_TOO_LONG:
        snprintf(to, n, "must be at most %s %s long, got %s", f.limit, unit, f.got);
        break;
    case WXM_PROBLEM_TOO_FEW:
        snprintf(to, n, "must have at least %s entries, got %s", f.limit, f.got);
        break;
    case WXM_PROBLEM_TOO_MANY:
        snprintf(to, n, "must have at most %s entries, got %s", f.limit, f.got);
        break;
    case WXM_PROBLEM_NOT_ALLOWED:
        snprintf(to, n, "must be %s", detail);
        break;
    case WXM_PROBLEM_NOT_EXACT:
        snprintf(to, n, "must be a whole number within 2^53");
        break;
    case WXM_PROBLEM_NOT_FINITE:
        snprintf(to, n, "must be a finite number");
        break;
    case WXM_PROBLEM_UTF8:
        snprintf(to, n, "is not valid UTF-8 at byte %s", f.got);
        break;
    case WXM_PROBLEM_CONTROL:
        snprintf(to, n, "has a control character at byte %s", f.got);
        break;
    case WXM_PROBLEM_UNKNOWN:
        snprintf(to, n, "is not a known name%s%s%s", *detail ? "; did you mean '" : "",
                 detail, *detail ? "'?" : "");
        break;
    case WXM_PROBLEM_DUPLICATE:
        snprintf(to, n, "is there twice");
        break;
    case WXM_PROBLEM_ONE_OF:
        /* 'limit' is the bound that was missed: 'got' tells which of the two. */
        snprintf(to, n, "needs %s %s of %s, got %s",
                 problem->got < problem->limit ? "at least" : "at most", f.limit,
                 detail, f.got);
        break;
    case WXM_PROBLEM_SPAN:
        if (problem->got < problem->limit) {
            snprintf(to, n, "must be at least %s after %s, is %s", f.limit, detail,
                     f.got);
        } else {
            snprintf(to, n, "must be at most %s after %s, is %s", f.limit, detail,
                     f.got);
        }
        break;
    case WXM_PROBLEM_NOT_A_LIST:
        snprintf(to, n, "must be a list with places 1 to n and nothing else");
        break;
    case WXM_PROBLEM_KEY:
        snprintf(to, n, "has a key that is no string but %s", detail);
        break;
    case WXM_PROBLEM_METATABLE:
        snprintf(to, n, "has a metatable with %s: give a plain table", detail);
        break;
    case WXM_PROBLEM_CYCLE:
        snprintf(to, n, "contains itself");
        break;
    case WXM_PROBLEM_TOO_DEEP:
        snprintf(to, n, "is nested deeper than %d tables", WXM_RULE_DEPTH);
        break;
    case WXM_PROBLEM_TOO_BIG:
        snprintf(to, n, "is larger than %s %s", f.limit, detail);
        break;
    case WXM_PROBLEM_SYNTAX:
        snprintf(to, n, "%s", detail);
        break;
    case WXM_PROBLEM_COUNT: /* no problem; here for -Wswitch */
        to[0] = '\0';
        break;
    }
    /* A long sentence may have been cut inside a character. */
    to[wxm_text_measure(to, strlen(to)).invalid] = '\0';
}
