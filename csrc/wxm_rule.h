/*
** Rules: what a value must be. A rule set is a tree that is compiled once from the
** operations table and then only read (but for its size hints); the same tree checks
** and writes what goes out and reads what comes in.
*/
#ifndef WXM_RULE_H
#define WXM_RULE_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    WXM_TYPE_ANY, /* whatever JSON can say */
    WXM_TYPE_BOOLEAN,
    WXM_TYPE_INTEGER,
    WXM_TYPE_NUMBER,
    WXM_TYPE_STRING,
    WXM_TYPE_LIST,
    WXM_TYPE_OBJECT
} wxm_type;

/* What a string's length counts. A rule with a length always says which. */
typedef enum { WXM_UNIT_BYTES, WXM_UNIT_CODEPOINTS, WXM_UNIT_UTF16 } wxm_unit;

/*
** Every problem a check can find: X(NAME, "code"). The code is what users compare;
** wxm_rule_message turns a problem into a sentence.
*/
#define WXM_PROBLEMS(X)                                                                \
    X(REQUIRED, "required")       /* absent */                                         \
    X(TYPE, "type")               /* another type than the rule's */                   \
    X(TOO_SMALL, "too_small")     /* number below min */                               \
    X(TOO_LARGE, "too_large")     /* number above max */                               \
    X(TOO_SHORT, "too_short")     /* text below min, in unit */                        \
    X(TOO_LONG, "too_long")       /* text above max, in unit */                        \
    X(TOO_FEW, "too_few")         /* list below min */                                 \
    X(TOO_MANY, "too_many")       /* list above max */                                 \
    X(NOT_ALLOWED, "not_allowed") /* none of the values of an enum */                  \
    X(NOT_EXACT, "not_exact")     /* not a whole number, or beyond 2^53 */             \
    X(NOT_FINITE, "not_finite")   /* NaN or an infinity */                             \
    X(UTF8, "utf8")               /* invalid UTF-8 */                                  \
    X(CONTROL, "control")         /* a control character where none may be */          \
    X(UNKNOWN, "unknown")         /* a name the rule does not have */                  \
    X(DUPLICATE, "duplicate")     /* the same name twice in one JSON object */         \
    X(ONE_OF, "one_of")           /* too few or too many of a group of fields */       \
    X(SPAN, "span")               /* two numbers too far apart or in wrong order */    \
    X(NOT_A_LIST, "not_a_list")   /* holes, or names among the places */               \
    X(KEY, "key")                 /* a key that is no string */                        \
    X(METATABLE, "metatable")     /* fields that only a metatable would show */        \
    X(CYCLE, "cycle")             /* a table inside itself */                          \
    X(TOO_DEEP, "too_deep")       /* nested beyond WXM_RULE_DEPTH */                   \
    X(TOO_BIG, "too_big")         /* the whole passes its bound in bytes or values */  \
    X(SYNTAX, "syntax")           /* not JSON; the message says where and why */

typedef enum {
#define X(name, code) WXM_PROBLEM_##name,
    WXM_PROBLEMS(X)
#undef X
        WXM_PROBLEM_COUNT
} wxm_problem_code;

typedef struct {
    wxm_problem_code code;
    int64_t limit, got; /* what was allowed and what came, where the code has both */
    const char *detail; /* static or rule-owned text for the sentence, or NULL */
} wxm_problem;

/* How deep values may nest, counted in tables; bounds stack use in read and write. */
#define WXM_RULE_DEPTH 32

/* An object's fields are marked in one word while it is read. */
#define WXM_RULE_FIELDS 64

typedef struct wxm_rule wxm_rule;

typedef struct {
    char *name; /* owned; NUL-ended for messages */
    size_t len;
    /* The first eight bytes of name and closing quote, and which of them count. */
    uint64_t head, mask;
    uint64_t tail; /* the last eight of name and quote, where they are that many */
    /* Where the Lua string of the name waits in the rule set's key table, from 1. */
    int key;
    wxm_rule *rule; /* owned; NULL only while the tree is being built */
} wxm_field;

/* Between 'min' and 'max' of these fields must be given. */
typedef struct {
    uint64_t fields; /* a bit for each, by its index in the object's rule */
    int64_t min, max;
    char *names; /* "image, video or link", for the sentence; owned */
} wxm_group;

