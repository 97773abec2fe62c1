/* Tests of wxm_number: text to numbers and back, under locales with other points. */
#include "check.h"

#include "wxm_number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <unistd.h>

/*
** This program has a second wxm_number.c, whose C library writes and reads 'fake_point'
** and nothing else as the decimal point, as a real one does under such a locale. So the
** point is tested wherever the program runs; real locales are tested where they are.
*/
static const char *fake_point;

static struct lconv *fake_localeconv(void)
{
    static struct lconv fake;
    static char point[8];

    snprintf(point, sizeof point, "%s", fake_point);
    fake.decimal_point = point;
    return &fake;
}

static double fake_strtod(const char *text, char **end)
{
    char plain[512];
    const char *point = strstr(text, fake_point);
    size_t head = point == NULL ? strcspn(text, ".") : (size_t)(point - text);

    /* A '.' that is not the point ends the number. */
    snprintf(plain, sizeof plain, "%.*s%s%s", (int)head, text, point == NULL ? "" : ".",
             point == NULL ? "" : point + strlen(fake_point));
    (void)end;
    return strtod(plain, NULL);
}

static int fake_snprintf(char *to, size_t n, const char *format, ...)
{
    char plain[64];
    va_list args;
    const char *point;

    va_start(args, format);
    vsnprintf(plain, sizeof plain, format, args);
    va_end(args);
    point = strchr(plain, '.');
    if (point == NULL) {
        return snprintf(to, n, "%s", plain);
    }
    return snprintf(to, n, "%.*s%s%s", (int)(point - plain), plain, fake_point,
                    point + 1);
}

int fake_number_integer(const char *s, size_t n, int64_t *value);
int fake_number_double(const char *s, size_t n, double *value);
int fake_number_is_integer(double d, int64_t *value);
size_t fake_number_format(char to[WXM_NUMBER_TEXT], double d);
size_t fake_number_format_integer(char to[WXM_NUMBER_TEXT], int64_t i);

#define wxm_number_integer        fake_number_integer
#define wxm_number_double         fake_number_double
#define wxm_number_is_integer     fake_number_is_integer
#define wxm_number_format         fake_number_format
#define wxm_number_format_integer fake_number_format_integer
#define localeconv                fake_localeconv
#define strtod                    fake_strtod
#define snprintf                  fake_snprintf
#include "wxm_number.c"
#undef wxm_number_integer
#undef wxm_number_double
#undef wxm_number_is_integer
#undef wxm_number_format
#undef wxm_number_format_integer
#undef localeconv
#undef strtod
#undef snprintf

/* The functions that read and write doubles: the real pair, and the faked one. */
typedef struct {
    int (*read)(const char *s, size_t n, double *value);
    size_t (*write)(char to[WXM_NUMBER_TEXT], double d);
} number_pair;

static const number_pair real_pair = {wxm_number_double, wxm_number_format};
static const number_pair fake_pair = {fake_number_double, fake_number_format};

static void test_integer(void)
{
    static const struct {
        const char *text;
        int fits;
        int64_t value;
    } cases[] = {
        {"0", 1, 0},
        {"-0", 1, 0},
        {"7", 1, 7},
        {"-12", 1, -12},
        {"007", 1, 7},
        {"00000000000000000000000000000009", 1, 9},
        {"9007199254740991", 1, INT64_C(9007199254740991)},
        {"9007199254740992", 1, INT64_C(9007199254740992)},
        {"9007199254740993", 1, INT64_C(9007199254740993)},
        {"9223372036854775806", 1, INT64_MAX - 1},
        {"9223372036854775807", 1, INT64_MAX},
        {"9223372036854775808", 0, 0},
        {"9223372036854775809", 0, 0},
        {"-9223372036854775807", 1, -INT64_MAX},
        {"-9223372036854775808", 1, INT64_MIN},
        {"-9223372036854775809", 0, 0},
        {"18446744073709551615", 0, 0},
        {"18446744073709551616", 0, 0},
        {"18446744073709551617", 0, 0},
        {"92233720368547758070", 0, 0},
        {"999999999999999999999999999999", 0, 0},
        {"", 0, 0},
        {"-", 0, 0},
        {"+1", 0, 0},
        {"--1", 0, 0},
        {" 1", 0, 0},
        {"1 ", 0, 0},
        {"1.0", 0, 0},
        {"1e3", 0, 0},
        {"0x10", 0, 0},
        {"1/", 0, 0},
        {"1:", 0, 0},
        {"\xEF\xBC\x91", 0, 0},
    };
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = 0;
        int status = wxm_number_integer(guard_text(0, cases[i].text),
                                        strlen(cases[i].text), &value);
        CHECK(status == (cases[i].fits ? 0 : -1), cases[i].text);
        CHECK(status != 0 || value == cases[i].value, cases[i].text);
    }
}

