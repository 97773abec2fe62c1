/* Tests of wxm_pager: windows of a range, and the state of one window's cursor. */
#include "check.h"

#include <stdlib.h>

/*
** This program has a copy of wxm_pager.c under other names, whose calloc fails when
** told to.
*/
static int no_memory;

static void *test_calloc(size_t n, size_t size)
{
    return no_memory ? NULL : calloc(n, size);
}

#define wxm_window_count     copy_window_count
#define wxm_window_at        copy_window_at
#define wxm_pager_init       copy_pager_init
#define wxm_pager_free       copy_pager_free
#define wxm_pager_ask        copy_pager_ask
#define wxm_pager_lost       copy_pager_lost
#define wxm_pager_feed       copy_pager_feed
#define wxm_pager_state_name copy_pager_state_name
#define wxm_pager_fault_code copy_pager_fault_code
#define wxm_pager_fault_text copy_pager_fault_text
#define calloc               test_calloc
#include "wxm_pager.c"
#undef calloc

#define EXACT INT64_C(9007199254740992)

/* Is the i-th window right, and does its share begin where the last one ended? */
static int window_holds(int64_t from, int64_t to, int64_t span, int64_t i)
{
    wxm_window w = wxm_window_at(from, to, span, i);
    int64_t begins = i == 0 ? from : wxm_window_at(from, to, span, i - 1).to + 1;
    int last = i + 1 == wxm_window_count(from, to, span);

    return w.from == begins && w.from <= w.to && w.to <= to && (w.to == to) == last &&
           w.ask_to - w.ask_from <= span && w.ask_from >= 0 &&
           (w.ask_from == w.from - 1 || (w.from == 0 && w.ask_from == 0)) &&
           w.ask_to == w.to + 1;
}

static void test_windows(void)
{
    static const struct {
        const char *what;
        int64_t from, to, span, count;
    } cases[] = {
        {"a single second", 1000, 1000, 100, 1},
        {"the first second", 0, 0, 3, 1},
        {"the smallest span", 0, 9, 3, 5},
        {"the smallest span, odd", 0, 10, 3, 6},
        {"just one window", 100, 198, 100, 1},
        {"just one second more", 100, 199, 100, 2},
        {"thirty days of thirty", 1700000000, 1700000000 + 2592000 - 2, 2592000, 1},
        {"a year of thirty days", 1700000000, 1700000000 + 31536000, 2592000, 13},
        {"the largest range", 0, EXACT, EXACT, 2},
        {"the largest time alone", EXACT, EXACT, 3, 1},
    };
    unsigned long wrong = 0;
    size_t n;
    int64_t i;

    for (n = 0; n < COUNT_OF(cases); n++) {
        int holds = 1;
        CHECK(wxm_window_count(cases[n].from, cases[n].to, cases[n].span) ==
                  cases[n].count,
              cases[n].what);
        for (i = 0; i < cases[n].count; i++) {
            holds = holds && window_holds(cases[n].from, cases[n].to, cases[n].span, i);
        }
        CHECK(holds, cases[n].what);
    }
    i = wxm_window_count(0, EXACT, 3) - 1;
    CHECK(window_holds(0, EXACT, 3, 0) && window_holds(0, EXACT, 3, i / 2) &&
              window_holds(0, EXACT, 3, i) && wxm_window_at(0, EXACT, 3, i).to == EXACT,
          "the most windows that there can be");
    for (n = 0; n < 20000; n++) {
        int64_t from = (int64_t)(dice() >> (11 + dice_below(53)));
        int64_t to = from + (int64_t)dice_below((size_t)1 << dice_below(20));
        int64_t span = 3 + (int64_t)dice_below((size_t)1 << dice_below(20));
        int64_t count = wxm_window_count(from, to, span);
        int64_t step = count > 200 ? count / 100 : 1;
        for (i = 0; i < count; i += step) {
            wrong += !window_holds(from, to, span, i);
        }
        wrong += !window_holds(from, to, span, count - 1);
    }
    CHECK(wrong == 0, "random ranges are divided without gap and overlap");
}

typedef enum { ASK, LOST, MORE, LAST, BAD, EVENT_COUNT } event;

/* A pager brought to the state. */
static wxm_pager pager_in(wxm_pager_state state)
{
    wxm_pager pager;

    wxm_pager_init(&pager, 100, 3);
    if (state != WXM_PAGER_READY) {
        wxm_pager_ask(&pager);
    }
    if (state == WXM_PAGER_DONE) {
        wxm_pager_feed(&pager, guard_room(0, 0), 0, 1);
    }
    if (state == WXM_PAGER_FAILED) {
        wxm_pager_feed(&pager, guard_text(0, "first"), 5, 1);
        wxm_pager_ask(&pager);
        wxm_pager_feed(&pager, guard_text(0, "first"), 5, 1);
    }
    return pager;
}

