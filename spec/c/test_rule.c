/* Tests of wxm_rule: each check, each sentence, names found from any start. */
#include "check.h"

#include "wxm_rule.h"
#include "wxm_text.h"

#define EXACT INT64_C(9007199254740992)
#define NI    "\xE4\xBD\xA0"
#define SMILE "\xF0\x9F\x98\x80"

/* What a check says: the problem's code, or WXM_PROBLEM_COUNT where there is none. */
static wxm_problem_code code_of(int status, const wxm_problem *problem)
{
    return status == 0 ? WXM_PROBLEM_COUNT : problem->code;
}

static void test_integer(void)
{
    static int64_t enumerated[] = {0, 1, 5};
    static char allowed[] = "0, 1 or 5";
    static const struct {
        const char *what;
        wxm_rule rule;
        int64_t value;
        wxm_problem_code code;
        int64_t limit;
    } cases[] = {
        {"anything", {.type = WXM_TYPE_INTEGER}, -5, WXM_PROBLEM_COUNT, 0},
        {"2^53", {.type = WXM_TYPE_INTEGER}, EXACT, WXM_PROBLEM_COUNT, 0},
        {"2^53 + 1",
         {.type = WXM_TYPE_INTEGER},
         EXACT + 1,
         WXM_PROBLEM_NOT_EXACT,
         EXACT},
        {"-2^53", {.type = WXM_TYPE_INTEGER}, -EXACT, WXM_PROBLEM_COUNT, 0},
        {"-2^53 - 1",
         {.type = WXM_TYPE_INTEGER},
         -EXACT - 1,
         WXM_PROBLEM_NOT_EXACT,
         EXACT},
        {"the largest",
         {.type = WXM_TYPE_INTEGER},
         INT64_MAX,
         WXM_PROBLEM_NOT_EXACT,
         EXACT},
        {"the least",
         {.type = WXM_TYPE_INTEGER},
         INT64_MIN,
         WXM_PROBLEM_NOT_EXACT,
         EXACT},
        {"below min", {.has_min = 1, .min = 1}, 0, WXM_PROBLEM_TOO_SMALL, 1},
        {"at min", {.has_min = 1, .min = 1}, 1, WXM_PROBLEM_COUNT, 0},
        {"at max", {.has_max = 1, .max = 20}, 20, WXM_PROBLEM_COUNT, 0},
        {"above max", {.has_max = 1, .max = 20}, 21, WXM_PROBLEM_TOO_LARGE, 20},
        {"min that is not set", {.min = 10}, 5, WXM_PROBLEM_COUNT, 0},
        {"of an enum",
         {.values = enumerated, .value_count = 3, .allowed = allowed},
         5,
         WXM_PROBLEM_COUNT,
         0},
        {"not of an enum",
         {.values = enumerated, .value_count = 3, .allowed = allowed},
         2,
         WXM_PROBLEM_NOT_ALLOWED,
         0},
        {"of an empty enum",
         {.values = enumerated, .value_count = 0, .allowed = allowed},
         0,
         WXM_PROBLEM_NOT_ALLOWED,
         0},
    };
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        wxm_problem problem;
        int status = wxm_rule_integer(&cases[i].rule, cases[i].value, &problem);
        CHECK(code_of(status, &problem) == cases[i].code, cases[i].what);
        CHECK(status == 0 || problem.got == cases[i].value, cases[i].what);
        CHECK(status == 0 || problem.limit == cases[i].limit, cases[i].what);
        CHECK(status == 0 || (problem.detail == allowed) ==
                                 (problem.code == WXM_PROBLEM_NOT_ALLOWED),
              cases[i].what);
    }
}

