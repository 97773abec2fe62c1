/*
** Numbers and their text, the same under every locale.
**
** strtod and snprintf follow LC_NUMERIC, which belongs to the program around us and may
** say "," for the point. It is not ours to set (setlocale is not thread-safe either),
** so the point is put in and taken out here.
*/
#include "wxm_number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int wxm_number_integer(const char *s, size_t n, int64_t *value)
{
    int negative = n > 0 && s[0] == '-';
    /* The magnitude's bound: two's complement has one more below zero than above. */
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t sum = 0;
    size_t i = negative ? 1 : 0;

    if (i == n) {
        return -1;
    }
    for (; i < n; i++) {
        /* What is below '0' wraps around: one comparison sees both sides. */
        uint64_t digit = (uint64_t)(unsigned char)s[i] - '0';
        if (digit > 9 || sum > (limit - digit) / 10) {
            return -1;
        }
        sum = sum * 10 + digit;
    }
    /* -(2^63) has no positive counterpart: negate in unsigned arithmetic. */
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 0;
}

/*
** Any JSON number by way of strtod, which wants a NUL behind it and the locale's
** decimal point (more than one byte in some): so a copy is read, on the stack where it
** fits. What underflows reads as the nearest, 0 or subnormal. Returns 0; -1 for an
** overflow, or when there is no memory for a number of more than a hundred characters.
*/
static int slow_double(const char *s, size_t n, double *value)
{
    const char *point = localeconv()->decimal_point;
    size_t point_len = strlen(point);
    const char *dot = memchr(s, '.', n);
    char small[128];
    char *text = small, *end;
    size_t head = dot == NULL ? n : (size_t)(dot - s);

    if (n + point_len + 1 > sizeof small) {
        text = malloc(n + point_len + 1);
        if (text == NULL) {
            return -1;
        }
    }
    memcpy(text, s, head);
    if (dot != NULL) {
        memcpy(text + head, point, point_len);
        memcpy(text + head + point_len, dot + 1, n - head - 1);
        n += point_len - 1;
    }
    text[n] = '\0';
    *value = strtod(text, &end);
    if (text != small) {
        free(text);
    }
    return isfinite(*value) ? 0 : -1;
}

int wxm_number_double(const char *s, size_t n, double *value)
{
    /*
    ** The fast way, after Clinger (How to Read Floating Point Numbers Accurately,
    ** 1990): digits below 2^53 and powers of ten up to 10^22 are exact doubles, so
    ** their quotient is rounded once, which is to the nearest. Most decimals are of
    ** this kind.
    */
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t digits = 0;
    size_t i = n > 0 && s[0] == '-' ? 1 : 0, decimals = 0;
    int after_point = 0;

    for (; i < n; i++) {
        if (s[i] == '.') {
            after_point = 1;
        } else if (s[i] >= '0' && s[i] <= '9' && digits < WXM_NUMBER_EXACT / 10) {
            digits = digits * 10 + (s[i] - '0');
            decimals += after_point ? 1 : 0;
        } else { /* an exponent, or too many digits: 'digits' stays below 2^53 */
            return slow_double(s, n, value);
        }
    }
    if (decimals >= sizeof power / sizeof *power) {
        return slow_double(s, n, value);
    }
    *value = (double)digits / power[decimals];
    if (s[0] == '-') { /* last, so that "-0" is the negative zero */
        *value = -*value;
    }
    return 0;
}

int wxm_number_is_integer(double d, int64_t *value)
{
    /* Both bounds are exact doubles; NaN fails every comparison. */
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) {
        return 0;
    }
    *value = (int64_t)d; /* in range: out of it the cast is undefined */
    return (double)*value == d;
}

size_t wxm_number_format_integer(char to[WXM_NUMBER_TEXT], int64_t i)
{
    char reversed[WXM_NUMBER_TEXT];
    /* Negated as unsigned: -INT64_MIN overflows. */
    uint64_t rest = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    size_t n = 0, len = 0;

    do { /* once at least: 0 is a digit too */
        reversed[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (i < 0) {
        to[len++] = '-';
    }
    while (n > 0) {
        to[len++] = reversed[--n];
    }
    return len;
}

/*
** Puts '.' where the locale wrote its decimal point; the text only gets shorter.
** Returns its length. %g writes no thousands separators that could be taken for it.
*/
static size_t with_point(char *text)
{
    const char *point = localeconv()->decimal_point;
    size_t point_len = strlen(point), len = strlen(text);
    char *at = strcmp(point, ".") == 0 ? NULL : strstr(text, point);

    if (at != NULL) {
        *at = '.';
        memmove(at + 1, at + point_len, strlen(at + point_len) + 1);
        len -= point_len - 1;
    }
    return len;
}

size_t wxm_number_format(char to[WXM_NUMBER_TEXT], double d)
{
    int64_t whole;
    /*
    ** %g drops trailing zeros, so 15 digits give the short text of every double that
    ** has one (DBL_DIG is 15: "0.1" comes back as it went in), 17 tell any two apart.
    */
    int digits = d < DBL_MIN && d > -DBL_MIN ? 1 : 15; /* subnormals have fewer */

    if (wxm_number_is_integer(d, &whole) && whole <= WXM_NUMBER_EXACT &&
        whole >= -WXM_NUMBER_EXACT) {
        return wxm_number_format_integer(to, whole);
    }
    for (; digits <= 17; digits++) {
        snprintf(to, WXM_NUMBER_TEXT, "%.*g", digits, d);
        /* The locale's point is still in there, and strtod reads it as such. */
        if (strtod(to, NULL) == d) {
            break;
        }
    }
    return with_point(to);
}
