/*
** The transport over libcurl's multi interface; the only file that includes curl.
**
** A pool is one multi handle, which keeps connections between requests; a transfer is
** one request in it. libcurl moves them on inside curl_multi_perform, which move_on
** calls and nobody else, and calls back two functions of this file there: on_header and
** on_body, which only append to buffers. Whatever ends a transfer goes through finish,
** and the easy handle goes back to the pool there. What libcurl does not copy (body,
** header list, error buffer) is the transfer's and outlives the handle's use of it.
**
** Messages of libcurl's may quote the URL or the proxy, where tokens and passwords are:
** clean_message replaces those that do.
*/
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1 /* opendir and readdir under -std=c99 */
#endif

#include "wxm_curl.h"

#include "wxm_buf.h"
#include "wxm_pin.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#define POSIX_SYSTEM 1
#include <dirent.h>
#else
#define POSIX_SYSTEM 0
#endif

/* curl_multi_poll is what 7.66 brought. */
#if LIBCURL_VERSION_NUM < 0x074200
#error "libcurl 7.66.0 or newer is needed"
#endif

/* Since 7.87 libcurl keeps the parsed CA bundle with the multi handle. */
#if !defined(CA_STORE_KEPT)
#define CA_STORE_KEPT (LIBCURL_VERSION_NUM >= 0x075700)
#endif

/*
** libcurl would keep four connections for each transfer that is attached right now,
** so that the end of a burst would close what the next burst needs.
*/
#define MAX_CONNECTIONS 64L

/* A used handle saves a third of a small request's time; more than this lie idle. */
#define MAX_SPARES 32

/* About 24 days, which still fits a 32-bit long in milliseconds. */
#define MAX_MILLISECONDS 2147483647L

/*
** Room made at once for a body whose length is known; beyond it the buffer doubles. A
** Content-Length is only a server's word, and must not be able to take memory alone.
*/
#define MAX_BODY_GUESS (1u << 20)

/* So many bytes of a secret in a message are no coincidence. */
#define SECRET_PIECE 6

struct wxm_pool {
    CURLM *multi;
    wxm_transfer *first;      /* the transfers in flight, doubly linked; borrowed */
    size_t running;           /* how many they are */
    size_t unseen;            /* ended since the last wait: the next must not sleep */
    CURL *spares[MAX_SPARES]; /* owned, in no multi, with nothing set */
    size_t spare_count;
    const char *ca_file;   /* the system's CAs, borrowed from libcurl; NULL: its own */
    const char *ca_folder; /* at most one of the two is set */
};

/* Where the lines that arrive belong. */
typedef enum {
    HEAD_NEXT,    /* a status line is due */
    HEAD_INTERIM, /* inside the header block of a 1xx answer */
    HEAD_FINAL,   /* inside the one that counts */
    HEAD_ENDED    /* what follows is trailers */
} head_state;

/*
** Invariant: 'pool' and 'easy' are set, and the transfer is in the pool's list, exactly
** while it is RUNNING. So it does not matter which of the two is freed first.
*/
struct wxm_transfer {
    wxm_pool *pool;                /* borrowed */
    wxm_transfer *next, *previous; /* in the pool's list */
    CURL *easy;                    /* lent by the pool */
    wxm_transfer_state state;

    /* The request, as long as libcurl may look at it: freed when RUNNING ends. */
    struct curl_slist *request_headers;
    char *request_body; /* libcurl reads it where it is */
    char *secrets[2];   /* what must not be in a message: query, proxy */
    int has_type;       /* a Content-Type was given */

    /* The response, of use only when it is DONE: a failed one is emptied. */
    head_state head;
    /* Of all header lines so far, kept or not: header_bytes <= max_header. */
    size_t header_bytes, max_header;
    wxm_buf headers; /* lines "name: value\n" of the final answer */
    wxm_buf body;
    long status;

    /* The failure. */
    const char *code; /* static */
    int sent;
    char message[CURL_ERROR_SIZE]; /* libcurl's error buffer while it runs */
};