static int same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Texts that JSON's grammar allows; strtod of the C locale knows what they are. */
static void test_read(const number_pair *pair)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "-0.0",
        "1",
        "-1",
        "0.1",
        "0.5",
        "-2.75",
        "3.141592653589793",
        "1e0",
        "1E+2",
        "1e-2",
        "1.5e300",
        "-1.5E-300",
        "123456789012345678",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740993.0",
        "9007199254740994.5",
        "900719925474099.3",
        "9007199254740.993",
        "1e22",
        "1e23",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "4.9406564584124654e-324",
        "2e-324",
        "5e-325",
        "0e999999",
        "0.0000000000000000000001",
        "0.00000000000000000000001",
        "0.1e1",
        "100e-2",
        "0.30000000000000004",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
    };
    static const char *const too_large[] = {"1e309", "-1e309", "1.7976931348623159e308",
                                            "1e99999999999999999999", "-2e308"};
    char noughts[400] = "0.";
    size_t i;
    double value;

    /* Longer and longer: the texts that do not fit into a small buffer, too. */
    for (i = 2; i + 1 < sizeof noughts; i++) {
        noughts[i] = '5';
        value = 99;
        CHECK(pair->read(guard_copy(0, noughts, i + 1), i + 1, &value) == 0 &&
                  same_bits(value, strtod(noughts, NULL)),
              "a long decimal");
        noughts[i] = '0';
    }
    for (i = 0; i < COUNT_OF(texts); i++) {
        value = 99;
        CHECK(pair->read(guard_text(0, texts[i]), strlen(texts[i]), &value) == 0 &&
                  same_bits(value, strtod(texts[i], NULL)),
              texts[i]);
    }
    for (i = 0; i < COUNT_OF(too_large); i++) {
        CHECK(pair->read(guard_text(0, too_large[i]), strlen(too_large[i]), &value) ==
                  -1,
              too_large[i]);
    }
}

/* A random JSON number of up to 45 bytes. */
static size_t random_number(char *to)
{
    size_t n = 0, digits = dice_below(20) + 1, i;

    if (dice_below(2) == 0) {
        to[n++] = '-';
    }
    if (dice_below(4) == 0) {
        to[n++] = '0';
    } else {
        to[n++] = (char)('1' + dice_below(9));
        for (i = 1; i < digits; i++) {
            to[n++] = (char)('0' + dice_below(10));
        }
    }
    if (dice_below(2) == 0) {
        to[n++] = '.';
        digits = dice_below(18) + 1;
        for (i = 0; i < digits; i++) {
            to[n++] = (char)('0' + dice_below(10));
        }
    }
    if (dice_below(3) == 0) {
        n += (size_t)snprintf(to + n, 8, "e%d", (int)dice_below(600) - 330);
    }
    to[n] = '\0';
    return n;
}

/* 'wanted' is made in the C locale first, as strtod follows the locale in force. */
static void test_read_random(const number_pair *pair, const char *locale)
{
    unsigned long wrong = 0;
    int round;

    for (round = 0; round < 50000; round++) {
        char text[64];
        size_t n = random_number(text);
        double wanted, value = 0;
        int status;
        setlocale(LC_NUMERIC, "C");
        wanted = strtod(text, NULL);
        setlocale(LC_NUMERIC, locale);
        status = pair->read(guard_copy(0, text, n), n, &value);
        wrong +=
            isfinite(wanted) ? status != 0 || !same_bits(value, wanted) : status == 0;
    }
    setlocale(LC_NUMERIC, "C");
    CHECK(wrong == 0, "random numbers are read as strtod of the C locale reads them");
}

