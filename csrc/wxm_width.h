/*
** How many columns a text takes in a terminal, so that tables with Chinese in them
** line up: 0 for marks that combine, 2 for East Asian wide characters and emoji. The
** marks of India's scripts and flags made of two letters count as terminals without
** shaping do.
*/
#ifndef WXM_WIDTH_H
#define WXM_WIDTH_H

#include <stddef.h>

/* Columns of 'n' bytes. A byte that is not valid UTF-8 or a control counts as one. */
size_t wxm_width_of(const char *s, size_t n);

/*
** The longest beginning of 's' that fits into 'columns'. Returns its length in bytes
** and its columns in '*used' (which may be NULL).
*/
size_t wxm_width_fit(const char *s, size_t n, size_t columns, size_t *used);

#endif