/*
** The codes an http transfer can end with, by their names, which libcurl itself does
** not give out as text. A list, not an array by number: the numbers have gaps and grow.
*/
static const struct {
    CURLcode code;
    const char *name;
} CODES[] = {
#define CODE(name)                                                                     \
    {                                                                                  \
        CURLE_##name, #name                                                            \
    }
    CODE(UNSUPPORTED_PROTOCOL),
    CODE(FAILED_INIT),
    CODE(URL_MALFORMAT),
    CODE(NOT_BUILT_IN),
    CODE(COULDNT_RESOLVE_PROXY),
    CODE(COULDNT_RESOLVE_HOST),
    CODE(COULDNT_CONNECT),
    CODE(WEIRD_SERVER_REPLY),
    CODE(REMOTE_ACCESS_DENIED),
    CODE(HTTP2),
    CODE(PARTIAL_FILE),
    CODE(HTTP_RETURNED_ERROR),
    CODE(WRITE_ERROR),
    CODE(READ_ERROR),
    CODE(OUT_OF_MEMORY),
    CODE(OPERATION_TIMEDOUT),
    CODE(HTTP_POST_ERROR),
    CODE(SSL_CONNECT_ERROR),
    CODE(ABORTED_BY_CALLBACK),
    CODE(BAD_FUNCTION_ARGUMENT),
    CODE(INTERFACE_FAILED),
    CODE(TOO_MANY_REDIRECTS),
    CODE(UNKNOWN_OPTION),
    CODE(GOT_NOTHING),
    CODE(SSL_ENGINE_NOTFOUND),
    CODE(SEND_ERROR),
    CODE(RECV_ERROR),
    CODE(SSL_CERTPROBLEM),
    CODE(SSL_CIPHER),
    CODE(PEER_FAILED_VERIFICATION),
    CODE(BAD_CONTENT_ENCODING),
    CODE(FILESIZE_EXCEEDED),
    CODE(USE_SSL_FAILED),
    CODE(SEND_FAIL_REWIND),
    CODE(SSL_ENGINE_INITFAILED),
    CODE(LOGIN_DENIED),
    CODE(SSL_CACERT_BADFILE),
    CODE(SSL_SHUTDOWN_FAILED),
    CODE(AGAIN),
    CODE(SSL_CRL_BADFILE),
    CODE(SSL_ISSUER_ERROR),
    CODE(CHUNK_FAILED),
    CODE(NO_CONNECTION_AVAILABLE),
    CODE(SSL_PINNEDPUBKEYNOTMATCH),
    CODE(SSL_INVALIDCERTSTATUS),
    CODE(HTTP2_STREAM),
    CODE(RECURSIVE_API_CALL),
    CODE(AUTH_ERROR),
#if LIBCURL_VERSION_NUM >= 0x074900
    CODE(PROXY),
#endif
#if LIBCURL_VERSION_NUM >= 0x074d00
    CODE(SSL_CLIENTCERT),
#endif
#if LIBCURL_VERSION_NUM >= 0x075400
    CODE(UNRECOVERABLE_POLL),
#endif
#if LIBCURL_VERSION_NUM >= 0x080600
    CODE(TOO_LARGE),
#endif
#undef CODE
};

/*
** Whether libcurl may leave a resolver's thread behind; see wxm_pin.h. Set whenever
** the module is opened, always to the same value.
*/
static int code_is_pinned = 0;

/* ---- small helpers ---- */

/* Static; "UNKNOWN" for a code that is newer than the table. */
static const char *code_name(CURLcode code)
{
    size_t i;

    for (i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        if (CODES[i].code == code) {
            return CODES[i].name;
        }
    }
    return "UNKNOWN";
}

/*
** Seconds as libcurl takes them: rounded up, from 1 ms to about 24 days. Never 0, which
** stands for "no limit" in libcurl's timeouts.
*/
static long milliseconds(double seconds)
{
    double ms = seconds * 1000;

    if (!(ms > 1)) { /* also when it is not a number */
        return 1;
    }
    if (ms >= (double)MAX_MILLISECONDS) {
        return MAX_MILLISECONDS;
    }
    return (long)ms + ((double)(long)ms < ms);
}

/* A NUL-ended copy of 'n' bytes, owned by the caller, or NULL without memory. */
static char *copy_text(const char *text, size_t n)
{
    char *copy = n < SIZE_MAX ? malloc(n + 1) : NULL;

    if (copy != NULL) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

/*
** 'text' without blanks and line ends around it: the OWS of RFC 9110, section 5.6.3,
** and what ends a line. A NUL is neither, though strchr finds its own.
*/
static wxm_slice trimmed(wxm_slice text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.at[text.len - 1]) != NULL &&
           text.at[text.len - 1] != '\0') {
        text.len--;
    }
    while (text.len > 0 && (*text.at == ' ' || *text.at == '\t')) {
        text.at++;
        text.len--;
    }
    return text;
}

