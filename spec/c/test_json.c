/* Tests of wxm_json: RFC 8259 production by production, and what is written. */
#include "check.h"

#include "wxm_json.h"
#include "wxm_text.h"

static wxm_json scan(const char *text, size_t n)
{
    wxm_json json;

    wxm_json_init(&json, guard_copy(0, text, n), n);
    return json;
}

static void test_peek_and_expect(void)
{
    static const struct {
        const char *text;
        char next;
        int at;
    } cases[] = {
        {"", '\0', 0},    {" ", '\0', 1},          {" \t\r\n", '\0', 4},
        {"{", '{', 0},    {" \n[", '[', 2},        {"\v1", '\v', 0},
        {"\f1", '\f', 0}, {"\xC2\xA0", '\xC2', 0}, {"\xEF\xBB\xBF{", '\xEF', 0},
    };
    size_t i;
    wxm_json json;

    for (i = 0; i < COUNT_OF(cases); i++) {
        json = scan(cases[i].text, strlen(cases[i].text));
        CHECK(wxm_json_peek(&json) == cases[i].next, cases[i].text);
        CHECK(json.at - json.begin == cases[i].at, cases[i].text);
    }
    json = scan(" : ", 3);
    CHECK(wxm_json_expect(&json, ':', "a colon") == 0 && json.at - json.begin == 2 &&
              json.error == NULL,
          "the byte that is wanted");
    CHECK(wxm_json_expect(&json, ':', "a colon") == -1 && json.at == json.end &&
              strcmp(json.error, "a colon") == 0,
          "wanted, but the text ends");
    json = scan("  ,", 3);
    CHECK(wxm_json_expect(&json, ':', "a colon") == -1 && json.at - json.begin == 2,
          "another byte than wanted");
    json = scan("\0", 1);
    CHECK(wxm_json_peek(&json) == '\0' && json.at < json.end, "a NUL is not the end");
    json = scan("", 0);
    CHECK(wxm_json_expect(&json, '\0', "nothing") == -1, "nor is the end a NUL");
}

static void test_literals(void)
{
    static const struct {
        const char *text;
        char letter;
        int at;
    } cases[] = {
        {"true", 't', 4},  {"false", 'f', 5},      {"null", 'n', 4},
        {"null,", 'n', 4}, {"truex", 't', 4},      {"True", '\0', 0},
        {"TRUE", '\0', 0}, {"nul1", '\0', 0},      {"tru e", '\0', 0},
        {"NaN", '\0', 0},  {"undefined", '\0', 0}, {"nil", '\0', 0},
    };
    static const char *const words[] = {"true", "false", "null"};
    size_t i, cut;

    for (i = 0; i < COUNT_OF(cases); i++) {
        wxm_json json = scan(cases[i].text, strlen(cases[i].text));
        CHECK(wxm_json_literal(&json) == cases[i].letter, cases[i].text);
        CHECK(json.at - json.begin == cases[i].at, cases[i].text);
        CHECK((json.error == NULL) == (cases[i].letter != '\0'), cases[i].text);
    }
    for (i = 0; i < COUNT_OF(words); i++) {
        for (cut = 0; cut < strlen(words[i]); cut++) {
            wxm_json json = scan(words[i], cut);
            CHECK(wxm_json_literal(&json) == '\0' && json.error != NULL, words[i]);
        }
    }
}