static void test_string(void)
{
    static char text[] = "text", image[] = "image", empty[] = "";
    static char *words[] = {text, image}, *with_empty[] = {empty};
    static char allowed[] = "text or image";
    static const struct {
        const char *what;
        wxm_rule rule;
        const char *s;
        size_t n;
        wxm_problem_code code;
        int64_t limit, got;
    } cases[] = {
        {"anything", {.type = WXM_TYPE_STRING}, "abc", 3, WXM_PROBLEM_COUNT, 0, 0},
        {"nothing", {.type = WXM_TYPE_STRING}, "", 0, WXM_PROBLEM_COUNT, 0, 0},
        {"a NUL", {.type = WXM_TYPE_STRING}, "a\0b", 3, WXM_PROBLEM_COUNT, 0, 0},
        {"a bad byte", {.type = WXM_TYPE_STRING}, "ab\xFF", 3, WXM_PROBLEM_UTF8, 0, 3},
        {"a bad first byte",
         {.type = WXM_TYPE_STRING},
         "\x80",
         1,
         WXM_PROBLEM_UTF8,
         0,
         1},
        {"cut off",
         {.type = WXM_TYPE_STRING},
         NI "\xE4\xBD",
         5,
         WXM_PROBLEM_UTF8,
         0,
         4},
        {"a line end", {.printable = 1}, "ab\n", 3, WXM_PROBLEM_CONTROL, 0, 3},
        {"a NUL where none may be",
         {.printable = 1},
         "\0",
         1,
         WXM_PROBLEM_CONTROL,
         0,
         1},
        {"DEL", {.printable = 1}, "a\x7F", 2, WXM_PROBLEM_CONTROL, 0, 2},
        {"a space", {.printable = 1}, " ~" NI, 5, WXM_PROBLEM_COUNT, 0, 0},
        {"bytes, enough", {.has_min = 1, .min = 3}, NI, 3, WXM_PROBLEM_COUNT, 0, 0},
        {"bytes, too few",
         {.has_min = 1, .min = 4},
         NI,
         3,
         WXM_PROBLEM_TOO_SHORT,
         4,
         3},
        {"bytes, too many",
         {.has_max = 1, .max = 2},
         NI,
         3,
         WXM_PROBLEM_TOO_LONG,
         2,
         3},
        {"characters",
         {.unit = WXM_UNIT_CODEPOINTS, .has_max = 1, .max = 2},
         NI SMILE,
         7,
         WXM_PROBLEM_COUNT,
         0,
         0},
        {"characters, too many",
         {.unit = WXM_UNIT_CODEPOINTS, .has_max = 1, .max = 1},
         NI SMILE,
         7,
         WXM_PROBLEM_TOO_LONG,
         1,
         2},
        {"UTF-16",
         {.unit = WXM_UNIT_UTF16, .has_max = 1, .max = 3},
         NI SMILE,
         7,
         WXM_PROBLEM_COUNT,
         0,
         0},
        {"UTF-16, too many",
         {.unit = WXM_UNIT_UTF16, .has_max = 1, .max = 2},
         NI SMILE,
         7,
         WXM_PROBLEM_TOO_LONG,
         2,
         3},
        {"empty, but needed",
         {.has_min = 1, .min = 1},
         "",
         0,
         WXM_PROBLEM_TOO_SHORT,
         1,
         0},
        {"of an enum",
         {.words = words, .value_count = 2, .allowed = allowed},
         "image",
         5,
         WXM_PROBLEM_COUNT,
         0,
         0},
        {"a beginning of an enum",
         {.words = words, .value_count = 2, .allowed = allowed},
         "imag",
         4,
         WXM_PROBLEM_NOT_ALLOWED,
         0,
         0},
        {"more than an enum",
         {.words = words, .value_count = 2, .allowed = allowed},
         "image\0",
         6,
         WXM_PROBLEM_NOT_ALLOWED,
         0,
         0},
        {"an empty word",
         {.words = with_empty, .value_count = 1, .allowed = allowed},
         "",
         0,
         WXM_PROBLEM_COUNT,
         0,
         0},
    };
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        wxm_problem problem;
        int status =
            wxm_rule_string(&cases[i].rule, guard_copy(0, cases[i].s, cases[i].n),
                            cases[i].n, &problem);
        CHECK(code_of(status, &problem) == cases[i].code, cases[i].what);
        CHECK(status == 0 || problem.limit == cases[i].limit, cases[i].what);
        CHECK(status == 0 || problem.got == cases[i].got, cases[i].what);
    }
}

static void test_count(void)
{
    static const wxm_rule rule = {.has_min = 1, .min = 1, .has_max = 1, .max = 3};
    static const wxm_problem_code codes[] = {WXM_PROBLEM_TOO_FEW, WXM_PROBLEM_COUNT,
                                             WXM_PROBLEM_COUNT, WXM_PROBLEM_COUNT,
                                             WXM_PROBLEM_TOO_MANY};
    static const wxm_rule none = {.type = WXM_TYPE_LIST};
    wxm_problem problem;
    size_t n;

    for (n = 0; n < COUNT_OF(codes); n++) {
        int status = wxm_rule_count(&rule, n, &problem);
        CHECK(code_of(status, &problem) == codes[n],
              "as many entries as the rule says");
        CHECK(status == 0 || problem.got == (int64_t)n, "and how many there are");
        CHECK(wxm_rule_count(&none, n, &problem) == 0, "no rule, no bounds");
    }
}