static void test_is_integer(void)
{
    static const struct {
        double d;
        int whole;
        int64_t value;
    } cases[] = {
        {0.0, 1, 0},
        {-0.0, 1, 0},
        {1.0, 1, 1},
        {-1.0, 1, -1},
        {0.5, 0, 0},
        {-0.5, 0, 0},
        {1.9999999999999998, 0, 0},
        {9007199254740991.0, 1, INT64_C(9007199254740991)},
        {9007199254740992.0, 1, INT64_C(9007199254740992)},
        {4503599627370495.5, 0, 0},
        {9223372036854774784.0, 1, INT64_C(9223372036854774784)},
        {9223372036854775808.0, 0, 0},
        {-9223372036854775808.0, 1, INT64_MIN},
        {-9223372036854777856.0, 0, 0},
        {1e300, 0, 0},
        {5e-324, 0, 0},
        {HUGE_VAL, 0, 0},
        {-HUGE_VAL, 0, 0},
    };
    int64_t value;
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        char what[40];
        value = 0;
        snprintf(what, sizeof what, "%.17g", cases[i].d);
        CHECK(wxm_number_is_integer(cases[i].d, &value) == cases[i].whole, what);
        CHECK(!cases[i].whole || value == cases[i].value, what);
    }
    CHECK(!wxm_number_is_integer(HUGE_VAL - HUGE_VAL, &value), "NaN");
}

static void test_format_integer(void)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-1, "-1"},
        {10, "10"},
        {INT64_C(9007199254740993), "9007199254740993"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    char *to = guard_room(1, WXM_NUMBER_TEXT);
    unsigned long wrong = 0;
    size_t i, n;
    int64_t back;

    for (i = 0; i < COUNT_OF(cases); i++) {
        n = wxm_number_format_integer(to, cases[i].value);
        CHECK(n == strlen(cases[i].text) && memcmp(to, cases[i].text, n) == 0,
              cases[i].text);
    }
    for (i = 0; i < 100000; i++) {
        int64_t value = (int64_t)(dice() >> dice_below(64) >> 1);
        value = dice_below(2) == 0 ? -value : value;
        n = wxm_number_format_integer(to, value);
        wrong +=
            wxm_number_integer(guard_copy(0, to, n), n, &back) != 0 || back != value;
    }
    CHECK(wrong == 0, "random integers come back");
}

static void test_format(const number_pair *pair)
{
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {1.0, "1"},
        {-3.0, "-3"},
        {0.5, "0.5"},
        {0.1, "0.1"},
        {0.30000000000000004, "0.30000000000000004"},
        {-2.75, "-2.75"},
        {1e15, "1000000000000000"},
        {123456.789, "123456.789"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740992.0, "9007199254740992"},
        {-9007199254740992.0, "-9007199254740992"},
        {9007199254740994.0, "9007199254740994"},
        {1e21, "1e+21"},
        {1e23, "1e+23"},
        {1e-7, "1e-07"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MAX, "-1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {5e-324, "5e-324"}, /* the smallest: one digit is enough */
        {-1.5e-323, "-1.5e-323"},
    };
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        char *to = guard_room(1, WXM_NUMBER_TEXT);
        size_t n = pair->write(to, cases[i].d);
        CHECK(n == strlen(cases[i].text) && memcmp(to, cases[i].text, n) == 0,
              cases[i].text);
    }
}

/* A double: random bits, or near a power of two, or subnormal, or decimal. */
static double random_double(void)
{
    uint64_t bits = dice();
    double d;

    switch (dice_below(4)) {
    case 0:
        bits = bits << 52 | (bits >> 60 & 3);
        break;
    case 1:
        bits &= UINT64_C(0x800FFFFFFFFFFFFF);
        break;
    case 2:
        return (double)dice_below(1000000000) / 1000.0;
    default:
        break;
    }
    memcpy(&d, &bits, sizeof d);
    return isfinite(d) ? d : 0.0;
}

/* Is it a JSON number, with nothing of a locale in it? */
static int is_plain(const char *s, size_t n)
{
    size_t i, points = 0;

    for (i = 0; i < n; i++) {
        points += s[i] == '.';
        if (strchr("0123456789.e+-", s[i]) == NULL) {
            return 0;
        }
    }
    return n > 0 && points <= 1;
}

static size_t digits_in(const char *s, size_t n)
{
    size_t i, digits = 0, noughts = 0;

    for (i = 0; i < n && s[i] != 'e'; i++) {
        if (s[i] >= '0' && s[i] <= '9' && (digits > 0 || s[i] != '0')) {
            digits++;
            noughts = s[i] == '0' ? noughts + 1 : 0;
        }
    }
    return digits - noughts;
}

