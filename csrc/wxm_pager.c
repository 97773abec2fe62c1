/* Whole ranges in pages: windows, and the state of one window's cursor. */
#include "wxm_pager.h"

#include <stdlib.h>
#include <string.h>

/* A window asks for one second more at both ends than it keeps. */
static int64_t share_of(int64_t span)
{
    return span - 1;
}

int64_t wxm_window_count(int64_t from, int64_t to, int64_t span)
{
    return (to - from) / share_of(span) + 1;
}

wxm_window wxm_window_at(int64_t from, int64_t to, int64_t span, int64_t i)
{
    wxm_window window;
    int64_t share = share_of(span);

    window.from = from + i * share;
    window.to = to - window.from < share ? to : window.from + share - 1;
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

void wxm_pager_free(wxm_pager *pager)
{
    free(pager->seen);
    pager->seen = NULL;
    pager->seen_count = pager->seen_size = 0;
}

/* FNV-1a, 64 bits; 0 is kept for free slots. */
static uint64_t hash_of(const char *s, size_t n)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    size_t i;

    for (i = 0; i < n; i++) {
        hash = (hash ^ (unsigned char)s[i]) * UINT64_C(1099511628211);
    }
    return hash == 0 ? 1 : hash;
}

/* Where the hash is, or the free slot where it belongs. */
static uint64_t *slot_of(uint64_t *slots, size_t size, uint64_t hash)
{
    size_t i = (size_t)(hash & (size - 1));

    while (slots[i] != 0 && slots[i] != hash) {
        i = (i + 1) & (size - 1);
    }
    return &slots[i];
}

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

/* Remembers the cursor. What is wrong with it, if anything. */
static wxm_pager_fault remember(wxm_pager *pager, const char *cursor, size_t n)
{
    uint64_t hash = hash_of(cursor, n), *slot;

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