static void test_numbers(void)
{
    static const struct {
        const char *text;
        int status, n, whole; /* n: bytes passed, or where the error is */
    } cases[] = {
        {"0", 0, 1, 1},      {"-0", 0, 2, 1},        {"10", 0, 2, 1},
        {"-123", 0, 4, 1},   {"0.0", 0, 3, 0},       {"0.10", 0, 4, 0},
        {"1e5", 0, 3, 0},    {"1E5", 0, 3, 0},       {"1e+5", 0, 4, 0},
        {"1e-05", 0, 5, 0},  {"-1.5e10", 0, 7, 0},   {"0e0", 0, 3, 0},
        {"1,2", 0, 1, 1},    {"1 2", 0, 1, 1},       {"1]", 0, 1, 1},
        {"1-2", 0, 1, 1},    {"1.5.2", 0, 3, 0},     {"1e5e5", 0, 3, 0},
        {"0x10", 0, 1, 1},   {"1_0", 0, 1, 1},       {"", -1, 0, 0},
        {"-", -1, 0, 0},     {"--1", -1, 0, 0},      {"+1", -1, 0, 0},
        {".5", -1, 0, 0},    {"-.5", -1, 0, 0},      {"1.", -1, 2, 0},
        {"1.e5", -1, 2, 0},  {"1.x", -1, 2, 0},      {"1e", -1, 2, 0},
        {"1e+", -1, 3, 0},   {"1e-", -1, 3, 0},      {"1ex", -1, 2, 0},
        {"01", -1, 0, 0},    {"-01", -1, 1, 0},      {"00", -1, 0, 0},
        {"-00.5", -1, 1, 0}, {"Infinity", -1, 0, 0}, {"-Infinity", -1, 0, 0},
        {"NaN", -1, 0, 0},   {"e5", -1, 0, 0},       {"\xD9\xA1", -1, 0, 0},
        {"}", -1, 0, 0},     {"1.5e+-3", -1, 5, 0},
    };
    static const char whole[] = "-12.50e-37";
    static const int cut_status[] = {-1, -1, 0, 0, -1, 0, 0, -1, -1, 0, 0};
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        wxm_json_number number;
        wxm_json json = scan(cases[i].text, strlen(cases[i].text));
        int status = wxm_json_pass_number(&json, &number);
        CHECK(status == cases[i].status, cases[i].text);
        CHECK(json.at - json.begin == cases[i].n, cases[i].text);
        CHECK((json.error == NULL) == (status == 0), cases[i].text);
        CHECK(status != 0 ||
                  (number.s == json.begin && number.n == (size_t)cases[i].n &&
                   number.whole == cases[i].whole),
              cases[i].text);
    }
    for (i = 0; i < COUNT_OF(cut_status); i++) {
        wxm_json_number number;
        wxm_json json = scan(whole, i);
        CHECK(wxm_json_pass_number(&json, &number) == cut_status[i],
              "a number cut off");
    }
}

/* Passes the string whose text with both quotes is given. */
static int pass_string(const char *text, size_t n, wxm_json *json, wxm_json_text *token)
{
    *json = scan(text, n);
    return wxm_json_string(json, token);
}

static void test_strings(void)
{
    static const struct {
        const char *text, *meaning; /* NULL: wrong */
        int at;                     /* where the error is */
    } cases[] = {
        {"\"\"", "", 0},
        {"\"abc\"", "abc", 0},
        {"\"/\"", "/", 0},
        {"\"\x7F\"", "\x7F", 0},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 0},
        {"\"\\u0041\\u00e9\\u4F60\"", "A\xC3\xA9\xE4\xBD\xA0", 0},
        {"\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
         "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF", 0},
        {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80", 0},
        {"\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 0},
        {"\"\\ud7ff\\ue000\"", "\xED\x9F\xBF\xEE\x80\x80", 0},
        {"\"x\\\\u0041\"", "x\\u0041", 0},
        {"\"\xE4\xBD\xA0\xE5\xA5\xBD\"", "\xE4\xBD\xA0\xE5\xA5\xBD", 0},
        {"\"\xF4\x8F\xBF\xBF\"", "\xF4\x8F\xBF\xBF", 0},
        {"\"\\ud83d\"", NULL, 1},
        {"\"\\ud83dx\"", NULL, 1},
        {"\"\\ud83d\\n\\n\\n\\n\"", NULL, 1},
        {"\"\\ud83d\\u0041\"", NULL, 1},
        {"\"\\ud83d\\ud83d\"", NULL, 1},
        {"\"\\ud83d\\udg00\"", NULL, 1},
        {"\"\\ud83d\\ue000\"", NULL, 1},
        {"\"\\ude00\"", NULL, 1},
        {"\"\\ude00\\ud83d\"", NULL, 1},
        {"\"a\\udc00\"", NULL, 2},
        {"\"\\x41\"", NULL, 1},
        {"\"\\'\"", NULL, 1},
        {"\"\\a\"", NULL, 1},
        {"\"\\U0041\"", NULL, 1},
        {"\"\\u\"", NULL, 1},
        {"\"\\u004\"", NULL, 1},
        {"\"\\u00g1\"", NULL, 1},
        {"\"\\u+041\"", NULL, 1},
        {"\"\\u 041\"", NULL, 1},
        {"\"\\0\"", NULL, 1},
        {"\"\x01\"", NULL, 1},
        {"\"a\x1F\"", NULL, 2},
        {"\"\n\"", NULL, 1},
        {"\"\t\"", NULL, 1},
        {"\"\x80\"", NULL, 1},
        {"\"a\xC0\xAF\"", NULL, 2},
        {"\"\xED\xA0\x80\"", NULL, 1},
        {"\"\xF4\x90\x80\x80\"", NULL, 1},
        {"\"\xE4\xBD\"", NULL, 1},
        {"\"\xFF\"", NULL, 1},
        {"\"", NULL, 1},
        {"\"abc", NULL, 4},
        {"\"abc\\\"", NULL, 6},
        {"\"abc\\", NULL, 4},
    };
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        const char *meaning = cases[i].meaning;
        wxm_json json;
        wxm_json_text token;
        int status = pass_string(cases[i].text, strlen(cases[i].text), &json, &token);
        CHECK(status == (meaning != NULL ? 0 : -1), cases[i].text);
        if (status == 0 && meaning != NULL) {
            char *to = guard_room(1, token.n);
            size_t n = wxm_json_unescape(&token, to);
            CHECK(json.at == json.end && json.error == NULL, cases[i].text);
            CHECK(n == strlen(meaning) && memcmp(to, meaning, n) == 0, cases[i].text);
            CHECK(token.escaped == (memchr(token.s, '\\', token.n) != NULL),
                  cases[i].text);
        } else {
            CHECK(json.error != NULL && json.at - json.begin == cases[i].at,
                  cases[i].text);
        }
    }
}