/* Each subset of four fields, of which the first and the last three are asked for. */
static void test_group(void)
{
    static char names[] = "a, c or d";
    uint64_t present;
    int64_t min, max;

    for (present = 0; present < 16; present++) {
        for (min = 0; min <= 3; min++) {
            for (max = min; max <= 3; max++) {
                wxm_group group = {UINT64_C(13), 0, 0, names};
                wxm_problem problem;
                int64_t count =
                    (int64_t)((present & 1) + (present >> 2 & 1) + (present >> 3 & 1));
                int status;
                group.min = min;
                group.max = max;
                status = wxm_rule_group(&group, present, &problem);
                CHECK((status == 0) == (count >= min && count <= max),
                      "as many of a group as it says");
                CHECK(status == 0 || (problem.code == WXM_PROBLEM_ONE_OF &&
                                      problem.got == count && problem.detail == names &&
                                      problem.limit == (count < min ? min : max)),
                      "and what is missing");
            }
        }
    }
    {
        wxm_group all = {~UINT64_C(0), 64, 64, names};
        wxm_problem problem;
        CHECK(wxm_rule_group(&all, ~UINT64_C(0), &problem) == 0, "all of 64 fields");
    }
}

static void test_span(void)
{
    static char name[] = "start_time";
    static wxm_field fields[1] = {{.name = name, .len = 10, .key = 1}};
    static const struct {
        int64_t from, to;
        wxm_problem_code code;
        int64_t limit, got;
    } cases[] = {
        {100, 100, WXM_PROBLEM_COUNT, 0, 0},
        {100, 130, WXM_PROBLEM_COUNT, 0, 0},
        {100, 131, WXM_PROBLEM_SPAN, 30, 31},
        {100, 99, WXM_PROBLEM_SPAN, 0, -1},
        {-EXACT, EXACT, WXM_PROBLEM_SPAN, 30, 2 * EXACT},
        {EXACT, -EXACT, WXM_PROBLEM_SPAN, 0, -2 * EXACT},
    };
    wxm_rule rule = {.type = WXM_TYPE_OBJECT, .fields = fields, .field_count = 1};
    size_t i;

    rule.span_from = rule.span_to = 0;
    rule.span_max = 30;
    for (i = 0; i < COUNT_OF(cases); i++) {
        wxm_problem problem;
        int status = wxm_rule_span(&rule, cases[i].from, cases[i].to, &problem);
        CHECK(code_of(status, &problem) == cases[i].code, "a span within its bounds");
        CHECK(status == 0 || (problem.limit == cases[i].limit &&
                              problem.got == cases[i].got && problem.detail == name),
              "and what it is, after which field");
    }
}

static void test_find(void)
{
    static char texts[][8] = {"a", "ab", "abc", "b", ""};
    wxm_field fields[COUNT_OF(texts)];
    wxm_rule rule = {.type = WXM_TYPE_OBJECT};
    size_t i, start;

    CHECK(wxm_rule_find(&rule, guard_text(0, "a"), 1, 0) == -1, "no fields at all");
    rule.fields = fields;
    rule.field_count = COUNT_OF(texts);
    for (i = 0; i < COUNT_OF(texts); i++) {
        fields[i].name = texts[i];
        fields[i].len = strlen(texts[i]);
        fields[i].rule = NULL;
        fields[i].key = 0;
    }
    for (start = 0; start < COUNT_OF(texts) + 3; start++) {
        for (i = 0; i < COUNT_OF(texts); i++) {
            CHECK(wxm_rule_find(&rule, guard_text(0, texts[i]), strlen(texts[i]),
                                start) == (int)i,
                  "a name is found from any start");
        }
        CHECK(wxm_rule_find(&rule, guard_text(0, "abcd"), 4, start) == -1,
              "a longer name");
        CHECK(wxm_rule_find(&rule, guard_text(0, "c"), 1, start) == -1, "another name");
        CHECK(wxm_rule_find(&rule, guard_copy(0, "a\0", 2), 2, start) == -1,
              "a NUL more");
    }
}