/* ---- messages and failures ---- */

/*
** Whether 'message' holds a piece of 'secret' (all of it when it is shorter). Pieces,
** because the error buffer cuts what is long, and a part of a token is too much as
** well. Only failures pay for the search.
*/
static int leaks(const char *message, const char *secret)
{
    size_t length = strlen(secret);
    size_t piece = length < SECRET_PIECE ? length : SECRET_PIECE;
    const char *at;
    size_t i;

    for (at = message; piece > 0 && *at != '\0'; at++) {
        for (i = 0; i + piece <= length; i++) {
            if (strncmp(at, secret + i, piece) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

/*
** Makes the message one line, free of what must not be told; 'fallback' is static, and
** takes the place of a message that is empty or tells a secret. The fallback is
** libcurl's text for the code, which quotes nothing.
*/
static void clean_message(wxm_transfer *transfer, const char *fallback)
{
    int secret = transfer->message[0] == '\0';
    size_t i;

    for (i = 0; i < sizeof transfer->secrets / sizeof transfer->secrets[0]; i++) {
        secret = secret || (transfer->secrets[i] != NULL &&
                            leaks(transfer->message, transfer->secrets[i]));
    }
    if (secret) {
        snprintf(transfer->message, sizeof transfer->message, "%s", fallback);
    }
    for (i = 0; transfer->message[i] != '\0'; i++) {
        if ((unsigned char)transfer->message[i] < ' ') {
            transfer->message[i] = transfer->message[i + 1] == '\0' ? '\0' : ' ';
        }
    }
}

/*
** Whether any byte of the request can have left. "No" takes two witnesses: libcurl has
** counted no byte, and either the code belongs to the time before the request or the
** request was not yet due.
*/
static int may_have_left(CURL *easy, CURLcode code)
{
    long bytes = 0;
    double before = 0;

    if (curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK ||
        curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME, &before) != CURLE_OK ||
        bytes != 0) {
        return 1;
    }
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_ABORTED_BY_CALLBACK: /* our own "closed" */
        return before > 0;
    default:
        return 1;
    }
}

/*
** Names the cap that ended the transfer, or NULL. libcurl itself takes no header line
** above 100 KB; before 8.6 it calls that a lack of memory.
*/
static const char *passed_cap(const wxm_transfer *transfer, CURL *easy, CURLcode code)
{
    double started = 0;

    if (code == CURLE_FILESIZE_EXCEEDED || transfer->body.state == WXM_BUF_FULL) {
        return "BODY_TOO_BIG";
    }
    if (transfer->headers.state == WXM_BUF_FULL) {
        return "HEADER_TOO_BIG";
    }
#if LIBCURL_VERSION_NUM >= 0x080600
    if (code == CURLE_TOO_LARGE) {
        return "HEADER_TOO_BIG";
    }
#endif
    if (code == CURLE_OUT_OF_MEMORY && transfer->head != HEAD_ENDED &&
        transfer->headers.state == WXM_BUF_OK &&
        curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME, &started) == CURLE_OK &&
        started > 0) {
        return "HEADER_TOO_BIG";
    }
    return NULL;
}

/*
** Sets state, code, sent and message of a transfer that ended with 'code' and whose
** handle still has its figures. A short count from our callbacks is WRITE_ERROR to
** libcurl: the buffers know what it was.
*/
static void set_failure(wxm_transfer *transfer, CURL *easy, CURLcode code)
{
    const char *cap = passed_cap(transfer, easy, code);

    transfer->state = WXM_TRANSFER_FAILED;
    transfer->sent = may_have_left(easy, code);
    if (cap != NULL) {
        transfer->code = cap;
        snprintf(transfer->message, sizeof transfer->message,
                 "The response's %s is larger than its limit",
                 cap[0] == 'B' ? "body" : "header");
        return;
    }
    if (transfer->body.state == WXM_BUF_NO_MEMORY ||
        transfer->headers.state == WXM_BUF_NO_MEMORY) {
        code = CURLE_OUT_OF_MEMORY;
        transfer->message[0] = '\0';
    }
    transfer->code = code_name(code);
    clean_message(transfer, curl_easy_strerror(code));
}

/* ---- what libcurl calls while it moves transfers on ---- */

/*
** Appends a line to the headers kept; a folded one (RFC 9112, section 5.2) continues
** the line before it. Returns 0, or -1 with the buffer's state saying why.
*/
static int keep_header(wxm_transfer *transfer, wxm_slice line)
{
    wxm_buf *to = &transfer->headers;

    /* 'line' is not empty here: that would have been the end of the headers. */
    if (to->len > 0 && (*line.at == ' ' || *line.at == '\t')) {
        to->data[to->len - 1] = ' ';
    }
    line = trimmed(line);
    return wxm_buf_add(to, line.at, line.len) == 0 ? wxm_buf_add(to, "\n", 1) : -1;
}

/*
** Whether a status line is that of an interim answer: "HTTP/1.1 1xx" (RFC 9110, section
** 15.2). Its headers are not the response's.
*/
static int is_interim(wxm_slice line)
{
    const char *space = memchr(line.at, ' ', line.len);

    return space != NULL && space + 1 < line.at + line.len && space[1] == '1';
}

/*
** One header line; status lines, empty lines and trailers come here too. Only the final
** answer's headers are kept, while the bytes of all lines count. Anything but the
** line's length makes libcurl give up.
*/
static size_t on_header(char *bytes, size_t size, size_t n, void *user)
{
    wxm_transfer *transfer = user;
    wxm_slice line;

    line.at = bytes;
    line.len = size * n;
    if (line.len > transfer->max_header - transfer->header_bytes) {
        transfer->headers.state = WXM_BUF_FULL;
        return 0;
    }
    transfer->header_bytes += line.len;

    if (transfer->head == HEAD_NEXT) {
        transfer->head = is_interim(line) ? HEAD_INTERIM : HEAD_FINAL;
    } else if (transfer->head != HEAD_ENDED && trimmed(line).len == 0) {
        transfer->head = transfer->head == HEAD_INTERIM ? HEAD_NEXT : HEAD_ENDED;
    } else if (transfer->head == HEAD_FINAL && keep_header(transfer, line) != 0) {
        return 0;
    }
    return line.len;
}

/*
** A piece of the body. Anything but its length makes libcurl give up. The first makes
** room for the whole where that is announced and modest, so that it need not be moved
** as it grows.
*/
static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
    wxm_transfer *transfer = user;
    size_t length = size * n;
    curl_off_t whole = -1;

    if (transfer->body.data == NULL && length > 0 &&
        curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole) ==
            CURLE_OK &&
        whole > (curl_off_t)length && whole <= (curl_off_t)MAX_BODY_GUESS &&
        (size_t)whole <= transfer->body.cap) {
        (void)wxm_buf_reserve(&transfer->body, (size_t)whole); /* its state tells */
    }
    return wxm_buf_add(&transfer->body, bytes, length) == 0 ? length : 0;
}

