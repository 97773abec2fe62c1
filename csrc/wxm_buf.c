/*
** A growable byte buffer with a hard cap.
**
** Invariant: len <= cap, and len <= size wherever data is set. Failures stick, so that
** a row of appends is checked once, at its end, and never leaves a hole in the bytes.
*/
#include "wxm_buf.h"

#include <stdlib.h>
#include <string.h>

/* Small enough to cost nothing, large enough for most request bodies. */
#define FIRST_SIZE 256

void wxm_buf_init(wxm_buf *buf, size_t cap)
{
    buf->data = NULL;
    buf->len = 0;
    buf->size = 0;
    buf->cap = cap;
    buf->state = WXM_BUF_OK;
}

/* Also forgets a failure: the buffer may be used again. */
void wxm_buf_free(wxm_buf *buf)
{
    if (buf == NULL) {
        return;
    }
    free(buf->data);
    wxm_buf_init(buf, buf->cap);
}

char *wxm_buf_reserve(wxm_buf *buf, size_t n)
{
    size_t need, size;
    char *data;

    if (buf->state != WXM_BUF_OK) {
        return NULL;
    }
    if (n > buf->cap - buf->len) { /* len <= cap always: no overflow */
        buf->state = WXM_BUF_FULL;
        return NULL;
    }
    need = buf->len + n;
    /* 'data' is asked as well: NULL would read as a failure when n is 0. */
    if (need <= buf->size && buf->data != NULL) {
        return buf->data + buf->len;
    }
    /*
    ** Doubling makes n appends cost O(n). FIRST_SIZE may exceed a small cap: the cap is
    ** kept by 'len', not by what is allocated.
    */
    size = buf->size < FIRST_SIZE ? FIRST_SIZE : buf->size;
    while (size < need) {
        size = size > buf->cap / 2 ? buf->cap : size * 2; /* need <= cap: it ends */
    }
    data = realloc(buf->data, size);
    if (data == NULL) { /* the old block is still ours; wxm_buf_free gives it back */
        buf->state = WXM_BUF_NO_MEMORY;
        return NULL;
    }
    buf->data = data;
    buf->size = size;
    return data + buf->len;
}

int wxm_buf_add(wxm_buf *buf, const void *bytes, size_t n)
{
    char *to = wxm_buf_reserve(buf, n);

    if (to == NULL) {
        return -1;
    }
    if (n > 0) { /* C99, 7.21.1: memcpy of nothing still wants a valid pointer */
        memcpy(to, bytes, n);
    }
    buf->len += n;
    return 0;
}
