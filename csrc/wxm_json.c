/*
** JSON's tokens (RFC 8259; sections below are its), strictly.
**
** Reading a string is two passes. The first, wxm_json_string, finds the end and checks
** everything on the way: plain ASCII eight bytes at a time, then whole code points,
** then escapes. The second, wxm_json_unescape, runs only where there was a backslash,
** and trusts the first. A string without escapes is used where it lies.
*/
#include "wxm_json.h"

#include "wxm_text.h"

#include <string.h>

void wxm_json_init(wxm_json *json, const char *s, size_t n)
{
    json->begin = json->at = s;
    json->end = s + n;
    json->error = NULL;
}

/* Stops the scanner at 'at' with a static text. Always returns -1. */
static int fail(wxm_json *json, const char *at, const char *error)
{
    json->at = at;
    json->error = error;
    return -1;
}

char wxm_json_peek(wxm_json *json)
{
    const char *p = json->at;

    /* The four bytes of section 2; isspace would take more, and ask the locale. */
    while (p < json->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    json->at = p;
    return p < json->end ? *p : '\0';
}

int wxm_json_expect(wxm_json *json, char c, const char *wanted)
{
    if (wxm_json_peek(json) != c || json->at == json->end) {
        return fail(json, json->at, wanted);
    }
    json->at++;
    return 0;
}

/*
** May the byte stand in a string as it is, and stand for itself? (Section 7, of ASCII:
** "unescaped" without what begins a longer code point. DEL is allowed.)
*/
static int is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
** How many of the eight bytes at 'p' are plain before the first that is not; at least
** 0, at most 8, never too many.
*/
static size_t plain_of_eight(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t x, quote, slash, special;

    memcpy(&x, p, sizeof x);
    quote = x ^ ones * '"'; /* 0 where the byte is a quote */
    slash = x ^ ones * '\\';
    /*
    ** A byte minus one has its high bit set where the byte was 0, and minus 0x20 where
    ** it was below 0x20. A borrow may mark a byte too many, but only above a marked
    ** one.
    */
    special = ((quote - ones) | (slash - ones) | (x - ones * 0x20) | x) & high;
    if (special == 0) {
        return 8;
    }
    /*
    ** On little-endian machines the lowest mark is the first byte's, and a true one; on
    ** others a byte marked too many would come first.
    */
#if defined(__GNUC__) && defined(__BYTE_ORDER__) &&                                    \
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(special) / 8;
#else
    return 0; /* the caller looks at each byte */
#endif
}

/* Passes the bytes that are plain; returns where the first stands that is not. */
static const char *pass_plain(const char *p, const char *end)
{
    while (end - p >= 8) { /* never a byte beyond 'end' is read */
        size_t n = plain_of_eight(p);
        p += n;
        if (n < 8) {
            break; /* a stop is near; or it was not found out where */
        }
    }
    while (p < end && is_plain((unsigned char)*p)) {
        p++;
    }
    return p;
}

/* Passes code points beyond ASCII; stops at ASCII, the end, or what is not UTF-8. */
static const char *pass_wide(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p >= 0x80) {
        unsigned char c = (unsigned char)*p;
        size_t len = 3;
        /* U+1000 to U+CFFF, all of Chinese: three bytes, and nothing else to look at */
        if (!(c >= 0xE1 && c <= 0xEC && end - p >= 3 &&
              ((unsigned char)p[1] & 0xC0) == 0x80 &&
              ((unsigned char)p[2] & 0xC0) == 0x80)) {
            len = wxm_text_next(p, end, NULL);
        }
        if (len == 0) {
            break;
        }
        p += len;
    }
    return p;
}