/* The fewest significant digits with which printf's text still reads as 'd'. */
static size_t fewest_digits(double d)
{
    char text[40];
    int digits = 1;

    for (; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, d);
        if (same_bits(strtod(text, NULL), d)) {
            break;
        }
    }
    return (size_t)digits;
}

static void test_round_trip(const number_pair *pair, const char *locale)
{
    unsigned long lost = 0, odd = 0, long_normal = 0, long_subnormal = 0;
    int round;

    for (round = 0; round < 50000; round++) {
        double d = random_double(), back = 99;
        char *to = guard_room(1, WXM_NUMBER_TEXT);
        size_t n;
        setlocale(LC_NUMERIC, locale);
        n = pair->write(to, d);
        lost += pair->read(guard_copy(0, to, n), n, &back) != 0 || back != d;
        setlocale(LC_NUMERIC, "C");
        odd += !is_plain(to, n);
        if (round % 8 == 0 && d != 0 && digits_in(to, n) > fewest_digits(d)) {
            long_normal += fabs(d) >= DBL_MIN;
            long_subnormal += fabs(d) < DBL_MIN;
        }
    }
    CHECK(lost == 0, "random doubles come back");
    CHECK(odd == 0, "what is written is a number of JSON, whatever the locale");
    CHECK(long_normal == 0, "normal doubles are written in the fewest digits");
    CHECK(long_subnormal == 0, "subnormal doubles are written in the fewest digits");
}

/* Makes the locale with localedef in a folder of its own: the folder, or NULL. */
static const char *make_locale(const char *source, const char *name)
{
    static char folder[64];
    char command[256];

    snprintf(folder, sizeof folder, "%s/wxm-locale-XXXXXX",
             access("/tmp", W_OK) == 0 ? "/tmp" : ".");
    if (mkdtemp(folder) == NULL) {
        return NULL;
    }
    snprintf(command, sizeof command,
             "localedef -c -i %s -f UTF-8 %s/%s >/dev/null 2>&1", source, folder, name);
    if (system(command) != 0) {
        printf("%s: localedef cannot make it here\n", name);
    }
    setenv("LOCPATH", folder, 1);
    return folder;
}

static void drop_locale(const char *folder)
{
    char command[128];

    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    if (folder != NULL) {
        snprintf(command, sizeof command, "rm -rf '%s'", folder);
        if (system(command) != 0) {
            printf("%s is left behind\n", folder);
        }
    }
}

/* Runs all that a decimal point could disturb under the locale, if it is there. */
static void test_locale(const char *source, const char *name, const char *point)
{
    const char *folder = NULL;

    if (setlocale(LC_NUMERIC, name) == NULL) {
        folder = make_locale(source, name);
    }
    if (setlocale(LC_NUMERIC, name) == NULL) {
        printf("%s: no such locale here; only its fake was tested\n", name);
    } else {
        double value = 0;
        char to[WXM_NUMBER_TEXT];
        CHECK(strcmp(localeconv()->decimal_point, point) == 0, name);
        CHECK(wxm_number_double(guard_text(0, "1.5e2"), 5, &value) == 0 &&
                  value == 150.0,
              name);
        CHECK(wxm_number_format(to, -0.25) == 5 && memcmp(to, "-0.25", 5) == 0, name);
        test_format(&real_pair);
        test_read_random(&real_pair, name);
        test_round_trip(&real_pair, name);
    }
    drop_locale(folder);
}

int main(void)
{
    static const char *const points[] = {",", "\xD9\xAB"};
    size_t i;

    test_integer();
    test_read(&real_pair);
    test_read_random(&real_pair, "C");
    test_is_integer();
    test_format_integer();
    test_format(&real_pair);
    test_round_trip(&real_pair, "C");
    for (i = 0; i < COUNT_OF(points); i++) {
        fake_point = points[i];
        test_read(&fake_pair);
        test_format(&fake_pair);
        test_read_random(&fake_pair, "C");
        test_round_trip(&fake_pair, "C");
    }
    test_locale("de_DE", "de_DE.UTF-8", ",");
    test_locale("ps_AF", "ps_AF.UTF-8", "\xD9\xAB");
    return check_result();
}