static void test_string_nul(void)
{
    wxm_json json;
    wxm_json_text token;
    char *to;

    CHECK(pass_string("\"a\0b\"", 5, &json, &token) == -1 && json.at - json.begin == 2,
          "a NUL is a control character");
    CHECK(pass_string("\"\\\0\"", 4, &json, &token) == -1 && json.at - json.begin == 1,
          "a NUL is no escape");
    CHECK(pass_string("\"a\\u0000b\"", 10, &json, &token) == 0,
          "an escaped NUL is fine");
    to = guard_room(1, token.n);
    CHECK(wxm_json_unescape(&token, to) == 3 && memcmp(to, "a\0b", 3) == 0,
          "and comes out as one");
}

/* The end, an escape, a control byte and bad bytes at every place of the eight. */
static void test_string_places(void)
{
    static const struct {
        const char *part;
        int right;
    } parts[] = {
        {"\\n", 1},     {"\xE4\xBD\xA0", 1},
        {"\\u0041", 1}, {"\\ud83d\\ude00", 1},
        {"\x7F", 1},    {"\x1F", 0},
        {"\x80", 0},    {"\xFF", 0},
        {"\\x", 0},     {"\\ud83d", 0},
        {"!", 1},       {" ", 1},
        {"#", 1},       {"[", 1},
        {"]", 1},       {"\x01", 0},
        {"", 1},
    };
    size_t before, after, i;

    for (i = 0; i < COUNT_OF(parts); i++) {
        unsigned long wrong = 0;
        for (before = 0; before < 24; before++) {
            for (after = 0; after < 24; after++) {
                char text[128];
                size_t part = strlen(parts[i].part), n = 0;
                wxm_json json;
                wxm_json_text token;
                int status;
                text[n++] = '"';
                memset(text + n, before % 2 == 0 ? '!' : '~', before);
                n += before;
                memcpy(text + n, parts[i].part, part);
                n += part;
                memset(text + n, ' ', after);
                n += after;
                text[n++] = '"';
                status = pass_string(text, n, &json, &token);
                wrong += status != (parts[i].right ? 0 : -1);
                wrong += status == 0 && (json.at != json.end || token.n != n - 2);
                wrong += status != 0 && json.at - json.begin != (long)before + 1;
            }
        }
        CHECK(wrong == 0, parts[i].part);
    }
}

static void test_string_cut(void)
{
    static const char text[] =
        "\"a\\n\\u4f60\\ud83d\\ude00\xE4\xBD\xA0\xF0\x9F\x98\x80z"
        "0123456789abcdef\\\\\"";
    size_t n;

    for (n = 1; n < sizeof text; n++) {
        wxm_json json;
        wxm_json_text token;
        int status = pass_string(text, n, &json, &token);
        CHECK(status == (n == sizeof text - 1 ? 0 : -1), "a string cut off is wrong");
        CHECK(status == 0 || json.error != NULL, "and the error is said");
    }
}

static int is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static long unit_of(const char *p, const char *end)
{
    char digits[5] = {0};
    size_t i;

    for (i = 0; i < 4; i++) {
        if (p + i >= end || !is_hex(p[i])) {
            return -1;
        }
        digits[i] = p[i];
    }
    return strtol(digits, NULL, 16);
}