/* The value of a hex digit in either case (section 7), or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The number that the four hex digits at 'p' write, or -1 where they are not four. */
static long hex4(const char *p, const char *end)
{
    long value = 0;
    int i;

    if (end - p < 4) {
        return -1;
    }
    for (i = 0; i < 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* The first half of a UTF-16 pair: it carries the upper ten bits. */
static int is_high_surrogate(long u)
{
    return u >= 0xD800 && u < 0xDC00;
}

/* The second half of a UTF-16 pair, with the lower ten bits. */
static int is_low_surrogate(long u)
{
    return u >= 0xDC00 && u < 0xE000;
}

/* The length of the escape that begins at the backslash 'p', or 0 where it is none. */
static size_t escape_length(const char *p, const char *end)
{
    long u, low;

    if (end - p < 2) {
        return 0;
    }
    if (p[1] != 'u') {
        /* strchr finds its own NUL as well. */
        return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
    }
    u = hex4(p + 2, end);
    if (u < 0 || is_low_surrogate(u)) {
        return 0;
    }
    if (!is_high_surrogate(u)) {
        return 6;
    }
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u') {
        return 0;
    }
    low = hex4(p + 8, end);
    return low >= 0 && is_low_surrogate(low) ? 12 : 0;
}

/*
** Each round passes what is plain, then what is not ASCII, and looks at the byte where
** both have stopped: the end, the closing quote, ASCII again, an escape, or an error. A
** control character is one by section 7, bytes that are not UTF-8 by section 8.1.
*/
int wxm_json_string(wxm_json *json, wxm_json_text *text)
{
    const char *p = json->at + 1, *end = json->end;

    text->s = p;
    text->escaped = 0;
    for (;;) {
        size_t len;
        p = pass_wide(pass_plain(p, end), end);
        if (p == end) {
            return fail(json, p, "the text ends inside a string");
        }
        if (*p == '"') {
            break;
        }
        if (is_plain((unsigned char)*p)) { /* ASCII behind a wider character */
            continue;
        }
        if (*p != '\\') {
            return fail(json, p,
                        (unsigned char)*p < 0x20 ? "control character in a string"
                                                 : "invalid UTF-8 in a string");
        }
        len = escape_length(p, end);
        if (len == 0) {
            return fail(json, p, "invalid escape in a string");
        }
        text->escaped = 1;
        p += len;
    }
    text->n = (size_t)(p - text->s);
    json->at = p + 1;
    return 0;
}

/* Writes a code point (no surrogate, at most U+10FFFF) as UTF-8; returns its length. */
static size_t put_utf8(char *to, unsigned long cp)
{
    if (cp < 0x80) {
        to[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        to[0] = (char)(0xC0 | cp >> 6);
        to[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        to[0] = (char)(0xE0 | cp >> 12);
        to[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        to[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | cp >> 18);
    to[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    to[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    to[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/*
** No check: wxm_json_string has made them all, so every backslash has its letter, every
** \u its digits, every high surrogate its low one. No escape is shorter than what it
** stands for (2 bytes for 1, 6 for at most 3, 12 for 4): text->n bytes are room enough.
*/
size_t wxm_json_unescape(const wxm_json_text *text, char *to)
{
    static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
    const char *p = text->s, *end = p + text->n;
    char *out = to;

    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash == NULL ? end : slash) - p);
        const char *named;
        memcpy(out, p, plain);
        out += plain;
        p += plain;
        if (slash == NULL) {
            break;
        }
        named = strchr(from, p[1]);
        if (p[1] == 'u') {
            long u = hex4(p + 2, end);
            p += 6;
            if (is_high_surrogate(u)) {
                /* Ten bits of each half, beyond the plane that one unit reaches. */
                u = 0x10000 + ((u - 0xD800) << 10) + (hex4(p + 2, end) - 0xDC00);
                p += 6;
            }
            out += put_utf8(out, (unsigned long)u);
        } else {
            *out++ = named == NULL ? p[1] : into[named - from];
            p += 2;
        }
    }
    return (size_t)(out - to);
}

/* Passes decimal digits, also none; returns where they end. */
static const char *pass_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

/*
** Section 6: [ minus ] int [ frac ] [ exp ]. The longest such beginning is passed; what
** stands behind it, as in "1x", the reader finds to be no comma. Also called where no
** token begins at all, hence the first message.
*/
int wxm_json_pass_number(wxm_json *json, wxm_json_number *number)
{
    const char *p = json->at, *end = json->end, *digits;

    number->s = p;
    number->whole = 1;
    if (p < end && *p == '-') {
        p++;
    }
    digits = p;
    p = pass_digits(p, end);
    if (p == digits) {
        return fail(json, json->at, "a value is missing here");
    }
    if (*digits == '0' && p - digits > 1) { /* octal in C and old JavaScript */
        return fail(json, digits, "a number with a leading zero");
    }
    if (p < end && *p == '.') {
        number->whole = 0;
        digits = ++p;
        p = pass_digits(p, end);
        if (p == digits) {
            return fail(json, p, "a digit is missing after the decimal point");
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        number->whole = 0;
        p++;
        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }
        digits = p;
        p = pass_digits(p, end);
        if (p == digits) {
            return fail(json, p, "a digit is missing in the exponent");
        }
    }
    number->n = (size_t)(p - number->s);
    json->at = p;
    return 0;
}

/* Section 3: lower case only. The three differ in their first letter. */
char wxm_json_literal(wxm_json *json)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t left = (size_t)(json->end - json->at), i;

    for (i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (left >= n && memcmp(json->at, words[i], n) == 0) {
            json->at += n;
            return *words[i];
        }
    }
    json->error = "a value is missing here";
    return '\0';
}

/*
** How the bytes at 's' (left > 0) are written where they may not stand as they are: a
** static text, or one in 'room', NUL-ended; or NULL. '*taken' becomes how many bytes of
** 's' that covers, 1 with NULL.
*/
static const char *escape_of(const char *s, size_t left, int script, char room[8],
                             size_t *taken)
{
    static const char hex[] = "0123456789abcdef";
    static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = *s == '\0' ? NULL : strchr(named, *s);

    *taken = 1;
    if (at != NULL) {
        room[0] = '\\';
        room[1] = letters[at - named];
        room[2] = '\0';
        return room;
    }
    /* Section 7 wants this below U+0020. DEL need not be, but is a control too. */
    if ((unsigned char)*s < 0x20 || *s == 0x7F) {
        memcpy(room, "\\u00", 4);
        room[4] = hex[(unsigned char)*s >> 4];
        room[5] = hex[*s & 15];
        room[6] = '\0';
        return room;
    }
    /* HTML ends a script element at its end tag, wherever JavaScript sees a string. */
    if (script && left >= 2 && s[0] == '<' && s[1] == '/') {
        *taken = 2;
        return "<\\/";
    }
    /* U+2028 and U+2029 end a line in JavaScript's string literals before ES2019. */
    if (script && left >= 3 && memcmp(s, "\xE2\x80", 2) == 0 &&
        (s[2] == '\xA8' || s[2] == '\xA9')) {
        *taken = 3;
        return s[2] == '\xA8' ? "\\u2028" : "\\u2029";
    }
    return NULL;
}

/* What needs no escape is appended in runs: [plain, p) is what has not been yet. */
int wxm_json_add_string(wxm_buf *out, const char *s, size_t n, int script)
{
    const char *p = s, *end = s + n, *plain = s;

    if (wxm_buf_add(out, "\"", 1) != 0) {
        return -1;
    }
    while (p < end) {
        char room[8];
        size_t taken;
        const char *escape = escape_of(p, (size_t)(end - p), script, room, &taken);
        if (escape != NULL) {
            if (wxm_buf_add(out, plain, (size_t)(p - plain)) != 0 ||
                wxm_buf_add(out, escape, strlen(escape)) != 0) {
                return -1;
            }
            plain = p + taken;
        }
        p += taken;
    }
    if (wxm_buf_add(out, plain, (size_t)(end - plain)) != 0) {
        return -1;
    }
    return wxm_buf_add(out, "\"", 1);
}