/* ---- the pool's list and handles ---- */

/* Puts the transfer at the head of the pool's list. It must be in none. */
static void list_add(wxm_pool *pool, wxm_transfer *transfer)
{
    transfer->previous = NULL;
    transfer->next = pool->first;
    if (pool->first != NULL) {
        pool->first->previous = transfer;
    }
    pool->first = transfer;
    pool->running++;
}

/* Takes the transfer out of the pool's list, in which it must be. */
static void list_remove(wxm_pool *pool, wxm_transfer *transfer)
{
    if (transfer->previous != NULL) {
        transfer->previous->next = transfer->next;
    } else {
        pool->first = transfer->next;
    }
    if (transfer->next != NULL) {
        transfer->next->previous = transfer->previous;
    }
    transfer->next = NULL;
    transfer->previous = NULL;
    pool->running--;
}

/* A handle with nothing set, owned by the caller, or NULL without memory. */
static CURL *take_handle(wxm_pool *pool)
{
    if (pool->spare_count > 0) {
        return pool->spares[--pool->spare_count];
    }
    return curl_easy_init();
}

/*
** Takes a handle back that is in no multi. Nothing of its request stays in it: reset
** drops every option, pointers into the transfer among them. Connections are the
** multi's and live on.
*/
static void give_handle(wxm_pool *pool, CURL *easy)
{
    if (pool->spare_count < MAX_SPARES) {
        curl_easy_reset(easy);
        pool->spares[pool->spare_count++] = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

/* Frees what only a transfer in flight needs. The handle must be gone by then. */
static void drop_request(wxm_transfer *transfer)
{
    size_t i;

    curl_slist_free_all(transfer->request_headers);
    transfer->request_headers = NULL;
    free(transfer->request_body);
    transfer->request_body = NULL;
    for (i = 0; i < sizeof transfer->secrets / sizeof transfer->secrets[0]; i++) {
        free(transfer->secrets[i]);
        transfer->secrets[i] = NULL;
    }
}

/*
** Ends RUNNING: out of the multi, handle back to the pool, request freed. In this
** order, because the handle points to the request until it is reset. The caller has set
** the state.
*/
static void leave_pool(wxm_transfer *transfer)
{
    wxm_pool *pool = transfer->pool;

    curl_multi_remove_handle(pool->multi, transfer->easy);
    give_handle(pool, transfer->easy);
    list_remove(pool, transfer);
    transfer->easy = NULL;
    transfer->pool = NULL;
    drop_request(transfer);
}

/*
** Ends a running transfer as libcurl says it ended. What is asked of the handle is
** asked before it goes. The bytes of a failed one are of no use to anybody and may be
** many.
*/
static void finish(wxm_transfer *transfer, CURLcode code)
{
    if (code == CURLE_OK && transfer->head != HEAD_ENDED) {
        /* The connection ended inside the headers, which libcurl lets pass as an answer
           without a body. */
        set_failure(transfer, transfer->easy, CURLE_RECV_ERROR);
        snprintf(transfer->message, sizeof transfer->message,
                 "The connection ended inside the response's headers");
    } else if (code == CURLE_OK) {
        transfer->state = WXM_TRANSFER_DONE;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    } else {
        set_failure(transfer, transfer->easy, code);
    }
    transfer->pool->unseen++;
    leave_pool(transfer);
    if (transfer->state == WXM_TRANSFER_FAILED) {
        wxm_transfer_empty(transfer);
    }
}

/*
** Ends every transfer in flight with a code and a static message of our own. finish is
** given ABORTED_BY_CALLBACK, which may_have_left takes for ours.
*/
static void fail_all(wxm_pool *pool, const char *code, const char *message)
{
    while (pool->first != NULL) {
        wxm_transfer *transfer = pool->first;

        finish(transfer, CURLE_ABORTED_BY_CALLBACK);
        transfer->code = code;
        snprintf(transfer->message, sizeof transfer->message, "%s", message);
    }
}

/* ---- init ---- */

int wxm_curl_init(void)
{
    /* A name lookup that outlives its deadline stays behind in a libcurl thread. */
    code_is_pinned = wxm_pin_code();
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

const char *wxm_curl_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

#if !CA_STORE_KEPT
/*
** Whether a folder has certificates under their hashes ("4f316efb.0"), without which
** OpenSSL finds nothing in it. NULL and a folder that cannot be read have none.
*/
static int is_hashed_folder(const char *path)
{
    int found = 0;
#if POSIX_SYSTEM
    DIR *folder = path != NULL ? opendir(path) : NULL;
    const struct dirent *entry;

    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        found = strlen(entry->d_name) == 10 && strcmp(entry->d_name + 8, ".0") == 0 &&
                strspn(entry->d_name, "0123456789abcdef") == 8;
    }
    if (folder != NULL) {
        closedir(folder);
    }
#else
    (void)path;
#endif
    return found;
}
#endif

/*
** Chooses the cheap way to the system's CAs. By default libcurl parses the whole bundle
** again for each connection, which costs 20 times the handshake. It keeps the parsed
** bundle when no folder is set beside it (7.87); before that a hashed folder alone,
** where there is one, is read certificate by certificate.
*/
static void find_authorities(wxm_pool *pool)
{
#if LIBCURL_VERSION_NUM >= 0x074600
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    if (info->age < CURLVERSION_SEVENTH) {
        return;
    }
#if CA_STORE_KEPT
    pool->ca_file = info->cainfo;
#else
    pool->ca_folder = is_hashed_folder(info->capath) ? info->capath : NULL;
#endif
#else
    (void)pool;
#endif
}

/* calloc's zeros are an empty pool; only the multi handle has to be made. */
wxm_pool *wxm_pool_new(void)
{
    wxm_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL) {
        return NULL;
    }
    pool->multi = curl_multi_init();
    if (pool->multi == NULL) {
        free(pool);
        return NULL;
    }
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, MAX_CONNECTIONS);
    find_authorities(pool);
    return pool;
}

