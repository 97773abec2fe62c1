/* Tests of wxm_buf: growth, the cap, and memory that is not to be had. */
#include "check.h"

#include <stdlib.h>

/*
** This program has a copy of wxm_buf.c under other names, whose realloc fails when told
** to: no real memory has to run out.
*/
static int no_memory;

static void *test_realloc(void *p, size_t n)
{
    return no_memory ? NULL : realloc(p, n);
}

#define wxm_buf_init    copy_buf_init
#define wxm_buf_free    copy_buf_free
#define wxm_buf_reserve copy_buf_reserve
#define wxm_buf_add     copy_buf_add
#define realloc         test_realloc
#include "wxm_buf.c"
#undef realloc

static void test_growth(void)
{
    static const size_t sizes[] = {0, 1, 255, 256, 257, 511, 512, 513, 100000};
    size_t i, j;

    for (i = 0; i < COUNT_OF(sizes); i++) {
        wxm_buf buf;
        unsigned long wrong = 0;
        wxm_buf_init(&buf, 1000000);
        for (j = 0; j < sizes[i]; j++) {
            char c = (char)(j * 7);
            wrong += wxm_buf_add(&buf, guard_copy(0, &c, 1), 1) != 0;
        }
        wrong += buf.len != sizes[i] || buf.size < buf.len;
        for (j = 0; j < buf.len; j++) {
            wrong += buf.data[j] != (char)(j * 7);
        }
        CHECK(wrong == 0, "what was added byte by byte is there");
        wxm_buf_free(&buf);
        wxm_buf_init(&buf, sizes[i]);
        CHECK(wxm_buf_add(&buf, guard_room(1, sizes[i]), sizes[i]) == 0 &&
                  buf.len == sizes[i],
              "all at once, up to the cap");
        CHECK(wxm_buf_add(&buf, "x", 1) == -1 && buf.state == WXM_BUF_FULL &&
                  buf.len == sizes[i],
              "not a byte above the cap");
        wxm_buf_free(&buf);
    }
}

static void test_cap(void)
{
    wxm_buf buf;

    wxm_buf_init(&buf, 10);
    CHECK(buf.data == NULL && buf.len == 0 && buf.state == WXM_BUF_OK,
          "nothing at first");
    CHECK(wxm_buf_add(&buf, "12345678", 8) == 0, "below the cap");
    CHECK(wxm_buf_add(&buf, "abc", 3) == -1, "above the cap");
    CHECK(buf.len == 8 && memcmp(buf.data, "12345678", 8) == 0, "what was there stays");
    CHECK(wxm_buf_add(&buf, "a", 1) == -1 && buf.len == 8, "the first failure sticks");
    CHECK(wxm_buf_reserve(&buf, 0) == NULL, "nor is there room for nothing");
    wxm_buf_free(&buf);
    CHECK(buf.data == NULL && buf.len == 0 && buf.size == 0 && buf.cap == 10 &&
              buf.state == WXM_BUF_OK,
          "empty again, with its cap");
    CHECK(wxm_buf_add(&buf, "1234567890", 10) == 0, "usable again");
    wxm_buf_free(&buf);
    wxm_buf_free(&buf);
    wxm_buf_free(NULL);
    CHECK(buf.data == NULL, "freeing twice or nothing is fine");
}

static void test_nothing(void)
{
    wxm_buf buf;

    wxm_buf_init(&buf, 0);
    CHECK(wxm_buf_add(&buf, "", 0) == 0 && buf.len == 0, "nothing fits into no room");
    CHECK(wxm_buf_reserve(&buf, 0) != NULL, "room for nothing is a place all the same");
    CHECK(wxm_buf_add(&buf, NULL, 0) == 0, "no bytes need no address");
    CHECK(wxm_buf_add(&buf, "a", 1) == -1 && buf.state == WXM_BUF_FULL,
          "a byte does not");
    wxm_buf_free(&buf);
}

static void test_reserve(void)
{
    wxm_buf buf;
    char *room;

    wxm_buf_init(&buf, 5000);
    room = wxm_buf_reserve(&buf, 1000);
    CHECK(room != NULL && buf.len == 0 && buf.size >= 1000, "room, but no length");
    memset(room, 'r', 1000);
    buf.len += 1000;
    CHECK(wxm_buf_reserve(&buf, 0) == buf.data + 1000, "the place after the last byte");
    room = wxm_buf_reserve(&buf, 4000);
    CHECK(room == buf.data + 1000 && buf.size <= 5000, "never more than the cap");
    CHECK(buf.data[0] == 'r' && buf.data[999] == 'r', "the bytes moved along");
    CHECK(wxm_buf_reserve(&buf, 4001) == NULL && buf.state == WXM_BUF_FULL,
          "a byte more");
    wxm_buf_free(&buf);
}

static void test_overflow(void)
{
    wxm_buf buf;

    wxm_buf_init(&buf, (size_t)-1);
    CHECK(wxm_buf_add(&buf, "ab", 2) == 0, "the largest cap");
    CHECK(wxm_buf_reserve(&buf, (size_t)-1) == NULL && buf.state == WXM_BUF_FULL,
          "a length that would wrap around is refused");
    CHECK(buf.len == 2 && buf.data[0] == 'a', "what was there stays");
    wxm_buf_free(&buf);
}

static void test_no_memory(void)
{
    wxm_buf buf;

    wxm_buf_init(&buf, (size_t)-1);
    no_memory = 1;
    CHECK(wxm_buf_add(&buf, "a", 1) == -1 && buf.state == WXM_BUF_NO_MEMORY &&
              buf.data == NULL,
          "no memory at first");
    no_memory = 0;
    CHECK(wxm_buf_add(&buf, "a", 1) == -1, "the failure sticks");
    wxm_buf_free(&buf);
    CHECK(wxm_buf_add(&buf, "kept", 4) == 0, "usable again");
    no_memory = 1;
    CHECK(wxm_buf_reserve(&buf, (size_t)-1 / 2) == NULL &&
              buf.state == WXM_BUF_NO_MEMORY,
          "no memory for a huge room");
    no_memory = 0;
    CHECK(buf.len == 4 && memcmp(buf.data, "kept", 4) == 0, "what was there stays");
    wxm_buf_free(&buf);
}

int main(void)
{
    test_growth();
    test_cap();
    test_nothing();
    test_reserve();
    test_overflow();
    test_no_memory();
    return check_result();
}
