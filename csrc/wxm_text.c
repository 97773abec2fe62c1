/*
** UTF-8 text: validity, length, percent-encoding, likeness of names.
**
** What is valid UTF-8 is decided here alone, by wxm_text_next, after RFC 3629,
** section 4: the JSON scanner, the rules and the terminal's columns all ask it.
*/
#include "wxm_text.h"

#include <string.h>

/* The six bits that a continuation byte (10xxxxxx) carries, or -1 when it is none. */
static int continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80 ? c & 0x3F : -1;
}

size_t wxm_text_next(const char *p, const char *end, uint32_t *cp)
{
    /* The smallest code point that needs 1, 2, 3, 4 bytes: below it is overlong. */
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char c = (unsigned char)*p;
    uint32_t value;
    size_t len, i;

    if (c < 0x80) {
        value = c;
        len = 1;
    } else if (c >= 0xC2 && c < 0xE0) { /* C0 and C1 could only begin overlong forms */
        value = c & 0x1FU;
        len = 2;
    } else if (c >= 0xE0 && c < 0xF0) {
        value = c & 0x0FU;
        len = 3;
    } else if (c >= 0xF0 && c < 0xF5) { /* F5 would be beyond U+10FFFF */
        value = c & 0x07U;
        len = 4;
    } else {
        return 0;
    }
    if ((size_t)(end - p) < len) {
        return 0;
    }
    for (i = 1; i < len; i++) {
        int bits = continuation((unsigned char)p[i]);
        if (bits < 0) {
            return 0;
        }
        value = value << 6 | (uint32_t)bits;
    }
    /* D800 to DFFF are halves of UTF-16 pairs and stand for no character. */
    if (value < least[len] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
        return 0;
    }
    if (cp != NULL) {
        *cp = value;
    }
    return len;
}

wxm_text_size wxm_text_measure(const char *s, size_t n)
{
    wxm_text_size size = {0, 0, 0};
    const char *p = s, *end = s + n;

    while (p < end) {
        size_t len = wxm_text_next(p, end, NULL);
        if (len == 0) {
            break;
        }
        size.codepoints++;
        size.utf16 += len == 4 ? 2 : 1; /* four bytes: a surrogate pair */
        p += len;
    }
    size.invalid = (size_t)(p - s);
    return size;
}

/* RFC 3986, section 2.3: what never needs encoding. isalnum would ask the locale. */
static int is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

int wxm_text_escape(wxm_buf *out, const char *s, size_t n)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        /* Always room for the longer form, so that a cap of 3 * n is never met. */
        char *to = wxm_buf_reserve(out, 3);
        if (to == NULL) {
            return -1;
        }
        if (is_unreserved(c)) {
            to[0] = (char)c;
            out->len += 1;
        } else {
            to[0] = '%';
            /* Upper case, as RFC 3986, section 2.1, asks of who writes URIs. */
            to[1] = hex[c >> 4];
            to[2] = hex[c & 15];
            out->len += 3;
        }
    }
    return 0;
}

/* ASCII's case alone: names of fields have no other, and tolower asks the locale. */
static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t wxm_text_distance(const char *a, size_t an, const char *b, size_t bn)
{
    /*
    ** Optimal string alignment: row i, column j is the distance between the first i
    ** bytes of 'a' and the first j of 'b'. A cell looks at the row above, and at the
    ** one above that for a swap of neighbours, so three rows in turn are all there is.
    */
    size_t rows[3][WXM_TEXT_DISTANCE_MAX + 1];
    size_t i, j;

    if (an > WXM_TEXT_DISTANCE_MAX || bn > WXM_TEXT_DISTANCE_MAX) {
        return WXM_TEXT_DISTANCE_MAX;
    }
    for (j = 0; j <= bn; j++) {
        rows[0][j] = j;
    }
    for (i = 1; i <= an; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *two_above = rows[(i + 1) % 3]; /* (i - 2) modulo 3 */
        row[0] = i;
        for (j = 1; j <= bn; j++) {
            int same = lower(a[i - 1]) == lower(b[j - 1]);
            size_t best = min2(above[j], row[j - 1]) + 1; /* delete, insert */
            best = min2(best, above[j - 1] + (same ? 0 : 1));
            /* The two last bytes of both, crosswise: one edit instead of two. */
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                best = min2(best, two_above[j - 2] + 1);
            }
            row[j] = best;
        }
    }
    return rows[an % 3][bn];
}