static void test_messages(void)
{
    static const wxm_rule integer = {.type = WXM_TYPE_INTEGER};
    static const wxm_rule number = {.type = WXM_TYPE_NUMBER};
    static const wxm_rule list = {.type = WXM_TYPE_LIST};
    static const wxm_rule object = {.type = WXM_TYPE_OBJECT};
    static const wxm_rule any = {.type = WXM_TYPE_ANY};
    static const wxm_rule bytes = {.type = WXM_TYPE_STRING};
    static const wxm_rule points = {.type = WXM_TYPE_STRING,
                                    .unit = WXM_UNIT_CODEPOINTS};
    static const wxm_rule utf16 = {.type = WXM_TYPE_STRING, .unit = WXM_UNIT_UTF16};
    static const struct {
        const wxm_rule *rule;
        wxm_problem problem;
        const char *message;
    } cases[] = {
        {NULL, {WXM_PROBLEM_REQUIRED, 0, 0, NULL}, "is required"},
        {&integer,
         {WXM_PROBLEM_TYPE, 0, 0, "a string"},
         "must be an integer, got a string"},
        {&number, {WXM_PROBLEM_TYPE, 0, 0, "null"}, "must be a number, got null"},
        {&list, {WXM_PROBLEM_TYPE, 0, 0, "a string"}, "must be a list, got a string"},
        {&object, {WXM_PROBLEM_TYPE, 0, 0, "a list"}, "must be an object, got a list"},
        {&any,
         {WXM_PROBLEM_TYPE, 0, 0, "a function"},
         "is a function, which JSON cannot say"},
        {NULL,
         {WXM_PROBLEM_TYPE, 0, 0, "a userdata"},
         "is a userdata, which JSON cannot say"},
        {&integer, {WXM_PROBLEM_TOO_SMALL, 1, 0, NULL}, "must be at least 1, got 0"},
        {&integer, {WXM_PROBLEM_TOO_LARGE, 20, 21, NULL}, "must be at most 20, got 21"},
        {&integer,
         {WXM_PROBLEM_TOO_SMALL, INT64_MAX, INT64_MIN, NULL},
         "must be at least 9223372036854775807, got -9223372036854775808"},
        {&bytes, {WXM_PROBLEM_TOO_SHORT, 1, 0, NULL}, "must not be empty"},
        {&points,
         {WXM_PROBLEM_TOO_SHORT, 2, 1, NULL},
         "must be at least 2 characters long, got 1"},
        {&bytes,
         {WXM_PROBLEM_TOO_LONG, 64, 65, NULL},
         "must be at most 64 bytes long, got 65"},
        {&utf16,
         {WXM_PROBLEM_TOO_LONG, 4, 5, NULL},
         "must be at most 4 UTF-16 units long, got 5"},
        {&list,
         {WXM_PROBLEM_TOO_FEW, 2, 1, NULL},
         "must have at least 2 entries, got 1"},
        {&list,
         {WXM_PROBLEM_TOO_MANY, 9, 10, NULL},
         "must have at most 9 entries, got 10"},
        {&integer, {WXM_PROBLEM_NOT_ALLOWED, 0, 7, "0, 1 or 2"}, "must be 0, 1 or 2"},
        {&integer,
         {WXM_PROBLEM_NOT_EXACT, EXACT, 0, NULL},
         "must be a whole number within 2^53"},
        {NULL, {WXM_PROBLEM_NOT_FINITE, 0, 0, NULL}, "must be a finite number"},
        {&bytes, {WXM_PROBLEM_UTF8, 0, 3, NULL}, "is not valid UTF-8 at byte 3"},
        {&bytes,
         {WXM_PROBLEM_CONTROL, 0, 4, NULL},
         "has a control character at byte 4"},
        {&object, {WXM_PROBLEM_UNKNOWN, 0, 0, NULL}, "is not a known name"},
        {&object,
         {WXM_PROBLEM_UNKNOWN, 0, 0, "limit"},
         "is not a known name; did you mean 'limit'?"},
        {NULL, {WXM_PROBLEM_DUPLICATE, 0, 0, NULL}, "is there twice"},
        {&object,
         {WXM_PROBLEM_ONE_OF, 1, 0, "image, video or link"},
         "needs at least 1 of image, video or link, got 0"},
        {&object,
         {WXM_PROBLEM_ONE_OF, 1, 2, "image, video or link"},
         "needs at most 1 of image, video or link, got 2"},
        {&object,
         {WXM_PROBLEM_SPAN, 0, -5, "start_time"},
         "must be at least 0 after start_time, is -5"},
        {&object,
         {WXM_PROBLEM_SPAN, 30, 31, "start_time"},
         "must be at most 30 after start_time, is 31"},
        {&list,
         {WXM_PROBLEM_NOT_A_LIST, 0, 0, NULL},
         "must be a list with places 1 to n and nothing else"},
        {&object,
         {WXM_PROBLEM_KEY, 0, 0, "a number"},
         "has a key that is no string but a number"},
        {&object,
         {WXM_PROBLEM_METATABLE, 0, 0, "__index"},
         "has a metatable with __index: give a plain table"},
        {&object, {WXM_PROBLEM_CYCLE, 0, 0, NULL}, "contains itself"},
        {NULL, {WXM_PROBLEM_TOO_DEEP, 0, 0, NULL}, "is nested deeper than 32 tables"},
        {NULL,
         {WXM_PROBLEM_TOO_BIG, 2000000, 0, "values"},
         "is larger than 2000000 values"},
        {NULL, {WXM_PROBLEM_SYNTAX, 0, 0, "a colon is missing"}, "a colon is missing"},
        {NULL, {WXM_PROBLEM_COUNT, 0, 0, NULL}, ""},
    };
    int said[WXM_PROBLEM_COUNT + 1] = {0};
    unsigned long unsaid = 0;
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        char *to = guard_room(1, WXM_RULE_MESSAGE);
        memset(to, '?', WXM_RULE_MESSAGE);
        wxm_rule_message(to, cases[i].rule, &cases[i].problem);
        CHECK(memchr(to, '\0', WXM_RULE_MESSAGE) != NULL &&
                  strcmp(to, cases[i].message) == 0,
              cases[i].message);
        said[cases[i].problem.code] = 1;
    }
    for (i = 0; i <= WXM_PROBLEM_COUNT; i++) {
        unsaid += !said[i];
    }
    CHECK(unsaid == 0, "every problem has a case here");
}

