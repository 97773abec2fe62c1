/* Tests of wxm_width: columns in a terminal, and the beginning that fits. */
#include "check.h"

#include "wxm_text.h"
#include "wxm_width.h"

#define NI    "\xE4\xBD\xA0"
#define HAO   "\xE5\xA5\xBD"
#define THUMB "\xF0\x9F\x91\x8D"
#define TONE  "\xF0\x9F\x8F\xBD"
#define ACUTE "\xCC\x81"

static void test_widths(void)
{
    static const struct {
        const char *what, *text;
        size_t columns;
    } cases[] = {
        {"empty", "", 0},
        {"ASCII", "abc", 3},
        {"Latin-1's letters", "\xC3\xA9", 1},
        {"Chinese", NI HAO, 4},
        {"full-width forms", "\xEF\xBC\xA1\xEF\xBC\x81", 4},
        {"half-width katakana", "\xEF\xBD\xB1", 1},
        {"an ideographic space", "\xE3\x80\x80", 2},
        {"a half-width filling space", "\xE3\x80\xBF", 1},
        {"Chinese marks", "\xE3\x80\x82\xEF\xBC\x8C", 4},
        {"kana", "\xE3\x81\x82\xE3\x82\xA2", 4},
        {"Hangul", "\xED\x95\x9C", 2},
        {"beyond the first plane", "\xF0\xA0\x80\x80", 2},
        {"combining accent", "e" ACUTE, 1},
        {"combining accent alone", ACUTE, 0},
        {"emoji", THUMB, 2},
        {"emoji with a skin tone", THUMB TONE, 2},
        {"a variation selector", "\xE2\x9C\x85\xEF\xB8\x8F", 2},
        {"zero-width joiner", "\xE2\x80\x8D", 0},
        {"control characters", "\x01\t\n\x7F", 4},
        {"a stray byte", "a\x80z", 3},
        {"two bytes of a character cut off", "\xE4\xBD", 2},
        {"a surrogate", "\xED\xA0\x80", 3},
        {"Cyrillic", "\xD0\xAF", 1},
        {"a box", "\xE2\x94\x80", 1},
    };
    size_t i, fit, used;

    for (i = 0; i < COUNT_OF(cases); i++) {
        size_t n = strlen(cases[i].text);
        const char *s = guard_text(0, cases[i].text);
        CHECK(wxm_width_of(s, n) == cases[i].columns, cases[i].what);
        fit = wxm_width_fit(s, n, cases[i].columns, &used);
        CHECK(fit == n && used == cases[i].columns, cases[i].what);
        CHECK(wxm_width_fit(s, n, (size_t)-1, NULL) == n, cases[i].what);
    }
    CHECK(wxm_width_of(guard_copy(0, "a\0b", 3), 3) == 3,
          "a NUL inside takes a column");
}

static void test_fit(void)
{
    static const struct {
        const char *what, *text;
        size_t columns, bytes, used;
    } cases[] = {
        {"no room", "abc", 0, 0, 0},
        {"ASCII cut", "abc", 2, 2, 2},
        {"half of a wide character is no room", NI HAO, 1, 0, 0},
        {"one of two", NI HAO, 2, 3, 2},
        {"one and a half of two", NI HAO, 3, 3, 2},
        {"both", NI HAO, 4, 6, 4},
        {"a mark stays with its letter", "e" ACUTE "x", 1, 3, 1},
        {"a skin tone stays with its emoji", THUMB TONE "x", 2, 8, 2},
        {"marks need no room", ACUTE ACUTE "a", 0, 4, 0},
        {"bytes that are no text are cut too", "\x80\x80\x80", 2, 2, 2},
        {"more room than text", "ab", 100, 2, 2},
    };
    size_t i, used;

    for (i = 0; i < COUNT_OF(cases); i++) {
        const char *s = guard_text(0, cases[i].text);
        used = 99;
        CHECK(wxm_width_fit(s, strlen(cases[i].text), cases[i].columns, &used) ==
                  cases[i].bytes,
              cases[i].what);
        CHECK(used == cases[i].used, cases[i].what);
    }
}