struct wxm_rule {
    wxm_type type;
    wxm_unit unit;        /* what min and max count of a string */
    int has_min, has_max; /* range of an integer, length of a string, size of a list */
    int64_t min, max;
    unsigned required : 1;     /* of a field: must be there */
    unsigned from_text : 1;    /* read: an integer's rule also takes its decimal text */
    unsigned from_number : 1;  /* read: a string's takes a number, to the letter */
    unsigned from_single : 1;  /* read: a list's rule also takes one bare element */
    unsigned fill : 1;         /* read: an absent list becomes an empty one */
    unsigned keep_unknown : 1; /* of an object: names beyond the fields are kept */
    unsigned printable : 1;    /* of a string: control characters are refused */
    unsigned omit_empty : 1;   /* write: an empty list is left out */
    int64_t *values;           /* an integer's enum; owned */
    char **words;              /* a string's enum, NUL-ended; owned */
    size_t value_count;        /* of the one or the other */
    char *allowed;             /* the enum as a sentence has it: "0, 1 or 2"; owned */
    /* read: a list's elements become this field of theirs; -1: they stay whole */
    int pick;
    wxm_rule *items;   /* of a list's elements; owned; NULL: anything */
    wxm_field *fields; /* of an object, in the order they are written; owned */
    size_t field_count;
    uint64_t required_fields; /* a bit for each field that is required */
    uint64_t filled_fields;   /* and for each list that is to be filled in */
    wxm_group *groups;        /* owned */
    size_t group_count;
    int span_from, span_to;     /* indices of two integer fields, or -1 */
    int64_t span_min, span_max; /* bounds of to - from */
    char *origin, *source;      /* where the rule is written; owned, or NULL */
    /* What to do about a problem, or NULL; owned. */
    char *advice[WXM_PROBLEM_COUNT];
    /* The document's own words for a problem, or NULL; owned. */
    char *codes[WXM_PROBLEM_COUNT];
    /*
    ** How many entries the last list or object had, when it was read. The one member
    ** that changes once the tree is built, and a guess: nothing depends on its truth.
    */
    size_t hint;
};

/* A rule that takes anything and has no children. NULL when memory is out. */
wxm_rule *wxm_rule_new(void);

/* Frees the whole tree. NULL is fine. */
void wxm_rule_free(wxm_rule *rule);

/* The code's name ("too_long"). Never NULL. */
const char *wxm_rule_code(wxm_problem_code code);

/* Gives the field a copy of its name. 0, or -1 when memory is out. */
int wxm_rule_name(wxm_field *field, const char *name, size_t len);

/*
** Does the text begin with the field's name and a quote? 'left' bytes may be looked at;
** where they are fewer than eight the answer may be no all the same.
*/
int wxm_rule_is_next(const wxm_field *field, const char *text, size_t left);

/* The index of the field so named, beginning the search at 'start'; or -1. */
int wxm_rule_find(const wxm_rule *rule, const char *name, size_t len, size_t start);

/*
** Hold one value against a rule of that type. 0, or -1 with '*problem' filled.
*/
int wxm_rule_integer(const wxm_rule *rule, int64_t value, wxm_problem *problem);
int wxm_rule_string(const wxm_rule *rule, const char *s, size_t n,
                    wxm_problem *problem);
/* The same for bytes that are known to be valid UTF-8. */
int wxm_rule_valid_string(const wxm_rule *rule, const char *s, size_t n,
                          wxm_problem *problem);
/* Holds a list's size against its rule. */
int wxm_rule_count(const wxm_rule *rule, size_t n, wxm_problem *problem);

/* Holds the fields that are there (a bit each) against one group. */
int wxm_rule_group(const wxm_group *group, uint64_t present, wxm_problem *problem);

/* Holds two numbers against the object's span. */
int wxm_rule_span(const wxm_rule *rule, int64_t from, int64_t to, wxm_problem *problem);

#define WXM_RULE_MESSAGE 256

/*
** Writes the problem as a sentence's predicate ("must be at most 20, got 21"), always
** NUL-ended, valid UTF-8, never with a byte of the value but numbers.
*/
void wxm_rule_message(char to[WXM_RULE_MESSAGE], const wxm_rule *rule,
                      const wxm_problem *problem);

/* "string", "list" …: as messages and rule tables spell the type. */
const char *wxm_rule_type_name(wxm_type type);
const char *wxm_rule_unit_name(wxm_unit unit);

#endif
