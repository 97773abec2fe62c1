/*
** A growable byte buffer with a hard cap. It never aborts: when memory or the cap
** runs out it stops growing and remembers why.
*/
#ifndef WXM_BUF_H
#define WXM_BUF_H

#include <stddef.h>

typedef enum {
    WXM_BUF_OK,
    WXM_BUF_FULL, /* the cap would be passed */
    WXM_BUF_NO_MEMORY
} wxm_buf_state;

typedef struct {
    char *data;          /* NULL until the first byte; owned; not NUL-ended */
    size_t len;          /* bytes in use */
    size_t size;         /* bytes allocated */
    size_t cap;          /* the most 'len' may become */
    wxm_buf_state state; /* the first failure sticks; nothing is appended after it */
} wxm_buf;

/* Makes an empty buffer that may hold at most 'cap' bytes. Allocates nothing. */
void wxm_buf_init(wxm_buf *buf, size_t cap);

/* Gives the memory back and leaves an empty buffer of the same cap. NULL is fine. */
void wxm_buf_free(wxm_buf *buf);

/*
** Makes room for 'n' more bytes and returns where they go, or NULL when the cap or
** memory is exhausted (see 'state'). 'len' is left for the caller to move.
*/
char *wxm_buf_reserve(wxm_buf *buf, size_t n);

/* Appends 'n' bytes. Returns 0, or -1 with 'state' saying why. */
int wxm_buf_add(wxm_buf *buf, const void *bytes, size_t n);

#endif
