/* Tests of wxm_sys: the clock goes forward, the randomness differs. */
#include "check.h"

#include "wxm_sys.h"

#include <time.h>

static void test_now(void)
{
    const struct timespec nap = {0, 20000000};
    double before = wxm_sys_now(), last = before;
    unsigned long back = 0;
    int i;

    for (i = 0; i < 100000; i++) {
        double now = wxm_sys_now();
        back += now < last;
        last = now;
    }
    CHECK(back == 0, "the clock never goes back");
    before = wxm_sys_now();
    nanosleep(&nap, NULL);
    last = wxm_sys_now() - before;
    CHECK(last >= 0.019, "it counts seconds");
    CHECK(last < 60, "it counts nothing faster than seconds");
}

static void test_random(void)
{
    static const size_t sizes[] = {0, 1, 7, 255, 256, 257, 1000, 100000};
    unsigned char a[64] = {0}, b[64] = {0};
    unsigned long ones = 0;
    size_t i, j;

    for (i = 0; i < COUNT_OF(sizes); i++) {
        unsigned char *room = (unsigned char *)guard_room(0, sizes[i] + 1) + 1;
        room[-1] = 0x5A;
        CHECK(wxm_sys_random(room, sizes[i]) == 0 && room[-1] == 0x5A,
              "fills just its room");
    }
    wxm_sys_random(a, sizeof a);
    wxm_sys_random(b, sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0, "differs from time to time");
    for (i = 0; i < 1000; i++) {
        wxm_sys_random(a, sizeof a);
        for (j = 0; j < sizeof a * 8; j++) {
            ones += (unsigned)a[j / 8] >> (j % 8) & 1U;
        }
    }
    /* 512000 bits: a deviation of ten standard deviations does not happen. */
    CHECK(ones > 256000 - 3600 && ones < 256000 + 3600, "as many ones as noughts");
}

int main(void)
{
    test_now();
    test_random();
    return check_result();
}