/* A sentence that is too long ends with a whole character, wherever it is cut. */
static void test_long_messages(void)
{
    static const wxm_rule words = {.type = WXM_TYPE_STRING};
    wxm_problem problem = {WXM_PROBLEM_NOT_ALLOWED, 0, 0, NULL};
    char detail[3 * WXM_RULE_MESSAGE + 4];
    size_t shift, i;

    for (shift = 0; shift < 3; shift++) {
        char *to = guard_room(1, WXM_RULE_MESSAGE);
        size_t n;
        memset(detail, 'x', shift);
        for (i = 0; i < WXM_RULE_MESSAGE; i++) {
            memcpy(detail + shift + 3 * i, "\xE6\x9C\x8B", 3);
        }
        detail[shift + 3 * WXM_RULE_MESSAGE] = '\0';
        problem.detail = detail;
        wxm_rule_message(to, &words, &problem);
        n = strlen(to);
        CHECK(n > WXM_RULE_MESSAGE - 4 && n < WXM_RULE_MESSAGE,
              "a cut sentence is long");
        CHECK(wxm_text_measure(to, n).invalid == n, "a cut sentence is valid UTF-8");
    }
}

static void test_long_message(void)
{
    static char detail[1000];
    char *to = guard_room(1, WXM_RULE_MESSAGE);
    wxm_problem problem = {WXM_PROBLEM_NOT_ALLOWED, 0, 0, detail};
    int code;

    memset(detail, 'x', sizeof detail - 1);
    for (code = 0; code < WXM_PROBLEM_COUNT; code++) {
        problem.code = (wxm_problem_code)code;
        memset(to, '?', WXM_RULE_MESSAGE);
        wxm_rule_message(to, NULL, &problem);
        CHECK(memchr(to, '\0', WXM_RULE_MESSAGE) != NULL, "a message always ends");
    }
}

static void test_names(void)
{
    static const char *const types[] = {"any",    "boolean", "integer", "number",
                                        "string", "list",    "object"};
    static const char *const units[] = {"bytes", "codepoints", "utf16"};
    static const char *const codes[] = {
        "required", "type",      "too_small",   "too_large", "too_short",  "too_long",
        "too_few",  "too_many",  "not_allowed", "not_exact", "not_finite", "utf8",
        "control",  "unknown",   "duplicate",   "one_of",    "span",       "not_a_list",
        "key",      "metatable", "cycle",       "too_deep",  "too_big",    "syntax",
    };
    size_t i;

    for (i = 0; i < COUNT_OF(types); i++) {
        CHECK(strcmp(wxm_rule_type_name((wxm_type)i), types[i]) == 0, types[i]);
    }
    for (i = 0; i < COUNT_OF(units); i++) {
        CHECK(strcmp(wxm_rule_unit_name((wxm_unit)i), units[i]) == 0, units[i]);
    }
    CHECK(COUNT_OF(codes) == WXM_PROBLEM_COUNT, "every code has its name here");
    for (i = 0; i < COUNT_OF(codes); i++) {
        CHECK(strcmp(wxm_rule_code((wxm_problem_code)i), codes[i]) == 0, codes[i]);
    }
}