void wxm_pool_free(wxm_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    /* curl_multi_cleanup wants every easy handle out of the multi before. */
    fail_all(pool, "CLOSED", "The pool was closed");
    while (pool->spare_count > 0) {
        curl_easy_cleanup(pool->spares[--pool->spare_count]);
    }
    curl_multi_cleanup(pool->multi);
    free(pool);
}

/* ---- moving on ---- */

/*
** A multi handle that fails as a whole leaves its transfers hanging, and whoever waits
** for them too: all of them end here. An interrupted wait is no failure (libcurl calls
** it one in some versions, when it had no socket to wait for).
*/
static void check_multi(wxm_pool *pool, CURLMcode code, int error_number)
{
    if (code == CURLM_OK || error_number == EINTR) {
        return;
    }
    fail_all(pool, code == CURLM_OUT_OF_MEMORY ? "OUT_OF_MEMORY" : "UNRECOVERABLE_POLL",
             curl_multi_strerror(code));
}

/*
** Moves every transfer on as far as it goes without waiting; ends those that ended. The
** message libcurl gives is good until the handle leaves the multi, which is what finish
** does: all of it is read before.
*/
static void move_on(wxm_pool *pool)
{
    const CURLMsg *message;
    int ignored;

    check_multi(pool, curl_multi_perform(pool->multi, &ignored), 0);
    for (;;) {
        char *user = NULL;

        message = curl_multi_info_read(pool->multi, &ignored);
        if (message == NULL) {
            break;
        }
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
        if (message->msg == CURLMSG_DONE && user != NULL) {
            /* Every handle in the multi has its transfer as private data. */
            finish((wxm_transfer *)(void *)user, message->data.result);
        }
    }
}