static int happen(wxm_pager *pager, event what)
{
    switch (what) {
    case ASK:
        return wxm_pager_ask(pager);
    case LOST:
        return wxm_pager_lost(pager);
    case MORE:
        return wxm_pager_feed(pager, guard_text(0, "more"), 4, 1);
    case LAST:
        return wxm_pager_feed(pager, NULL, 0, 1);
    default:
        pager->max_pages = 1;
        return wxm_pager_feed(pager, guard_text(0, "more"), 4, 1);
    }
}

static void test_states(void)
{
    enum { NO = -1, R = WXM_PAGER_READY, W = WXM_PAGER_WAITING };
    enum { D = WXM_PAGER_DONE, F = WXM_PAGER_FAILED };
    static const int next[WXM_PAGER_STATE_COUNT][EVENT_COUNT] = {
        /* ASK LOST MORE LAST BAD */
        {W, NO, NO, NO, NO},  /* ready */
        {NO, R, R, D, F},     /* waiting */
        {NO, NO, NO, NO, NO}, /* done */
        {NO, NO, NO, NO, NO}, /* failed */
    };
    static const char *const names[] = {"ready", "waiting", "done", "failed"};
    int state, what;

    for (state = 0; state < WXM_PAGER_STATE_COUNT; state++) {
        CHECK(strcmp(wxm_pager_state_name((wxm_pager_state)state), names[state]) == 0,
              names[state]);
        for (what = 0; what < EVENT_COUNT; what++) {
            wxm_pager pager = pager_in((wxm_pager_state)state), before = pager;
            int wanted = next[state][what];
            int status;
            CHECK((int)pager.state == state, names[state]);
            status = happen(&pager, (event)what);
            CHECK(status == (wanted == NO ? -1 : 0), names[state]);
            CHECK((int)pager.state == (wanted == NO ? state : wanted), names[state]);
            CHECK(wanted != NO ||
                      (pager.pages == before.pages && pager.empty == before.empty &&
                       pager.seen_count == before.seen_count &&
                       pager.fault == before.fault),
                  "an event at the wrong time changes nothing");
            wxm_pager_free(&pager);
        }
    }
}

/* Feeds one page with the cursor's number as its text. */
static void feed_number(wxm_pager *pager, unsigned number, size_t rows)
{
    char cursor[32];
    int n = snprintf(cursor, sizeof cursor, "cursor-%u", number);

    wxm_pager_ask(pager);
    wxm_pager_feed(pager, guard_copy(0, cursor, (size_t)n), (size_t)n, rows);
}

static void test_cycles(void)
{
    unsigned length, before, i;

    for (length = 1; length <= 50; length++) {
        for (before = 0; before <= 20; before += 10) {
            wxm_pager pager;
            wxm_pager_init(&pager, 1000, 10);
            for (i = 0; i < before + length; i++) {
                feed_number(&pager, i, 1);
            }
            CHECK(pager.state == WXM_PAGER_READY, "no cursor came twice yet");
            feed_number(&pager, before, 1);
            CHECK(pager.state == WXM_PAGER_FAILED &&
                      pager.fault == WXM_PAGER_FAULT_SAME_CURSOR,
                  "a cycle is seen at its first repeated cursor");
            wxm_pager_free(&pager);
        }
    }
}

static void test_cursors(void)
{
    static const struct {
        const char *bytes;
        size_t n;
    } distinct[] = {
        {"a", 1},  {"A", 1},  {"a\0", 2}, {"\0a", 2},          {"\0", 1},   {"\0\0", 2},
        {"aa", 2}, {"a ", 2}, {" a", 2},  {"\xE4\xBD\xA0", 3}, {"\xFF", 1},
    };
    wxm_pager pager;
    unsigned i;

    wxm_pager_init(&pager, 100, 100);
    for (i = 0; i < COUNT_OF(distinct); i++) {
        wxm_pager_ask(&pager);
        wxm_pager_feed(&pager, guard_copy(0, distinct[i].bytes, distinct[i].n),
                       distinct[i].n, 0);
        CHECK(pager.state == WXM_PAGER_READY, "cursors that differ in any byte differ");
    }
    wxm_pager_free(&pager);
    wxm_pager_init(&pager, 200000, 10);
    for (i = 0; i < 100000; i++) {
        feed_number(&pager, i, 1);
    }
    CHECK(pager.state == WXM_PAGER_READY && pager.pages == 100000 &&
              pager.seen_count == 100000,
          "a hundred thousand cursors are all new");
    feed_number(&pager, 77777, 1);
    CHECK(pager.fault == WXM_PAGER_FAULT_SAME_CURSOR, "one of them again is not");
    wxm_pager_free(&pager);
    wxm_pager_free(&pager);
    CHECK(pager.seen == NULL, "freeing twice is fine");
    memset(&pager, 0, sizeof pager);
    wxm_pager_free(&pager);
    CHECK(pager.seen == NULL, "as is freeing a zeroed pager");
}