static char *copy_of(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);

    if (copy == NULL) {
        exit(EXIT_FAILURE);
    }
    memcpy(copy, text, n);
    return copy;
}

static void *room_for(size_t n, size_t size)
{
    void *room = calloc(n, size);

    if (room == NULL) {
        exit(EXIT_FAILURE);
    }
    return room;
}

/* A rule with a child everywhere; the leak checker sees whether all of it is freed. */
static wxm_rule *full_rule(int depth)
{
    wxm_rule *rule = wxm_rule_new();
    size_t i;

    if (rule == NULL || depth == 0) {
        return rule;
    }
    rule->values = room_for(3, sizeof *rule->values);
    rule->words = room_for(3, sizeof *rule->words);
    rule->words[0] = copy_of("word"); /* the others were not reached: NULL */
    rule->value_count = 3;
    rule->allowed = copy_of("word");
    rule->items = full_rule(depth - 1);
    rule->fields = room_for(2, sizeof *rule->fields);
    rule->field_count = 2;
    for (i = 0; i < 2; i++) {
        rule->fields[i].name = copy_of("name");
        rule->fields[i].rule = i == 0 ? full_rule(depth - 1) : NULL;
    }
    rule->groups = room_for(2, sizeof *rule->groups);
    rule->group_count = 2;
    rule->groups[0].names = copy_of("a or b");
    rule->origin = copy_of("origin");
    rule->source = copy_of("source");
    for (i = 0; i < WXM_PROBLEM_COUNT; i += 2) {
        rule->codes[i] = copy_of("code");
    }
    return rule;
}

static void test_new_and_free(void)
{
    wxm_rule *rule = wxm_rule_new();
    wxm_problem problem;

    CHECK(rule != NULL && rule->type == WXM_TYPE_ANY && rule->span_from == -1 &&
              rule->span_to == -1 && rule->items == NULL && rule->field_count == 0,
          "a new rule takes anything");
    CHECK(rule != NULL && wxm_rule_integer(rule, 0, &problem) == 0 &&
              wxm_rule_string(rule, "", 0, &problem) == 0 &&
              wxm_rule_count(rule, 0, &problem) == 0,
          "indeed");
    wxm_rule_free(rule);
    wxm_rule_free(NULL);
    rule = full_rule(4);
    CHECK(rule != NULL, "a full rule");
    wxm_rule_free(rule);
}

/* The name and its quote, looked at without reading beyond 'left' bytes. */
static void test_next(void)
{
    static const char *const names[] = {"a",
                                        "errcode",
                                        "errmsg",
                                        "eightlet",
                                        "nine_long",
                                        "moment_id",
                                        "moment_list",
                                        "",
                                        "fifteen_letters",
                                        "sixteen_letters_",
                                        "a_name_of_twenty_two__",
                                        "a_name_of_twenty_xyo__"};
    size_t i, j;

    for (i = 0; i < COUNT_OF(names); i++) {
        wxm_field field = {.name = NULL};
        size_t len = strlen(names[i]);
        CHECK(wxm_rule_name(&field, names[i], len) == 0 && field.len == len, names[i]);
        for (j = 0; j < COUNT_OF(names); j++) {
            char text[64];
            size_t n =
                (size_t)snprintf(text, sizeof text, "%s\":1,\"more\":2}", names[j]);
            CHECK(wxm_rule_is_next(&field, guard_copy(0, text, n), n) == (i == j),
                  names[j]);
            for (; n > 0;
                 n--) { /* cut anywhere: no, or right, and nothing read beyond */
                int is = wxm_rule_is_next(&field, guard_copy(0, text, n - 1), n - 1);
                CHECK(!is || (i == j && n - 1 > len), "a cut text");
            }
        }
        free(field.name);
    }
}

int main(void)
{
    test_next();
    test_integer();
    test_string();
    test_count();
    test_group();
    test_span();
    test_find();
    test_messages();
    test_long_messages();
    test_long_message();
    test_names();
    test_new_and_free();
    return check_result();
}
