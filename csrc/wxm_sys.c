/* What the core asks of the operating system. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* getentropy */
#endif
#include "wxm_sys.h"

#include <time.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif

double wxm_sys_now(void)
{
    struct timespec t = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int wxm_sys_random(void *bytes, size_t n)
{
    unsigned char *p = bytes;

    while (n > 0) { /* getentropy gives 256 bytes at most */
        size_t part = n < 256 ? n : 256;
        if (getentropy(p, part) != 0) {
            return -1;
        }
        p += part;
        n -= part;
    }
    return 0;
}