/* Byte by byte, nothing clever. Where the string ends, or NULL where it is wrong. */
static const char *slow_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"';) {
        if ((unsigned char)*p < 0x20) {
            return NULL;
        }
        if (*p != '\\') {
            size_t len = wxm_text_next(p, end, NULL);
            if (len == 0) {
                return NULL;
            }
            p += len;
            continue;
        }
        if (++p == end) {
            return NULL;
        }
        if (*p == 'u') {
            long u = unit_of(p + 1, end);
            p += 5;
            if (u < 0 || (u >= 0xDC00 && u <= 0xDFFF)) {
                return NULL;
            }
            if (u >= 0xD800 && u <= 0xDBFF) {
                if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
                    return NULL;
                }
                u = unit_of(p + 2, end);
                if (u < 0xDC00 || u > 0xDFFF) {
                    return NULL;
                }
                p += 6;
            }
        } else if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL) {
            return NULL;
        } else {
            p++;
        }
    }
    return p < end ? p + 1 : NULL;
}

/* Random strings of telling parts, against the slow scan; what is right comes back. */
static void test_string_random(void)
{
    static const char *const parts[] = {
        "a",
        "bcdefgh",
        "\\n",
        "\\u0041",
        "\\ud83d",
        "\\ude00",
        "\\u4f60",
        "\"",
        "\xE4\xBD\xA0",
        "\xE4",
        "\x80",
        "\x7F",
        "\x1F",
        "\\",
        "u",
        "d83d",
        "\xF0\x9F\x98\x80",
        "01234567",
        "/",
        "\\/",
    };
    unsigned long wrong = 0, right = 0, lost = 0;
    int round;

    for (round = 0; round < 200000; round++) {
        char text[256];
        size_t n = 1, count = dice_below(9);
        wxm_json json;
        wxm_json_text token;
        const char *ends;
        int status;
        text[0] = '"';
        while (count-- > 0) {
            const char *part = parts[dice_below(COUNT_OF(parts))];
            memcpy(text + n, part, strlen(part));
            n += strlen(part);
        }
        if (dice_below(4) > 0) {
            text[n++] = '"';
        }
        status = pass_string(text, n, &json, &token);
        ends = slow_string(json.begin, json.end);
        wrong += (status == 0) != (ends != NULL) || (status == 0 && json.at != ends);
        if (status == 0) {
            char *to = guard_room(1, token.n);
            size_t len = wxm_json_unescape(&token, to), again_len;
            wxm_buf out;
            char *again;
            right++;
            lost += wxm_text_measure(to, len).invalid != len;
            wxm_buf_init(&out, 1000);
            lost += wxm_json_add_string(&out, to, len, round & 1) != 0;
            lost += pass_string(out.data, out.len, &json, &token) != 0;
            again = guard_room(2, token.n);
            again_len = wxm_json_unescape(&token, again);
            lost += again_len != len || memcmp(again, to, len) != 0;
            wxm_buf_free(&out);
        }
    }
    CHECK(wrong == 0, "random strings are passed or refused as the slow scan does");
    CHECK(right > 10000, "enough of them are right");
    CHECK(lost == 0,
          "the text of those that are right survives being written and read");
}

static void test_every_escaped_unit(void)
{
    unsigned long wrong = 0;
    long u;

    for (u = 0; u <= 0xFFFF; u++) {
        char text[16];
        int n =
            snprintf(text, sizeof text, u % 2 == 0 ? "\"\\u%04lx\"" : "\"\\u%04lX\"",
                     (unsigned long)u);
        wxm_json json;
        wxm_json_text token;
        int status = pass_string(text, (size_t)n, &json, &token);
        if (u >= 0xD800 && u <= 0xDFFF) {
            wrong += status == 0;
        } else {
            char *to = guard_room(1, token.n);
            uint32_t cp = 0;
            size_t len = wxm_json_unescape(&token, to);
            wrong += status != 0 || wxm_text_next(to, to + len, &cp) != len ||
                     cp != (uint32_t)u;
        }
    }
    CHECK(wrong == 0, "every escaped unit that is no surrogate is its code point");
}

