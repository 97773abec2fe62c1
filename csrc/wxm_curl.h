/*
** The transport: HTTP/1.1 transfers over one libcurl multi handle, pull style. It
** knows no Lua, calls nobody back, and waits in wxm_pool_wait only.
*/
#ifndef WXM_CURL_H
#define WXM_CURL_H

#include <stddef.h>

/* The connections that are kept, the transfers in flight, and spare handles. */
typedef struct wxm_pool wxm_pool;

/* One request and, later, its response or the reason why there is none. */
typedef struct wxm_transfer wxm_transfer;

typedef enum {
    WXM_TRANSFER_NEW,     /* may take headers, may be started */
    WXM_TRANSFER_RUNNING, /* in flight: only wxm_pool_wait moves it on */
    WXM_TRANSFER_DONE,    /* has a response */
    WXM_TRANSFER_FAILED   /* has a failure */
} wxm_transfer_state;

/*
** What a transfer is started with. Strings are NUL-ended, hold no control bytes, and
** are needed during wxm_transfer_start only. NULL stands for "not given".
*/
typedef struct {
    const char *method; /* GET, HEAD, POST, PUT, PATCH or DELETE */
    const char *url;
    const char *body; /* 'body_len' bytes of any value */
    size_t body_len;
    const char *ca_file;    /* the only CAs to trust; NULL: the system's */
    const char *proxy;      /* "" is none; NULL: what the environment says */
    const char *user_agent; /* NULL: no such header */
    double seconds;         /* for the whole transfer; above 0 */
    double connect_seconds; /* for the connection; 0: bounded by 'seconds' only */
    size_t max_header;      /* bytes of all header lines, those of 1xx included */
    size_t max_body;        /* bytes */
    int safe;               /* may be sent twice, so may ride on a kept connection */
} wxm_request;

typedef struct {
    long status;
    const char *body; /* owned by the transfer; "" when there is none */
    size_t body_len;
} wxm_response;

typedef struct {
    const char *code;    /* static: a CURLE_ name without the prefix, or BODY_TOO_BIG,
                            HEADER_TOO_BIG, CLOSED */
    const char *message; /* owned by the transfer; one line, no secret of the request */
    int sent;            /* 0 only when no byte of the request can have left */
} wxm_failure;

/* A piece of text that is not NUL-ended. */
typedef struct {
    const char *at;
    size_t len;
} wxm_slice;

/*
** Initializes libcurl; may be called again. There is no counterpart: other users of
** libcurl may live in this process. Returns 0, or -1 when libcurl cannot work.
*/
int wxm_curl_init(void);

/* The version of libcurl in use, not the one compiled against. Static. */
const char *wxm_curl_version(void);

/* Returns an empty pool, or NULL when memory is exhausted. */
wxm_pool *wxm_pool_new(void);

/*
** Fails the transfers in flight with CLOSED, closes all connections, frees the pool.
** Transfers may outlive their pool. NULL is fine.
*/
void wxm_pool_free(wxm_pool *pool);

/*
** Waits until something happens on a connection, at most 'seconds' (nothing is waited
** for when that is 0 or less; not a number counts as 0), then moves every transfer on.
** A signal ends the wait early, and there is none when a transfer has ended since the
** last one: who waits for it may look first. Without a transfer it sleeps. Returns how
** many transfers are still running.
*/
size_t wxm_pool_wait(wxm_pool *pool, double seconds);

/* How many transfers are running. */
size_t wxm_pool_running(const wxm_pool *pool);

/* Returns a new transfer, owned by the caller, or NULL when memory is exhausted. */
wxm_transfer *wxm_transfer_new(void);

/*
** Takes the transfer out of its pool, which closes its connection when it is running,
** and frees it. NULL is fine.
*/
void wxm_transfer_free(wxm_transfer *transfer);

/*
** Adds a request header to a new transfer. The bytes are copied and must hold neither
** NUL, CR nor LF. Returns 0, or -1 when memory is exhausted.
*/
int wxm_transfer_add_header(wxm_transfer *transfer, wxm_slice name, wxm_slice value);

/*
** Puts a new transfer into the pool, and moves all of them on: on a kept connection the
** request leaves at once. Its time runs from here. Never waits. Returns 0, and the
** transfer is RUNNING or has ended already; or -1, and it has FAILED.
*/
int wxm_transfer_start(wxm_transfer *transfer, wxm_pool *pool,
                       const wxm_request *request);

wxm_transfer_state wxm_transfer_get_state(const wxm_transfer *transfer);

/* The response of a transfer that is DONE; valid until it is freed or emptied. */
wxm_response wxm_transfer_response(const wxm_transfer *transfer);

/*
** Gives the response header at '*cursor' (0 at first) and moves the cursor on. Order
** and names are as they arrived; a folded value is one line. Returns 1, or 0 after
** the last one.
*/
int wxm_transfer_next_header(const wxm_transfer *transfer, size_t *cursor,
                             wxm_slice *name, wxm_slice *value);

/* Frees the response's bytes once they were taken over; the state stays. */
void wxm_transfer_empty(wxm_transfer *transfer);

/* Why a transfer FAILED; valid until it is freed. */
wxm_failure wxm_transfer_failure(const wxm_transfer *transfer);

#endif