static void test_limits(void)
{
    wxm_pager pager;
    unsigned i;

    for (i = 1; i <= 5; i++) {
        unsigned page;
        wxm_pager_init(&pager, (int64_t)i, 100);
        for (page = 1; page < i; page++) {
            feed_number(&pager, page, 1);
        }
        CHECK(pager.state == WXM_PAGER_READY, "below the page limit");
        feed_number(&pager, i, 1);
        CHECK(pager.fault == WXM_PAGER_FAULT_TOO_MANY_PAGES,
              "the last page that is allowed says that there are more");
        wxm_pager_free(&pager);
        wxm_pager_init(&pager, (int64_t)i, 100);
        for (page = 1; page < i; page++) {
            feed_number(&pager, page, 1);
        }
        wxm_pager_ask(&pager);
        wxm_pager_feed(&pager, NULL, 0, 1);
        CHECK(pager.state == WXM_PAGER_DONE && pager.pages == (int64_t)i,
              "as many pages as are allowed");
        wxm_pager_free(&pager);
    }
    wxm_pager_init(&pager, 100, 3);
    for (i = 0; i < 20; i++) {
        feed_number(&pager, i, i % 3 == 0 ? 1 : 0);
    }
    CHECK(pager.state == WXM_PAGER_READY,
          "two empty pages, then one with rows, are fine");
    feed_number(&pager, 20, 0);
    feed_number(&pager, 21, 0);
    CHECK(pager.fault == WXM_PAGER_FAULT_TOO_MANY_EMPTY, "three empty pages are not");
    wxm_pager_free(&pager);
    wxm_pager_init(&pager, 100, 1);
    wxm_pager_ask(&pager);
    wxm_pager_feed(&pager, NULL, 0, 0);
    CHECK(pager.state == WXM_PAGER_DONE,
          "an empty page that is the last is no failure");
    wxm_pager_free(&pager);
}

static void test_lost(void)
{
    wxm_pager pager;
    int i;

    wxm_pager_init(&pager, 2, 2);
    for (i = 0; i < 10; i++) {
        wxm_pager_ask(&pager);
        wxm_pager_lost(&pager);
    }
    feed_number(&pager, 1, 1);
    CHECK(pager.state == WXM_PAGER_READY && pager.pages == 1,
          "pages that were lost are not counted");
    wxm_pager_free(&pager);
}

static void test_no_memory(void)
{
    wxm_pager pager;
    unsigned i;

    wxm_pager_init(&pager, 100, 100);
    no_memory = 1;
    feed_number(&pager, 1, 1);
    CHECK(pager.state == WXM_PAGER_FAILED && pager.fault == WXM_PAGER_FAULT_MEMORY,
          "no memory at first");
    wxm_pager_free(&pager);
    no_memory = 0;
    wxm_pager_init(&pager, 100, 100);
    for (i = 0; pager.state == WXM_PAGER_READY && i < 100; i++) {
        no_memory = i > 0;
        feed_number(&pager, i, 1);
    }
    no_memory = 0;
    CHECK(pager.fault == WXM_PAGER_FAULT_MEMORY && pager.seen_count < i,
          "no memory to grow");
    wxm_pager_free(&pager);
}

static void test_faults(void)
{
    static const struct {
        wxm_pager_fault fault;
        const char *code;
    } cases[] = {
        {WXM_PAGER_FAULT_NONE, ""},
        {WXM_PAGER_FAULT_SAME_CURSOR, "same_cursor"},
        {WXM_PAGER_FAULT_TOO_MANY_PAGES, "too_many_pages"},
        {WXM_PAGER_FAULT_TOO_MANY_EMPTY, "too_many_empty_pages"},
        {WXM_PAGER_FAULT_MEMORY, "memory"},
    };
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        const char *text = wxm_pager_fault_text(cases[i].fault);
        CHECK(strcmp(wxm_pager_fault_code(cases[i].fault), cases[i].code) == 0,
              cases[i].code);
        CHECK((*text == '\0') == (i == 0), "each fault has its sentence");
    }
}

int main(void)
{
    test_windows();
    test_states();
    test_cycles();
    test_cursors();
    test_limits();
    test_lost();
    test_no_memory();
    test_faults();
    return check_result();
}