size_t wxm_pool_wait(wxm_pool *pool, double seconds)
{
    /* curl_multi_poll sleeps also without a transfer; curl_multi_wait would not. */
    if (seconds > 0 && pool->unseen == 0) {
        int ms = (int)milliseconds(seconds);
        int ignored;
        CURLMcode code;

        errno = 0; /* else check_multi might read an older one */
        code = curl_multi_poll(pool->multi, NULL, 0, ms, &ignored);
        check_multi(pool, code, errno);
    }
    move_on(pool);
    pool->unseen = 0;
    return pool->running;
}

size_t wxm_pool_running(const wxm_pool *pool)
{
    return pool->running;
}

/* ---- one transfer ---- */

/* Until the start the buffers have no room: their caps come with the request. */
wxm_transfer *wxm_transfer_new(void)
{
    wxm_transfer *transfer = calloc(1, sizeof *transfer);

    if (transfer != NULL) {
        transfer->state = WXM_TRANSFER_NEW;
        transfer->code = "CLOSED";
        wxm_buf_init(&transfer->headers, 0);
        wxm_buf_init(&transfer->body, 0);
    }
    return transfer;
}

void wxm_transfer_free(wxm_transfer *transfer)
{
    if (transfer == NULL) {
        return;
    }
    if (transfer->pool != NULL) { /* RUNNING: its connection is closed with it */
        leave_pool(transfer);
    }
    drop_request(transfer);
    wxm_transfer_empty(transfer);
    free(transfer);
}

/*
** Appends a line, which libcurl copies, to the request's header list. Returns 0 or -1,
** and then the list is as it was: curl_slist_append gives NULL and frees nothing.
*/
static int add_line(wxm_transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->request_headers, line);

    if (longer == NULL) {
        return -1;
    }
    transfer->request_headers = longer;
    return 0;
}

/* Whether a header's name is 'other' (lower case), in whatever case. */
static int is_named(wxm_slice name, const char *other)
{
    size_t i;

    for (i = 0; i < name.len && other[i] != '\0'; i++) {
        char c = name.at[i];

        if ((c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c) != other[i]) {
            return 0;
        }
    }
    return i == name.len && other[i] == '\0';
}

/* Put together in a buffer, because curl_slist_append wants one NUL-ended line. */
int wxm_transfer_add_header(wxm_transfer *transfer, wxm_slice name, wxm_slice value)
{
    wxm_buf line;
    int result = -1;

    wxm_buf_init(&line, SIZE_MAX / 2);
    value = trimmed(value);
    /* "Name:" would take a header away; "Name;" is libcurl's word for an empty one. */
    if (wxm_buf_add(&line, name.at, name.len) == 0 &&
        (value.len > 0 ? wxm_buf_add(&line, ": ", 2) : wxm_buf_add(&line, ";", 1)) ==
            0 &&
        wxm_buf_add(&line, value.at, value.len) == 0 &&
        wxm_buf_add(&line, "", 1) == 0) {
        result = add_line(transfer, line.data);
    }
    wxm_buf_free(&line);
    transfer->has_type = transfer->has_type || is_named(name, "content-type");
    return result;
}

