/*
** What every C unit test has: checks that count themselves, inputs whose end is the end
** of memory, and dice that always fall the same way.
*/
#ifndef CHECK_H
#define CHECK_H

#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* mmap's MAP_ANONYMOUS, mkdtemp, setenv */
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* More failures than this are counted but not shown. */
#define CHECK_SHOWN 40

/* How many entries an array has. */
#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

typedef struct {
    unsigned long passed, failed;
} check_counts;

static inline check_counts *check_tally(void)
{
    static check_counts tally;
    return &tally;
}

static inline void check_that(int holds, const char *what, const char *file, int line)
{
    check_counts *tally = check_tally();

    if (holds) {
        tally->passed++;
    } else if (++tally->failed <= CHECK_SHOWN) {
        printf("FAILED %s:%d: %s\n", file, line, what);
    }
}

/* Counts as passed or failed. 'what' says what was expected. */
#define CHECK(cond, what) check_that((cond) ? 1 : 0, (what), __FILE__, __LINE__)

/* The program's last line and its exit status. */
static inline int check_result(void)
{
    const check_counts *tally = check_tally();

    printf("%lu passed, %lu failed\n", tally->passed, tally->failed);
    return tally->failed == 0 && tally->passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Guarded places that are in use at once, and the bytes each may hold. */
#define GUARD_SLOTS 4
#define GUARD_BYTES ((size_t)1 << 20)

/*
** Room for 'n' bytes directly before a page that nobody may touch: reading or writing
** one byte further ends the program. The next call for the same slot takes it back.
*/
static inline char *guard_room(unsigned slot, size_t n)
{
    static char *ends[GUARD_SLOTS];

    if (slot >= GUARD_SLOTS || n > GUARD_BYTES) {
        printf("no guarded room for %lu bytes\n", (unsigned long)n);
        exit(EXIT_FAILURE);
    }
    if (ends[slot] == NULL) { /* 64 KiB is a whole page everywhere */
        const size_t page = 65536;
        char *all = mmap(NULL, GUARD_BYTES + page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED || mprotect(all + GUARD_BYTES, page, PROT_NONE) != 0) {
            printf("no guard page to be had\n");
            exit(EXIT_FAILURE);
        }
        ends[slot] = all + GUARD_BYTES;
    }
    return ends[slot] - n;
}

/* A copy of 'n' bytes that ends at the slot's guard page. */
static inline const char *guard_copy(unsigned slot, const void *bytes, size_t n)
{
    char *room = guard_room(slot, n);

    if (n > 0) {
        memcpy(room, bytes, n);
    }
    return room;
}

/* The same, of a text without its NUL. */
static inline const char *guard_text(unsigned slot, const char *text)
{
    return guard_copy(slot, text, strlen(text));
}

/* xorshift64*: repeatable, and good enough to pick cases. */
static inline uint64_t dice(void)
{
    static uint64_t state = UINT64_C(0x9E3779B97F4A7C15);

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

/* 0 up to n - 1. */
static inline size_t dice_below(size_t n)
{
    return (size_t)(dice() >> 16) % n;
}

#endif
