/*
** Whole ranges in pages: windows, and the state of one window's cursor.
**
** The pager sends nothing and holds no page. It is told what a page's end looked like
** and answers how it goes on; three guards make that end on any server: a bound on
** pages, one on empty pages in a row, and a memory of the cursors that were given.
*/
#include "wxm_pager.h"

#include <stdlib.h>
#include <string.h>

/*
** How many seconds a window keeps. It asks for one more at both ends, so that
** ask_to - ask_from is 'span', the most that the server allows.
*/
static int64_t share_of(int64_t span)
{
    return span - 1;
}

int64_t wxm_window_count(int64_t from, int64_t to, int64_t span)
{
    return (to - from) / share_of(span) + 1;
}

/*
** Shares lie end to end: the next begins one second after this one's 'to', so that each
** second of the range is in exactly one. The last ends with the range.
*/
wxm_window wxm_window_at(int64_t from, int64_t to, int64_t span, int64_t i)
{
    wxm_window window;
    int64_t share = share_of(span);

    window.from = from + i * share;
    window.to = to - window.from < share ? to : window.from + share - 1;
    /* Times are not negative: no row lies before 0, so the edge costs nothing there. */
    window.ask_from = window.from > 0 ? window.from - 1 : 0;
    window.ask_to = window.to + 1;
    return window;
}

void wxm_pager_init(wxm_pager *pager, int64_t max_pages, int64_t max_empty)
{
    memset(pager, 0, sizeof *pager);
    pager->state = WXM_PAGER_READY;
    pager->max_pages = max_pages;
    pager->max_empty = max_empty;
}

/* The state stays: a freed pager still answers, and its table grows again on need. */
void wxm_pager_free(wxm_pager *pager)
{
    free(pager->seen);
    pager->seen = NULL;
    pager->seen_count = pager->seen_size = 0;
}

/*
** FNV-1a, 64 bits; 0 is kept for free slots. The cursors themselves are not kept: they
** may be long, and two in 100,000 pages fall on one hash about once in four billion
** times. Then the list ends with an error that names it, and no row is lost in silence.
*/
static uint64_t hash_of(const char *s, size_t n)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    size_t i;

    for (i = 0; i < n; i++) {
        hash = (hash ^ (unsigned char)s[i]) * UINT64_C(1099511628211);
    }
    return hash == 0 ? 1 : hash;
}

/*
** Where the hash is, or the free slot where it belongs. Open addressing: the search
** goes from slot to slot, which ends because 'size' is a power of two and at most half
** of the slots are taken. Nothing is ever taken out, so a free slot proves absence.
*/
static uint64_t *slot_of(uint64_t *slots, size_t size, uint64_t hash)
{
    size_t i = (size_t)(hash & (size - 1));

    while (slots[i] != 0 && slots[i] != hash) {
        i = (i + 1) & (size - 1);
    }
    return &slots[i];
}

/*
** Makes the table twice as large and moves the hashes over. 0, or -1 without memory,
** and then the old table is as it was.
*/
static int grow(wxm_pager *pager)
{
    size_t size = pager->seen_size == 0 ? 16 : pager->seen_size * 2, i;
    uint64_t *slots = calloc(size, sizeof *slots);

    if (slots == NULL) {
        return -1;
    }
    for (i = 0; i < pager->seen_size; i++) {
        if (pager->seen[i] != 0) {
            *slot_of(slots, size, pager->seen[i]) = pager->seen[i];
        }
    }
    free(pager->seen);
    pager->seen = slots;
    pager->seen_size = size;
    return 0;
}

/*
** Remembers the cursor. FAULT_NONE; or what ends the list: it was given before, though
** not necessarily last (circles of any length are seen), or memory is exhausted.
*/
static wxm_pager_fault remember(wxm_pager *pager, const char *cursor, size_t n)
{
    uint64_t hash = hash_of(cursor, n), *slot;

    /* Also the first time, when both are 0. */
    if (pager->seen_count >= pager->seen_size / 2 && grow(pager) != 0) {
        return WXM_PAGER_FAULT_MEMORY;
    }
    slot = slot_of(pager->seen, pager->seen_size, hash);
    if (*slot == hash) {
        return WXM_PAGER_FAULT_SAME_CURSOR;
    }
    *slot = hash;
    pager->seen_count++;
    return WXM_PAGER_FAULT_NONE;
}

int wxm_pager_ask(wxm_pager *pager)
{
    if (pager->state != WXM_PAGER_READY) {
        return -1;
    }
    pager->state = WXM_PAGER_WAITING;
    return 0;
}

int wxm_pager_lost(wxm_pager *pager)
{
    if (pager->state != WXM_PAGER_WAITING) {
        return -1;
    }
    pager->state = WXM_PAGER_READY;
    return 0;
}

/*
** A page without a cursor ends the list, whatever was counted: the guards are for lists
** that go on. They are asked from the cheapest to the dearest, and the first that
** speaks gives the fault. Only a page that leads on is remembered.
*/
int wxm_pager_feed(wxm_pager *pager, const char *cursor, size_t n, size_t rows)
{
    if (pager->state != WXM_PAGER_WAITING) {
        return -1;
    }
    pager->pages++;
    pager->empty = rows == 0 ? pager->empty + 1 : 0;
    if (n == 0) {
        pager->state = WXM_PAGER_DONE;
        return 0;
    }
    if (pager->pages >= pager->max_pages) {
        pager->fault = WXM_PAGER_FAULT_TOO_MANY_PAGES;
    } else if (pager->empty >= pager->max_empty) {
        pager->fault = WXM_PAGER_FAULT_TOO_MANY_EMPTY;
    } else {
        pager->fault = remember(pager, cursor, n);
    }
    pager->state =
        pager->fault == WXM_PAGER_FAULT_NONE ? WXM_PAGER_READY : WXM_PAGER_FAILED;
    return 0;
}

const char *wxm_pager_state_name(wxm_pager_state state)
{
    static const char *const names[] = {
#define X(name, text) text,
        WXM_PAGER_STATES(X)
#undef X
    };
    return names[state];
}

const char *wxm_pager_fault_code(wxm_pager_fault fault)
{
    static const char *const codes[] = {
#define X(name, code, text) code,
        WXM_PAGER_FAULTS(X)
#undef X
    };
    return codes[fault];
}

const char *wxm_pager_fault_text(wxm_pager_fault fault)
{
    static const char *const texts[] = {
#define X(name, code, text) text,
        WXM_PAGER_FAULTS(X)
#undef X
    };
    return texts[fault];
}
