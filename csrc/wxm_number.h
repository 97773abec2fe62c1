/*
** Numbers and their text, the same under every locale: decimal text to integers and
** doubles, and back in the fewest digits that read as the same value.
*/
#ifndef WXM_NUMBER_H
#define WXM_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Beyond this a double no longer holds every integer, so LuaJIT has no exact number. */
#define WXM_NUMBER_EXACT INT64_C(9007199254740992) /* 2^53 */

/* Room for any text that wxm_number_format writes. */
#define WXM_NUMBER_TEXT 32

/*
** Reads an optional '-' and decimal digits, all of the 'n' bytes. Returns 0 and the
** value, or -1 where there is anything else or the value does not fit.
*/
int wxm_number_integer(const char *s, size_t n, int64_t *value);

/*
** Reads a JSON number (its grammar already checked) whole. Returns 0 and the nearest
** double, or -1 where it is too large for one.
*/
int wxm_number_double(const char *s, size_t n, double *value);

/* Is the double a whole number that an int64_t holds? If so it is put into '*value'. */
int wxm_number_is_integer(double d, int64_t *value);

/*
** Writes a finite double: whole numbers up to 2^53 without point or exponent, others
** in the fewest digits that read back as the same double. Returns the length.
*/
size_t wxm_number_format(char to[WXM_NUMBER_TEXT], double d);

/* Writes an integer. Returns the length. */
size_t wxm_number_format_integer(char to[WXM_NUMBER_TEXT], int64_t i);

#endif