/* Sets an option unless an earlier one failed: the first error of a row sticks. */
#define SET(option, value)                                                             \
    do {                                                                               \
        if (code == CURLE_OK) {                                                        \
            code = curl_easy_setopt(easy, (option), (value));                          \
        }                                                                              \
    } while (0)

/*
** What every transfer has, whatever it is for. NOSIGNAL, because a library has no
** business with the program's SIGALRM, by which libcurl may time a name lookup. No
** redirect is followed: it would carry the token in the URL to a host of the server's
** choice.
*/
static CURLcode set_ground(CURL *easy, wxm_transfer *transfer)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_ERRORBUFFER, transfer->message);
    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    /* Neither file: nor any other scheme of libcurl's. Strings from 7.85 on. */
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    SET(CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    /* Else a proxy's answer to CONNECT would pass for the server's headers. */
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, transfer);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Else a deadline waits for a name lookup that hangs. */
    SET(CURLOPT_QUICK_EXIT, code_is_pinned ? 1L : 0L);
#endif
    return code;
}

/*
** Certificates are checked, and by whom: the request's CAs, else the pool's cheap way
** to the system's, else libcurl's own defaults. The file and the folder are set
** together, NULL for the one that is not meant, because libcurl would use both.
*/
static CURLcode set_security(CURL *easy, const wxm_pool *pool, const char *ca_file)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (ca_file == NULL) {
        ca_file = pool->ca_file;
    }
    if (ca_file != NULL || pool->ca_folder != NULL) {
        const char *folder = ca_file != NULL ? NULL : pool->ca_folder;

        SET(CURLOPT_CAINFO, ca_file);
        SET(CURLOPT_CAPATH, folder);
        SET(CURLOPT_PROXY_CAINFO, ca_file);
        SET(CURLOPT_PROXY_CAPATH, folder);
    }
    return code;
}

/*
** Method and body. The body is the transfer's own: POSTFIELDS does not copy, libcurl
** reads it where it is. With its size set it may hold NUL bytes. CUSTOMREQUEST changes
** the word only, so what libcurl does is chosen first: NOBODY, POST or its default,
** GET.
*/
static CURLcode set_method(CURL *easy, const wxm_transfer *transfer,
                           const wxm_request *request)
{
    CURLcode code = CURLE_OK;
    int post = strcmp(request->method, "POST") == 0;
    /* A POST, PUT or PATCH without a body still says "Content-Length: 0". */
    int has_body = request->body != NULL || post || request->method[0] == 'P';

    if (strcmp(request->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return code;
    }
    if (has_body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        SET(CURLOPT_POSTFIELDS,
            transfer->request_body != NULL ? transfer->request_body : "");
    }
    /* The word that libcurl would use by itself is POST or GET. */
    if (has_body ? !post : strcmp(request->method, "GET") != 0) {
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    }
    /* Fails early when the server announces too much; a HEAD announces only. */
    if (request->max_body > 0 && request->max_body <= LONG_MAX) {
        SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_body);
    }
    return code;
}

/*
** Address, way and time. The strings are copied by libcurl. "" as proxy switches off
** what the environment says; not setting it leaves that in force.
*/
static CURLcode set_target(CURL *easy, const wxm_request *request)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_TIMEOUT_MS, milliseconds(request->seconds));
    if (request->connect_seconds > 0) {
        SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request->connect_seconds));
    }
    if (request->proxy != NULL) {
        SET(CURLOPT_PROXY, request->proxy);
    }
    if (request->user_agent != NULL) {
        SET(CURLOPT_USERAGENT, request->user_agent);
    }
    /* libcurl silently sends again on a kept connection that turns out to be dead. */
    SET(CURLOPT_FRESH_CONNECT, request->safe ? 0L : 1L);
    return code;
}

#undef SET

/*
** The part of a URL that must not be told: from its user and password on, or from
** behind the '?' or '#' on; "" when it has neither. Points into 'url'.
*/
static const char *secret_part(const char *url)
{
    const char *query = strpbrk(url, "?#");
    const char *at = strchr(url, '@'); /* in a query it is a byte like any other */

    if (at != NULL && (query == NULL || at < query)) {
        const char *host = strstr(url, "//");

        return host != NULL && host < at ? host + 2 : url;
    }
    return query != NULL ? query + 1 : "";
}