/* What fits is the longest beginning, and its width is told right. */
static void test_fit_is_longest(void)
{
    static const char *const parts[] = {"a",   NI,     THUMB,  TONE,
                                        ACUTE, "\x80", "\xE4", "\n"};
    unsigned long wrong = 0;
    int round;

    for (round = 0; round < 20000; round++) {
        char text[64];
        size_t n = 0, columns = dice_below(20), count = dice_below(12), used, fit;
        const char *s;
        while (count-- > 0) {
            const char *part = parts[dice_below(COUNT_OF(parts))];
            memcpy(text + n, part, strlen(part));
            n += strlen(part);
        }
        s = guard_copy(0, text, n);
        fit = wxm_width_fit(s, n, columns, &used);
        wrong += fit > n || used > columns;
        if (fit < n) {
            size_t step = wxm_text_next(s + fit, s + n, NULL);
            wrong += used + wxm_width_of(s + fit, step == 0 ? 1 : step) <= columns;
        }
        wrong += used + wxm_width_of(s + fit, n - fit) != wxm_width_of(s, n);
    }
    CHECK(wrong == 0, "the longest beginning that fits, for random texts");
}

/* The lists are searched by halves: one entry out of order would hide others. */
static void test_every_code_point(void)
{
    static const struct {
        uint32_t first, last;
        size_t columns;
    } wanted[] = {
        {0x20, 0x2FF, 1},      {0x300, 0x36F, 0},     {0x370, 0x482, 1},
        {0x1100, 0x115F, 2},   {0x2500, 0x257F, 1},   {0x3041, 0x3096, 2},
        {0x3400, 0x4DBF, 2},   {0x4E00, 0x9FFF, 2},   {0xAC00, 0xD7A3, 2},
        {0xF900, 0xFAFF, 2},   {0xFE00, 0xFE0F, 0},   {0xFF01, 0xFF60, 2},
        {0xFF61, 0xFFDC, 1},   {0x1F3FB, 0x1F3FF, 0}, {0x1F600, 0x1F64F, 2},
        {0x20000, 0x2FFFD, 2}, {0xE0100, 0xE01EF, 0},
    };
    size_t i;

    for (i = 0; i < COUNT_OF(wanted); i++) {
        unsigned long wrong = 0;
        uint32_t cp;
        char what[64];
        for (cp = wanted[i].first; cp <= wanted[i].last; cp++) {
            char *s = guard_room(0, cp < 0x80      ? 1
                                    : cp < 0x800   ? 2
                                    : cp < 0x10000 ? 3
                                                   : 4);
            size_t n = 0;
            if (cp < 0x80) {
                s[n++] = (char)cp;
            } else if (cp < 0x800) {
                s[n++] = (char)(0xC0 | cp >> 6);
            } else if (cp < 0x10000) {
                s[n++] = (char)(0xE0 | cp >> 12);
                s[n++] = (char)(0x80 | (cp >> 6 & 0x3F));
            } else {
                s[n++] = (char)(0xF0 | cp >> 18);
                s[n++] = (char)(0x80 | (cp >> 12 & 0x3F));
                s[n++] = (char)(0x80 | (cp >> 6 & 0x3F));
            }
            if (cp >= 0x80) {
                s[n++] = (char)(0x80 | (cp & 0x3F));
            }
            wrong += wxm_width_of(s, n) != wanted[i].columns;
        }
        snprintf(what, sizeof what, "columns from U+%04lX",
                 (unsigned long)wanted[i].first);
        CHECK(wrong == 0, what);
    }
}

int main(void)
{
    test_widths();
    test_fit();
    test_fit_is_longest();
    test_every_code_point();
    return check_result();
}