static void test_add_string(void)
{
    static const struct {
        const char *text, *plain, *script; /* script NULL: as plain */
    } cases[] = {
        {"", "\"\"", NULL},
        {"abc", "\"abc\"", NULL},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\"", NULL},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"", NULL},
        {"\x01\x1F\x7F", "\"\\u0001\\u001f\\u007f\"", NULL},
        {"\xE4\xBD\xA0", "\"\xE4\xBD\xA0\"", NULL},
        {"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\"", NULL},
        {"</script>", "\"</script>\"", "\"<\\/script>\""},
        {"<", "\"<\"", NULL},
        {"a</", "\"a</\"", "\"a<\\/\""},
        {"<</", "\"<</\"", "\"<<\\/\""},
        {"<!--", "\"<!--\"", NULL},
        {"\xE2\x80\xA8", "\"\xE2\x80\xA8\"", "\"\\u2028\""},
        {"x\xE2\x80\xA9y", "\"x\xE2\x80\xA9y\"", "\"x\\u2029y\""},
        {"\xE2\x80\xA7\xE2\x80\xAA", "\"\xE2\x80\xA7\xE2\x80\xAA\"", NULL},
        {"\xE2\x81\xA8", "\"\xE2\x81\xA8\"", NULL},
    };
    size_t i, cap;
    int script;

    for (i = 0; i < COUNT_OF(cases); i++) {
        for (script = 0; script < 2; script++) {
            const char *wanted =
                script && cases[i].script != NULL ? cases[i].script : cases[i].plain;
            const char *s = guard_text(0, cases[i].text);
            size_t n = strlen(cases[i].text);
            wxm_buf out;
            wxm_buf_init(&out, 1000);
            CHECK(wxm_json_add_string(&out, s, n, script) == 0 &&
                      out.len == strlen(wanted) &&
                      memcmp(out.data, wanted, out.len) == 0,
                  wanted);
            wxm_buf_free(&out);
            for (cap = 0; cap < strlen(wanted); cap++) {
                wxm_buf_init(&out, cap);
                CHECK(wxm_json_add_string(&out, s, n, script) == -1 &&
                          out.state == WXM_BUF_FULL,
                      "a buffer that is too small is said");
                wxm_buf_free(&out);
            }
        }
    }
}

/* A special byte at every place of a text of every length up to three times eight. */
static void test_add_string_places(void)
{
    static const char specials[] = "\"\\\n\x1F\x7F";
    unsigned long wrong = 0;
    size_t n, at, i;

    for (n = 1; n <= 24; n++) {
        for (at = 0; at < n; at++) {
            for (i = 0; i < sizeof specials; i++) { /* the NUL at its end as well */
                char text[24];
                wxm_buf out;
                wxm_json json;
                wxm_json_text token;
                char *to;
                memset(text, '!', n);
                text[at] = specials[i];
                wxm_buf_init(&out, 100);
                wrong += wxm_json_add_string(&out, guard_copy(0, text, n), n, 1) != 0;
                wrong += pass_string(out.data, out.len, &json, &token) != 0;
                to = guard_room(1, token.n);
                wrong += wxm_json_unescape(&token, to) != n || memcmp(to, text, n) != 0;
                wxm_buf_free(&out);
            }
        }
    }
    CHECK(wrong == 0, "a special byte anywhere comes back");
}

/* Any bytes at all: no function reads beyond them. */
static void test_noise(void)
{
    static const char likely[] =
        "{}[]\",:\\u0123456789eE+-.truefalsn \n\xE4\xBD\xA0\x80";
    unsigned long stuck = 0;
    int round;

    for (round = 0; round < 200000; round++) {
        char text[32];
        size_t n = dice_below(sizeof text), i;
        wxm_json json;
        for (i = 0; i < n; i++) {
            text[i] = dice_below(8) == 0 ? (char)dice_below(256)
                                         : likely[dice_below(sizeof likely)];
        }
        json = scan(text, n);
        while (json.error == NULL && json.at < json.end) {
            const char *before = json.at;
            wxm_json_text token;
            wxm_json_number number;
            char c = wxm_json_peek(&json);
            if (c == '"') {
                if (wxm_json_string(&json, &token) == 0) {
                    wxm_json_unescape(&token, guard_room(1, token.n));
                }
            } else if (c == 't' || c == 'f' || c == 'n') {
                wxm_json_literal(&json);
            } else if (c != '\0' && strchr("{}[],:", c) != NULL) {
                wxm_json_expect(&json, c, "itself");
            } else if (json.at < json.end) {
                wxm_json_pass_number(&json, &number);
            }
            stuck += json.error == NULL && json.at == before;
            if (json.at == before) {
                break;
            }
        }
        stuck += json.at > json.end;
    }
    CHECK(stuck == 0, "every token moves on or says what is wrong");
}

int main(void)
{
    test_peek_and_expect();
    test_literals();
    test_numbers();
    test_strings();
    test_string_nul();
    test_string_places();
    test_string_cut();
    test_string_random();
    test_every_escaped_unit();
    test_add_string();
    test_add_string_places();
    test_noise();
    return check_result();
}
