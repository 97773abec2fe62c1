/*
** Whole ranges in pages: which windows of time to ask for, whose share a row is, and
** whether a page's cursor leads on, ends the window, or leads in circles.
*/
#ifndef WXM_PAGER_H
#define WXM_PAGER_H

#include <stddef.h>
#include <stdint.h>

/*
** One window. It asks for [ask_from, ask_to] and keeps the rows whose time is in
** [from, to]: one second less at both ends, because the server may count its edges in
** or out. The shares of all windows together are the range, without overlap.
*/
typedef struct {
    int64_t from, to;
    int64_t ask_from, ask_to;
} wxm_window;

/*
** How many windows cover [from, to] (0 <= from <= to) when none may ask for more than
** 'span' seconds (span >= 3).
*/
int64_t wxm_window_count(int64_t from, int64_t to, int64_t span);

/* The i-th window, 0 <= i < wxm_window_count(from, to, span), the oldest first. */
wxm_window wxm_window_at(int64_t from, int64_t to, int64_t span, int64_t i);

/*
**   READY --ask--> WAITING --feed: more--> READY
**                     |  \---feed: last--> DONE
**                     |  \---feed: bad---> FAILED
**                     \------lost--------> READY
*/
#define WXM_PAGER_STATES(X)                                                            \
    X(READY, "ready")                                                                  \
    X(WAITING, "waiting")                                                              \
    X(DONE, "done")                                                                    \
    X(FAILED, "failed")

typedef enum {
#define X(name, text) WXM_PAGER_##name,
    WXM_PAGER_STATES(X)
#undef X
        WXM_PAGER_STATE_COUNT
} wxm_pager_state;

/* Why a page makes the pager fail: X(NAME, "code", "sentence"). */
#define WXM_PAGER_FAULTS(X)                                                            \
    X(NONE, "", "")                                                                    \
    X(SAME_CURSOR, "same_cursor",                                                      \
      "the server gave a next_cursor that it had given before, so the list would "     \
      "never end")                                                                     \
    X(TOO_MANY_PAGES, "too_many_pages",                                                \
      "the list has more pages than max_pages allows")                                 \
    X(TOO_MANY_EMPTY, "too_many_empty_pages",                                          \
      "the server gave page after page without rows, each with another next_cursor")   \
    X(MEMORY, "memory", "memory is exhausted")

typedef enum {
#define X(name, code, text) WXM_PAGER_FAULT_##name,
    WXM_PAGER_FAULTS(X)
#undef X
} wxm_pager_fault;

typedef struct {
    wxm_pager_state state;
    wxm_pager_fault fault;    /* other than NONE exactly when FAILED */
    int64_t pages, max_pages; /* pages fed; a page that leads beyond max_pages fails */
    int64_t empty, max_empty; /* pages without rows, one after the other */
    uint64_t *seen;           /* hashes of the cursors given so far; 0 is a free slot */
    /* At most half of the slots are taken; there are 0 of them or a power of two. */
    size_t seen_count, seen_size;
} wxm_pager;

/* A pager in state READY. Allocates nothing. */
void wxm_pager_init(wxm_pager *pager, int64_t max_pages, int64_t max_empty);

/* Gives the memory back. Safe on a zeroed pager. */
void wxm_pager_free(wxm_pager *pager);

/* READY to WAITING. -1 in any other state. */
int wxm_pager_ask(wxm_pager *pager);

/* WAITING to READY: no answer came, the page may be asked for again. -1 elsewhere. */
int wxm_pager_lost(wxm_pager *pager);

/*
** Takes a page's next_cursor ('n' 0: none) and its number of rows. -1 in any state but
** WAITING; else 0, and 'state' says how it goes on, 'fault' why it FAILED.
*/
int wxm_pager_feed(wxm_pager *pager, const char *cursor, size_t n, size_t rows);

const char *wxm_pager_state_name(wxm_pager_state state);
const char *wxm_pager_fault_code(wxm_pager_fault fault);
const char *wxm_pager_fault_text(wxm_pager_fault fault);

#endif
