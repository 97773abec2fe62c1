/*
** JSON's tokens (RFC 8259), strictly: a scanner over bytes that checks each token as
** it passes and never copies. What the tokens mean is the reader's business.
*/
#ifndef WXM_JSON_H
#define WXM_JSON_H

#include "wxm_buf.h"

#include <stddef.h>

typedef struct {
    const char *begin, *at, *end; /* begin <= at <= end; the bytes are the caller's */
    const char *error; /* after a failure: static text; 'at' is where it is */
} wxm_json;

/* Begins at the first byte of 'n'. A byte order mark is an error: RFC 8259, 8.1. */
void wxm_json_init(wxm_json *json, const char *s, size_t n);

/*
** Skips white space and returns the byte that begins the next token, without passing
** it; or 0 at the end (a NUL byte is no token, so it gives an error there as well).
*/
char wxm_json_peek(wxm_json *json);

/* Passes the byte 'c' after white space. 0, or -1 with 'error' = 'wanted'. */
int wxm_json_expect(wxm_json *json, char c, const char *wanted);

typedef struct {
    const char *s; /* between the quotes, in the scanned bytes */
    size_t n;
    int escaped; /* has a backslash: needs wxm_json_unescape */
} wxm_json_text;

/* Passes a string that begins at 'at'. 0, or -1 with 'error'. Its text is UTF-8. */
int wxm_json_string(wxm_json *json, wxm_json_text *text);

/*
** Writes an escaped string's meaning to 'to', which has room for text->n bytes.
** Returns the length.
*/
size_t wxm_json_unescape(const wxm_json_text *text, char *to);

typedef struct {
    const char *s;
    size_t n;
    int whole; /* no point and no exponent */
} wxm_json_number;

/* Passes a number that begins at 'at'. 0, or -1 with 'error'. */
int wxm_json_pass_number(wxm_json *json, wxm_json_number *number);

/* Passes "true", "false" or "null" at 'at': its first letter, or 0 and 'error'. */
char wxm_json_literal(wxm_json *json);

/*
** Appends a string in quotes, as short as JSON allows: raw UTF-8, escapes only for
** quotes, backslash and control characters. With 'script' also U+2028, U+2029 and the
** slash of "</", so that the text can stand inside an HTML script element. The bytes
** must be valid UTF-8. 0, or -1 (see out->state).
*/
int wxm_json_add_string(wxm_buf *out, const char *s, size_t n, int script);

#endif