/*
** Copies what libcurl needs for longer than the call. Returns 0, or -1 without memory;
** what was copied by then is the transfer's, and drop_request's to free.
*/
static int keep_request(wxm_transfer *transfer, const wxm_request *request)
{
    const char *query = secret_part(request->url);
    const char *proxy = request->proxy != NULL ? secret_part(request->proxy) : "";

    wxm_buf_init(&transfer->headers, request->max_header);
    wxm_buf_init(&transfer->body, request->max_body);
    transfer->max_header = request->max_header;
    if (request->body != NULL) {
        transfer->request_body = copy_text(request->body, request->body_len);
    }
    transfer->secrets[0] = copy_text(query, strlen(query));
    transfer->secrets[1] = copy_text(proxy, strlen(proxy));
    if ((request->body != NULL && transfer->request_body == NULL) ||
        transfer->secrets[0] == NULL || transfer->secrets[1] == NULL) {
        return -1;
    }
    /* A round trip that no server here wants, and a type that is not true. */
    if (add_line(transfer, "Expect:") != 0) {
        return -1;
    }
    return transfer->has_type ? 0 : add_line(transfer, "Content-Type:");
}

/*
** Until curl_multi_add_handle has taken the handle the transfer is in no pool, and the
** way out at 'fail' undoes what there is; from there on finish does.
*/
int wxm_transfer_start(wxm_transfer *transfer, wxm_pool *pool,
                       const wxm_request *request)
{
    CURLcode code = CURLE_OUT_OF_MEMORY;
    CURL *easy = take_handle(pool);

    if (easy == NULL || keep_request(transfer, request) != 0) {
        goto fail;
    }
    code = set_ground(easy, transfer);
    code = code != CURLE_OK ? code : set_security(easy, pool, request->ca_file);
    code = code != CURLE_OK ? code : set_method(easy, transfer, request);
    code = code != CURLE_OK ? code : set_target(easy, request);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->request_headers);
    }
    if (code != CURLE_OK) {
        goto fail;
    }
    if (curl_multi_add_handle(pool->multi, easy) != CURLM_OK) {
        code = CURLE_OUT_OF_MEMORY; /* the only reason left */
        goto fail;
    }
    transfer->easy = easy;
    transfer->pool = pool;
    transfer->state = WXM_TRANSFER_RUNNING;
    list_add(pool, transfer);
    move_on(pool); /* on a kept connection the request leaves here */
    return 0;

fail:
    if (easy != NULL) {
        give_handle(pool, easy); /* before its header list and body go */
    }
    transfer->state = WXM_TRANSFER_FAILED;
    transfer->code = code_name(code);
    transfer->sent = 0;
    clean_message(transfer, curl_easy_strerror(code));
    drop_request(transfer);
    return -1;
}

wxm_transfer_state wxm_transfer_get_state(const wxm_transfer *transfer)
{
    return transfer->state;
}

wxm_response wxm_transfer_response(const wxm_transfer *transfer)
{
    wxm_response response;

    response.status = transfer->status;
    response.body = transfer->body.data != NULL ? transfer->body.data : "";
    response.body_len = transfer->body.len;
    return response;
}

/* keep_header ends each line with '\n'; the cursor is the offset of the next one. */
int wxm_transfer_next_header(const wxm_transfer *transfer, size_t *cursor,
                             wxm_slice *name, wxm_slice *value)
{
    const wxm_buf *from = &transfer->headers;

    while (*cursor < from->len) {
        const char *line = from->data + *cursor;
        const char *end = memchr(line, '\n', from->len - *cursor);
        size_t length = end != NULL ? (size_t)(end - line) : from->len - *cursor;
        const char *colon = memchr(line, ':', length);

        *cursor += length + 1;
        if (colon != NULL && colon > line) { /* else no header at all */
            name->at = line;
            name->len = (size_t)(colon - line);
            value->at = colon + 1;
            value->len = length - name->len - 1;
            *name = trimmed(*name);
            *value = trimmed(*value);
            return 1;
        }
    }
    return 0;
}

/* The buffers keep their caps and may be emptied again. */
void wxm_transfer_empty(wxm_transfer *transfer)
{
    wxm_buf_free(&transfer->headers);
    wxm_buf_free(&transfer->body);
}

wxm_failure wxm_transfer_failure(const wxm_transfer *transfer)
{
    wxm_failure failure;

    failure.code = transfer->code;
    failure.message = transfer->message;
    failure.sent = transfer->sent;
    return failure;
}
