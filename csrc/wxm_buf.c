/* A growable byte buffer with a hard cap. */
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
    if (need <= buf->size && buf->data != NULL) {
        return buf->data + buf->len;
    }
    size = buf->size < FIRST_SIZE ? FIRST_SIZE : buf->size;
    while (size < need) {
        size = size > buf->cap / 2 ? buf->cap : size * 2;
    }
    data = realloc(buf->data, size);
    if (data == NULL) {
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
    if (n > 0) {
        memcpy(to, bytes, n);
    }
    buf->len += n;
    return 0;
}
