/*
** UTF-8 text: is it valid, how long is it, how is it written into a URL, and
** which of two names is nearer. Bytes in, numbers out; no state.
*/
#ifndef WXM_TEXT_H
#define WXM_TEXT_H

#include "wxm_buf.h"

#include <stdint.h>

/*
** Reads one code point that begins at 'p' (p < end). Returns its length in bytes, 1
** to 4, and the code point in '*cp' (cp may be NULL); or 0 where the bytes are not
** valid UTF-8 (stray or missing continuation, overlong, surrogate, above U+10FFFF).
*/
size_t wxm_text_next(const char *p, const char *end, uint32_t *cp);

typedef struct {
    size_t codepoints;
    size_t utf16;   /* 16-bit units, as JavaScript's length counts */
    size_t invalid; /* offset of the first byte that is not valid UTF-8, or 'n' */
} wxm_text_size;

/*
** Measures 'n' bytes in one pass. Where the text is invalid, the counts are those of
** the valid part before 'invalid'.
*/
wxm_text_size wxm_text_measure(const char *s, size_t n);

/*
** Appends 'n' bytes percent-encoded for a URL's query or path segment: all but the
** unreserved characters of RFC 3986, section 2.3. Returns 0, or -1 (see out->state).
*/
int wxm_text_escape(wxm_buf *out, const char *s, size_t n);

/* Names longer than this are never compared for likeness. */
#define WXM_TEXT_DISTANCE_MAX 48

/*
** How many single-byte edits (insert, delete, replace, swap of neighbours) turn one
** name into the other, letter case aside. WXM_TEXT_DISTANCE_MAX where one is longer
** than that.
*/
size_t wxm_text_distance(const char *a, size_t an, const char *b, size_t bn);

#endif
